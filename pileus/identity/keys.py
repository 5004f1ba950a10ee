"""Access keys: long-term (`AKIA…`) and those of sessions (`ASIA…`), and who signs with them."""

import hmac
from functools import lru_cache

import msgspec

from pileus.base.arns import partition_of
from pileus.store import Index, Table, Transaction

from .people import user_of_id
from .roles import find_role
from .version import version_of

ROOT_ACCOUNT = "000000000000"


class AccessKey(msgspec.Struct, frozen=True):
    """A long-term key. `user` is empty for the account's root."""

    id: str
    secret: str
    account: str
    user: str
    user_id: str
    created: float
    active: bool = True


class Session(msgspec.Struct, frozen=True):
    """Temporary credentials and everything STS fixed when it issued them.

    `kind` is `assumed-role`, `federated-user`, `user` or `root` (the last two from GetSessionToken); `arn` and
    `user_id` are what GetCallerIdentity answers; `role` is the role's name; `holder` the unique id of the user who
    asked for the session, since a name may pass to somebody else. `policies` are the inline session policies'
    documents, `policy_arns` the managed ones. `context` holds condition keys fixed at issue
    (`aws:FederatedProvider`, `saml:sub`, …).
    """

    id: str
    secret: str
    token: str
    account: str
    kind: str
    arn: str
    user_id: str
    issued: float
    expires: float
    role: str = ""
    role_id: str = ""
    holder: str = ""
    name: str = ""
    source_identity: str = ""
    mfa: bool = False
    policies: tuple[str, ...] = ()
    policy_arns: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    transitive: tuple[str, ...] = ()
    chained: bool = False
    context: dict[str, str | list[str]] = {}


keys_by_user: Index[AccessKey] = Index(
    "identity.access_key.by_user", lambda key, one: ((one.account, one.user.lower(), one.id),)
)
access_keys = Table("identity.access_key", AccessKey, hot=True, indexes=(keys_by_user,))  # key id
sessions = Table("identity.session", Session, hot=True, watched=True)  # key id


class Conveniences(msgspec.Struct, frozen=True):
    """LocalStack's habits: `test` signs as root of 000000000000, twelve digits as root of that account; the secret is
    `test`."""

    secret: str = "test"

    def key(self, key_id: str) -> AccessKey | None:
        if key_id == "test":
            return _root_key(key_id, self.secret, ROOT_ACCOUNT)
        if len(key_id) == 12 and key_id.isdigit() and key_id.isascii():
            return _root_key(key_id, self.secret, key_id)
        return None


@lru_cache(maxsize=1_024)
def _root_key(key_id: str, secret: str, account: str) -> AccessKey:
    return AccessKey(key_id, secret, account, "", account, 0.0)


def find_key(tx: Transaction, key_id: str, conveniences: Conveniences | None) -> AccessKey | Session | None:
    """Whoever this key id belongs to; None for an unknown one."""
    if key_id.startswith("ASIA"):
        session = sessions.get(tx, key_id)
        return session if session is not None and _alive(tx, session) else None
    if conveniences is not None and (known := conveniences.key(key_id)) is not None:
        return known
    return access_keys.get(tx, key_id)


_known_alive: dict[str, bytes] = {}
"""Sessions by id, with the version of their account at which they were last found alive."""
_KNOWN_MAX = 8_192


def _alive(tx: Transaction, session: Session) -> bool:
    """A session dies with the role or user behind it; one of the same name, made later, is somebody else."""
    version = version_of(tx, session.account)
    if _known_alive.get(session.id) == version:
        return True
    alive = _bearer_lives(tx, session)
    if alive:
        if len(_known_alive) >= _KNOWN_MAX:
            _known_alive.clear()
        _known_alive[session.id] = version
    return alive


def _bearer_lives(tx: Transaction, session: Session) -> bool:
    if session.role:
        role = find_role(tx, session.account, session.role)
        return role is not None and role.id == session.role_id
    if session.holder:
        return user_of_id(tx, session.holder) is not None
    return True


def keys_of(tx: Transaction, account: str, user: str) -> list[AccessKey]:
    """A user's long-term keys, oldest first; those of the root for an empty name."""
    found = [key for _, key in access_keys.find(tx, keys_by_user, account, user.lower())]
    return sorted(found, key=lambda key: (key.created, key.id))


def token_matches(session: Session, token: str) -> bool:
    return hmac.compare_digest(session.token.encode(), token.encode())


def root_arn(account: str, region: str = "us-east-1") -> str:
    return f"arn:{partition_of(region)}:iam::{account}:root"
