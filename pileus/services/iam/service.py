"""The declaration of the IAM API: its errors, and what its operations are asked for."""

import inspect
from collections.abc import Callable
from typing import Any

from pileus.base.errors import ApiError
from pileus.service import Call, Service

Request = dict[str, Any]


class _Iam(Service):
    """IAM turns away credentials of GetFederationToken, and those of GetSessionToken made without MFA (STS API
    Reference, "GetFederationToken" and "GetSessionToken", "Permissions")."""

    def operation(self, name: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        declare = super().operation(name, **options)

        def guard(handler: Callable[[Call, Request], Any]) -> Callable[[Call, Request], Any]:
            if inspect.iscoroutinefunction(handler):

                async def guarded_async(call: Call, request: Request) -> Any:
                    _bar(call)
                    return await handler(call, request)

                declare(guarded_async)
                return handler

            def guarded(call: Call, request: Request) -> Any:
                _bar(call)
                return handler(call, request)

            declare(guarded)
            return handler

        return guard


def _bar(call: Call) -> None:
    session = call.caller.session
    if session is None or session.kind == "assumed-role" or (session.kind in ("user", "root") and session.mfa):
        return
    raise ApiError("The security token included in the request is invalid", code="InvalidClientTokenId", status=403)


iam = _Iam("iam")

NoSuchEntity = iam.error("NoSuchEntityException")
EntityAlreadyExists = iam.error("EntityAlreadyExistsException")
DeleteConflict = iam.error("DeleteConflictException")
LimitExceeded = iam.error("LimitExceededException")
InvalidInput = iam.error("InvalidInputException")
MalformedPolicyDocument = iam.error("MalformedPolicyDocumentException")
UnmodifiableEntity = iam.error("UnmodifiableEntityException")
PolicyNotAttachable = iam.error("PolicyNotAttachableException")
PasswordPolicyViolation = iam.error("PasswordPolicyViolationException")
InvalidUserType = iam.error("InvalidUserTypeException")
InvalidAuthenticationCode = iam.error("InvalidAuthenticationCodeException")
EntityTemporarilyUnmodifiable = iam.error("EntityTemporarilyUnmodifiableException")
DuplicateCertificate = iam.error("DuplicateCertificateException")
MalformedCertificate = iam.error("MalformedCertificateException")
KeyPairMismatch = iam.error("KeyPairMismatchException")
DuplicateSshKey = iam.error("DuplicateSSHPublicKeyException")
InvalidPublicKey = iam.error("InvalidPublicKeyException")


class ValidationError(ApiError):
    """What IAM finds wrong with a request by itself."""

    code, status = "ValidationError", 400
