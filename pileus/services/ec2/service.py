"""Amazon EC2, declared; and what all of its operations have in common.

- `DryRun` runs the operation as a whole, permissions and checks included, and then undoes it (EC2 API Reference,
  "RunInstances": DryRunOperation, UnauthorizedOperation).
- A member of a request that no code reads has no effect, so it is refused by name (see `pileus.services.ec2.heeding`).
- Missing and impossible values get EC2's own codes (EC2 API Reference, "Error codes": MissingParameter,
  InvalidParameterValue).
"""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from pileus.base.errors import ApiError, NotImplementedYet
from pileus.service import Call, Service

from .heeding import Heeded
from .shapes import check

Request = dict[str, Any]
Handler = Callable[[Call, Request], Any]
ACCOUNT = re.compile(r"[0-9]{12}")
"""The form of an account's id."""

ec2 = Service("ec2", validation=None, denied="UnauthorizedOperation")
"""`about` is set by `kinds`, which knows the resources."""


class Ec2Error(ApiError):
    """Any of EC2's client errors: none of them is in the model."""

    status = 400

    def __init__(self, code: str, message: str, *, status: int = 400):
        super().__init__(message, code=code, status=status)


class DryRun(Ec2Error):
    """All went well, and nothing was done."""

    def __init__(self) -> None:
        super().__init__("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", status=412)


def invalid(message: str) -> Ec2Error:
    return Ec2Error("InvalidParameterValue", message)


def combination(message: str) -> Ec2Error:
    return Ec2Error("InvalidParameterCombination", message)


def natural(text: str) -> int | None:
    """The number that nine digits of ASCII at most stand for; None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def missing(member: str) -> Ec2Error:
    return Ec2Error("MissingParameter", f"The request must contain the parameter {member}")


def refuse_no_users(given: list[str] | None, *words: str) -> None:
    """Of Describe operations: each is an account, or one of the words. Raises InvalidUserID.Malformed."""
    for user in given or ():
        if user not in words and not ACCOUNT.fullmatch(user):
            raise Ec2Error("InvalidUserID.Malformed", f'Invalid user id: "{user}"')


def refuse_unread(name: str, request: Heeded) -> None:
    """Of an operation that is through: what it did not look at has no effect."""
    if unread := request.unread():
        raise NotImplementedYet(f"{name} does not have {', '.join(unread)} yet (see `pileus ledger`): leave it out.")


def operation(name: str, **options: Any) -> Callable[[Handler], Handler]:
    """As `Service.operation`, with what EC2's operations have in common."""

    def declare(handler: Handler) -> Handler:
        @wraps(handler)
        def run(call: Call, request: Request) -> Any:
            wrong = check(call.operation.model, request)
            if wrong is not None:
                raise Ec2Error(*wrong)
            heeded = Heeded(request)
            heeded.pop("DryRun", None)
            result = handler(call, heeded)
            refuse_unread(name, heeded)
            if request.get("DryRun"):
                raise DryRun
            return result

        ec2.operation(name, **options)(run)
        return handler

    return declare
