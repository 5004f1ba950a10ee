"""Principals in trust policies: they must exist, and are kept by unique id.

A user or role that is deleted and made again under its old name is somebody else; the policy then shows the dead
one's id (IAM User Guide, "AWS JSON policy elements: Principal", "Important").
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pileus.policy import MalformedPolicy
from pileus.store import Transaction

from .people import find_user, users, users_by_id
from .roles import find_role, roles, roles_by_id

_ENTITY = re.compile(r"arn:[a-z-]+:iam::(\d{12}):(user|role)/(\S+)")
_SESSION = re.compile(r"arn:[a-z-]+:sts::(\d{12}):assumed-role/([^/\s]+)/\S+")
_ACCOUNT = re.compile(r"\d{12}")
_ID = re.compile(r"A[A-Z0-9]{15,}")


def resolve(tx: Transaction, document: str) -> dict[str, str]:
    """The unique id of every user and role a (valid) document names. Raises MalformedPolicy for one that does not
    exist."""
    found: dict[str, str] = {}
    _rewritten(json.loads(document), lambda name: _note(tx, name, found))
    return found


def _note(tx: Transaction, name: str, found: dict[str, str]) -> str:
    entity, session = _ENTITY.fullmatch(name), _SESSION.fullmatch(name)
    if entity is not None:
        unique = _id_of(tx, name)
        if unique is None:
            raise _invalid(name)
        found[name] = unique
    elif session is not None:
        if find_role(tx, session[1], session[2]) is None:
            raise _invalid(name)
    elif _ID.fullmatch(name) and arn_of_id(tx, name) is None:
        raise _invalid(name)
    return name


def _invalid(name: str) -> MalformedPolicy:
    return MalformedPolicy(f'Invalid principal in policy: "AWS":"{name}"')


def _id_of(tx: Transaction, arn: str) -> str | None:
    entity = _ENTITY.fullmatch(arn)
    if entity is None:
        return None
    find = find_user if entity[2] == "user" else find_role
    one = find(tx, entity[1], entity[3].rpartition("/")[2])
    return one.id if one is not None and one.arn == arn else None


def arn_of_id(tx: Transaction, unique: str) -> str | None:
    """The ARN of the user or role with this unique id."""
    for _, user in users.find(tx, users_by_id, unique, limit=1):
        return user.arn
    for _, role in roles.find(tx, roles_by_id, unique, limit=1):
        return role.arn
    return None


def bound(document: str, ids: dict[str, str]) -> str:
    """The document with ids in place of ARNs: what is evaluated."""
    return _bound(document, tuple(ids.items())) if ids else document


@lru_cache(maxsize=1_024)
def _bound(document: str, ids: tuple[tuple[str, str], ...]) -> str:
    known = dict(ids)
    return json.dumps(_rewritten(json.loads(document), lambda name: known.get(name, name)))


def shown(tx: Transaction, document: str, ids: dict[str, str], partition: str) -> str:
    """The document as readers see it: as it was given, but for accounts, which are named by ARN, and those who are
    gone or have moved."""
    moved = {arn: arn_of_id(tx, unique) or unique for arn, unique in ids.items() if _id_of(tx, arn) != unique}
    changed = False

    def rename(name: str) -> str:
        nonlocal changed
        new = f"arn:{partition}:iam::{name}:root" if _ACCOUNT.fullmatch(name) else moved.get(name, name)
        changed = changed or new != name
        return new

    rewritten = _rewritten(json.loads(document), rename)
    return json.dumps(rewritten) if changed else document


def _rewritten(raw: dict[str, Any], rename: Callable[[str], str]) -> dict[str, Any]:
    statements = raw["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        for element in (statement.get("Principal"), statement.get("NotPrincipal")):
            if isinstance(element, dict) and "AWS" in element:
                names = element["AWS"]
                element["AWS"] = [rename(name) for name in names] if isinstance(names, list) else rename(names)
    return raw
