"""Login profiles and passwords, and the account's password policy."""

import asyncio
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
    EntityTemporarilyUnmodifiable,
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


async def _acceptable(call: Call, account: Account, password: str) -> str:
    """The password's hash, made on a thread: it is slow on purpose. Raises PasswordPolicyViolation."""
    wrong = violation(account.password_policy, password, (call.account, account.alias))
    if wrong is not None:
        raise PasswordPolicyViolation(wrong)
    return await asyncio.to_thread(hashed, password)


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


@iam.operation(
    "CreateLoginProfile", resource=targets.the_user, context=targets.of_user, without=("MaxSigninSessionDuration",)
)
async def create_login_profile(call: Call, request: Request) -> dict[str, Any]:
    if "Password" not in request:
        raise ValidationError("Password must be given.")
    account = await call.transact(account_of)
    kept = await _acceptable(call, account, request["Password"])

    def work(inner: Call) -> dict[str, Any]:
        user = _named(inner, request)
        if login_profiles.get(inner.tx, user.account, user.id) is not None:
            raise EntityAlreadyExists(f"Login Profile for user {user.name} already exists.")
        now = float(int(inner.now))
        profile = LoginProfile(kept, now, now, request.get("PasswordResetRequired", False))
        login_profiles.put(inner.tx, user.account, user.id, record=profile)
        return _show(user, profile)

    return await call.transact(work)


@iam.operation("GetLoginProfile", resource=targets.the_user, context=targets.of_user)
def get_login_profile(call: Call, request: Request) -> dict[str, Any]:
    user = _named(call, request)
    return _show(user, _profile_of(call, user))


@iam.operation(
    "UpdateLoginProfile",
    resource=targets.the_user,
    context=targets.of_user,
    without=("MaxSigninSessionDuration", "ResetMaxSigninSessionDuration"),
)
async def update_login_profile(call: Call, request: Request) -> None:
    def read(inner: Call) -> tuple[User, LoginProfile, Account]:
        user = user_named(inner, request["UserName"])
        return user, _profile_of(inner, user), account_of(inner)

    user, profile, account = await call.transact(read)
    changed = profile
    if "Password" in request:
        changed = await _changed(call, account, profile, request["Password"])
    if "PasswordResetRequired" in request:
        changed = msgspec.structs.replace(changed, reset_required=request["PasswordResetRequired"])
    await call.transact(lambda inner: _put_unless_changed(inner, user, profile, changed))


@iam.operation("DeleteLoginProfile", resource=targets.the_user, context=targets.of_user)
def delete_login_profile(call: Call, request: Request) -> None:
    user = _named(call, request)
    _profile_of(call, user)
    login_profiles.delete(call.tx, user.account, user.id)


@iam.operation(
    "ChangePassword",
    unconditional="The operation itself asks: the account's password policy may allow it to every user.",
)
async def change_password(call: Call, request: Request) -> None:
    if call.caller.principal.kind != "user":
        raise InvalidUserType("Only IAM Users can change their own password.")
    user, profile, account = await call.transact(_own_profile)
    if not await asyncio.to_thread(matches, request["OldPassword"], profile.password):
        raise ValidationError("The old password was incorrect.")
    changed = await _changed(call, account, profile, request["NewPassword"])
    cleared = msgspec.structs.replace(changed, reset_required=False)
    await call.transact(lambda inner: _put_unless_changed(inner, user, profile, cleared))


def _own_profile(call: Call) -> tuple[User, LoginProfile, Account]:
    """The caller's own, if it may change it: by its policies, or because the account's policy lets every user."""
    user, account = user_named(call, call.caller.standing.user_name), account_of(call)
    try:
        must_allow(call, "iam:ChangePassword", user.arn, context=targets.tagged(user.tags))
    except AccessDenied as denied:
        policy = account.password_policy
        if denied.decision.effect == "explicitDeny" or policy is None or not policy.users_may_change:
            raise
    return user, _profile_of(call, user), account


async def _changed(call: Call, account: Account, profile: LoginProfile, password: str) -> LoginProfile:
    kept = await _acceptable(call, account, password)
    if await asyncio.to_thread(reused, profile, account.password_policy, password):
        raise PasswordPolicyViolation("Password does not conform to the account password policy: it was used before.")
    former = (profile.password, *profile.former)[:REMEMBERED_MAX]
    return msgspec.structs.replace(profile, password=kept, former=former, changed=float(int(call.now)))


def _put_unless_changed(call: Call, user: User, before: LoginProfile, after: LoginProfile) -> None:
    """What was hashed meanwhile must not overwrite what somebody else wrote meanwhile."""
    if login_profiles.get(call.tx, user.account, user.id) != before:
        raise EntityTemporarilyUnmodifiable(f"Login Profile for User {user.name} cannot be modified at the moment.")
    login_profiles.put(call.tx, user.account, user.id, record=after)


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
