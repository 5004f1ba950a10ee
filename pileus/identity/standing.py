"""A caller's standing: who they are to policies, and every policy that has a say before a resource is named.

Compiling it reads many rows, so it is kept per key and account version (identity/version.py): a change of any identity of the
account is seen by the next request.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pileus.policy import Policy, Principal, compile_policy
from pileus.store import Transaction

from .keys import AccessKey, Session, root_arn
from .version import version_of

KEPT_MAX = 4_096

_ALLOW_ALL = compile_policy(
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}', "identity", "root"
)


class Standing(NamedTuple):
    principal: Principal
    identity: Sequence[Policy] = ()
    boundary: Policy | None = None
    session: Sequence[Policy] | None = None
    controls: Sequence[Sequence[Policy]] = ()
    tags: dict[str, str] = {}
    user_name: str = ""


ANONYMOUS = Standing(Principal("anonymous"))


class Standings:
    """What has been compiled, by key id."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[bytes, AccessKey | Session, Standing]] = {}

    def of(self, tx: Transaction, key: AccessKey | Session) -> Standing:
        version = version_of(tx, key.account)
        kept = self._kept.get(key.id)
        if kept is not None and kept[0] == version and kept[1] is key:
            return kept[2]
        standing = compile_standing(tx, key)
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        self._kept[key.id] = (version, key, standing)
        return standing


def compile_standing(tx: Transaction, key: AccessKey | Session) -> Standing:
    if isinstance(key, AccessKey) and not key.user:
        return Standing(Principal("root", key.account, root_arn(key.account), key.account), (_ALLOW_ALL,))
    raise NotImplementedError("users, roles and sessions: the IAM service brings them")
