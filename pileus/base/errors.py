"""The root of every error that a caller is meant to see."""

from typing import Any


class ApiError(Exception):
    """An error with AWS's own code, HTTP status and message; `wire` turns it into the protocol's bytes.

    `code` is the model's shape name (`QueueDoesNotExist`), `query_code` what the query protocol calls it
    (`AWS.SimpleQueueService.NonExistentQueue`), `members` further members of the error's shape, `headers` further
    headers of the answer.
    """

    code: str = "InternalFailure"
    query_code: str | None = None
    status: int = 500
    sender: bool = True

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        status: int | None = None,
        members: dict[str, Any] | None = None,
    ):
        super().__init__(message)
        self.message = message
        self.members = members or {}
        self.headers: dict[str, str] = {}
        if code is not None:
            self.code = code
            self.query_code = None
        if status is not None:
            self.status = status

    def wire_code(self, query: bool = False) -> str:
        return (self.query_code or self.code) if query else self.code


class SerializationError(ApiError):
    """The request's bytes are not the shape the model asks for (AWS: SerializationException)."""

    code, status = "SerializationException", 400


class ValidationError(ApiError):
    """A member breaks a constraint of the model; services name the code they use for it."""

    code, status = "ValidationError", 400


class NotImplementedYet(ApiError):
    """The ledger says *refused*: AWS has this operation and Pileus does not, yet."""

    code, status, sender = "NotImplemented", 501, False
