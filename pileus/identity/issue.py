"""Temporary credentials: made here for STS and for the services that act with a role (machines, functions)."""

from typing import Any

from pileus.base import ids
from pileus.store import Transaction

from .keys import Session, sessions
from .roles import Role

TOKEN_CHARACTERS = 256


def issue(tx: Transaction, *, token_size: int = 0, **fixed: Any) -> Session:
    """Writes a session: everything of `Session` but its credentials is given. `token_size`: the characters its token
    has at least."""
    token = ids.token(-(-max(token_size, TOKEN_CHARACTERS) * 3 // 4))
    session = Session(ids.access_key_id("ASIA"), ids.secret_key(), token, **fixed)
    sessions.put(tx, session.id, record=session)
    return session


def issue_for_role(tx: Transaction, role: Role, name: str, now: float, duration: float, **fixed: Any) -> Session:
    """A session of a role. Whether it may be assumed was asked before."""
    return issue(
        tx,
        account=role.account,
        kind="assumed-role",
        arn=role.session_arn(name),
        user_id=f"{role.id}:{name}",
        issued=now,
        expires=now + duration,
        role=role.name,
        role_id=role.id,
        name=name,
        **fixed,
    )


def credentials(session: Session) -> dict[str, Any]:
    """The members of STS's `Credentials`."""
    return {
        "AccessKeyId": session.id,
        "SecretAccessKey": session.secret,
        "SessionToken": session.token,
        "Expiration": float(int(session.expires)),
    }
