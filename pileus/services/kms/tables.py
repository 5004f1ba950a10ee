"""Where KMS's state lives: keys with their material, aliases and grants.

Key material is wrapped by the cloud's master key (`material.py`); nothing here can be read with the store's files
alone.
"""

from collections.abc import Iterator

import msgspec

from pileus.store import Table
from pileus.store.table import Index
from pileus.store.tuples import Part

AWS = "AWS"
CUSTOMER = "CUSTOMER"


class Material(msgspec.Struct, frozen=True):
    """One generation of a key's material. `wrapped` is a data key of the keyring; of a symmetric key it is the
    material itself, of any other it seals `secret`. `by` tells which rotation made it: AUTOMATIC, ON_DEMAND or, the
    first, none."""

    id: str
    wrapped: bytes
    made: float
    secret: bytes = b""
    by: str = ""


class Key(msgspec.Struct, frozen=True):
    """`trusted` maps the ARNs of users and roles in the policy to their unique ids. `deletion` is the moment the key
    is gone (0: none); `rotation_days` 0 means that nothing rotates by itself. `aliases` are the names that lead here
    and `grants` counts the grants there are: every use of the key asks, so the record says."""

    account: str
    region: str
    id: str
    arn: str
    created: float
    materials: list[Material]
    policy: str
    spec: str = "SYMMETRIC_DEFAULT"
    usage: str = "ENCRYPT_DECRYPT"
    description: str = ""
    manager: str = CUSTOMER
    enabled: bool = True
    public: bytes = b""
    trusted: dict[str, str] = {}
    tags: dict[str, str] = {}
    deletion: float = 0.0
    deletion_days: int = 0
    rotation_days: int = 0
    rotation_due: float = 0.0
    aliases: list[str] = []
    grants: int = 0

    @property
    def state(self) -> str:
        if self.deletion:
            return "PendingDeletion"
        return "Enabled" if self.enabled else "Disabled"

    @property
    def symmetric(self) -> bool:
        return self.spec == "SYMMETRIC_DEFAULT"


class Alias(msgspec.Struct, frozen=True):
    name: str
    target: str
    created: float
    updated: float


class Grant(msgspec.Struct, frozen=True):
    """`grantee` and `retiring` are ARNs as they were given; `grantee_id` and `retiring_id` the unique ids of the user
    or role behind them, for somebody made again under an old name is somebody else."""

    id: str
    token: str
    name: str
    created: float
    issuer: str
    region: str
    key_arn: str
    grantee: str
    operations: list[str]
    grantee_id: str = ""
    retiring: str = ""
    retiring_id: str = ""
    subset: dict[str, str] = {}
    equals: dict[str, str] = {}


def _by_grantee(key: tuple[Part, ...], grant: Grant) -> Iterator[tuple[Part, ...]]:
    yield key[0], key[1], key[2], grant.grantee, grant.id


def _by_retiring(key: tuple[Part, ...], grant: Grant) -> Iterator[tuple[Part, ...]]:
    if grant.retiring:
        yield grant.region, grant.retiring, key[0], key[2], grant.id


def _by_token(key: tuple[Part, ...], grant: Grant) -> Iterator[tuple[Part, ...]]:
    yield (grant.token,)


grants_by_grantee: Index[Grant] = Index("kms.grants.by_grantee", _by_grantee)
grants_by_retiring: Index[Grant] = Index("kms.grants.by_retiring", _by_retiring)
grants_by_token: Index[Grant] = Index("kms.grants.by_token", _by_token)

keys = Table("kms.keys", Key, watched=True)  # account, region, key id
aliases = Table("kms.aliases", Alias)  # account, region, alias/name
grants = Table(  # account, region, key id, grant id
    "kms.grants", Grant, indexes=(grants_by_grantee, grants_by_retiring, grants_by_token)
)
