"""Managed and inline policies: validated, versioned, attached, and in force with the next request."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.services.iam.accounts import allow, deny, document

SQS = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"


def test_a_managed_policy_works_through_user_and_group(account, iam):
    key = account.user("bob")
    sqs = account.cloud.client("sqs", **key)
    with pytest.raises(ClientError, match=r"because no identity-based policy allows the sqs:ListQueues action"):
        sqs.list_queues()
    arn = iam.create_policy(PolicyName="lists", PolicyDocument=document(allow("sqs:ListQueues")))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="bob", PolicyArn=arn)
    sqs.list_queues()
    iam.detach_user_policy(UserName="bob", PolicyArn=arn)
    with pytest.raises(ClientError, match=r"AccessDenied"):
        sqs.list_queues()
    iam.create_group(GroupName="devs")
    iam.attach_group_policy(GroupName="devs", PolicyArn=arn)
    iam.add_user_to_group(GroupName="devs", UserName="bob")
    sqs.list_queues()
    iam.remove_user_from_group(GroupName="devs", UserName="bob")
    with pytest.raises(ClientError, match=r"AccessDenied"):
        sqs.list_queues()


def test_the_default_version_is_the_one_in_force(account, iam):
    key = account.user("bob")
    sqs = account.cloud.client("sqs", **key)
    arn = iam.create_policy(PolicyName="p", PolicyDocument=document(allow("sqs:ListQueues")))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="bob", PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(deny("sqs:*")), SetAsDefault=True)
    with pytest.raises(ClientError, match=rf"with an explicit deny in an identity-based policy: {arn}"):
        sqs.list_queues()
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    sqs.list_queues()


def test_versions_are_numbered_onwards_and_five_at_most(iam):
    arn = iam.create_policy(PolicyName="p", PolicyDocument=document(allow("sqs:*")))["Policy"]["Arn"]
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("sqs:*")))
    with pytest.raises(ClientError, match=r"LimitExceeded.*A managed policy can have up to 5 versions."):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("sqs:*")))
    iam.delete_policy_version(PolicyArn=arn, VersionId="v5")
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("sns:*")))["PolicyVersion"]
    assert made["VersionId"] == "v6"
    listed = [one["VersionId"] for one in iam.list_policy_versions(PolicyArn=arn)["Versions"]]
    assert listed == ["v6", "v4", "v3", "v2", "v1"]
    with pytest.raises(ClientError, match=r"DeleteConflict.*Cannot delete the default version of a policy."):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    shown = iam.get_policy_version(PolicyArn=arn, VersionId="v6")["PolicyVersion"]["Document"]
    assert shown["Statement"][0]["Action"] == "sns:*"


def test_a_policy_in_use_or_with_versions_is_not_deleted(account, iam):
    account.user("bob")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=document(allow("sqs:*")))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="bob", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    with pytest.raises(ClientError, match=r"Cannot delete a policy attached to entities."):
        iam.delete_policy(PolicyArn=arn)
    iam.detach_user_policy(UserName="bob", PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("sqs:*")))
    with pytest.raises(ClientError, match=r"This policy has more than one version."):
        iam.delete_policy(PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)
    with pytest.raises(ClientError, match=rf"NoSuchEntity.*Policy {arn} was not found."):
        iam.get_policy(PolicyArn=arn)


def test_an_unknown_managed_policy_is_not_attachable(account, iam):
    account.user("bob")
    arn = "arn:aws:iam::aws:policy/NoSuchPolicyOfAws"
    with pytest.raises(ClientError, match=rf"NoSuchEntity.*Policy {arn} does not exist or is not attachable."):
        iam.attach_user_policy(UserName="bob", PolicyArn=arn)
    with pytest.raises(ClientError, match=r"InvalidInput.*ARN arn:aws:iam::aws:user/policy-of-none is not valid."):
        iam.attach_user_policy(UserName="bob", PolicyArn="arn:aws:iam::aws:user/policy-of-none")


def test_the_policy_of_another_account_is_out_of_reach(account, iam):
    arn = iam.create_policy(PolicyName="p", PolicyDocument=document(allow("sqs:*")))["Policy"]["Arn"]
    other = type(account)(account.cloud).root()
    with pytest.raises(ClientError, match=r"AccessDenied"):
        other.get_policy(PolicyArn=arn)


def test_ten_managed_policies_are_the_most(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=_trusting_ec2())
    for number in range(11):
        made = iam.create_policy(PolicyName=f"p{number}", PolicyDocument=document(allow("sqs:*")))["Policy"]
        if number < 10:
            iam.attach_role_policy(RoleName="r", PolicyArn=made["Arn"])
    with pytest.raises(ClientError, match=r"LimitExceeded.*Cannot exceed quota for PoliciesPerRole: 10"):
        iam.attach_role_policy(RoleName="r", PolicyArn=made["Arn"])


def _trusting_ec2():
    return document({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Syntax errors in policy."),
        (json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*"}]}),
         "Policy statement must contain resources."),
        (document({**allow("sqs:*"), "Principal": "*"}), "Policy document should not specify a principal."),
        (document(allow("sqs")), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    ],
)  # fmt: skip
def test_a_malformed_document_is_refused_in_awss_words(iam, text, message):
    with pytest.raises(ClientError) as caught:
        iam.create_policy(PolicyName="p", PolicyDocument=text)
    assert caught.value.response["Error"]["Code"] == "MalformedPolicyDocument"
    assert caught.value.response["Error"]["Message"] == message


def test_inline_policies_are_kept_listed_and_removed(iam):
    iam.create_group(GroupName="devs")
    text = json.dumps({"Version": "2012-10-17", "Statement": [allow("sqs:*")]}, indent=4)
    for name in ("b", "a"):
        iam.put_group_policy(GroupName="devs", PolicyName=name, PolicyDocument=text)
    assert iam.list_group_policies(GroupName="devs")["PolicyNames"] == ["a", "b"]
    assert iam.get_group_policy(GroupName="devs", PolicyName="a")["PolicyDocument"] == json.loads(text)
    iam.delete_group_policy(GroupName="devs", PolicyName="a")
    with pytest.raises(ClientError, match=r"NoSuchEntity.*The group policy with name a cannot be found."):
        iam.get_group_policy(GroupName="devs", PolicyName="a")


def test_white_space_does_not_count_towards_the_size(iam):
    iam.create_user(UserName="bob")
    roomy = json.dumps({"Version": "2012-10-17", "Statement": [allow("sqs:*")]}) + " " * 5_000
    iam.put_user_policy(UserName="bob", PolicyName="roomy", PolicyDocument=roomy)
    large = document(allow([f"sqs:Action{number:04}" for number in range(120)]))
    with pytest.raises(ClientError, match=r"LimitExceeded.*Maximum policy size of 2048 bytes exceeded for user bob"):
        iam.put_user_policy(UserName="bob", PolicyName="large", PolicyDocument=large)


def test_aws_policies_are_listed_and_read_like_the_account_s_own(iam):
    mine = iam.create_policy(PolicyName="mine", PolicyDocument=document(allow("sqs:*")))["Policy"]["Arn"]
    every = [one["Arn"] for page in iam.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": 7})
             for one in page["Policies"]]  # fmt: skip
    assert len(every) == len(set(every))
    assert mine in every
    assert SQS in every
    assert [one["Arn"] for one in iam.list_policies(Scope="Local")["Policies"]] == [mine]
    assert mine not in [one["Arn"] for one in iam.list_policies(Scope="AWS")["Policies"]]
    assert iam.list_policies(OnlyAttached=True)["Policies"] == []
    version = iam.get_policy(PolicyArn=SQS)["Policy"]["DefaultVersionId"]
    shown = iam.get_policy_version(PolicyArn=SQS, VersionId=version)["PolicyVersion"]["Document"]
    assert shown["Statement"][0]["Action"] == ["sqs:*"]


def test_who_has_a_policy_is_known(account, iam):
    account.user("bob")
    iam.create_group(GroupName="devs")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=_trusting_ec2(), PermissionsBoundary=SQS)
    iam.attach_user_policy(UserName="bob", PolicyArn=SQS)
    iam.attach_group_policy(GroupName="devs", PolicyArn=SQS)
    found = iam.list_entities_for_policy(PolicyArn=SQS)
    assert [one["UserName"] for one in found["PolicyUsers"]] == ["bob"]
    assert [one["GroupName"] for one in found["PolicyGroups"]] == ["devs"]
    assert [one["RoleName"] for one in found["PolicyRoles"]] == ["r"]
    only = iam.list_entities_for_policy(PolicyArn=SQS, PolicyUsageFilter="PermissionsPolicy")
    assert only["PolicyRoles"] == []
    assert [one["PolicyName"] for one in iam.list_attached_user_policies(UserName="bob")["AttachedPolicies"]] == [
        "AmazonSQSFullAccess"
    ]


def test_a_boundary_caps_what_policies_allow(account, iam):
    key = account.user("bob", allow("*"))
    sqs, sts = account.cloud.client("sqs", **key), account.cloud.client("iam", **key)
    iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=SQS)
    sqs.list_queues()
    with pytest.raises(ClientError, match=r"because no permissions boundary allows the iam:ListUsers action"):
        sts.list_users()
    shown = iam.get_user(UserName="bob")["User"]["PermissionsBoundary"]
    assert shown == {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": SQS}
    iam.delete_user_permissions_boundary(UserName="bob")
    sts.list_users()


def test_a_delegated_administrator_may_only_attach_what_the_condition_names(account, iam):
    key = account.user("boss", allow("iam:AttachUserPolicy", Condition={"ArnEquals": {"iam:PolicyARN": SQS}}))
    account.user("bob")
    boss = account.cloud.client("iam", **key)
    boss.attach_user_policy(UserName="bob", PolicyArn=SQS)
    with pytest.raises(ClientError, match=r"AccessDenied"):
        boss.attach_user_policy(UserName="bob", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


def test_users_must_be_made_with_a_boundary_when_the_policy_says_so(account):
    key = account.user("boss", allow("iam:CreateUser", Condition={"StringEquals": {"iam:PermissionsBoundary": SQS}}))
    boss = account.cloud.client("iam", **key)
    with pytest.raises(ClientError, match=r"AccessDenied"):
        boss.create_user(UserName="free")
    boss.create_user(UserName="capped", PermissionsBoundary=SQS)


def test_tags_of_the_user_decide(account, iam):
    mine = {"StringEquals": {"iam:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    key = account.user("boss", allow("iam:DeleteUser", Condition=mine))
    iam.tag_user(UserName="boss", Tags=[{"Key": "team", "Value": "red"}])
    for name, team in (("his", "red"), ("other", "blue")):
        iam.create_user(UserName=name, Tags=[{"Key": "team", "Value": team}])
    boss = account.cloud.client("iam", **key)
    boss.delete_user(UserName="his")
    with pytest.raises(ClientError, match=r"AccessDenied"):
        boss.delete_user(UserName="other")
