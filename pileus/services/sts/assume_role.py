"""AssumeRole: temporary credentials of a role, for those its trust policy names.

Source: STS API Reference, "AssumeRole"; IAM User Guide, "Methods to assume a role" (role chaining).
"""

from typing import Any

from pileus.base.errors import NotImplementedYet
from pileus.identity.issue import credentials, issue_for_role
from pileus.identity.keys import Session
from pileus.identity.roles import Role
from pileus.service import Call

from .mfa import passed_mfa
from .passed import Passed, answer, read
from .service import Denied, Request, ValidationError, sts
from .trust import ask, named_role

DURATION_DEFAULT = 3_600
CHAINED_MAX = 3_600


@sts.operation(
    "AssumeRole",
    unconditional="The operation itself asks the role's trust policy together with the caller's policies.",
)
def assume_role(call: Call, request: Request) -> dict[str, Any]:
    caller, before = call.caller.principal, call.caller.session
    if "ProvidedContexts" in request:
        raise NotImplementedYet("Pileus does not have trusted identity propagation yet: leave ProvidedContexts out.")
    role = named_role(call, request)
    if role is not None and role.partition != call.partition:
        role = None  # what lies in another partition is not there
    if caller.kind == "root" or (before is not None and before.kind == "root"):
        raise Denied("Roles may not be assumed by root accounts.")
    if before is not None and before.kind == "federated-user":
        raise Denied("Cannot call AssumeRole with federated user credentials")
    passed = read(call, request, request["RoleArn"].split(":")[4], _inherited(before))
    source = _source_identity(request, before)
    context = _context(call, request, source, passed)
    if passed_mfa(call, request):
        context |= {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "0"}
    arn = request["RoleArn"]
    ask(call, "sts:AssumeRole", arn, role, context)
    if passed.tags:
        ask(call, "sts:TagSession", arn, role, context)
    if source:
        ask(call, "sts:SetSourceIdentity", arn, role, context)
    assert role is not None
    chained = before is not None and before.kind == "assumed-role"
    session = issue_for_role(
        call.tx,
        role,
        request["RoleSessionName"],
        call.now,
        duration_of(request, role, chained),
        token_size=request.get("MinimumSessionTokenSize", 0),
        source_identity=source,
        mfa="aws:MultiFactorAuthPresent" in context,
        policies=passed.policies,
        policy_arns=passed.policy_arns,
        tags=passed.tags,
        transitive=passed.transitive,
        chained=chained,
    )
    return {**answer_for(session), **answer(passed)}


def answer_for(session: Session) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Credentials": credentials(session),
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
    }
    if session.source_identity:
        shown["SourceIdentity"] = session.source_identity
    return shown


def duration_of(request: Request, role: Role, chained: bool = False) -> float:
    """Seconds. Raises ValidationError for more than the role, or chaining, allows."""
    asked: int = request.get("DurationSeconds", DURATION_DEFAULT)
    if chained and asked > CHAINED_MAX:
        raise ValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    if asked > role.max_session:
        raise ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    return float(asked)


def _inherited(before: Session | None) -> dict[str, str]:
    if before is None:
        return {}
    wanted = {key.lower() for key in before.transitive}
    return {key: value for key, value in before.tags.items() if key.lower() in wanted}


def _source_identity(request: Request, before: Session | None) -> str:
    """Once set it stays for the whole chain."""
    asked: str = request.get("SourceIdentity", "")
    kept = before.source_identity if before is not None else ""
    if kept and asked and asked != kept:
        raise Denied("The source identity of a session cannot be changed by role chaining.")
    return kept or asked


def _context(call: Call, request: Request, source: str, passed: Passed) -> dict[str, Any]:
    context: dict[str, Any] = {
        "sts:RoleSessionName": request["RoleSessionName"],
        "sts:DurationSeconds": str(request.get("DurationSeconds", DURATION_DEFAULT)),
    }
    if "ExternalId" in request:
        context["sts:ExternalId"] = request["ExternalId"]
    if source:
        context["sts:SourceIdentity"] = source
    if passed.transitive:
        context["sts:TransitiveTagKeys"] = list(passed.transitive)
    if passed.tags:
        context["aws:TagKeys"] = list(passed.tags)
        context |= {f"aws:RequestTag/{key}": value for key, value in passed.tags.items()}
    return context
