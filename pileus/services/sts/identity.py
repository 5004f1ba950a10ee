"""Who am I, and whose key is this: GetCallerIdentity and GetAccessKeyInfo."""

from typing import Any

from pileus.identity.keys import access_keys, sessions
from pileus.service import Call

from .service import Request, ValidationError, not_by_users_sessions, sts


@sts.operation(
    "GetCallerIdentity", unconditional="No permissions are required to perform this operation (API reference)."
)
def get_caller_identity(call: Call, request: Request) -> dict[str, Any]:
    return {"UserId": call.caller.user_id, "Account": call.account, "Arn": call.caller.arn}


@sts.operation("GetAccessKeyInfo")
@not_by_users_sessions
def get_access_key_info(call: Call, request: Request) -> dict[str, Any]:
    """The account of any key, active or not."""
    key_id = request["AccessKeyId"]
    found = access_keys.get(call.tx, key_id) or sessions.get(call.tx, key_id)
    if found is None:
        raise ValidationError(f"Invalid Access Key ID: {key_id}")
    return {"Account": found.account}
