"""Roles and the instance profiles that carry them to machines."""

import msgspec

from pileus.store import Index, Transaction

from .version import IdentityTable

LINKED_PATH = "/aws-service-role/"


class Role(msgspec.Struct, frozen=True):
    """`trust` is the trust policy as it was given; `trusted` maps the ARNs of users and roles in it to their unique
    ids."""

    account: str
    name: str
    id: str
    created: float
    trust: str
    trusted: dict[str, str] = {}
    path: str = "/"
    partition: str = "aws"
    description: str = ""
    max_session: int = 3600
    tags: dict[str, str] = {}
    boundary: str = ""
    inline: dict[str, str] = {}
    attached: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role{self.path}{self.name}"

    @property
    def linked_to(self) -> str:
        """The service a service-linked role belongs to; empty for other roles."""
        return self.path.removeprefix(LINKED_PATH).rstrip("/") if self.path.startswith(LINKED_PATH) else ""

    def session_arn(self, session_name: str) -> str:
        return f"arn:{self.partition}:sts::{self.account}:assumed-role/{self.name}/{session_name}"


class InstanceProfile(msgspec.Struct, frozen=True):
    """`role` is the role's name in lower case, empty when there is none."""

    account: str
    name: str
    id: str
    created: float
    path: str = "/"
    partition: str = "aws"
    role: str = ""
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:instance-profile{self.path}{self.name}"


roles_by_policy: Index[Role] = Index(
    "identity.role.by_policy", lambda key, role: ((role.account, arn, *key[1:]) for arn in role.attached)
)
roles_by_boundary: Index[Role] = Index(
    "identity.role.by_boundary", lambda key, role: ((role.account, role.boundary, *key[1:]),) if role.boundary else ()
)
roles_by_id: Index[Role] = Index("identity.role.by_id", lambda key, role: ((role.id,),))
profiles_by_role: Index[InstanceProfile] = Index(
    "identity.profile.by_role", lambda key, one: ((one.account, one.role, *key[1:]),) if one.role else ()
)

roles = IdentityTable(  # account, name in lower case
    "identity.role", Role, hot=True, indexes=(roles_by_policy, roles_by_boundary, roles_by_id)
)
instance_profiles = IdentityTable(  # account, name in lower case
    "identity.profile", InstanceProfile, indexes=(profiles_by_role,)
)


def find_role(tx: Transaction, account: str, name: str) -> Role | None:
    return roles.get(tx, account, name.lower())


def keep_role(tx: Transaction, role: Role) -> None:
    roles.put(tx, role.account, role.name.lower(), record=role)


def role_of_arn(tx: Transaction, arn: str) -> Role | None:
    """The role an ARN names, its path included."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "iam" or not parts[5].startswith("role/"):
        return None
    role = find_role(tx, parts[4], parts[5].rpartition("/")[2])
    return role if role is not None and role.arn == arn else None


def find_profile(tx: Transaction, account: str, name: str) -> InstanceProfile | None:
    return instance_profiles.get(tx, account, name.lower())


def keep_profile(tx: Transaction, profile: InstanceProfile) -> None:
    instance_profiles.put(tx, profile.account, profile.name.lower(), record=profile)


def profiles_of(tx: Transaction, role: Role) -> list[InstanceProfile]:
    found = instance_profiles.find(tx, profiles_by_role, role.account, role.name.lower(), limit=10_000)
    return [profile for _, profile in found]
