"""What somebody with few permissions tries, to have more."""

import base64
import json

import pytest
from botocore.exceptions import ClientError

from pileus.base.clock import SystemClock
from pileus.identity.devices import code_at
from tests.services.iam.accounts import allow, deny, document

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def code_of(raised):
    return raised.value.response["Error"]["Code"]


@pytest.mark.parametrize("partition", ["aws-cn", "aws-x", "aws-us-gov"])
def test_an_aws_policy_of_another_partition_is_no_way_around_a_deny_of_its_arn(account, partition):
    forbidden = {"ArnEquals": {"iam:PolicyARN": ADMIN}}
    key = account.user("mallory", allow("iam:*"), deny("iam:AttachUserPolicy", Condition=forbidden))
    mallory = account.cloud.client("iam", **key)
    spelled = ADMIN.replace("arn:aws:", f"arn:{partition}:")
    with pytest.raises(ClientError) as raised:
        mallory.attach_user_policy(UserName="mallory", PolicyArn=spelled)
    assert code_of(raised) == "NoSuchEntity"
    with pytest.raises(ClientError) as raised:
        mallory.get_policy(PolicyArn=spelled)
    assert code_of(raised) == "NoSuchEntity"


def test_a_user_signs_only_for_regions_of_its_own_partition(account):
    key = account.user("mallory", allow("iam:*"), deny("iam:*", "arn:aws:iam::*:user/boss*"))
    abroad = account.cloud.client("iam", region_name="cn-north-1", **key)
    with pytest.raises(ClientError) as raised:
        abroad.create_user(UserName="boss2")
    assert (code_of(raised), raised.value.response["ResponseMetadata"]["HTTPStatusCode"]) == (
        "InvalidClientTokenId",
        403,
    )
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        account.cloud.client("sts", region_name="us-gov-west-1", **key).get_caller_identity()


def test_users_of_another_partition_work_in_its_regions(account):
    root = account.root(region_name="cn-north-1")
    root.create_user(UserName="li")
    root.put_user_policy(UserName="li", PolicyName="own", PolicyDocument=document(allow("iam:GetUser")))
    key = root.create_access_key(UserName="li")["AccessKey"]
    pair = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    li = account.cloud.client("iam", region_name="cn-northwest-1", **pair)
    assert li.get_user()["User"]["Arn"] == f"arn:aws-cn:iam::{account.id}:user/li"
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        account.cloud.client("iam", **pair).get_user()


def test_renaming_a_user_needs_permission_on_the_new_name_too(account):
    account.root().create_user(UserName="temp")
    key = account.user("mallory", allow("iam:UpdateUser", f"arn:aws:iam::{account.id}:user/temp"))
    mallory = account.cloud.client("iam", **key)
    for change in ({"NewUserName": "boss"}, {"NewPath": "/bosses/"}):
        with pytest.raises(ClientError) as raised:
            mallory.update_user(UserName="temp", **change)
        assert code_of(raised) == "AccessDenied"
    own = document(allow("iam:UpdateUser", f"arn:aws:iam::{account.id}:user/team/*"))
    account.root().put_user_policy(UserName="mallory", PolicyName="two", PolicyDocument=own)
    mallory.update_user(UserName="temp", NewPath="/team/")


def test_renaming_a_group_needs_permission_on_the_new_name_too(account):
    account.root().create_group(GroupName="temps")
    key = account.user("mallory", allow("iam:UpdateGroup", f"arn:aws:iam::{account.id}:group/temps"))
    with pytest.raises(ClientError, match=rf"UpdateGroup on resource: arn:aws:iam::{account.id}:group/x/bosses"):
        account.cloud.client("iam", **key).update_group(GroupName="temps", NewGroupName="bosses", NewPath="/x/")


def _device(account, user):
    iam = account.root()
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=user, Tags=[{"Key": "team", "Value": "blue"}])
    seed = base64.b32decode(made["VirtualMFADevice"]["Base32StringSeed"])
    step = int(SystemClock().machine()) // 30
    serial = made["VirtualMFADevice"]["SerialNumber"]
    codes = code_at(seed, step - 1), code_at(seed, step)
    iam.enable_mfa_device(
        UserName=user, SerialNumber=serial, AuthenticationCode1=codes[0], AuthenticationCode2=codes[1]
    )
    return serial


def test_another_users_mfa_device_is_not_shown_to_one_who_may_see_only_its_own(account):
    account.user("boss")
    serial = _device(account, "boss")
    key = account.user("mallory", allow("iam:GetMFADevice", f"arn:aws:iam::{account.id}:user/mallory"))
    with pytest.raises(ClientError) as raised:
        account.cloud.client("iam", **key).get_mfa_device(SerialNumber=serial)
    assert code_of(raised) == "AccessDenied"
    assert account.root().get_mfa_device(SerialNumber=serial)["UserName"] == "boss"


def test_a_role_is_passed_by_its_own_tags_not_by_those_of_the_profile(account):
    iam = account.root()
    account.role("strong", {"Service": "ec2.amazonaws.com"}, Tags=[{"Key": "team", "Value": "red"}])
    iam.create_instance_profile(InstanceProfileName="mine", Tags=[{"Key": "team", "Value": "blue"}])
    mine = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
    key = account.user("mallory", allow("iam:AddRoleToInstanceProfile"), allow("iam:PassRole", Condition=mine))
    mallory = account.cloud.client("iam", **key)
    with pytest.raises(ClientError, match="iam:PassRole"):
        mallory.add_role_to_instance_profile(InstanceProfileName="mine", RoleName="strong")
    iam.tag_role(RoleName="strong", Tags=[{"Key": "team", "Value": "blue"}])
    mallory.add_role_to_instance_profile(InstanceProfileName="mine", RoleName="strong")


def test_tags_of_devices_certificates_and_providers_are_seen_by_policies(account):
    iam = account.root()
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="one", Tags=[{"Key": "team", "Value": "blue"}])[
        "VirtualMFADevice"
    ]["SerialNumber"]
    provider = iam.create_open_id_connect_provider(
        Url="https://issuer.example", ThumbprintList=["0" * 40], Tags=[{"Key": "team", "Value": "blue"}]
    )["OpenIDConnectProviderArn"]
    key = account.user(
        "mallory", allow("iam:*"), deny("iam:*", Condition={"StringEquals": {"aws:ResourceTag/team": "blue"}})
    )
    mallory = account.cloud.client("iam", **key)
    for call in (
        lambda: mallory.delete_virtual_mfa_device(SerialNumber=serial),
        lambda: mallory.untag_mfa_device(SerialNumber=serial, TagKeys=["team"]),
        lambda: mallory.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider),
        lambda: mallory.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="x"),
        lambda: mallory.untag_open_id_connect_provider(OpenIDConnectProviderArn=provider, TagKeys=["team"]),
    ):
        with pytest.raises(ClientError) as raised:
            call()
        assert code_of(raised) == "AccessDenied"


def test_a_deny_of_a_user_holds_for_every_spelling_of_its_name(account):
    account.user("Ann")
    key = account.user("mallory", allow("iam:*"), deny("iam:*", f"arn:aws:iam::{account.id}:user/Ann"))
    mallory = account.cloud.client("iam", **key)
    for name in ("ann", "ANN", "Ann"):
        for call in (
            lambda name=name: mallory.create_access_key(UserName=name),
            lambda name=name: mallory.create_login_profile(UserName=name, Password="Aa1!aaaaaaaa"),
            lambda name=name: mallory.put_user_policy(
                UserName=name, PolicyName="x", PolicyDocument=document(allow("*"))
            ),
            lambda name=name: mallory.update_user(UserName=name, NewUserName="bob"),
        ):
            with pytest.raises(ClientError) as raised:
                call()
            assert code_of(raised) == "AccessDenied"


def test_the_key_of_another_user_is_not_reached_through_ones_own_name(account):
    boss = account.user("boss")
    mine = f"arn:aws:iam::{account.id}:user/${{aws:username}}"
    key = account.user("mallory", allow(["iam:*AccessKey*"], mine))
    mallory = account.cloud.client("iam", **key)
    for options in ({}, {"UserName": "mallory"}):
        with pytest.raises(ClientError) as raised:
            mallory.update_access_key(AccessKeyId=boss["key"], Status="Inactive", **options)
        assert code_of(raised) == "NoSuchEntity"
    with pytest.raises(ClientError) as raised:
        mallory.get_access_key_last_used(AccessKeyId=boss["key"])
    assert code_of(raised) == "AccessDenied"


def test_a_resource_of_another_account_is_out_of_reach_whatever_ones_own_policies_say(account, shared_cloud):
    other = type(account)(shared_cloud)
    arn = other.root().create_policy(PolicyName="theirs", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    key = account.user("mallory", allow("*"))
    mallory = account.cloud.client("iam", **key)
    for call in (
        lambda: mallory.get_policy(PolicyArn=arn),
        lambda: mallory.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("*")), SetAsDefault=True),
        lambda: mallory.delete_policy(PolicyArn=arn),
    ):
        with pytest.raises(ClientError) as raised:
            call()
        assert code_of(raised) == "AccessDenied"
    with pytest.raises(ClientError) as raised:
        mallory.attach_user_policy(UserName="mallory", PolicyArn=arn)
    assert code_of(raised) == "NoSuchEntity"


def test_a_star_in_a_tag_or_name_is_a_star_and_not_a_wildcard(account):
    account.root().create_user(UserName="victim", Path="/red/")
    key = account.user("mallory", allow("iam:GetUser", "arn:aws:iam::*:user/${aws:PrincipalTag/team}/*"))
    account.root().tag_user(UserName="mallory", Tags=[{"Key": "team", "Value": "re+"}])
    sts = account.cloud.client("sts", **account.user("maker", allow("sts:*")))
    role = account.role(
        "tagged",
        {"AWS": account.id},
        allow("iam:GetUser", "arn:aws:iam::*:user/${aws:PrincipalTag/team}/*"),
    )
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": account.id}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
            ],
        }
    )
    account.root().update_assume_role_policy(RoleName="tagged", PolicyDocument=trust)
    # Tag values may not hold a star on AWS; should one get in, it is a character like any other.
    with pytest.raises(ClientError) as raised:
        sts.assume_role(RoleArn=role, RoleSessionName="mall", Tags=[{"Key": "team", "Value": "*"}])
    assert code_of(raised) in ("ValidationError", "AccessDenied")
    with pytest.raises(ClientError) as raised:
        account.cloud.client("iam", **key).get_user(UserName="victim")
    assert code_of(raised) == "AccessDenied"


def test_a_deny_of_an_openid_provider_holds_for_every_spelling_of_its_arn(account):
    iam = account.root()
    arn = iam.create_open_id_connect_provider(Url="https://Issuer.example/Main", ThumbprintList=["0" * 40])[
        "OpenIDConnectProviderArn"
    ]
    key = account.user("mallory", allow("iam:*"), deny("iam:*", arn))
    mallory = account.cloud.client("iam", **key)
    for spelled in (arn.lower(), arn.replace("arn:aws:", "arn:aws-cn:")):
        with pytest.raises(ClientError) as raised:
            mallory.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=spelled, ClientID="mine")
        assert code_of(raised) == "NoSuchEntity"
        mallory.delete_open_id_connect_provider(OpenIDConnectProviderArn=spelled)
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == []


def test_listings_are_asked_for_in_awss_words(account):
    mallory = account.cloud.client("iam", **account.user("mallory"))
    for call, resource in (
        (lambda: mallory.list_users(), f"arn:aws:iam::{account.id}:user/"),
        (lambda: mallory.list_roles(PathPrefix="/team/"), f"arn:aws:iam::{account.id}:role/team/"),
        (lambda: mallory.list_policies(), "policy path /"),
        (lambda: mallory.list_virtual_mfa_devices(), f"arn:aws:iam::{account.id}:mfa/"),
    ):
        with pytest.raises(ClientError, match=rf"on resource: {resource} because no identity-based policy"):
            call()
    key = account.user("eve", allow("iam:List*", f"arn:aws:iam::{account.id}:*"))
    eve = account.cloud.client("iam", **key)
    eve.list_users()
    with pytest.raises(ClientError, match="policy path /"):
        eve.list_policies()
