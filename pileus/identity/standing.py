"""A caller's standing: who they are to policies, and every policy that has a say before a resource is named.

Compiling it reads many rows, so it is kept per key and account version (identity/version.py): a change of any
identity of the account is seen by the next request.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pileus.policy import Policy, Principal, compile_policy
from pileus.store import Transaction

from .account import controls as controls_table
from .canonical import canonical_id
from .compiled import compiled
from .keys import AccessKey, Session, root_arn
from .managed import find_policy
from .people import Group, User, groups_of, user_of_id
from .roles import Role, find_role
from .version import version_of

KEPT_MAX = 4_096

_ALLOW_ALL = compile_policy(
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}', "identity", "root"
)

_NOTHING = '{"Version":"2012-10-17","Statement":[]}'


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
    """Whom `find_key` gave out is alive: their user or role is there."""
    controls = _controls(tx, key.account)
    if isinstance(key, AccessKey):
        return _user(tx, _holder(tx, key.user_id), controls) if key.user else _root(key.account, controls)
    if key.kind == "assumed-role":
        return _assumed_role(tx, key, controls)
    standing = _user(tx, _holder(tx, key.holder), controls) if key.holder else _root(key.account, controls)
    return _federated(tx, key, standing) if key.kind == "federated-user" else standing


def standing_of_role(tx: Transaction, role: Role) -> Standing:
    """A role itself, before anybody assumes it: for the simulator."""
    canonical = canonical_id(role.account)
    principal = Principal("assumed-role", role.account, role.arn, role.id, role_arn=role.arn, canonical_id=canonical)
    identity = tuple(carried(tx, role, f"role {role.name}"))
    return Standing(principal, identity, _boundary(tx, role), None, _controls(tx, role.account), role.tags)


def standing_of_user(tx: Transaction, user: User) -> Standing:
    return _user(tx, user, _controls(tx, user.account))


def service_standing(host: str) -> Standing:
    """A service of the cloud itself, `sns.amazonaws.com`: only resources' own policies let it in."""
    return Standing(Principal("service", "", host))


def _root(account: str, controls: Sequence[Sequence[Policy]]) -> Standing:
    principal = Principal("root", account, root_arn(account), account, canonical_id=canonical_id(account))
    return Standing(principal, (_ALLOW_ALL,), controls=controls)


def _holder(tx: Transaction, unique: str) -> User:
    user = user_of_id(tx, unique)
    if user is None:
        raise LookupError(f"there is no user {unique}")
    return user


def _user(tx: Transaction, user: User, controls: Sequence[Sequence[Policy]]) -> Standing:
    identity = carried(tx, user, f"user {user.name}")
    for group in groups_of(tx, user):
        identity += carried(tx, group, f"group {group.name}")
    principal = Principal("user", user.account, user.arn, user.id, canonical_id=canonical_id(user.account))
    return Standing(principal, tuple(identity), _boundary(tx, user), None, controls, user.tags, user.name)


def _assumed_role(tx: Transaction, session: Session, controls: Sequence[Sequence[Policy]]) -> Standing:
    role = find_role(tx, session.account, session.role)
    if role is None:
        raise LookupError(f"account {session.account} has no role {session.role}")
    principal = Principal(
        "assumed-role",
        session.account,
        session.arn,
        session.user_id,
        role_arn=role.arn,
        session_name=session.name,
        provider=_provider(session),
        canonical_id=canonical_id(session.account),
    )
    return Standing(
        principal,
        tuple(carried(tx, role, f"role {role.name}")),
        _boundary(tx, role),
        _session_policies(tx, session) if session.policies or session.policy_arns else None,
        () if role.linked_to else controls,  # Organizations User Guide: SCPs do not bind service-linked roles
        merged_tags(role.tags, session.tags),
    )


def _federated(tx: Transaction, session: Session, behind: Standing) -> Standing:
    """Without session policies a federated user may do nothing but what resources allow them by name (STS API
    Reference, "GetFederationToken")."""
    principal = Principal(
        "federated-user",
        session.account,
        session.arn,
        session.user_id,
        user_arn=behind.principal.arn,
        canonical_id=canonical_id(session.account),
    )
    tags = merged_tags(behind.tags, session.tags)
    return behind._replace(principal=principal, session=_session_policies(tx, session), tags=tags, user_name="")


def merged_tags(own: dict[str, str], session: dict[str, str]) -> dict[str, str]:
    """Session tags take the place of the principal's own of the same key, whatever its case (IAM User Guide, "Pass
    session tags in AWS STS")."""
    if not session:
        return own
    passed = {key.lower() for key in session}
    return {**{key: value for key, value in own.items() if key.lower() not in passed}, **session}


def _provider(session: Session) -> str | None:
    provider = session.context.get("aws:FederatedProvider")
    return provider if isinstance(provider, str) else None


def carried(tx: Transaction, carrier: User | Group | Role, origin: str) -> list[Policy]:
    """The policies an identity carries: inline ones by name, managed ones by ARN."""
    found = [compiled(document, "identity", name, origin) for name, document in carrier.inline.items()]
    for arn in carrier.attached:
        policy = find_policy(tx, arn)
        if policy is not None:
            found.append(compiled(policy.document, "identity", arn, origin))
    return found


def _boundary(tx: Transaction, carrier: User | Role) -> Policy | None:
    if not carrier.boundary:
        return None
    policy = find_policy(tx, carrier.boundary)
    # A boundary that is gone allows nothing: AWS does not let one be deleted that is in use.
    document = policy.document if policy is not None else _NOTHING
    return compiled(document, "boundary", carrier.boundary, carrier.arn)


def _session_policies(tx: Transaction, session: Session) -> Sequence[Policy]:
    found = [compiled(document, "session", "session policy", session.arn) for document in session.policies]
    for arn in session.policy_arns:
        policy = find_policy(tx, arn)
        if policy is not None:
            found.append(compiled(policy.document, "session", arn, session.arn))
    return tuple(found)


def _controls(tx: Transaction, account: str) -> Sequence[Sequence[Policy]]:
    found = controls_table.get(tx, account)
    if found is None:
        return ()
    return tuple(
        tuple(compiled(one.document, "scp", one.name, f"account {account}") for one in level) for level in found.levels
    )
