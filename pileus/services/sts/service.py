"""The declaration of the STS API and its errors."""

from collections.abc import Callable
from typing import Any

from pileus.base.errors import ApiError
from pileus.service import Call, Service

Request = dict[str, Any]

sts = Service("sts")

PackedPolicyTooLarge = sts.error("PackedPolicyTooLargeException")
MalformedPolicyDocument = sts.error("MalformedPolicyDocumentException")
InvalidIdentityToken = sts.error("InvalidIdentityTokenException")
ExpiredToken = sts.error("ExpiredTokenException")
IdpRejectedClaim = sts.error("IDPRejectedClaimException")
IdpCommunicationError = sts.error("IDPCommunicationErrorException")
InvalidAuthorizationMessage = sts.error("InvalidAuthorizationMessageException")


class ValidationError(ApiError):
    code, status = "ValidationError", 400


class Denied(ApiError):
    """Refused whatever the policies say."""

    code, status = "AccessDenied", 403


def not_by_users_sessions(handler: Callable[[Call, Request], Any]) -> Callable[[Call, Request], Any]:
    """Credentials of GetSessionToken call nothing of STS but AssumeRole and GetCallerIdentity, those of
    GetFederationToken the latter alone (IAM User Guide, "Compare AWS STS credentials")."""

    def asked(call: Call, request: Request) -> Any:
        session = call.caller.session
        if session is not None and session.kind != "assumed-role":
            raise Denied(f"Cannot call {call.operation.name} with session credentials")
        return handler(call, request)

    return asked
