"""What temporary credentials may not do, and when they are over."""

import base64

import pytest
from botocore.exceptions import ClientError

from pileus.base.clock import SystemClock
from pileus.identity.account import ControlPolicy, Controls, controls
from pileus.identity.devices import code_at
from tests.services.iam.accounts import allow, deny, document, trusts


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


def _assumed(account, key, role, **options):
    sts = account.cloud.client("sts", **key)
    return sts.assume_role(RoleArn=role, RoleSessionName="night", **options)["Credentials"]


def test_a_session_outlives_a_change_of_trust_and_obeys_a_changed_boundary_at_once(account):
    iam, key = account.root(), account.user("bob", allow("sts:AssumeRole"))
    role = account.role("r", {"AWS": account.id}, allow("sqs:*"))
    sqs = account.session(_assumed(account, key, role), "sqs")
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=trusts({"Service": "ec2.amazonaws.com"}))
    sqs.list_queues()
    iam.put_role_permissions_boundary(
        RoleName="r", PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    )
    with pytest.raises(ClientError, match="because no permissions boundary allows"):
        sqs.list_queues()
    iam.delete_role_permissions_boundary(RoleName="r")
    sqs.list_queues()


def test_session_policies_and_boundaries_bind_sts_too(account):
    iam, key = account.root(), account.user("bob", allow("sts:AssumeRole"))
    second = account.role("second", {"AWS": account.id})
    first = account.role("first", {"AWS": account.id}, allow("sts:AssumeRole"))
    only_queues = document(allow("sqs:*"))
    narrow = account.session(_assumed(account, key, first, Policy=only_queues), "sts")
    with pytest.raises(ClientError, match="sts:AssumeRole"):
        narrow.assume_role(RoleArn=second, RoleSessionName="night")
    wide = account.session(_assumed(account, key, first), "sts")
    wide.assume_role(RoleArn=second, RoleSessionName="night")
    iam.put_user_policy(UserName="bob", PolicyName="own", PolicyDocument=document(allow("*")))
    iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    sts = account.cloud.client("sts", **key)
    for call in (
        lambda: sts.assume_role(RoleArn=second, RoleSessionName="night"),
        lambda: sts.get_federation_token(Name="fay"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()


def test_service_control_policies_bind_sts_too(account):
    key = account.user("bob", allow("sts:*"))
    role = account.role("r", {"AWS": f"arn:aws:iam::{account.id}:user/bob"})
    sts = account.cloud.client("sts", **key)
    sts.assume_role(RoleArn=role, RoleSessionName="night")
    level = (ControlPolicy("all", document(allow("*"))), ControlPolicy("no", document(deny("sts:*"))))
    store = account.cloud.app.store
    account.cloud.run(store.transact(lambda tx: controls.put(tx, account.id, record=Controls((level,)))))
    for call in (
        lambda: sts.assume_role(RoleArn=role, RoleSessionName="night"),
        lambda: sts.get_federation_token(Name="fay"),
        lambda: sts.get_access_key_info(AccessKeyId=key["key"]),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
    assert sts.get_caller_identity()["Account"] == account.id


def test_a_federated_user_assumes_no_role_and_calls_no_iam(account):
    key = account.user("bob", allow("*"))
    role = account.role("r", {"AWS": "*"})
    credentials = _federated(account, key)
    with pytest.raises(ClientError) as raised:
        account.session(credentials, "sts").assume_role(RoleArn=role, RoleSessionName="night")
    assert raised.value.response["Error"]["Code"] == "AccessDenied"
    with pytest.raises(ClientError) as raised:
        account.session(credentials, "iam").list_users()
    assert raised.value.response["Error"]["Code"] == "InvalidClientTokenId"


def test_a_deny_without_mfa_holds_for_keys_and_for_sessions_alike(account):
    without = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
    key = account.user("bob", allow("*"), deny("sqs:*", Condition=without))
    plain = {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
    other = account.user("eve", allow("*"), deny("sqs:*", Condition=plain))
    session = account.cloud.client("sts", **other).get_session_token()["Credentials"]
    for sqs in (account.cloud.client("sqs", **key), account.session(session, "sqs")):
        with pytest.raises(ClientError, match="explicit deny"):
            sqs.list_queues()
    # A long-term key has no such key at all: `Bool` alone does not hold for it, as the User Guide warns.
    account.cloud.client("sqs", **other).list_queues()
