"""May the caller become this role? Its trust policy must say so; across accounts the caller's own policies too.

Source: IAM User Guide, "Policy evaluation logic", "Methods to assume a role".
"""

from typing import Any

from pileus.identity.roles import Role, role_of_arn
from pileus.identity.trust import bound
from pileus.policy import denial_message
from pileus.service import AccessDenied, Call, ResourcePolicy, must_allow

from .service import Request, ValidationError


def named_role(call: Call, request: Request) -> Role | None:
    """The role a request asks for, None when there is none: callers learn no more than that they may not."""
    arn = request["RoleArn"]
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "iam" or not parts[5].startswith("role/"):
        raise ValidationError(f"{arn} is invalid")
    return role_of_arn(call.tx, arn)


def ask(call: Call, action: str, arn: str, role: Role | None, context: dict[str, Any]) -> None:
    """Raises AccessDenied with STS's words, which give no reason."""
    call.resource = arn
    account = role.account if role is not None else arn.split(":")[4]
    document = bound(role.trust, role.trusted) if role is not None else ""
    trust = ResourcePolicy(document, arn, account, "trust", True)
    own = {**context}
    for key, value in (role.tags if role is not None else {}).items():
        own[f"iam:ResourceTag/{key}"] = own[f"aws:ResourceTag/{key}"] = value
    try:
        must_allow(call, action, arn, context=own, own=trust)
    except AccessDenied as denied:
        denied.message = denial_message(denied.request, denied.decision, reason=False)
        denied.args = (denied.message,)
        raise
