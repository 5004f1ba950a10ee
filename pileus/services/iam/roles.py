"""Roles: made with a trust policy that says who may assume them."""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.identity.roles import LINKED_PATH, Role, find_role, keep_role, profiles_of, roles
from pileus.identity.trust import resolve, shown
from pileus.identity.usage import forget, uses
from pileus.policy import MalformedPolicy
from pileus.service import Call

from . import targets
from .boundaries import checked_boundary, show_boundary
from .documents import check_trust, encoded
from .entities import role_named
from .listing import page, table_rows, under
from .service import (
    DeleteConflict,
    EntityAlreadyExists,
    LimitExceeded,
    MalformedPolicyDocument,
    Request,
    UnmodifiableEntity,
    ValidationError,
    iam,
)
from .tags import given_tags, show_tags

ROLES_MAX = 1_000


def trusted_by(call: Call, document: str) -> dict[str, str]:
    """The ids of those a trust policy names. Raises MalformedPolicyDocument and LimitExceeded."""
    check_trust(document)
    try:
        return resolve(call.tx, document)
    except MalformedPolicy as wrong:
        raise MalformedPolicyDocument(wrong.message) from wrong


def show_role(call: Call, role: Role, *, brief: bool = False) -> dict[str, Any]:
    """`brief` is the form of listings, which leave out boundary, tags and last use."""
    shown_role: dict[str, Any] = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": encoded(shown(call.tx, role.trust, role.trusted, role.partition)),
        "MaxSessionDuration": role.max_session,
    }
    if role.description:
        shown_role["Description"] = role.description
    if not brief:
        shown_role |= show_boundary(role.boundary)
        if role.tags:
            shown_role["Tags"] = show_tags(role.tags)
        shown_role["RoleLastUsed"] = last_used(call, role)
    return shown_role


def last_used(call: Call, role: Role) -> dict[str, Any]:
    use = uses.get(call.tx, role.id)
    return {"LastUsedDate": float(int(use.at)), "Region": use.region} if use is not None else {}


def modifiable(role: Role) -> Role:
    """Raises UnmodifiableEntity for a service-linked role."""
    if role.linked_to:
        raise UnmodifiableEntity(
            f"Cannot perform the operation on the protected role '{role.name}' - this role is only modifiable by AWS"
        )
    return role


def add_role(call: Call, role: Role) -> Role:
    if find_role(call.tx, call.account, role.name) is not None:
        raise EntityAlreadyExists(f"Role with name {role.name} already exists.")
    if roles.count(call.tx, call.account, ROLES_MAX) >= ROLES_MAX:
        raise LimitExceeded(f"Cannot exceed quota for RolesPerAccount: {ROLES_MAX}")
    keep_role(call.tx, role)
    return role


@iam.operation(
    "CreateRole",
    resource=targets.created("role", "RoleName"),
    context=targets.of_role,
    without=("MaxSigninSessionDuration",),
)
def create_role(call: Call, request: Request) -> dict[str, Any]:
    path = request.get("Path", "/")
    if path.startswith(LINKED_PATH):
        raise ValidationError(f"Roles under path {LINKED_PATH} are reserved for service-linked roles.")
    document = request["AssumeRolePolicyDocument"]
    role = Role(
        call.account,
        request["RoleName"],
        ids.iam_id("AROA"),
        float(int(call.now)),
        document,
        trusted_by(call, document),
        path,
        call.partition,
        request.get("Description", ""),
        request.get("MaxSessionDuration", 3600),
        given_tags(call, request, "Role"),
        checked_boundary(call, request.get("PermissionsBoundary", "")),
    )
    made = show_role(call, add_role(call, role))
    del made["RoleLastUsed"]
    return {"Role": made}


@iam.operation("GetRole", resource=targets.the_role, context=targets.of_role)
def get_role(call: Call, request: Request) -> dict[str, Any]:
    return {"Role": show_role(call, role_named(call, request["RoleName"]))}


@iam.operation("ListRoles", resource=targets.listed("role"))
def list_roles(call: Call, request: Request) -> dict[str, Any]:
    return page(
        call,
        request,
        "Roles",
        table_rows(roles, call),
        lambda role: show_role(call, role, brief=True),
        under(request),
    )


@iam.operation(
    "UpdateRole",
    resource=targets.the_role,
    context=targets.of_role,
    without=("MaxSigninSessionDuration", "ResetMaxSigninSessionDuration"),
)
def update_role(call: Call, request: Request) -> None:
    role = modifiable(role_named(call, request["RoleName"]))
    changes = {"description": request.get("Description", role.description)}
    changes["max_session"] = request.get("MaxSessionDuration", role.max_session)
    keep_role(call.tx, msgspec.structs.replace(role, **changes))


@iam.operation("UpdateRoleDescription", resource=targets.the_role, context=targets.of_role)
def update_role_description(call: Call, request: Request) -> dict[str, Any]:
    role = role_named(call, request["RoleName"])
    changed = msgspec.structs.replace(role, description=request["Description"])
    keep_role(call.tx, changed)
    return {"Role": show_role(call, changed)}


@iam.operation("UpdateAssumeRolePolicy", resource=targets.the_role, context=targets.of_role)
def update_assume_role_policy(call: Call, request: Request) -> None:
    role = modifiable(role_named(call, request["RoleName"]))
    document = request["PolicyDocument"]
    keep_role(call.tx, msgspec.structs.replace(role, trust=document, trusted=trusted_by(call, document)))


@iam.operation("DeleteRole", resource=targets.the_role, context=targets.of_role)
def delete_role(call: Call, request: Request) -> None:
    remove_role(call, modifiable(role_named(call, request["RoleName"])))


def remove_role(call: Call, role: Role) -> None:
    if profiles_of(call.tx, role):
        raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
    if not role.linked_to:
        if role.attached:
            raise DeleteConflict("Cannot delete entity, must detach all policies first.")
        if role.inline:
            raise DeleteConflict("Cannot delete entity, must delete policies first.")
    roles.delete(call.tx, call.account, role.name.lower())
    forget(call.tx, role.id)
