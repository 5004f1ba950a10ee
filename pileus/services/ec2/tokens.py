"""Client tokens: a creating request that is sent again makes nothing new.

Source: EC2 API Reference, "Ensuring idempotency": the same token with other parameters is IdempotentParameterMismatch.
"""

import hashlib
from typing import Any

import msgspec

from pileus.service import Call
from pileus.store import Table

from .heeding import Heeded
from .service import Ec2Error, invalid

TOKEN_MAX = 64


class Kept(msgspec.Struct, frozen=True):
    digest: str
    made: list[str]
    at: float


tokens = Table("ec2.tokens", Kept)  # account, region, operation, token


def made_before(call: Call, request: Heeded | dict[str, Any]) -> list[str] | None:
    """The ids that the same request made earlier; None when it is new or carries no token."""
    token = request.get("ClientToken")
    if not token:
        return None
    if len(token) > TOKEN_MAX or not token.isascii():
        raise invalid(f"Invalid value '{token[:100]}' for clientToken: at most {TOKEN_MAX} ASCII characters.")
    kept = tokens.get(call.tx, call.account, call.region, call.operation.name, token)
    if kept is None:
        return None
    if kept.digest != _digest(call):
        raise Ec2Error(
            "IdempotentParameterMismatch",
            "The request uses the same client token as a previous, but non-identical request.",
        )
    if isinstance(request, Heeded):
        request.plain()
    return kept.made


def remember(call: Call, request: dict[str, Any], made: list[str]) -> None:
    token = request.get("ClientToken")
    if token:
        kept = Kept(_digest(call), made, call.now)
        tokens.put(call.tx, call.account, call.region, call.operation.name, token, record=kept)


def _digest(call: Call) -> str:
    given = {name: value for name, value in call.request.items() if name != "DryRun"}
    return hashlib.sha256(msgspec.json.encode(given, order="sorted")).hexdigest()
