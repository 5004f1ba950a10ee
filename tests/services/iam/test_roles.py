"""Roles: trust that follows unique ids, instance profiles, service-linked roles."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.services.iam.accounts import allow, trusts


def test_trust_in_somebody_who_does_not_exist_is_malformed(account, iam):
    nobody = f"arn:aws:iam::{account.id}:user/nobody"
    with pytest.raises(ClientError) as caught:
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusts({"AWS": nobody}))
    assert caught.value.response["Error"] == {
        "Type": "Sender",
        "Code": "MalformedPolicyDocument",
        "Message": f'Invalid principal in policy: "AWS":"{nobody}"',
    }


def test_a_user_made_again_under_the_old_name_inherits_no_trust(account, iam):
    first = account.user("bob", allow("sts:AssumeRole"))
    bob = f"arn:aws:iam::{account.id}:user/bob"
    role = account.role("r", {"AWS": bob})
    account.cloud.client("sts", **first).assume_role(RoleArn=role, RoleSessionName="me")
    unique = iam.get_user(UserName="bob")["User"]["UserId"]
    iam.delete_access_key(UserName="bob", AccessKeyId=first["key"])
    iam.delete_user_policy(UserName="bob", PolicyName="own")
    iam.delete_user(UserName="bob")
    second = account.user("bob", allow("sts:AssumeRole"))
    with pytest.raises(ClientError, match=r"AccessDenied"):
        account.cloud.client("sts", **second).assume_role(RoleArn=role, RoleSessionName="me")
    shown = iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]
    assert shown["Statement"][0]["Principal"] == {"AWS": unique}


def test_a_session_dies_with_its_role(account, iam):
    key = account.user("bob", allow("sts:AssumeRole"))
    role = account.role("r", {"AWS": account.id})
    made = account.cloud.client("sts", **key).assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    sts = account.session(made, "sts")
    assert sts.get_caller_identity()["Arn"].endswith(":assumed-role/r/me")
    iam.delete_role(RoleName="r")
    with pytest.raises(ClientError, match=r"InvalidClientTokenId"):
        sts.get_caller_identity()
    account.role("r", {"AWS": account.id})
    with pytest.raises(ClientError, match=r"InvalidClientTokenId"):
        sts.get_caller_identity()


def test_a_role_is_updated_and_remembers_its_last_use(account, iam):
    key = account.user("bob", allow("sts:AssumeRole"))
    role = account.role("r", {"AWS": account.id})
    iam.update_role(RoleName="r", Description="reads", MaxSessionDuration=7200)
    shown = iam.get_role(RoleName="r")["Role"]
    assert (shown["Description"], shown["MaxSessionDuration"], shown["RoleLastUsed"]) == ("reads", 7200, {})
    made = account.cloud.client("sts", **key).assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    account.session(made, "sts").get_caller_identity()
    assert iam.get_role(RoleName="r")["Role"]["RoleLastUsed"]["Region"] == "us-east-1"
    assert [one["RoleName"] for one in iam.list_roles()["Roles"]] == ["r"]


def test_a_changed_trust_policy_decides_the_next_call(account, iam):
    key = account.user("bob", allow("sts:AssumeRole"))
    role = account.role("r", {"AWS": account.id})
    sts = account.cloud.client("sts", **key)
    sts.assume_role(RoleArn=role, RoleSessionName="me")
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=trusts({"Service": "ec2.amazonaws.com"}))
    with pytest.raises(ClientError, match=r"AccessDenied"):
        sts.assume_role(RoleArn=role, RoleSessionName="me")


def test_an_instance_profile_carries_one_role(account, iam):
    account.role("r", {"Service": "ec2.amazonaws.com"})
    account.role("other", {"Service": "ec2.amazonaws.com"})
    made = iam.create_instance_profile(InstanceProfileName="p", Path="/web/")["InstanceProfile"]
    assert made["Arn"] == f"arn:aws:iam::{account.id}:instance-profile/web/p"
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    with pytest.raises(ClientError, match=r"LimitExceeded"):
        iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="other")
    found = iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"]
    assert [one["Roles"][0]["RoleName"] for one in found] == ["r"]
    with pytest.raises(ClientError, match=r"must remove roles from instance profile first"):
        iam.delete_role(RoleName="r")
    with pytest.raises(ClientError, match=r"must remove roles from instance profile first"):
        iam.delete_instance_profile(InstanceProfileName="p")
    iam.remove_role_from_instance_profile(InstanceProfileName="p", RoleName="r")
    iam.delete_instance_profile(InstanceProfileName="p")
    iam.delete_role(RoleName="r")


def test_passing_a_role_needs_permission(account, iam):
    account.role("r", {"Service": "ec2.amazonaws.com"})
    iam.create_instance_profile(InstanceProfileName="p")
    key = account.user("bob", allow("iam:AddRoleToInstanceProfile"))
    with pytest.raises(ClientError, match=r"iam:PassRole on resource"):
        account.cloud.client("iam", **key).add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")


def test_a_service_linked_role_is_made_for_its_service_and_deleted_by_a_task(account, iam):
    made = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="mine")["Role"]
    assert made["Arn"] == (
        f"arn:aws:iam::{account.id}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_mine"
    )
    with pytest.raises(ClientError, match=r"UnmodifiableEntity"):
        iam.delete_role(RoleName=made["RoleName"])
    (attached,) = iam.list_attached_role_policies(RoleName=made["RoleName"])["AttachedPolicies"]
    assert attached["PolicyName"] == "AutoScalingServiceRolePolicy"
    answer = iam.simulate_principal_policy(PolicySourceArn=made["Arn"], ActionNames=["ec2:RunInstances"])
    assert answer["EvaluationResults"][0]["EvalDecision"] == "allowed"
    task = iam.delete_service_linked_role(RoleName=made["RoleName"])["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    with pytest.raises(ClientError, match=r"NoSuchEntity"):
        iam.get_role(RoleName=made["RoleName"])
    with pytest.raises(ClientError, match=r"Custom suffix is not allowed"):
        iam.create_service_linked_role(AWSServiceName="events.amazonaws.com", CustomSuffix="mine")


def test_a_linked_role_that_could_do_nothing_is_refused_by_name(iam):
    with pytest.raises(ClientError, match=r"AmazonRDSServiceRolePolicy") as raised:
        iam.create_service_linked_role(AWSServiceName="rds.amazonaws.com")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    with pytest.raises(ClientError, match=r"nosuch.amazonaws.com") as raised:
        iam.create_service_linked_role(AWSServiceName="nosuch.amazonaws.com")
    assert raised.value.response["Error"]["Code"] == "InvalidInput"


def test_the_service_of_a_linked_role_is_a_condition_key(account):
    only = {"StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}}
    key = account.user("bob", allow("iam:CreateServiceLinkedRole", Condition=only))
    bob = account.cloud.client("iam", **key)
    bob.create_service_linked_role(AWSServiceName="elasticloadbalancing.amazonaws.com")
    with pytest.raises(ClientError, match=r"AccessDenied"):
        bob.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")


def test_documents_come_back_as_they_were_given(account, iam):
    root = f"arn:aws:iam::{account.id}:root"
    text = json.dumps(json.loads(trusts({"AWS": root})), indent=3)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=text)
    assert iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"] == json.loads(text)
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=trusts({"AWS": [account.id]}))
    shown = iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]
    assert shown["Statement"][0]["Principal"] == {"AWS": [root]}
