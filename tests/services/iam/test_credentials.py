"""Passwords, MFA devices, and the credential report."""

import base64
import csv
import io
import time

import pytest
from botocore.exceptions import ClientError

from pileus.identity.devices import STEP_S, code_at
from tests.services.iam.accounts import Account, allow


def test_a_password_must_satisfy_the_accounts_policy(account, iam):
    iam.create_user(UserName="bob")
    with pytest.raises(ClientError, match=r"PasswordPolicyViolation.*minimum length of 8"):
        iam.create_login_profile(UserName="bob", Password="Ab1!")
    iam.update_account_password_policy(MinimumPasswordLength=10, RequireNumbers=True, RequireSymbols=True)
    with pytest.raises(ClientError, match=r"Password should have at least one symbol"):
        iam.create_login_profile(UserName="bob", Password="longenough1")
    iam.create_login_profile(UserName="bob", Password="longenough1!", PasswordResetRequired=True)
    assert iam.get_login_profile(UserName="bob")["LoginProfile"]["PasswordResetRequired"] is True
    with pytest.raises(ClientError, match=r"EntityAlreadyExists.*Login Profile for user bob already exists."):
        iam.create_login_profile(UserName="bob", Password="longenough1!")
    iam.delete_login_profile(UserName="bob")
    with pytest.raises(ClientError, match=r"NoSuchEntity.*Login Profile for User bob cannot be found."):
        iam.get_login_profile(UserName="bob")


def test_the_password_policy_is_set_whole_and_removed(account, iam):
    with pytest.raises(ClientError, match=rf"The Password Policy with domain name {account.id} cannot be found."):
        iam.get_account_password_policy()
    iam.update_account_password_policy(MinimumPasswordLength=12, MaxPasswordAge=90)
    assert iam.get_account_password_policy()["PasswordPolicy"]["MaxPasswordAge"] == 90
    iam.update_account_password_policy(RequireNumbers=True)
    shown = iam.get_account_password_policy()["PasswordPolicy"]
    assert (shown["MinimumPasswordLength"], shown["ExpirePasswords"], shown["RequireNumbers"]) == (6, False, True)
    iam.delete_account_password_policy()
    with pytest.raises(ClientError, match=r"NoSuchEntity"):
        iam.delete_account_password_policy()


def test_a_user_changes_its_password_when_the_policy_lets_all_users(account, iam):
    key = account.user("bob")
    iam.create_login_profile(UserName="bob", Password="First-One1")
    bob = account.cloud.client("iam", **key)
    with pytest.raises(ClientError, match=r"iam:ChangePassword"):
        bob.change_password(OldPassword="First-One1", NewPassword="Second-One2")
    iam.update_account_password_policy(AllowUsersToChangePassword=True, PasswordReusePrevention=2)
    with pytest.raises(ClientError, match=r"The old password was incorrect"):
        bob.change_password(OldPassword="guess", NewPassword="Second-One2")
    bob.change_password(OldPassword="First-One1", NewPassword="Second-One2")
    with pytest.raises(ClientError, match=r"PasswordPolicyViolation"):
        bob.change_password(OldPassword="Second-One2", NewPassword="First-One1")
    with pytest.raises(ClientError, match=r"InvalidUserType|Only IAM Users"):
        iam.change_password(OldPassword="a", NewPassword="b")


def codes(seed, *steps):
    now = int(time.time()) // STEP_S
    return [code_at(base64.b32decode(seed), now + step) for step in steps]


def test_a_device_is_enabled_by_two_codes_in_a_row(account, iam):
    iam.create_user(UserName="bob")
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone", Path="/x/")["VirtualMFADevice"]
    serial, seed = made["SerialNumber"], made["Base32StringSeed"]
    assert serial == f"arn:aws:iam::{account.id}:mfa/x/phone"
    assert made["QRCodePNG"].startswith(b"\x89PNG")
    first, second = codes(seed, 0, 1)
    enable = {"UserName": "bob", "SerialNumber": serial}
    with pytest.raises(ClientError, match=r"InvalidAuthenticationCode"):
        iam.enable_mfa_device(**enable, AuthenticationCode1=second, AuthenticationCode2=first)
    iam.enable_mfa_device(**enable, AuthenticationCode1=first, AuthenticationCode2=second)
    assert [one["SerialNumber"] for one in iam.list_mfa_devices(UserName="bob")["MFADevices"]] == [serial]
    assert iam.get_mfa_device(SerialNumber=serial)["UserName"] == "bob"
    with pytest.raises(ClientError, match=r"EntityAlreadyExists"):
        iam.enable_mfa_device(**enable, AuthenticationCode1=first, AuthenticationCode2=second)
    with pytest.raises(ClientError, match=r"must delete MFA device first"):
        iam.delete_user(UserName="bob")
    with pytest.raises(ClientError, match=r"DeleteConflict"):
        iam.delete_virtual_mfa_device(SerialNumber=serial)
    iam.deactivate_mfa_device(UserName="bob", SerialNumber=serial)
    assert [one["SerialNumber"] for one in iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")[
        "VirtualMFADevices"]] == [serial]  # fmt: skip
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    iam.delete_user(UserName="bob")


def test_a_phone_whose_clock_is_off_is_synchronized(account, iam):
    iam.create_user(UserName="bob")
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    serial, seed = made["SerialNumber"], made["Base32StringSeed"]
    first, second = codes(seed, 20, 21)
    enable = {"UserName": "bob", "SerialNumber": serial}
    iam.enable_mfa_device(**enable, AuthenticationCode1=first, AuthenticationCode2=second)
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    sts = account.cloud.client("sts", key["AccessKeyId"], key["SecretAccessKey"])
    with pytest.raises(ClientError, match=r"AccessDenied"):
        sts.get_session_token(SerialNumber=serial, TokenCode=codes(seed, 0)[0])
    sts.get_session_token(SerialNumber=serial, TokenCode=codes(seed, 22)[0])


def test_the_credential_report_shows_every_user(cloud):
    account = Account(cloud)
    iam = account.root()
    with pytest.raises(ClientError, match=r"ReportNotPresent"):
        iam.get_credential_report()
    key = account.user("bob", allow("sqs:*"))
    cloud.client("sqs", **key).list_queues()
    iam.create_login_profile(UserName="bob", Password="First-One1")
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    root, bob = csv.DictReader(io.StringIO(report["Content"].decode()))
    assert root["user"] == "<root_account>"
    assert (bob["user"], bob["password_enabled"], bob["mfa_active"]) == ("bob", "true", "false")
    assert (bob["access_key_1_active"], bob["access_key_2_active"]) == ("true", "false")
    assert bob["access_key_1_last_used_service"] == "sqs"
    cloud.advance(4 * 3600 + 1)
    with pytest.raises(ClientError, match=r"ReportExpired"):
        iam.get_credential_report()
    assert iam.generate_credential_report()["State"] == "STARTED"
