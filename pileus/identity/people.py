"""Users and groups: records, tables, and how they are found.

Names are unique in their account without regard to case, so keys carry them in lower case (IAM API Reference,
"CreateUser").
"""

import msgspec

from pileus.store import Index, Transaction

from .version import IdentityTable


class User(msgspec.Struct, frozen=True):
    """`groups` are the groups' names in lower case; `attached` and `boundary` are ARNs of managed policies."""

    account: str
    name: str
    id: str
    created: float
    path: str = "/"
    partition: str = "aws"
    tags: dict[str, str] = {}
    boundary: str = ""
    inline: dict[str, str] = {}
    attached: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:user{self.path}{self.name}"


class Group(msgspec.Struct, frozen=True):
    account: str
    name: str
    id: str
    created: float
    path: str = "/"
    partition: str = "aws"
    inline: dict[str, str] = {}
    attached: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:group{self.path}{self.name}"


users_by_policy: Index[User] = Index(
    "identity.user.by_policy", lambda key, user: ((user.account, arn, *key[1:]) for arn in user.attached)
)
users_by_boundary: Index[User] = Index(
    "identity.user.by_boundary", lambda key, user: ((user.account, user.boundary, *key[1:]),) if user.boundary else ()
)
users_by_group: Index[User] = Index(
    "identity.user.by_group", lambda key, user: ((user.account, group, *key[1:]) for group in user.groups)
)
users_by_id: Index[User] = Index("identity.user.by_id", lambda key, user: ((user.id,),))
groups_by_policy: Index[Group] = Index(
    "identity.group.by_policy", lambda key, group: ((group.account, arn, *key[1:]) for arn in group.attached)
)

users = IdentityTable(  # account, name in lower case
    "identity.user", User, hot=True, indexes=(users_by_policy, users_by_boundary, users_by_group, users_by_id)
)
groups = IdentityTable("identity.group", Group, hot=True, indexes=(groups_by_policy,))  # account, name in lower case


def find_user(tx: Transaction, account: str, name: str) -> User | None:
    return users.get(tx, account, name.lower())


def user_of_id(tx: Transaction, unique: str) -> User | None:
    """Whatever its name is now."""
    for _, user in users.find(tx, users_by_id, unique, limit=1):
        return user
    return None


def find_group(tx: Transaction, account: str, name: str) -> Group | None:
    return groups.get(tx, account, name.lower())


def keep_user(tx: Transaction, user: User) -> None:
    users.put(tx, user.account, user.name.lower(), record=user)


def keep_group(tx: Transaction, group: Group) -> None:
    groups.put(tx, group.account, group.name.lower(), record=group)


def members(tx: Transaction, group: Group) -> list[User]:
    return [user for _, user in users.find(tx, users_by_group, group.account, group.name.lower(), limit=10_000)]


def groups_of(tx: Transaction, user: User) -> list[Group]:
    found = (groups.get(tx, user.account, name) for name in user.groups)
    return [group for group in found if group is not None]
