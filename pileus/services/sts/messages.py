"""DecodeAuthorizationMessage: opens what a denial was sealed into."""

from typing import Any

from pileus.identity.sealed import NotSealedHere, unseal
from pileus.service import Call

from .service import InvalidAuthorizationMessage, Request, not_by_users_sessions, sts


@sts.operation("DecodeAuthorizationMessage")
@not_by_users_sessions
def decode_authorization_message(call: Call, request: Request) -> dict[str, Any]:
    try:
        return {"DecodedMessage": unseal(call.tx, call.account, request["EncodedMessage"])}
    except NotSealedHere:
        raise InvalidAuthorizationMessage("The specified message is not valid.") from None
