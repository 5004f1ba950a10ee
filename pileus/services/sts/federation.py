"""What both kinds of federated callers share: the provider's word stands where a signature would.

Source: STS API Reference, "AssumeRoleWithWebIdentity" and "AssumeRoleWithSAML".
"""

from typing import Any, NamedTuple

from pileus.identity.issue import issue_for_role
from pileus.identity.keys import Session
from pileus.identity.roles import Role
from pileus.identity.standing import Standing
from pileus.policy import Principal
from pileus.service import AccessDenied, Call, Caller

from . import passed
from .assume_role import answer_for, duration_of
from .service import Request
from .trust import ask, named_role

TAG_CLAIM = "https://aws.amazon.com/tags"


class Vouched(NamedTuple):
    """What a provider says of a caller: the session it asks for, and condition keys."""

    kind: Any
    provider: str
    session_name: str
    context: dict[str, str | list[str]]
    tags: dict[str, str] = {}
    transitive: tuple[str, ...] = ()
    source_identity: str = ""
    seconds: int | None = None


def assume(call: Call, request: Request, vouched: Vouched) -> tuple[Session, dict[str, Any]]:
    """The session and the answer's members that both operations have. Raises AccessDenied in STS's words."""
    operation = call.operation.name
    principal = Principal(vouched.kind, unique_id=vouched.provider, provider=vouched.provider)
    role = named_role(call, request)
    account = request["RoleArn"].split(":")[4]
    call.caller = Caller(Standing(principal), account, vouched.provider, vouched.session_name)
    given = passed.read(call, request, account)
    tagged = given._replace(
        tags=vouched.tags,
        transitive=vouched.transitive,
        packed=passed.packed_size(given.policies, given.policy_arns, vouched.tags),
    )
    _ask(call, request, f"sts:{operation}", role, vouched)
    if vouched.tags:
        _ask(call, request, "sts:TagSession", role, vouched)
    if vouched.source_identity:
        _ask(call, request, "sts:SetSourceIdentity", role, vouched)
    assert role is not None
    asked = {"DurationSeconds": request["DurationSeconds"]} if "DurationSeconds" in request else {}
    if vouched.seconds is not None:
        asked = {"DurationSeconds": min(vouched.seconds, asked.get("DurationSeconds", vouched.seconds))}
    session = issue_for_role(
        call.tx,
        role,
        vouched.session_name,
        call.now,
        duration_of(asked, role),
        token_size=request.get("MinimumSessionTokenSize", 0),
        source_identity=vouched.source_identity,
        policies=tagged.policies,
        policy_arns=tagged.policy_arns,
        tags=tagged.tags,
        transitive=tagged.transitive,
        context={"aws:FederatedProvider": vouched.provider, **vouched.context},
    )
    return session, {**answer_for(session), **passed.answer(tagged)}


def _ask(call: Call, request: Request, action: str, role: Role | None, vouched: Vouched) -> None:
    context: dict[str, Any] = {
        "aws:FederatedProvider": vouched.provider,
        "sts:RoleSessionName": vouched.session_name,
        **vouched.context,
        **{f"aws:RequestTag/{key}": value for key, value in vouched.tags.items()},
    }
    if vouched.tags:
        context["aws:TagKeys"] = list(vouched.tags)
    if vouched.transitive:
        context["sts:TransitiveTagKeys"] = list(vouched.transitive)
    if vouched.source_identity:
        context["sts:SourceIdentity"] = vouched.source_identity
    if "DurationSeconds" in request:
        context["sts:DurationSeconds"] = str(request["DurationSeconds"])
    try:
        ask(call, action, request["RoleArn"], role, context)
    except AccessDenied as denied:
        denied.message = f"Not authorized to perform {action}"
        denied.args = (denied.message,)
        raise
