"""Client tokens: a creating request that is sent again makes nothing new.

Source: EC2 API Reference, "Ensuring idempotency": the same token with other parameters is IdempotentParameterMismatch;
a launch's is valid for at least 24 hours after the instance was terminated. How long those of other operations are is
not said: here 24 hours after the request.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from pileus.service import Call
from pileus.store import Index, Table

from .heeding import Heeded
from .service import Ec2Error, invalid

TOKEN_MAX = 64
HOLDS_SECONDS = 86_400.0
_CLEARED = 4


class Kept(msgspec.Struct, frozen=True):
    digest: str
    made: list[str]
    at: float
    until: float = 0.0
    """When it is forgotten; 0: not before what it made has ended (`ended`)."""


by_end: Index[Kept] = Index(
    "ec2.tokens.by_end", lambda key, kept: [(int(kept.until * 1e6), *key)] if kept.until else []
)
tokens = Table("ec2.tokens", Kept, indexes=(by_end,))  # account, region, operation, token


def made_before(call: Call, request: Heeded | dict[str, Any]) -> list[str] | None:
    """The ids that the same request made earlier; None when it is new or carries no token."""
    token = request.get("ClientToken")
    if not token:
        return None
    if len(token) > TOKEN_MAX or not token.isascii():
        raise invalid(f"Invalid value '{token[:100]}' for clientToken: at most {TOKEN_MAX} ASCII characters.")
    kept = tokens.get(call.tx, call.account, call.region, call.operation.name, token)
    if kept is None or 0 < kept.until <= call.now:
        return None
    if kept.digest != _digest(call):
        raise Ec2Error(
            "IdempotentParameterMismatch",
            "The request uses the same client token as a previous, but non-identical request.",
        )
    if isinstance(request, Heeded):
        request.plain()
    return kept.made


def remember(call: Call, request: dict[str, Any], made: list[str], *, lasting: bool = False) -> None:
    """Also forgets a few tokens that hold no longer, so that no more are kept than are of use. `lasting`: it holds as
    long as what was made, and a day."""
    token = request.get("ClientToken")
    if not token:
        return
    oldest = tokens.find(call.tx, by_end, limit=_CLEARED)
    for key in [key for key, kept in oldest if kept.until <= call.now]:
        tokens.delete(call.tx, *key)
    kept = Kept(_digest(call), made, call.now, 0.0 if lasting else call.now + HOLDS_SECONDS)
    tokens.put(call.tx, call.account, call.region, call.operation.name, token, record=kept)


def ended(call: Call, operation: str, token: str, lives: Callable[[str], bool]) -> None:
    """Of what a lasting token made something has ended: when nothing of it lives any more, the token's last day
    begins."""
    key = (call.account, call.region, operation, token)
    kept = tokens.get(call.tx, *key) if token else None
    if kept is not None and not any(lives(id) for id in kept.made):
        tokens.put(call.tx, *key, record=msgspec.structs.replace(kept, until=call.now + HOLDS_SECONDS))


def _digest(call: Call) -> str:
    given = {name: value for name, value in call.request.items() if name != "DryRun"}
    return hashlib.sha256(msgspec.json.encode(given, order="sorted")).hexdigest()
