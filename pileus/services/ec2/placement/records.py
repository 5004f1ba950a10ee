"""What is kept of placement groups.

Fields and filters: EC2 API Reference, "PlacementGroup", "DescribePlacementGroups"; ARNs carry the name: Service
Authorization Reference, "Resource types defined by Amazon EC2".
"""

import msgspec

from pileus.service import Call
from pileus.store import Table

from ..kinds import Kind
from ..service import Ec2Error, combination

GONE = "InvalidPlacementGroup.Unknown"


class Group(msgspec.Struct, frozen=True):
    """`partitions`: how many, 0 unless the strategy is partition."""

    id: str
    name: str
    account: str
    region: str
    strategy: str
    partitions: int = 0
    tags: dict[str, str] = {}

    @property
    def spread(self) -> list[str]:
        return ["rack"] if self.strategy == "spread" else []


groups = Table("ec2.placement_groups", Group)
names = Table("ec2.placement_groups.by_name", str)  # account, region, name -> id


class _Groups(Kind[Group]):
    """Known by their names in ARNs and most requests, by their ids to tags."""

    def arn(self, call: Call, id: str, account: str | None = None) -> str:
        group = self.get(call, id) if id.startswith("pg-") else None
        return super().arn(call, group.name if group is not None else id, account)

    def behind(self, call: Call, id: str) -> Group | None:
        return named(call, id)


placement_kind = _Groups(
    "pg",
    "placement-group",
    "InvalidPlacementGroupId",
    "placement group",
    groups,
    filters={
        "group-name": lambda group: [group.name],
        "spread-level": lambda group: group.spread,
        "state": lambda group: ["available"],
        "strategy": lambda group: [group.strategy],
    },
    keys=lambda call, group: {"ec2:PlacementGroupName": group.name, "ec2:PlacementGroupStrategy": group.strategy},
    not_found=GONE,
)


def named(call: Call, name: str) -> Group | None:
    id = names.get(call.tx, call.account, call.region, name)
    return placement_kind.get(call, id) if id is not None else None


def need(call: Call, name: str) -> Group:
    group = named(call, name)
    if group is None:
        raise Ec2Error(GONE, f"The Placement Group '{name}' is unknown.")
    return group


def asked(call: Call, name: str | None, id: str | None) -> Group | None:
    """The group that a request names in either way; None when it names none."""
    if name and id:
        raise combination("The parameters GroupName and GroupId cannot be used together")
    if id:
        return placement_kind.need(call, id)
    return need(call, name) if name else None
