"""Instance profiles: how a machine gets a role. One role each."""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.identity.roles import (
    InstanceProfile,
    Role,
    find_profile,
    find_role,
    instance_profiles,
    keep_profile,
    profiles_of,
)
from pileus.service import Call, must_allow

from . import targets
from .entities import profile_named, role_named
from .listing import page, page_of, table_rows, under
from .roles import modifiable, show_role
from .service import DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity, Request, iam
from .tags import given_tags, show_tags

PROFILES_MAX = 1_000


def show_profile(call: Call, profile: InstanceProfile, *, brief: bool = False) -> dict[str, Any]:
    role = find_role(call.tx, call.account, profile.role) if profile.role else None
    shown: dict[str, Any] = {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created,
        "Roles": [show_role(call, role, brief=True)] if role is not None else [],
    }
    if profile.tags and not brief:
        shown["Tags"] = show_tags(profile.tags)
    return shown


@iam.operation("CreateInstanceProfile", resource=targets.created("instance-profile", "InstanceProfileName"))
def create_instance_profile(call: Call, request: Request) -> dict[str, Any]:
    name = request["InstanceProfileName"]
    if find_profile(call.tx, call.account, name) is not None:
        raise EntityAlreadyExists(f"Instance Profile {name} already exists.")
    if instance_profiles.count(call.tx, call.account, PROFILES_MAX) >= PROFILES_MAX:
        raise LimitExceeded(f"Cannot exceed quota for InstanceProfilesPerAccount: {PROFILES_MAX}")
    profile = InstanceProfile(
        call.account,
        name,
        ids.iam_id("AIPA"),
        float(int(call.now)),
        request.get("Path", "/"),
        call.partition,
        tags=given_tags(call, request, "InstanceProfile"),
    )
    keep_profile(call.tx, profile)
    return {"InstanceProfile": show_profile(call, profile)}


@iam.operation("GetInstanceProfile", resource=targets.the_profile, context=targets.of_profile)
def get_instance_profile(call: Call, request: Request) -> dict[str, Any]:
    return {"InstanceProfile": show_profile(call, profile_named(call, request["InstanceProfileName"]))}


@iam.operation("ListInstanceProfiles", resource=targets.listed("instance-profile"))
def list_instance_profiles(call: Call, request: Request) -> dict[str, Any]:
    return page(
        call,
        request,
        "InstanceProfiles",
        table_rows(instance_profiles, call),
        lambda profile: show_profile(call, profile, brief=True),
        under(request),
    )


@iam.operation("ListInstanceProfilesForRole", resource=targets.the_role, context=targets.of_role)
def list_instance_profiles_for_role(call: Call, request: Request) -> dict[str, Any]:
    role = role_named(call, request["RoleName"])
    named = [(profile.name.lower(), profile) for profile in profiles_of(call.tx, role)]
    return page_of(call, request, "InstanceProfiles", named, lambda profile: show_profile(call, profile, brief=True))


def passed_to(service: str, role: Role) -> dict[str, Any]:
    """The condition keys of `iam:PassRole`."""
    return {"iam:PassedToService": service, **targets.tagged(role.tags)}


@iam.operation("AddRoleToInstanceProfile", resource=targets.the_profile, context=targets.of_profile)
def add_role_to_instance_profile(call: Call, request: Request) -> None:
    profile = profile_named(call, request["InstanceProfileName"])
    role = modifiable(role_named(call, request["RoleName"]))
    must_allow(call, "iam:PassRole", role.arn, context=passed_to("ec2.amazonaws.com", role))
    if profile.role:
        raise LimitExceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    keep_profile(call.tx, msgspec.structs.replace(profile, role=role.name.lower()))


@iam.operation("RemoveRoleFromInstanceProfile", resource=targets.the_profile, context=targets.of_profile)
def remove_role_from_instance_profile(call: Call, request: Request) -> None:
    profile = profile_named(call, request["InstanceProfileName"])
    role = role_named(call, request["RoleName"])
    if profile.role != role.name.lower():
        raise NoSuchEntity(f"The role with name {role.name} cannot be found.")
    keep_profile(call.tx, msgspec.structs.replace(profile, role=""))


@iam.operation("DeleteInstanceProfile", resource=targets.the_profile, context=targets.of_profile)
def delete_instance_profile(call: Call, request: Request) -> None:
    profile = profile_named(call, request["InstanceProfileName"])
    if profile.role:
        raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
    instance_profiles.delete(call.tx, call.account, profile.name.lower())
