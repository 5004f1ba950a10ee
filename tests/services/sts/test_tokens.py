"""GetSessionToken, GetFederationToken, GetAccessKeyInfo and MFA codes."""

import time

import pytest
from botocore.exceptions import ClientError

from pileus.identity.devices import STEP_S, code_at
from tests.services.iam.accounts import Account, allow, document, trusts


def codes(seed, *steps):
    """The codes a phone shows, `steps` from now."""
    import base64

    now = int(time.time()) // STEP_S
    return [code_at(base64.b32decode(seed), now + step) for step in steps]


def with_device(account, name):
    """Gives a user a device whose codes up to now are used; its serial and seed."""
    iam = account.root()
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
    seed = made["Base32StringSeed"]
    first, second = codes(seed, -1, 0)
    iam.enable_mfa_device(
        UserName=name, SerialNumber=made["SerialNumber"], AuthenticationCode1=first, AuthenticationCode2=second
    )
    return made["SerialNumber"], seed


def test_a_session_token_is_the_user_itself(account):
    key = account.user("bob", allow("sqs:*"))
    made = account.cloud.client("sts", **key).get_session_token()["Credentials"]
    assert account.session(made, "sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{account.id}:user/bob"
    account.session(made, "sqs").list_queues()
    with pytest.raises(ClientError, match=r"Cannot call GetSessionToken with session credentials"):
        account.session(made, "sts").get_session_token()


def test_a_session_token_is_as_long_as_asked(account):
    sts = account.root("sts")
    for size in (0, 1000, 4096):
        made = sts.get_session_token(MinimumSessionTokenSize=size)["Credentials"]
        assert len(made["SessionToken"]) >= max(size, 256)
        assert account.session(made, "sts").get_caller_identity()["Account"] == account.id


def test_without_mfa_a_session_token_is_no_good_for_iam(account):
    key = account.user("bob", allow("*"))
    made = account.cloud.client("sts", **key).get_session_token()["Credentials"]
    with pytest.raises(ClientError, match=r"InvalidClientTokenId"):
        account.session(made, "iam").list_users()
    serial, seed = with_device(account, "bob")
    (now,) = codes(seed, 1)
    made = account.cloud.client("sts", **key).get_session_token(SerialNumber=serial, TokenCode=now)["Credentials"]
    account.session(made, "iam").list_users()


def test_a_code_is_taken_once(account):
    key = account.user("bob")
    serial, seed = with_device(account, "bob")
    sts = account.cloud.client("sts", **key)
    (now,) = codes(seed, 1)
    sts.get_session_token(SerialNumber=serial, TokenCode=now)
    with pytest.raises(ClientError, match=r"MultiFactorAuthentication failed with invalid MFA one time pass code"):
        sts.get_session_token(SerialNumber=serial, TokenCode=now)


def test_a_device_of_another_user_is_no_good(account):
    key = account.user("eve")
    account.user("bob")
    serial, seed = with_device(account, "bob")
    with pytest.raises(ClientError, match=r"unable to validate MFA code"):
        account.cloud.client("sts", **key).get_session_token(SerialNumber=serial, TokenCode=codes(seed, 1)[0])


def test_a_role_may_ask_for_mfa(account):
    trust = trusts({"AWS": account.id}, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})
    role = account.role("r", trust)
    key = account.user("bob", allow("sts:AssumeRole"))
    serial, seed = with_device(account, "bob")
    sts = account.cloud.client("sts", **key)
    with pytest.raises(ClientError, match=r"AccessDenied"):
        sts.assume_role(RoleArn=role, RoleSessionName="me")
    sts.assume_role(RoleArn=role, RoleSessionName="me", SerialNumber=serial, TokenCode=codes(seed, 1)[0])


def test_a_federated_user_may_what_user_and_policy_both_allow(account):
    key = account.user("bob", allow(["sts:GetFederationToken", "sqs:ListQueues"]))
    sts = account.cloud.client("sts", **key)
    made = sts.get_federation_token(Name="guest", Policy=document(allow("sqs:*")))
    assert made["FederatedUser"] == {
        "FederatedUserId": f"{account.id}:guest",
        "Arn": f"arn:aws:sts::{account.id}:federated-user/guest",
    }
    guest = account.session(made["Credentials"], "sqs")
    guest.list_queues()
    with pytest.raises(ClientError, match=r"federated-user/guest is not authorized to perform: sqs:CreateQueue"):
        guest.create_queue(QueueName="q")
    with pytest.raises(ClientError, match=r"InvalidClientTokenId|AccessDenied"):
        account.session(made["Credentials"], "iam").list_users()
    bare = sts.get_federation_token(Name="bare")["Credentials"]
    with pytest.raises(ClientError, match=r"AccessDenied"):
        account.session(bare, "sqs").list_queues()


def test_the_roots_federated_user_has_what_the_policy_allows(account):
    made = account.root("sts").get_federation_token(Name="guest", Policy=document(allow("sqs:ListQueues")))
    guest = account.session(made["Credentials"], "sqs")
    guest.list_queues()
    with pytest.raises(ClientError, match=r"no session policy allows"):
        guest.create_queue(QueueName="q")


def test_a_deleted_users_sessions_are_dead(account):
    key = account.user("bob")
    made = account.cloud.client("sts", **key).get_session_token()["Credentials"]
    iam = account.root()
    iam.delete_access_key(UserName="bob", AccessKeyId=key["key"])
    iam.delete_user(UserName="bob")
    with pytest.raises(ClientError, match=r"InvalidClientTokenId"):
        account.session(made, "sts").get_caller_identity()


def test_the_roots_session_lasts_an_hour(cloud):
    account = Account(cloud)
    made = account.root("sts").get_session_token(DurationSeconds=43200)["Credentials"]
    session = account.session(made, "sts")
    assert session.get_caller_identity()["Arn"].endswith(":root")
    cloud.advance(3601)
    with pytest.raises(ClientError, match=r"ExpiredToken"):
        session.get_caller_identity()


def test_whose_key_it_is(account):
    key = account.user("bob")
    assert account.root("sts").get_access_key_info(AccessKeyId=key["key"])["Account"] == account.id
    with pytest.raises(ClientError, match=r"Invalid Access Key ID"):
        account.root("sts").get_access_key_info(AccessKeyId="AKIANOBODYNOBODY0000")
