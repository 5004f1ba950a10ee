"""GetSessionToken and GetFederationToken: a user's temporary credentials, their own or for one they vouch for.

Source: STS API Reference, "GetSessionToken" and "GetFederationToken".
"""

from typing import Any

from pileus.identity.issue import credentials, issue
from pileus.identity.keys import AccessKey
from pileus.service import Call, must_allow

from . import passed
from .mfa import passed_mfa
from .service import Denied, Request, sts

DURATION_DEFAULT = 43_200
ROOT_MAX = 3_600


def _long_term(call: Call, operation: str) -> AccessKey:
    key = call.caller.key
    if not isinstance(key, AccessKey):
        raise Denied(f"Cannot call {operation} with session credentials")
    return key


def _expiry(call: Call, request: Request) -> float:
    """The root's credentials last an hour at most, whatever was asked."""
    asked = float(request.get("DurationSeconds", DURATION_DEFAULT))
    return call.now + (min(asked, ROOT_MAX) if call.caller.principal.kind == "root" else asked)


@sts.operation(
    "GetSessionToken", unconditional="No permissions are required for users to perform this operation (API reference)."
)
def get_session_token(call: Call, request: Request) -> dict[str, Any]:
    key = _long_term(call, "GetSessionToken")
    session = issue(
        call.tx,
        token_size=request.get("MinimumSessionTokenSize", 0),
        account=call.account,
        kind="user" if key.user else "root",
        arn=call.caller.arn,
        user_id=call.caller.user_id,
        issued=call.now,
        expires=_expiry(call, request),
        holder=key.user_id if key.user else "",
        mfa=passed_mfa(call, request),
    )
    return {"Credentials": credentials(session)}


def _federated_arn(call: Call, request: Request) -> str:
    return f"arn:{call.partition}:sts::{call.account}:federated-user/{request['Name']}"


@sts.operation("GetFederationToken", resource=_federated_arn)
def get_federation_token(call: Call, request: Request) -> dict[str, Any]:
    key = _long_term(call, "GetFederationToken")
    given = passed.read(call, request, call.account)
    arn = _federated_arn(call, request)
    if given.tags:
        must_allow(call, "sts:TagSession", arn)
    session = issue(
        call.tx,
        token_size=request.get("MinimumSessionTokenSize", 0),
        account=call.account,
        kind="federated-user",
        arn=arn,
        user_id=f"{call.account}:{request['Name']}",
        issued=call.now,
        expires=_expiry(call, request),
        holder=key.user_id if key.user else "",
        name=request["Name"],
        policies=given.policies,
        policy_arns=given.policy_arns,
        tags=given.tags,
    )
    return {
        "Credentials": credentials(session),
        "FederatedUser": {"FederatedUserId": session.user_id, "Arn": arn},
        **passed.answer(given),
    }
