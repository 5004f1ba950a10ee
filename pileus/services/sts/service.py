"""The declaration of the STS API and its errors."""

from typing import Any

from pileus.base.errors import ApiError
from pileus.service import Service

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
