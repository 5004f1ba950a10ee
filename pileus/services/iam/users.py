"""Users: made, found, renamed and removed."""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.identity.devices import devices_of
from pileus.identity.keys import access_keys, keys_of
from pileus.identity.passwords import login_profiles
from pileus.identity.people import User, find_user, keep_user, users
from pileus.identity.usage import forget
from pileus.service import Call

from . import targets
from .boundaries import checked_boundary, show_boundary
from .credentials import other_credentials
from .entities import own_name, user_named
from .listing import page, table_rows, under
from .service import DeleteConflict, EntityAlreadyExists, LimitExceeded, Request, iam
from .tags import given_tags, show_tags

USERS_MAX = 5_000


def show_user(call: Call, user: User, *, brief: bool = False) -> dict[str, Any]:
    """`brief` is the form of listings, which leave out boundary and tags."""
    shown: dict[str, Any] = {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": user.created,
    }
    if not brief:
        shown |= show_boundary(user.boundary)
        if user.tags:
            shown["Tags"] = show_tags(user.tags)
    return shown


@iam.operation("CreateUser", resource=targets.created("user", "UserName"), context=targets.of_user)
def create_user(call: Call, request: Request) -> dict[str, Any]:
    name = request["UserName"]
    if find_user(call.tx, call.account, name) is not None:
        raise EntityAlreadyExists(f"User with name {name} already exists.")
    if users.count(call.tx, call.account, USERS_MAX) >= USERS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for UsersPerAccount: {USERS_MAX}")
    user = User(
        call.account,
        name,
        ids.iam_id("AIDA"),
        float(int(call.now)),
        request.get("Path", "/"),
        call.partition,
        given_tags(call, request, "User"),
        checked_boundary(call, request.get("PermissionsBoundary", "")),
    )
    keep_user(call.tx, user)
    return {"User": show_user(call, user)}


@iam.operation("GetUser", resource=targets.the_user, context=targets.of_user)
def get_user(call: Call, request: Request) -> dict[str, Any]:
    name = own_name(call, request)
    if name:
        return {"User": show_user(call, user_named(call, name))}
    # The root has no name and no path of its own.
    return {"User": {"Path": "/", "UserId": call.account, "Arn": call.caller.arn, "CreateDate": 0.0}}


@iam.operation("ListUsers", resource=targets.listed("user"))
def list_users(call: Call, request: Request) -> dict[str, Any]:
    return page(
        call,
        request,
        "Users",
        table_rows(users, call),
        lambda user: show_user(call, user, brief=True),
        under(request),
    )


@iam.operation("UpdateUser", resource=targets.renamed(targets.the_user, "user", "NewUserName"), context=targets.of_user)
def update_user(call: Call, request: Request) -> None:
    user = user_named(call, request["UserName"])
    name = request.get("NewUserName", user.name)
    if name.lower() != user.name.lower() and find_user(call.tx, call.account, name) is not None:
        raise EntityAlreadyExists(f"User with name {name} already exists.")
    renamed = msgspec.structs.replace(user, name=name, path=request.get("NewPath", user.path))
    keys = keys_of(call.tx, call.account, user.name)
    users.delete(call.tx, user.account, user.name.lower())
    keep_user(call.tx, renamed)
    for key in keys:
        access_keys.put(call.tx, key.id, record=msgspec.structs.replace(key, user=name))


@iam.operation("DeleteUser", resource=targets.the_user, context=targets.of_user)
def delete_user(call: Call, request: Request) -> None:
    user = user_named(call, request["UserName"])
    if user.groups:
        raise DeleteConflict("Cannot delete entity, must remove users from group first.")
    if user.attached:
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
    if user.inline:
        raise DeleteConflict("Cannot delete entity, must delete policies first.")
    if keys_of(call.tx, call.account, user.name):
        raise DeleteConflict("Cannot delete entity, must delete access keys first.")
    if login_profiles.get(call.tx, call.account, user.id) is not None:
        raise DeleteConflict("Cannot delete entity, must delete login profile first.")
    if devices_of(call.tx, call.account, user.id):
        raise DeleteConflict("Cannot delete entity, must delete MFA device first.")
    other = other_credentials(call.tx, user)
    if other:
        raise DeleteConflict(f"Cannot delete entity, must delete {other} first.")
    users.delete(call.tx, user.account, user.name.lower())
    forget(call.tx, user.id)
