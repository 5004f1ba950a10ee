"""The decision: may this principal do this action on this resource?

Source: IAM User Guide, "Policy evaluation logic", "Policy evaluation for requests within a single account",
"Cross-account policy evaluation logic" and "Session policies". The order is theirs: any explicit deny ends it; then
service control policies; then a resource-based policy that names the caller itself; then identity-based policies
together with grants to the role behind the session; then the permissions boundary; then session policies.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from pileus.policy.context import Context, Source
from pileus.policy.parse import Match, Policy
from pileus.policy.principals import Named, Principal

IDENTITY: Final = "identity-based policy"
RESOURCE: Final = "resource-based policy"
BOUNDARY: Final = "permissions boundary"
SESSION: Final = "session policy"
CONTROL: Final = "service control policy"
TRUST: Final = "role trust policy"
ROOT: Final = "account root user"

ALLOWED: Final = "allowed"
IMPLICIT: Final = "implicitDeny"
EXPLICIT: Final = "explicitDeny"


class Request(NamedTuple):
    """`context` answers condition keys: a mapping (keys of any case) or a callable asked with lower-case keys."""

    principal: Principal
    action: str
    resource: str
    resource_account: str
    context: Source


class Grants(NamedTuple):
    """Every policy that has a say.

    `session` None means no session policy was passed; an empty one allows nothing by itself. `controls` are the service
    control policies by level (root, units, account): each level must allow. `resource_required` is for resources whose
    own policy must allow even inside the account (a role's trust, a KMS key).
    """

    identity: Sequence[Policy] = ()
    boundary: Policy | None = None
    session: Sequence[Policy] | None = None
    resource: Policy | None = None
    controls: Sequence[Sequence[Policy]] = ()
    resource_required: bool = False


class Decision(NamedTuple):
    """`by` is the type of policy that decided, `matched` the deciding statements, `missing` the keys nobody knew."""

    allowed: bool
    effect: str
    by: str
    matched: tuple[Match, ...]
    missing: tuple[str, ...]


def decide(request: Request, grants: Grants) -> Decision:
    """Pure and lazy: condition keys are asked for only when a statement about this action and resource needs them."""
    who, action, resource, owner, source = request
    identity, boundary, session, by_resource, controls, resource_required = grants
    context = Context(source)
    if (
        boundary is None
        and session is None
        and by_resource is None
        and not controls
        and not resource_required
        and who.account == owner != ""
    ):
        return _by_identity_alone(who, action, resource, identity, context)
    denied = _denied(request, grants, context)
    if denied is not None:
        return _decision(EXPLICIT, denied[0], denied[1], context)
    for level in controls if who.kind not in _OUTSIDERS else ():
        if _allowing(level, action, resource, context) is None:
            return _decision(IMPLICIT, CONTROL, None, context)
    return _by_all_sides(request, grants, context)


def _by_identity_alone(
    who: Principal, action: str, resource: str, identity: Sequence[Policy], context: Context
) -> Decision:
    """The short road of the common case: the caller's own policies are all there is."""
    found: Match | None = None
    for policy in identity:
        denies, allows = policy.about(action)
        for match in denies:
            if match[1].matches(resource, context):
                return _decision(EXPLICIT, IDENTITY, match, context)
        if found is None:
            for match in allows:
                if match[1].matches(resource, context):
                    found = match
                    break
    if found is not None:
        return _decision(ALLOWED, IDENTITY, found, context)
    if _is_root(who):
        return _decision(ALLOWED, ROOT, None, context)
    return _decision(IMPLICIT, IDENTITY, None, context)


def _by_all_sides(request: Request, grants: Grants, context: Context) -> Decision:
    """What is left when nothing denies and the service control policies let the request pass."""
    who, owner = request.principal, request.resource_account
    named, match = _resource_side(request, grants.resource, context)
    resource_type = TRUST if grants.resource is not None and grants.resource.kind == "trust" else RESOURCE
    if who.kind in _OUTSIDERS:
        return _decision(ALLOWED if named else IMPLICIT, resource_type, match, context)
    if who.account != owner:
        mine = _caller_side(request, grants, context, None)
        return mine if named or not mine.allowed else _decision(IMPLICIT, resource_type, None, context)
    if named is Named.EXACTLY:
        return _decision(ALLOWED, resource_type, match, context)
    if grants.resource_required and not named:
        return _decision(IMPLICIT, resource_type, None, context)
    return _caller_side(request, grants, context, match if named is Named.BEHIND else None)


_OUTSIDERS = ("service", "anonymous", "web-identity", "saml")


def _is_root(who: Principal) -> bool:
    return who.kind == "root" or (who.kind == "federated-user" and (who.user_arn or "").endswith(":root"))


def _caller_side(request: Request, grants: Grants, context: Context, behind: Match | None) -> Decision:
    """What the caller's own policies say; `behind` is a resource's grant to the role or user of the session."""
    who, action, resource, *_ = request
    found = _allowing(grants.identity, action, resource, context) or behind
    root = _is_root(who)
    if found is None and not root:
        return _decision(IMPLICIT, IDENTITY, None, context)
    if grants.boundary is not None and _allowing((grants.boundary,), action, resource, context) is None:
        return _decision(IMPLICIT, BOUNDARY, None, context)
    if grants.session is not None and _allowing(grants.session, action, resource, context) is None:
        return _decision(IMPLICIT, SESSION, None, context)
    if found is None:
        return _decision(ALLOWED, ROOT, None, context)
    return _decision(ALLOWED, RESOURCE if found is behind else IDENTITY, found, context)


def _denied(request: Request, grants: Grants, context: Context) -> tuple[str, Match] | None:
    """The first explicit deny there is, in the order the guide draws the policies."""
    who, action, resource, *_ = request
    if who.kind not in _OUTSIDERS:
        for level in grants.controls:
            if (found := _denying(level, action, resource, context)) is not None:
                return CONTROL, found
    if (policy := grants.resource) is not None:
        for match in policy.about(action)[0]:
            element = match.statement.principal
            # NotPrincipal denies whoever has a boundary, named or not (IAM User Guide, "AWS JSON policy elements:
            # NotPrincipal").
            meant = element is None or (element.negated and grants.boundary is not None) or element.applies(who, True)
            if meant and match.statement.matches(resource, context):
                return (TRUST if policy.kind == "trust" else RESOURCE), match
    if (found := _denying(grants.identity, action, resource, context)) is not None:
        return IDENTITY, found
    if grants.boundary is not None and (found := _denying((grants.boundary,), action, resource, context)) is not None:
        return BOUNDARY, found
    if grants.session is not None and (found := _denying(grants.session, action, resource, context)) is not None:
        return SESSION, found
    return None


def _denying(policies: Sequence[Policy], action: str, resource: str, context: Context) -> Match | None:
    for policy in policies:
        for match in policy.about(action)[0]:
            if match[1].matches(resource, context):
                return match
    return None


def _allowing(policies: Sequence[Policy], action: str, resource: str, context: Context) -> Match | None:
    for policy in policies:
        for match in policy.about(action)[1]:
            if match[1].matches(resource, context):
                return match
    return None


def _resource_side(request: Request, policy: Policy | None, context: Context) -> tuple[Named, Match | None]:
    """The closest way in which an allowing statement of the resource's policy names the caller."""
    best, found = Named.NOT, None
    if policy is None:
        return best, found
    for match in policy.about(request.action)[1]:
        element = match.statement.principal
        if element is None:
            continue
        named = element.applies(request.principal, denies=False)
        if named > best and match.statement.matches(request.resource, context):
            best, found = named, match
    return best, found


def _decision(effect: str, by: str, match: Match | None, context: Context) -> Decision:
    return Decision(effect == ALLOWED, effect, by, () if match is None else (match,), context.missing())


def denial_message(request: Request, decision: Decision, *, resource: bool = True, reason: bool = True) -> str:
    """AWS's present words (IAM User Guide, "Troubleshoot access denied error messages" and the page on authorization
    IDs): a managed policy that denies is named by its ARN.

    Services that name no resource or give no reason (S3 for strangers, STS) say so by the parameters.
    """
    who = request.principal
    caller = f"User: {who.arn or 'anonymous'}"
    text = f"{caller} is not authorized to perform: {request.action}"
    if resource:
        text += f" on resource: {request.resource}"
    if not reason:
        return text
    if decision.effect == EXPLICIT:
        text = f"{text} with an explicit deny in {_ARTICLES.get(decision.by, 'a')} {decision.by}"
        name = decision.matched[0].policy.name
        return f"{text}: {name}" if name.startswith("arn:") else text
    return f"{text} because no {decision.by} allows the {request.action} action"


_ARTICLES = {IDENTITY: "an", TRUST: "the"}
