"""May they: the caller's standing and the resource's own policy, against the operation's action and resource.

Source: IAM User Guide, "Policy evaluation logic". The rules themselves are in `pileus.policy`; here they meet a call.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pileus.base.arns import partition_of
from pileus.base.errors import ApiError
from pileus.identity.standing import Standing
from pileus.policy import Decision, Grants, Policy, Request, compile_policy, decide, denial_message

from .call import Call, Vantage
from .context import lookup, owner_of
from .kit import Operation, ResourcePolicy


class AccessDenied(ApiError):
    """`request` and `grants` are kept so that the decision can be explained later."""

    code, query_code, status = "AccessDeniedException", "AccessDenied", 400

    def __init__(self, request: Request, grants: Grants, decision: Decision, message: str | None = None):
        super().__init__(message or denial_message(request, decision))
        self.request, self.grants, self.decision = request, grants, decision


class ForeignPartition(ApiError):
    """Partitions are apart from each other: credentials of one are unknown in another (AWS General Reference, "AWS
    partitions")."""

    code, status = "InvalidClientTokenId", 403


@lru_cache(maxsize=512)
def _arns_of(region: str) -> str:
    return f"arn:{partition_of(region)}:"


@lru_cache(maxsize=4_096)
def _compiled(policy: ResourcePolicy) -> Policy:
    kind: Any = policy.kind
    return compile_policy(policy.document, kind, policy.name)


ENDPOINT = "VPC endpoint policy"
_EVERYTHING = compile_policy(
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}', "identity", ""
)

Asked = tuple[int, str, str, str, ResourcePolicy | None]
_ALLOWED_MAX = 8_192
_allowed: dict[Asked, Standing] = {}
"""What was allowed without a look at the request's condition keys: such a decision rests on the standing, the action,
the resource and its policy alone. A standing is an object of its own for each version of the identities behind it
(identity/standing.py), and is kept here so that its id is nobody else's."""


def authorize(call: Call) -> None:
    """Raises AccessDenied unless every resource the call's operation touches may be touched."""
    operation: Operation = call.operation
    caller = call.caller
    if not caller.arn.startswith(_arns_of(call.region)) and caller.key is not None and caller.principal.kind != "root":
        # Else a caller could have other ARNs asked for than its policies are written for, by signing for `cn-north-1`.
        raise ForeignPartition("The security token included in the request is invalid.")
    if operation.unconditional is not None:
        return
    resources = operation.resource(call, call.request)
    own = operation.resource_policy(call, call.request) if operation.resource_policy is not None else None
    action = operation.action_for(call, call.request)
    if call.cloud.vantage is not None:
        for resource in [resources] if isinstance(resources, str) else resources or ["*"]:
            _check_endpoint(call, action, resource, call.cloud.vantage)
    if isinstance(resources, str):
        assert not isinstance(own, list)
        call.resource = resources
        _check_once(call, action, resources, own)
        return
    resources = resources or ["*"]  # what names nothing is still asked for
    call.resource = resources[0]
    policies = own if isinstance(own, list) else [own] * len(resources)
    for resource, policy in zip(resources, policies, strict=True):
        _check_once(call, action, resource, policy)


def _check_once(call: Call, action: str, resource: str, own: ResourcePolicy | None) -> None:
    standing = call.caller.standing
    asked = (id(standing), call.caller.account, action, resource, own)
    if asked in _allowed:
        return
    first, looked = lookup(call, resource, owner=own.account if own is not None else None), []

    def find(key: str) -> Any:
        looked.append(key)
        return first(key)

    _check(call, action, resource, own, find)
    if not looked:
        if len(_allowed) >= _ALLOWED_MAX:
            _allowed.clear()
        _allowed[asked] = standing


def _check_endpoint(call: Call, action: str, resource: str, vantage: Vantage) -> None:
    """What comes through a VPC endpoint must pass its policy as well (AWS PrivateLink Guide, "Control access to VPC
    endpoints using endpoint policies"): it gives nothing, and names whom it lets through."""
    document = vantage.policy(call.tx)
    if not document:
        return
    principal = call.caller.standing.principal
    gate = _compiled(ResourcePolicy(document, vantage.endpoint, principal.account, required=True))
    asked = Request(principal, action, resource, principal.account, lookup(call, resource))
    decision = decide(asked, Grants((_EVERYTHING,), resource=gate, resource_required=True))
    if not decision.allowed:
        raise AccessDenied(asked, Grants(resource=gate), decision._replace(by=ENDPOINT))


def must_allow(
    call: Call,
    action: str,
    resource: str,
    *,
    context: dict[str, Any] | Callable[[], dict[str, Any]] | None = None,
    own: ResourcePolicy | None = None,
) -> None:
    """A permission an operation needs besides its own (`iam:PassRole`). Raises AccessDenied.

    The operation's own condition keys tell of the operation's resource: of another, `context` tells (a function is
    asked only when a statement asks for a key).
    """
    first = lookup(call, resource, own=resource == call.resource, owner=own.account if own is not None else None)
    extra: dict[str, Any] | None = None

    def find(key: str) -> Any:
        nonlocal extra
        if extra is None:
            found = context() if callable(context) else context or {}
            extra = {name.lower(): value for name, value in found.items()}
        value = extra.get(key)
        return value if value is not None else first(key)

    _check(call, action, resource, own, find)


def _check(call: Call, action: str, resource: str, own: ResourcePolicy | None, context: Any) -> None:
    standing = call.caller.standing
    owner = own.account if own is not None else owner_of(resource, call.account)
    asked = Request(standing.principal, action, resource, owner, context)
    grants = Grants(
        standing.identity,
        standing.boundary,
        standing.session,
        _compiled(own) if own is not None and own.document else None,
        standing.controls,
        own.required if own is not None else False,
    )
    decision = decide(asked, grants)
    if not decision.allowed:
        stranger = standing.principal.account != owner
        service = call.operation.service
        denied = AccessDenied(asked, grants, decision, service.to_strangers if stranger else None)
        if service.denied is not None:
            denied.code = denied.query_code = service.denied
            denied.message = f"You are not authorized to perform this operation. {denied.message}"
        raise denied
