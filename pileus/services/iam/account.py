"""The account: its alias, its summary, and all of its identities in one answer."""

import re
from typing import Any

import msgspec

from pileus.identity.account import accounts, aliases
from pileus.identity.certificates import server_certificates
from pileus.identity.devices import devices_of, mfa_devices
from pileus.identity.keys import keys_of
from pileus.identity.managed import VERSIONS_MAX, ManagedPolicy, find_policy, managed_policies
from pileus.identity.people import Group, User, groups, groups_of, users
from pileus.identity.providers import oidc_providers, saml_providers
from pileus.identity.roles import Role, instance_profiles, profiles_of, roles
from pileus.service import Call

from . import access_keys, attachments, certificates, documents, signing_certificates
from . import groups as group_rules
from . import instance_profiles as profile_rules
from . import policies as policy_rules
from . import roles as role_rules
from . import users as user_rules
from .attachments import show_attached
from .documents import encoded
from .groups import show_group
from .instance_profiles import show_profile
from .listing import page_of
from .login import account_of
from .policies import show_policy
from .roles import show_role
from .service import EntityAlreadyExists, NoSuchEntity, Request, ValidationError, iam
from .users import show_user

_ALL = 100_000
_ALIAS = re.compile(r"(?!\d{12}$)[a-z0-9](?:-?[a-z0-9])*")


@iam.operation("CreateAccountAlias")
def create_account_alias(call: Call, request: Request) -> None:
    """An account has one alias; a new one takes the old one's place. No two accounts share one."""
    alias = request["AccountAlias"]
    if not _ALIAS.fullmatch(alias):
        raise ValidationError(f"The account alias {alias} is not valid.")
    if aliases.get(call.tx, alias) is not None:
        raise EntityAlreadyExists(f"The account alias {alias} already exists.")
    account = account_of(call)
    if account.alias:
        aliases.delete(call.tx, account.alias)
    aliases.put(call.tx, alias, record=call.account)
    accounts.put(call.tx, call.account, record=msgspec.structs.replace(account, alias=alias))


@iam.operation("ListAccountAliases")
def list_account_aliases(call: Call, request: Request) -> dict[str, Any]:
    alias = account_of(call).alias
    return {"AccountAliases": [alias] if alias else [], "IsTruncated": False}


@iam.operation("DeleteAccountAlias")
def delete_account_alias(call: Call, request: Request) -> None:
    account = account_of(call)
    if account.alias != request["AccountAlias"]:
        raise NoSuchEntity(f"The Account Alias with name {request['AccountAlias']} cannot be found.")
    aliases.delete(call.tx, account.alias)
    accounts.put(call.tx, call.account, record=msgspec.structs.replace(account, alias=""))


@iam.operation("GetAccountSummary")
def get_account_summary(call: Call, request: Request) -> dict[str, Any]:
    tx, account = call.tx, call.account

    def count(table: Any) -> int:
        return int(table.count(tx, account, _ALL))

    own = [policy for _, policy in managed_policies.scan(tx, account, limit=_ALL)]
    devices = [device for _, device in mfa_devices.scan(tx, account, limit=_ALL)]
    counts = {
        "Users": count(users),
        "Groups": count(groups),
        "Roles": count(roles),
        "InstanceProfiles": count(instance_profiles),
        "Policies": len(own),
        "PolicyVersionsInUse": sum(len(policy.versions) for policy in own),
        "Providers": count(oidc_providers) + count(saml_providers),
        "MFADevices": len(devices),
        "MFADevicesInUse": sum(1 for device in devices if device.holder),
        "AccountMFAEnabled": int(bool(devices_of(tx, account, account))),
        "AccountAccessKeysPresent": len(keys_of(tx, account, "")),
        "AccountPasswordPresent": 0,
        "AccountSigningCertificatesPresent": 0,
        "ServerCertificates": count(server_certificates),
    }
    return {"SummaryMap": {**counts, **_QUOTAS}}


_QUOTAS = {
    "UsersQuota": user_rules.USERS_MAX,
    "GroupsQuota": group_rules.GROUPS_MAX,
    "RolesQuota": role_rules.ROLES_MAX,
    "InstanceProfilesQuota": profile_rules.PROFILES_MAX,
    "PoliciesQuota": policy_rules.POLICIES_MAX,
    "PolicySizeQuota": documents.MANAGED_MAX,
    "PolicyVersionsInUseQuota": 10_000,
    "VersionsPerPolicyQuota": VERSIONS_MAX,
    "GroupsPerUserQuota": group_rules.GROUPS_PER_USER_MAX,
    "AccessKeysPerUserQuota": access_keys.KEYS_MAX,
    "SigningCertificatesPerUserQuota": signing_certificates.CERTIFICATES_MAX,
    "ServerCertificatesQuota": certificates.CERTIFICATES_MAX,
    "AttachedPoliciesPerUserQuota": attachments.ATTACHED_MAX,
    "AttachedPoliciesPerGroupQuota": attachments.ATTACHED_MAX,
    "AttachedPoliciesPerRoleQuota": attachments.ATTACHED_MAX,
    "UserPolicySizeQuota": documents.USER_INLINE_MAX,
    "GroupPolicySizeQuota": documents.GROUP_INLINE_MAX,
    "RolePolicySizeQuota": documents.ROLE_INLINE_MAX,
    "AssumeRolePolicySizeQuota": documents.TRUST_MAX,
    "GlobalEndpointTokenVersion": 2,  # every token is good in every region
}


# -- everything at once -----------------------------------------------------------------------------------------------


@iam.operation("GetAccountAuthorizationDetails")
def get_account_authorization_details(call: Call, request: Request) -> dict[str, Any]:
    tx, account = call.tx, call.account
    wanted = request.get("Filter") or ["User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"]
    carriers: dict[str, list[Any]] = {
        "User": [user for _, user in users.scan(tx, account, limit=_ALL)],
        "Group": [group for _, group in groups.scan(tx, account, limit=_ALL)],
        "Role": [role for _, role in roles.scan(tx, account, limit=_ALL)],
    }
    found: list[tuple[str, tuple[str, Any]]] = [
        (f"{number} {one.name.lower()}", (kind, one))
        for number, kind in enumerate(carriers)
        if kind in wanted
        for one in carriers[kind]
    ]
    own = [policy for _, policy in managed_policies.scan(tx, account, limit=_ALL)]
    if "LocalManagedPolicy" in wanted:
        found += [(f"3 {policy.name.lower()}", ("Policy", policy)) for policy in own]
    if "AWSManagedPolicy" in wanted:
        arns = {arn for many in carriers.values() for one in many for arn in one.attached if ":aws:policy/" in arn}
        theirs = [policy for arn in arns if (policy := find_policy(tx, arn)) is not None]
        found += [(f"4 {policy.arn}", ("Policy", policy)) for policy in theirs]
    answer = page_of(call, request, "All", found, lambda pair: pair)
    listed = answer.pop("All")
    return {
        "UserDetailList": [_user(call, one) for kind, one in listed if kind == "User"],
        "GroupDetailList": [_group(one) for kind, one in listed if kind == "Group"],
        "RoleDetailList": [_role(call, one) for kind, one in listed if kind == "Role"],
        "Policies": [_policy(call, one) for kind, one in listed if kind == "Policy"],
        **answer,
    }


def _inline(carrier: User | Group | Role) -> list[dict[str, str]]:
    return [{"PolicyName": name, "PolicyDocument": encoded(text)} for name, text in carrier.inline.items()]


def _attached(carrier: User | Group | Role) -> list[dict[str, str]]:
    return [show_attached(arn) for arn in carrier.attached]


def _user(call: Call, user: User) -> dict[str, Any]:
    return {
        **show_user(call, user),
        "UserPolicyList": _inline(user),
        "GroupList": [group.name for group in groups_of(call.tx, user)],
        "AttachedManagedPolicies": _attached(user),
    }


def _group(group: Group) -> dict[str, Any]:
    return {**show_group(group), "GroupPolicyList": _inline(group), "AttachedManagedPolicies": _attached(group)}


def _role(call: Call, role: Role) -> dict[str, Any]:
    shown = show_role(call, role)
    for member in ("MaxSessionDuration", "Description"):
        shown.pop(member, None)
    return {
        **shown,
        "InstanceProfileList": [show_profile(call, profile) for profile in profiles_of(call.tx, role)],
        "RolePolicyList": _inline(role),
        "AttachedManagedPolicies": _attached(role),
    }


def _policy(call: Call, policy: ManagedPolicy) -> dict[str, Any]:
    versions = [
        {
            "VersionId": name,
            "Document": encoded(version.document),
            "IsDefaultVersion": name == policy.default,
            "CreateDate": version.created,
        }
        for name, version in policy.versions.items()
    ]
    shown = show_policy(call, policy, brief=True)
    if policy.description:
        shown["Description"] = policy.description
    return {**shown, "PolicyVersionList": versions}
