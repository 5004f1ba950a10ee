"""Groups and who is in them."""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.identity.people import Group, find_group, groups, groups_of, keep_group, keep_user, members
from pileus.service import Call

from . import targets
from .entities import group_named, user_named
from .listing import page, page_of, table_rows, under
from .service import DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity, Request, iam
from .users import show_user

GROUPS_MAX = 300
GROUPS_PER_USER_MAX = 10


def show_group(group: Group) -> dict[str, Any]:
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": group.arn,
        "CreateDate": group.created,
    }


@iam.operation("CreateGroup", resource=targets.created("group", "GroupName"))
def create_group(call: Call, request: Request) -> dict[str, Any]:
    name = request["GroupName"]
    if find_group(call.tx, call.account, name) is not None:
        raise EntityAlreadyExists(f"Group with name {name} already exists.")
    if groups.count(call.tx, call.account, GROUPS_MAX) >= GROUPS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for GroupsPerAccount: {GROUPS_MAX}")
    path = request.get("Path", "/")
    group = Group(call.account, name, ids.iam_id("AGPA"), float(int(call.now)), path, call.partition)
    keep_group(call.tx, group)
    return {"Group": show_group(group)}


@iam.operation("GetGroup", resource=targets.the_group)
def get_group(call: Call, request: Request) -> dict[str, Any]:
    group = group_named(call, request["GroupName"])
    named = [(user.name.lower(), user) for user in members(call.tx, group)]
    answer = page_of(call, request, "Users", named, lambda user: show_user(call, user, brief=True))
    return {"Group": show_group(group), **answer}


@iam.operation("ListGroups", resource=targets.listed("group"))
def list_groups(call: Call, request: Request) -> dict[str, Any]:
    return page(call, request, "Groups", table_rows(groups, call), show_group, under(request))


@iam.operation("ListGroupsForUser", resource=targets.the_user, context=targets.of_user)
def list_groups_for_user(call: Call, request: Request) -> dict[str, Any]:
    user = user_named(call, request["UserName"])
    named = [(group.name.lower(), group) for group in groups_of(call.tx, user)]
    return page_of(call, request, "Groups", named, show_group)


@iam.operation("AddUserToGroup", resource=targets.the_group)
def add_user_to_group(call: Call, request: Request) -> None:
    group = group_named(call, request["GroupName"])
    user = user_named(call, request["UserName"])
    if group.name.lower() in user.groups:
        return
    if len(user.groups) >= GROUPS_PER_USER_MAX:
        raise LimitExceeded(f"Cannot exceed quota for GroupsPerUser: {GROUPS_PER_USER_MAX}")
    keep_user(call.tx, msgspec.structs.replace(user, groups=(*user.groups, group.name.lower())))


@iam.operation("RemoveUserFromGroup", resource=targets.the_group)
def remove_user_from_group(call: Call, request: Request) -> None:
    group = group_named(call, request["GroupName"])
    user = user_named(call, request["UserName"])
    left = tuple(name for name in user.groups if name != group.name.lower())
    if left == user.groups:
        raise NoSuchEntity(f"The user with name {user.name} cannot be found in group {group.name}.")
    keep_user(call.tx, msgspec.structs.replace(user, groups=left))


@iam.operation("UpdateGroup", resource=targets.renamed(targets.the_group, "group", "NewGroupName"))
def update_group(call: Call, request: Request) -> None:
    group = group_named(call, request["GroupName"])
    old, name = group.name.lower(), request.get("NewGroupName", group.name)
    if name.lower() != old and find_group(call.tx, call.account, name) is not None:
        raise EntityAlreadyExists(f"Group with name {name} already exists.")
    inside = members(call.tx, group)
    groups.delete(call.tx, call.account, old)
    keep_group(call.tx, msgspec.structs.replace(group, name=name, path=request.get("NewPath", group.path)))
    for user in inside:
        renamed = tuple(name.lower() if one == old else one for one in user.groups)
        keep_user(call.tx, msgspec.structs.replace(user, groups=renamed))


@iam.operation("DeleteGroup", resource=targets.the_group)
def delete_group(call: Call, request: Request) -> None:
    group = group_named(call, request["GroupName"])
    if members(call.tx, group):
        raise DeleteConflict("Cannot delete entity, must remove users from group first.")
    if group.attached:
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
    if group.inline:
        raise DeleteConflict("Cannot delete entity, must delete policies first.")
    groups.delete(call.tx, call.account, group.name.lower())
