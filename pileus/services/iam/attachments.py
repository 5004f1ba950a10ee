"""Managed policies attached to users, groups and roles."""

from collections.abc import Callable
from typing import Any

import msgspec

from pileus.identity.people import (
    groups,
    groups_by_policy,
    keep_group,
    keep_user,
    users,
    users_by_boundary,
    users_by_policy,
)
from pileus.identity.roles import Role, keep_role, roles, roles_by_boundary, roles_by_policy
from pileus.service import Call

from . import targets
from .entities import checked_policy_arn, group_named, policy_at, role_named, user_named, visible_policy
from .listing import page_of
from .roles import modifiable
from .service import LimitExceeded, NoSuchEntity, PolicyNotAttachable, Request, ValidationError, iam

ATTACHED_MAX = 10
_ALL = 100_000


def _attachment_operations(
    noun: str,
    find: Callable[[Call, str], Any],
    keep: Callable[[Any, Any], None],
    resource: targets.Target,
    context: Callable[[Call, Request], dict[str, Any]],
) -> None:
    """Registers Attach<noun>Policy, Detach<noun>Policy and ListAttached<noun>Policies."""
    member = f"{noun}Name"

    def changeable(call: Call, request: Request) -> Any:
        carrier = find(call, request[member])
        return modifiable(carrier) if isinstance(carrier, Role) else carrier

    @iam.operation(f"Attach{noun}Policy", resource=resource, context=context)
    def attach(call: Call, request: Request) -> None:
        carrier, arn = changeable(call, request), checked_policy_arn(request["PolicyArn"])
        policy = visible_policy(call, arn)
        if policy is None:
            raise NoSuchEntity(f"Policy {arn} does not exist or is not attachable.")
        if not policy.attachable:
            raise PolicyNotAttachable("Cannot attach a Service Role Policy to a Customer Role.")
        if arn in carrier.attached:
            return
        if len(carrier.attached) >= ATTACHED_MAX:
            raise LimitExceeded(f"Cannot exceed quota for PoliciesPer{noun}: {ATTACHED_MAX}")
        keep(call.tx, msgspec.structs.replace(carrier, attached=(*carrier.attached, arn)))

    @iam.operation(f"Detach{noun}Policy", resource=resource, context=context)
    def detach(call: Call, request: Request) -> None:
        carrier, arn = changeable(call, request), checked_policy_arn(request["PolicyArn"])
        if arn not in carrier.attached:
            raise NoSuchEntity(f"Policy {arn} was not found.")
        left = tuple(one for one in carrier.attached if one != arn)
        keep(call.tx, msgspec.structs.replace(carrier, attached=left))

    @iam.operation(f"ListAttached{noun}Policies", resource=resource, context=context)
    def list_attached(call: Call, request: Request) -> dict[str, Any]:
        prefix = request.get("PathPrefix", "/")
        named = [
            (arn.rpartition("/")[2], arn)
            for arn in find(call, request[member]).attached
            if arn.split(":", 5)[5].removeprefix("policy").startswith(prefix)
        ]
        return page_of(call, request, "AttachedPolicies", named, show_attached)


def show_attached(arn: str) -> dict[str, str]:
    return {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}


_attachment_operations("User", user_named, keep_user, targets.the_user, targets.of_user)
_attachment_operations("Group", group_named, keep_group, targets.the_group, targets.of_group)
_attachment_operations("Role", role_named, keep_role, targets.the_role, targets.of_role)


def carriers(call: Call, arn: str) -> list[tuple[str, Any]]:
    """Who in the account has the policy attached: (kind, record) pairs."""
    account, tx = call.account, call.tx
    found: list[tuple[str, Any]] = [
        ("User", user) for _, user in users.find(tx, users_by_policy, account, arn, limit=_ALL)
    ]
    found += [("Group", group) for _, group in groups.find(tx, groups_by_policy, account, arn, limit=_ALL)]
    found += [("Role", role) for _, role in roles.find(tx, roles_by_policy, account, arn, limit=_ALL)]
    return found


def bounded(call: Call, arn: str) -> list[tuple[str, Any]]:
    """Whose permissions boundary the policy is."""
    found: list[tuple[str, Any]] = [
        ("User", user) for _, user in users.find(call.tx, users_by_boundary, call.account, arn, limit=_ALL)
    ]
    found += [("Role", role) for _, role in roles.find(call.tx, roles_by_boundary, call.account, arn, limit=_ALL)]
    return found


@iam.operation("ListEntitiesForPolicy", resource=targets.the_policy, context=targets.of_policy)
def list_entities_for_policy(call: Call, request: Request) -> dict[str, Any]:
    arn = request["PolicyArn"]
    policy_at(call, arn)
    wanted = request.get("EntityFilter", "")
    if wanted in ("LocalManagedPolicy", "AWSManagedPolicy"):
        raise ValidationError(f"EntityFilter {wanted} selects no entities: use User, Group or Role.")
    prefix = request.get("PathPrefix", "/")
    usage = request.get("PolicyUsageFilter", "")
    found = carriers(call, arn) if usage != "PermissionsBoundary" else []
    if usage != "PermissionsPolicy":
        known = {(kind, one.id) for kind, one in found}
        found += [pair for pair in bounded(call, arn) if (pair[0], pair[1].id) not in known]
    named = [
        (f"{kind} {one.name.lower()}", (kind, one))
        for kind, one in found
        if one.path.startswith(prefix) and wanted in ("", kind)
    ]
    answer = page_of(call, request, "Entities", named, lambda pair: pair)
    listed = answer.pop("Entities")
    for kind in ("Group", "User", "Role"):
        answer[f"Policy{kind}s"] = [
            {f"{kind}Name": one.name, f"{kind}Id": one.id} for which, one in listed if which == kind
        ]
    return answer
