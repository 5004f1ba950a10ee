"""What temporary credentials may not do, and when they are over."""

import base64

import pytest
from botocore.exceptions import ClientError

from pileus.base.clock import SystemClock
from pileus.identity.devices import code_at
from tests.services.iam.accounts import allow


def _federated(account, key, name="partner"):
    sts = account.cloud.client("sts", **key)
    return sts.get_federation_token(
        Name=name, Policy='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    )["Credentials"]


def _kinds(account):
    key = account.user("bob", allow("*"))
    yield account.cloud.client("sts", **key).get_session_token()["Credentials"]
    yield _federated(account, key)
    yield account.root("sts").get_session_token()["Credentials"]


def test_sessions_of_users_may_not_ask_sts_for_more_than_who_they_are(account):
    for credentials in _kinds(account):
        sts = account.session(credentials, "sts")
        assert sts.get_caller_identity()["Account"] == account.id
        for call in (
            lambda sts=sts: sts.get_access_key_info(AccessKeyId="AKIAIOSFODNN7EXAMPLE"),
            lambda sts=sts: sts.decode_authorization_message(EncodedMessage="abc"),
            lambda sts=sts: sts.get_session_token(),
            lambda sts=sts: sts.get_federation_token(Name="again"),
        ):
            with pytest.raises(ClientError) as raised:
                call()
            assert raised.value.response["Error"]["Code"] == "AccessDenied"


def test_a_federated_session_dies_with_its_user_and_does_not_pass_to_one_made_again(account):
    iam, key = account.root(), account.user("bob", allow("*"))
    credentials = _federated(account, key)
    account.session(credentials, "sqs").list_queues()
    iam.delete_access_key(UserName="bob", AccessKeyId=key["key"])
    iam.delete_user_policy(UserName="bob", PolicyName="own")
    iam.delete_user(UserName="bob")
    account.user("bob", allow("*"))
    for service, call in (("sqs", "list_queues"), ("sts", "get_caller_identity")):
        with pytest.raises(ClientError) as raised:
            getattr(account.session(credentials, service), call)()
        assert raised.value.response["Error"]["Code"] in ("InvalidClientTokenId", "UnrecognizedClientException")


@pytest.mark.parametrize("kind", ["session", "federated"])
def test_a_session_follows_its_user_through_a_rename_and_not_the_name(account, kind):
    iam, key = account.root(), account.user("bob", allow("sqs:*"), allow("sts:*"))
    if kind == "federated":
        credentials = _federated(account, key)
    else:
        credentials = account.cloud.client("sts", **key).get_session_token()["Credentials"]
    iam.update_user(UserName="bob", NewUserName="robert")
    account.user("bob")
    account.session(credentials, "sqs").list_queues()
    arn = account.session(credentials, "sts").get_caller_identity()["Arn"]
    assert arn.endswith(":user/robert" if kind == "session" else ":federated-user/partner")


def test_a_role_of_another_partition_is_not_assumed(account):
    iam = account.root(region_name="cn-north-1")
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}'
    )
    role = iam.create_role(RoleName="far", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    assert role.startswith("arn:aws-cn:")
    key = account.user("bob", allow("*"))
    with pytest.raises(ClientError) as raised:
        account.cloud.client("sts", **key).assume_role(RoleArn=role, RoleSessionName="far")
    assert raised.value.response["Error"]["Code"] == "AccessDenied"


def test_codes_are_not_guessed_by_trying_them_all(account):
    iam, key = account.root(), account.user("bob")
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="bob")["VirtualMFADevice"]
    seed, step = base64.b32decode(made["Base32StringSeed"]), int(SystemClock().machine()) // 30
    first, second = code_at(seed, step - 1), code_at(seed, step)
    serial = made["SerialNumber"]
    iam.enable_mfa_device(UserName="bob", SerialNumber=serial, AuthenticationCode1=first, AuthenticationCode2=second)
    sts = account.cloud.client("sts", **key)
    right = code_at(seed, step + 1)
    good = {code_at(seed, step + more) for more in range(-3, 4)}
    wrong = [code for code in (f"{number:06d}" for number in range(20)) if code not in good][:5]
    for code in wrong:
        with pytest.raises(ClientError, match="invalid MFA one time pass code"):
            sts.get_session_token(SerialNumber=serial, TokenCode=code)
    with pytest.raises(ClientError, match="too many"):
        sts.get_session_token(SerialNumber=serial, TokenCode=right)
