"""Who am I: GetCallerIdentity and GetAccessKeyInfo."""

from typing import Any

from pileus.service import Call

from .service import sts


@sts.operation(
    "GetCallerIdentity", unconditional="No permissions are required to perform this operation (API reference)."
)
def get_caller_identity(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {"UserId": call.caller.user_id, "Account": call.account, "Arn": call.caller.arn}
