"""Grant tokens. A grant counts at once here, so a token adds nothing; one that nobody gave out is refused.

Source: AWS KMS Developer Guide, "Grant token" and "Using a grant token".
"""

from typing import Any

from pileus.service import Call

from .errors import InvalidGrantToken
from .tables import Grant, grants, grants_by_token


def check(call: Call, request: dict[str, Any]) -> None:
    for token in request.get("GrantTokens") or ():
        of_token(call, token)


def of_token(call: Call, token: str) -> Grant:
    for _, grant in grants.find(call.tx, grants_by_token, token, limit=1):
        if grant.region == call.region:
            return grant
    raise InvalidGrantToken("The grant token is not valid.")
