"""The kinds of things EC2 keeps: how their ids look, where their records are, what they are called in errors and ARNs.

All records of all kinds have `tags: dict[str, str]` and lie under (account, region, id); ids are unique in the whole
cloud. What is common to them (tags, filters, lists, errors about ids) is written once, on `Kind`.

Source: EC2 API Reference, "Error codes"; Service Authorization Reference, "Resource types defined by Amazon EC2".
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pileus.base import ids
from pileus.service import Call
from pileus.store import Table, Transaction

from .service import Ec2Error, ec2

R = TypeVar("R")
Values = Iterable[str | None]

HEX_DIGITS = 17
SCAN_MAX = 1_000_000


@dataclass(eq=False)
class Kind(Generic[R]):
    """`prefix`: of its ids ('vol'); `type`: as ARNs and tags name it ('volume'); `noun`: as errors spell it
    ('InvalidVolume' of InvalidVolume.NotFound); `called`: in a sentence ('volume'); `filters`: filter name -> the
    values a record has for it; `keys`: its own condition keys ('ec2:VolumeType'), besides tags; `gone`: records that
    only wait to be forgotten and count as not there for changes."""

    prefix: str
    type: str
    noun: str
    called: str
    table: Table[R]
    filters: dict[str, Callable[[R], Values]] = field(default_factory=dict)
    keys: Callable[[Call, R], dict[str, Any]] | None = None
    not_found: str = ""
    malformed: str = ""
    """The codes of an unknown id and of what is none, where they are not the noun's. EC2 spells them as it likes."""
    accountless: bool = False
    """Whether its ARN leaves the account out (images, snapshots)."""

    def __post_init__(self) -> None:
        KINDS[self.prefix] = self
        TYPES[self.type] = self
        self.form = re.compile(rf"{self.prefix}-([0-9a-f]{{8}}|[0-9a-f]{{{HEX_DIGITS}}})")

    def new_id(self) -> str:
        return f"{self.prefix}-0{ids.unique_hex(HEX_DIGITS - 1)}"

    def arn(self, call: Call, id: str, account: str | None = None) -> str:
        owner = "" if self.accountless else account or call.account
        return f"arn:{call.partition}:ec2:{call.region}:{owner}:{self.type}/{id}"

    def get(self, call: Call, id: str) -> R | None:
        """The caller's own, in the region of the call."""
        return self.table.get(call.tx, call.account, call.region, id)

    def behind(self, call: Call, id: str) -> R | None:
        """What the last part of an ARN stands for, for condition keys: it may be somebody else's."""
        return self.get(call, id)

    def need(self, call: Call, id: str) -> R:
        """Raises InvalidX.Malformed or InvalidX.NotFound."""
        found = self.get(call, id)
        if found is None:
            raise self.unknown([id])
        return found

    def need_all(self, call: Call, wanted: list[str]) -> list[R]:
        """In the order of `wanted`, each once. All that are missing are named in one error."""
        wanted = list(dict.fromkeys(wanted))
        found = [self.get(call, id) for id in wanted]
        lost = [id for id, record in zip(wanted, found, strict=True) if record is None]
        if lost:
            raise self.unknown(lost)
        return [record for record in found if record is not None]

    def unknown(self, lost: list[str]) -> Ec2Error:
        code, malformed = self.not_found or f"{self.noun}.NotFound", self.malformed or f"{self.noun}.Malformed"
        for id in lost:
            if not self.form.fullmatch(id) and malformed != code:
                return Ec2Error(malformed, f'Invalid id: "{id}" (expecting "{self.prefix}-...")')
        if len(lost) == 1:
            return Ec2Error(code, f"The {self.called} ID '{lost[0]}' does not exist")
        return Ec2Error(code, f"The {self.called} IDs '{', '.join(lost)}' do not exist")

    def put(self, call: Call, id: str, record: R) -> R:
        self.table.put(call.tx, call.account, call.region, id, record=record)
        return record

    def delete(self, call: Call, id: str) -> None:
        self.table.delete(call.tx, call.account, call.region, id)

    def all(self, call: Call, account: str | None = None) -> Iterator[R]:
        """The account's, in the region, in the order of ids."""
        return each(self.table, call.tx, account or call.account, call.region)


def each(table: Table[R], tx: Transaction, *prefix: str) -> Iterator[R]:
    """Every record under a prefix, a thousand at a time."""
    after: tuple[Any, ...] | None = None
    while True:
        seen = 0
        for key, record in table.scan(tx, *prefix, after=after, limit=1_000):
            seen, after = seen + 1, key
            yield record
        if seen < 1_000:
            return


KINDS: dict[str, Kind[Any]] = {}
TYPES: dict[str, Kind[Any]] = {}
TOLD: dict[str, Callable[[Call, str], dict[str, Any]]] = {}
"""Operation -> what its request tells of a resource of a type (condition keys), where that differs by type."""


def kind_of(id: str) -> Kind[Any] | None:
    """By the longest prefix, 'vpce-svc' before 'vpce'; of ids that have none, by their form."""
    found = KINDS.get(id.rpartition("-")[0])
    return found or next((kind for kind in KINDS.values() if kind.form.fullmatch(id)), None)


def targets(kind: Kind[Any], *members: str) -> Callable[[Call, dict[str, Any]], list[str]]:
    """For `operation(resource=…)`: the ARNs of what the request's members (an id, or a list of them) name."""

    def resources(call: Call, request: dict[str, Any]) -> list[str]:
        named: list[str] = []
        for member in members:
            value = request.get(member)
            named += value if isinstance(value, list) else [value] if value else []
        return [kind.arn(call, id) for id in named] or [kind.arn(call, "*")]

    return resources


def created(kind: Kind[Any]) -> Callable[[Call, dict[str, Any]], str]:
    """For `operation(resource=…)` of what makes one: its id is not known yet."""
    return lambda call, request: kind.arn(call, "*")


def about(call: Call, arn: str) -> dict[str, Any]:
    """The condition keys that tell of a resource.

    Source: Service Authorization Reference, "Condition keys for Amazon EC2".
    """
    known: dict[str, Any] = {"ec2:Region": call.region}
    type, _, id = arn.split(":", 5)[-1].partition("/")
    kind, request = TYPES.get(type), TOLD.get(call.operation.name if call.operation is not None else "")
    if request is not None:
        known |= request(call, type)
    record = kind.behind(call, id) if kind is not None and id not in ("", "*") else None
    if kind is None or record is None:
        return known
    for key, value in record.tags.items():
        known[f"aws:ResourceTag/{key}"] = known[f"ec2:ResourceTag/{key}"] = value
    if kind.keys is not None:
        known |= kind.keys(call, record)
    return known


ec2.about = about
