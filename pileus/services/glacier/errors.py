"""Glacier's errors, with `code` and `type` in the body as it has them.

Source: Amazon Glacier Developer Guide, "Error Responses"; for the words, what people report.
"""

from pileus.base.errors import ApiError

from .service import glacier


def _error(shape: str, message: str, status: int | None = None) -> ApiError:
    kind = glacier.error(shape) if status is None else glacier.error(shape, code=shape, status=status)
    return kind(message, members={"code": shape, "type": "Client"})


def invalid(message: str) -> ApiError:
    return _error("InvalidParameterValueException", message)


def missing(name: str) -> ApiError:
    return _error("MissingParameterValueException", f"Required parameter missing: {name}")


def not_found(message: str) -> ApiError:
    return _error("ResourceNotFoundException", message)


def limit_exceeded(message: str) -> ApiError:
    return _error("LimitExceededException", message)


def policy_enforced() -> ApiError:
    return _error("PolicyEnforcedException", "InitiateJob request denied by current data retrieval policy.")


def denied(message: str) -> ApiError:
    """Documented, but not in the model."""
    return _error("AccessDeniedException", message, 403)


def no_such_vault(arn: str) -> ApiError:
    return not_found(f"Vault not found for ARN: {arn}")
