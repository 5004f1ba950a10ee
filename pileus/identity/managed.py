"""Managed policies: those of customers, with their versions, and those of AWS, which are data beside this module.

Source of the data: AWS Managed Policy Reference Guide, one page a policy; each entry names its own. The documents are
those that AWS's GetPolicyVersion answers, as the public mirror zoph-io/MAMIP shows them; what is not here is refused,
never guessed.
"""

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec

from pileus.store import Transaction

from .version import IdentityTable

VERSIONS_MAX = 5


class PolicyVersion(msgspec.Struct, frozen=True):
    document: str
    created: float


class ManagedPolicy(msgspec.Struct, frozen=True):
    """`versions` by their id (`v1`); `last` is the highest number ever given out. AWS's own belong to account `aws`."""

    account: str
    name: str
    id: str
    created: float
    updated: float
    versions: dict[str, PolicyVersion]
    default: str = "v1"
    last: int = 1
    path: str = "/"
    partition: str = "aws"
    description: str = ""
    tags: dict[str, str] = {}
    attachable: bool = True

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:policy{self.path}{self.name}"

    @property
    def document(self) -> str:
        """The default version's."""
        return self.versions[self.default].document


managed_policies = IdentityTable("identity.policy", ManagedPolicy)  # account, name in lower case

DATA = Path(__file__).parent / "aws_policies"


class _Published(msgspec.Struct, frozen=True):
    name: str
    path: str
    version: str
    created: float
    updated: float
    source: str
    document: msgspec.Raw
    description: str = ""


def _opaque_id(name: str) -> str:
    """AWS's own ids of its policies are not published; here they follow from the name, so that they never change."""
    return "ANPA" + base64.b32encode(hashlib.sha256(name.encode()).digest()).decode()[:17]


@cache
def _published() -> dict[str, ManagedPolicy]:
    """AWS's policies by path and name."""
    found = {}
    for file in sorted(DATA.glob("*.json")):
        for one in msgspec.json.decode(file.read_bytes(), type=list[_Published]):
            document = msgspec.json.format(bytes(one.document), indent=4).decode()
            version = PolicyVersion(document, one.updated)
            found[one.path + one.name] = ManagedPolicy(
                "aws",
                one.name,
                _opaque_id(one.path + one.name),
                one.created,
                one.updated,
                {one.version: version},
                one.version,
                int(one.version[1:]),
                one.path,
                description=one.description,
                attachable=not one.path.startswith("/aws-service-role/"),
            )
    return found


PARTITIONS = ("aws", "aws-cn", "aws-us-gov")


@cache
def _in_partition(partition: str, name: str) -> ManagedPolicy | None:
    found = _published().get(name)
    return found and msgspec.structs.replace(found, partition=partition)


def aws_policies(partition: str) -> Iterable[ManagedPolicy]:
    """All of AWS's policies that are known here, by name."""
    known = (_in_partition(partition, name) for name in _published())
    return sorted((policy for policy in known if policy is not None), key=lambda policy: policy.name.lower())


def find_policy(tx: Transaction, arn: str) -> ManagedPolicy | None:
    """The policy an ARN names, its path included."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "iam" or not parts[5].startswith("policy/"):
        return None
    resource = parts[5].removeprefix("policy")
    if parts[4] == "aws":
        known = parts[1] in PARTITIONS and resource in _published()
        return _in_partition(parts[1], resource) if known else None
    policy = managed_policies.get(tx, parts[4], resource.rpartition("/")[2].lower())
    return policy if policy is not None and policy.arn == arn else None


def keep_policy(tx: Transaction, policy: ManagedPolicy) -> None:
    managed_policies.put(tx, policy.account, policy.name.lower(), record=policy)
