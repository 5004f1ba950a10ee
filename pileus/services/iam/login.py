"""Login profiles and passwords, and the account's password policy."""

from typing import Any

import msgspec

from pileus.identity.account import Account, PasswordPolicy, accounts
from pileus.identity.passwords import LoginProfile, hashed, login_profiles, matches, reused, violation
from pileus.identity.people import User
from pileus.service import AccessDenied, Call, must_allow

from . import targets
from .entities import own_name, user_named
from .service import (
    EntityAlreadyExists,
    InvalidUserType,
    NoSuchEntity,
    PasswordPolicyViolation,
    Request,
    ValidationError,
    iam,
)

REMEMBERED_MAX = 24


def account_of(call: Call) -> Account:
    return accounts.get(call.tx, call.account) or Account()


def _acceptable(call: Call, user: User, password: str) -> str:
    """The password's hash. Raises PasswordPolicyViolation."""
    account = account_of(call)
    wrong = violation(account.password_policy, password, (user.account, account.alias))
    if wrong is not None:
        raise PasswordPolicyViolation(wrong)
    return hashed(password)


def _profile_of(call: Call, user: User) -> LoginProfile:
    profile = login_profiles.get(call.tx, user.account, user.id)
    if profile is None:
        raise NoSuchEntity(f"Login Profile for User {user.name} cannot be found.")
    return profile


def _show(user: User, profile: LoginProfile) -> dict[str, Any]:
    return {
        "LoginProfile": {
            "UserName": user.name,
            "CreateDate": profile.created,
            "PasswordResetRequired": profile.reset_required,
        }
    }


def _named(call: Call, request: Request) -> User:
    name = own_name(call, request)
    if not name:
        raise ValidationError("The root user has no login profile.")
    return user_named(call, name)


@iam.operation("CreateLoginProfile", resource=targets.the_user, context=targets.of_user)
def create_login_profile(call: Call, request: Request) -> dict[str, Any]:
    user = _named(call, request)
    if login_profiles.get(call.tx, user.account, user.id) is not None:
        raise EntityAlreadyExists(f"Login Profile for user {user.name} already exists.")
    if "Password" not in request:
        raise ValidationError("Password must be given.")
    now = float(int(call.now))
    kept = _acceptable(call, user, request["Password"])
    profile = LoginProfile(kept, now, now, request.get("PasswordResetRequired", False))
    login_profiles.put(call.tx, user.account, user.id, record=profile)
    return _show(user, profile)


@iam.operation("GetLoginProfile", resource=targets.the_user, context=targets.of_user)
def get_login_profile(call: Call, request: Request) -> dict[str, Any]:
    user = _named(call, request)
    return _show(user, _profile_of(call, user))


@iam.operation("UpdateLoginProfile", resource=targets.the_user, context=targets.of_user)
def update_login_profile(call: Call, request: Request) -> None:
    user = user_named(call, request["UserName"])
    profile = _profile_of(call, user)
    if "Password" in request:
        profile = _changed(call, user, profile, request["Password"])
    if "PasswordResetRequired" in request:
        profile = msgspec.structs.replace(profile, reset_required=request["PasswordResetRequired"])
    login_profiles.put(call.tx, user.account, user.id, record=profile)


@iam.operation("DeleteLoginProfile", resource=targets.the_user, context=targets.of_user)
def delete_login_profile(call: Call, request: Request) -> None:
    user = _named(call, request)
    _profile_of(call, user)
    login_profiles.delete(call.tx, user.account, user.id)


@iam.operation(
    "ChangePassword",
    unconditional="The operation itself asks: the account's password policy may allow it to every user.",
)
def change_password(call: Call, request: Request) -> None:
    if call.caller.principal.kind != "user":
        raise InvalidUserType("Only IAM Users can change their own password.")
    user = user_named(call, call.caller.standing.user_name)
    try:
        must_allow(call, "iam:ChangePassword", user.arn)
    except AccessDenied as denied:
        policy = account_of(call).password_policy
        if denied.decision.effect == "explicitDeny" or policy is None or not policy.users_may_change:
            raise
    profile = _profile_of(call, user)
    if not matches(request["OldPassword"], profile.password):
        raise ValidationError("The old password was incorrect.")
    changed = _changed(call, user, profile, request["NewPassword"])
    cleared = msgspec.structs.replace(changed, reset_required=False)
    login_profiles.put(call.tx, user.account, user.id, record=cleared)


def _changed(call: Call, user: User, profile: LoginProfile, password: str) -> LoginProfile:
    kept = _acceptable(call, user, password)
    if reused(profile, account_of(call).password_policy, password):
        raise PasswordPolicyViolation("Password does not conform to the account password policy: it was used before.")
    former = (profile.password, *profile.former)[:REMEMBERED_MAX]
    return msgspec.structs.replace(profile, password=kept, former=former, changed=float(int(call.now)))


# -- the account's policy ---------------------------------------------------------------------------------------------


@iam.operation("UpdateAccountPasswordPolicy")
def update_account_password_policy(call: Call, request: Request) -> None:
    """What a request leaves out falls back to its default, not to what was set before."""
    policy = PasswordPolicy(
        request.get("MinimumPasswordLength", 6),
        request.get("RequireSymbols", False),
        request.get("RequireNumbers", False),
        request.get("RequireUppercaseCharacters", False),
        request.get("RequireLowercaseCharacters", False),
        request.get("AllowUsersToChangePassword", False),
        request.get("MaxPasswordAge", 0),
        request.get("PasswordReusePrevention", 0),
        request.get("HardExpiry", False),
    )
    accounts.put(call.tx, call.account, record=msgspec.structs.replace(account_of(call), password_policy=policy))


def _policy_of(call: Call) -> PasswordPolicy:
    policy = account_of(call).password_policy
    if policy is None:
        raise NoSuchEntity(f"The Password Policy with domain name {call.account} cannot be found.")
    return policy


@iam.operation("GetAccountPasswordPolicy")
def get_account_password_policy(call: Call, request: Request) -> dict[str, Any]:
    policy = _policy_of(call)
    shown: dict[str, Any] = {
        "MinimumPasswordLength": policy.minimum_length,
        "RequireSymbols": policy.symbols,
        "RequireNumbers": policy.numbers,
        "RequireUppercaseCharacters": policy.uppercase,
        "RequireLowercaseCharacters": policy.lowercase,
        "AllowUsersToChangePassword": policy.users_may_change,
        "ExpirePasswords": policy.max_age_days > 0,
        "HardExpiry": policy.hard_expiry,
    }
    if policy.max_age_days:
        shown["MaxPasswordAge"] = policy.max_age_days
    if policy.remembered:
        shown["PasswordReusePrevention"] = policy.remembered
    return {"PasswordPolicy": shown}


@iam.operation("DeleteAccountPasswordPolicy")
def delete_account_password_policy(call: Call, request: Request) -> None:
    _policy_of(call)
    accounts.put(call.tx, call.account, record=msgspec.structs.replace(account_of(call), password_policy=None))
