"""Permissions boundaries of users and roles: a managed policy that caps what they can be allowed."""

from typing import Any

import msgspec

from pileus.identity.people import keep_user
from pileus.identity.roles import keep_role
from pileus.service import Call

from . import targets
from .entities import role_named, user_named, visible_policy
from .service import NoSuchEntity, Request, UnmodifiableEntity, iam


def checked_boundary(call: Call, arn: str) -> str:
    """The ARN of an existing policy, or nothing."""
    if not arn:
        return ""
    policy = visible_policy(call, arn)
    if policy is None or not policy.attachable:
        raise NoSuchEntity(f"Scope ARN: {arn} does not exist or is not attachable.")
    return arn


def show_boundary(arn: str) -> dict[str, Any]:
    """The member `PermissionsBoundary`, or nothing."""
    if not arn:
        return {}
    return {
        "PermissionsBoundary": {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}
    }


@iam.operation("PutUserPermissionsBoundary", resource=targets.the_user, context=targets.of_user)
def put_user_boundary(call: Call, request: Request) -> None:
    user = user_named(call, request["UserName"])
    arn = checked_boundary(call, request["PermissionsBoundary"])
    keep_user(call.tx, msgspec.structs.replace(user, boundary=arn))


@iam.operation("DeleteUserPermissionsBoundary", resource=targets.the_user, context=targets.of_user)
def delete_user_boundary(call: Call, request: Request) -> None:
    user = user_named(call, request["UserName"])
    if not user.boundary:
        raise NoSuchEntity(f"The permissions boundary for user {user.name} cannot be found.")
    keep_user(call.tx, msgspec.structs.replace(user, boundary=""))


@iam.operation("PutRolePermissionsBoundary", resource=targets.the_role, context=targets.of_role)
def put_role_boundary(call: Call, request: Request) -> None:
    role = role_named(call, request["RoleName"])
    if role.linked_to:
        raise UnmodifiableEntity(
            f"Cannot perform the operation on the protected role '{role.name}' - this role is only modifiable by AWS"
        )
    arn = checked_boundary(call, request["PermissionsBoundary"])
    keep_role(call.tx, msgspec.structs.replace(role, boundary=arn))


@iam.operation("DeleteRolePermissionsBoundary", resource=targets.the_role, context=targets.of_role)
def delete_role_boundary(call: Call, request: Request) -> None:
    role = role_named(call, request["RoleName"])
    if not role.boundary:
        raise NoSuchEntity(f"The permissions boundary for role {role.name} cannot be found.")
    keep_role(call.tx, msgspec.structs.replace(role, boundary=""))
