"""Customer managed policies and their versions; AWS's own are listed beside them."""

from collections.abc import Iterable
from itertools import chain, islice
from typing import Any

import msgspec

from pileus.base import ids
from pileus.identity.managed import (
    VERSIONS_MAX,
    ManagedPolicy,
    PolicyVersion,
    aws_policies,
    keep_policy,
    managed_policies,
)
from pileus.service import Call

from . import targets
from .attachments import bounded, carriers
from .documents import check_managed, encoded
from .entities import own_policy_at, policy_at
from .listing import page, page_of
from .service import DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity, Request, iam
from .tags import given_tags, show_tags

POLICIES_MAX = 1_500


def show_policy(call: Call, policy: ManagedPolicy, *, brief: bool = False) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default,
        "AttachmentCount": len(carriers(call, policy.arn)),
        "PermissionsBoundaryUsageCount": len(bounded(call, policy.arn)),
        "IsAttachable": policy.attachable,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }
    if not brief:
        if policy.description:
            shown["Description"] = policy.description
        if policy.tags:
            shown["Tags"] = show_tags(policy.tags)
    return shown


@iam.operation("CreatePolicy", resource=targets.created("policy", "PolicyName"))
def create_policy(call: Call, request: Request) -> dict[str, Any]:
    name = request["PolicyName"]
    check_managed(request["PolicyDocument"])
    if managed_policies.get(call.tx, call.account, name.lower()) is not None:
        raise EntityAlreadyExists(f"A policy called {name} already exists. Duplicate names are not allowed.")
    if managed_policies.count(call.tx, call.account, POLICIES_MAX) >= POLICIES_MAX:
        raise LimitExceeded(f"Cannot exceed quota for PoliciesPerAccount: {POLICIES_MAX}")
    now = float(int(call.now))
    policy = ManagedPolicy(
        call.account,
        name,
        ids.iam_id("ANPA"),
        now,
        now,
        {"v1": PolicyVersion(request["PolicyDocument"], now)},
        path=request.get("Path", "/"),
        partition=call.partition,
        description=request.get("Description", ""),
        tags=given_tags(call, request, "Policy"),
    )
    keep_policy(call.tx, policy)
    return {"Policy": show_policy(call, policy)}


@iam.operation("GetPolicy", resource=targets.the_policy, context=targets.of_policy)
def get_policy(call: Call, request: Request) -> dict[str, Any]:
    return {"Policy": show_policy(call, policy_at(call, request["PolicyArn"]))}


@iam.operation("ListPolicies", resource=targets.listed_policies)
def list_policies(call: Call, request: Request) -> dict[str, Any]:
    scope, prefix = request.get("Scope", "All"), request.get("PathPrefix", "/")
    usage = request.get("PolicyUsageFilter", "")

    def rows(after: tuple[Any, ...] | None, count: int) -> Iterable[tuple[tuple[Any, ...], ManagedPolicy]]:
        """Customer policies first, then AWS's, each by name."""
        own: Any = iter(())
        if scope != "AWS" and (after is None or after[0] == "0"):
            past = after[1:] if after is not None else None
            found = managed_policies.scan(call.tx, call.account, after=past, limit=count)
            own = ((("0", *key), policy) for key, policy in found)
        theirs = ((("1", one.name.lower()), one) for one in (aws_policies(call.partition) if scope != "Local" else ()))
        return islice(chain(own, (pair for pair in theirs if after is None or pair[0] > after)), count)

    def keep(policy: ManagedPolicy) -> bool:
        if not policy.path.startswith(prefix):
            return False
        if usage:
            return bool((carriers if usage == "PermissionsPolicy" else bounded)(call, policy.arn))
        return bool(carriers(call, policy.arn) or bounded(call, policy.arn)) if request.get("OnlyAttached") else True

    return page(call, request, "Policies", rows, lambda policy: show_policy(call, policy, brief=True), keep)


@iam.operation("DeletePolicy", resource=targets.the_policy, context=targets.of_policy)
def delete_policy(call: Call, request: Request) -> None:
    policy = own_policy_at(call, request["PolicyArn"])
    if carriers(call, policy.arn) or bounded(call, policy.arn):
        raise DeleteConflict("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise DeleteConflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions."
            " The default version is deleted with the policy."
        )
    managed_policies.delete(call.tx, call.account, policy.name.lower())


# -- versions ---------------------------------------------------------------------------------------------------------


def _show_version(policy: ManagedPolicy, name: str, *, document: bool = False) -> dict[str, Any]:
    version = policy.versions[name]
    shown: dict[str, Any] = {
        "VersionId": name,
        "IsDefaultVersion": name == policy.default,
        "CreateDate": version.created,
    }
    if document:
        shown["Document"] = encoded(version.document)
    return shown


def _known_version(policy: ManagedPolicy, name: str) -> str:
    if name not in policy.versions:
        raise NoSuchEntity(f"Policy {policy.arn} version {name} does not exist or is not attachable.")
    return name


@iam.operation("CreatePolicyVersion", resource=targets.the_policy, context=targets.of_policy)
def create_policy_version(call: Call, request: Request) -> dict[str, Any]:
    check_managed(request["PolicyDocument"])
    policy = own_policy_at(call, request["PolicyArn"])
    if len(policy.versions) >= VERSIONS_MAX:
        raise LimitExceeded(
            f"A managed policy can have up to {VERSIONS_MAX} versions. Before you create a new version, you must delete"
            " an existing version."
        )
    now, number = float(int(call.now)), policy.last + 1
    name = f"v{number}"
    changed = msgspec.structs.replace(
        policy,
        versions={**policy.versions, name: PolicyVersion(request["PolicyDocument"], now)},
        last=number,
        default=name if request.get("SetAsDefault") else policy.default,
        updated=now,
    )
    keep_policy(call.tx, changed)
    return {"PolicyVersion": _show_version(changed, name)}


@iam.operation("GetPolicyVersion", resource=targets.the_policy, context=targets.of_policy)
def get_policy_version(call: Call, request: Request) -> dict[str, Any]:
    policy = policy_at(call, request["PolicyArn"])
    return {"PolicyVersion": _show_version(policy, _known_version(policy, request["VersionId"]), document=True)}


@iam.operation("ListPolicyVersions", resource=targets.the_policy, context=targets.of_policy)
def list_policy_versions(call: Call, request: Request) -> dict[str, Any]:
    policy = policy_at(call, request["PolicyArn"])
    newest_first = [(f"{10**9 - int(name[1:]):09d}", name) for name in policy.versions]
    return page_of(call, request, "Versions", newest_first, lambda name: _show_version(policy, name))


@iam.operation("SetDefaultPolicyVersion", resource=targets.the_policy, context=targets.of_policy)
def set_default_policy_version(call: Call, request: Request) -> None:
    policy = own_policy_at(call, request["PolicyArn"])
    name = _known_version(policy, request["VersionId"])
    keep_policy(call.tx, msgspec.structs.replace(policy, default=name, updated=float(int(call.now))))


@iam.operation("DeletePolicyVersion", resource=targets.the_policy, context=targets.of_policy)
def delete_policy_version(call: Call, request: Request) -> None:
    policy = own_policy_at(call, request["PolicyArn"])
    gone = _known_version(policy, request["VersionId"])
    if gone == policy.default:
        raise DeleteConflict("Cannot delete the default version of a policy.")
    left = {name: version for name, version in policy.versions.items() if name != gone}
    keep_policy(call.tx, msgspec.structs.replace(policy, versions=left))
