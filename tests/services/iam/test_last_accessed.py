"""Which services an identity may use, and when it did."""

import pytest
from botocore.exceptions import ClientError

from tests.services.iam.accounts import allow


def details(iam, arn):
    job = iam.generate_service_last_accessed_details(Arn=arn)["JobId"]
    return job, iam.get_service_last_accessed_details(JobId=job)


def test_the_services_a_user_may_use_are_listed_with_the_last_use(account, iam):
    key = account.user("bob", allow(["sqs:ListQueues", "sns:*"]))
    account.cloud.client("sqs", region_name="eu-west-1", **key).list_queues()
    arn = f"arn:aws:iam::{account.id}:user/bob"
    job, answer = details(iam, arn)
    assert answer["JobStatus"] == "COMPLETED"
    sns, sqs = answer["ServicesLastAccessed"]
    assert (sns["ServiceNamespace"], sns["TotalAuthenticatedEntities"]) == ("sns", 0)
    assert (sqs["LastAuthenticatedEntity"], sqs["LastAuthenticatedRegion"]) == (arn, "eu-west-1")
    entities = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="sqs")
    assert [one["EntityInfo"]["Name"] for one in entities["EntityDetailsList"]] == ["bob"]


def test_a_groups_members_and_a_policys_bearers_count(account, iam):
    key = account.user("bob")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="bob")
    policy = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
    iam.attach_group_policy(GroupName="g", PolicyArn=policy)
    account.cloud.client("sqs", **key).list_queues()
    for arn in (f"arn:aws:iam::{account.id}:group/g", policy):
        (sqs,) = details(iam, arn)[1]["ServicesLastAccessed"]
        assert sqs["TotalAuthenticatedEntities"] == 1


def test_which_policies_grant_a_service(account, iam):
    account.user("bob", allow("sqs:*"))
    iam.attach_user_policy(UserName="bob", PolicyArn="arn:aws:iam::aws:policy/PowerUserAccess")
    arn = f"arn:aws:iam::{account.id}:user/bob"
    answer = iam.list_policies_granting_service_access(Arn=arn, ServiceNamespaces=["sqs", "s3"])
    granting = {
        one["ServiceNamespace"]: [policy["PolicyName"] for policy in one["Policies"]]
        for one in answer["PoliciesGrantingServiceAccess"]
    }
    assert granting == {"sqs": ["own", "PowerUserAccess"], "s3": ["PowerUserAccess"]}


def test_actions_are_refused_by_name(account, iam):
    account.user("bob")
    with pytest.raises(ClientError, match=r"NotImplemented.*not of actions"):
        iam.generate_service_last_accessed_details(
            Arn=f"arn:aws:iam::{account.id}:user/bob", Granularity="ACTION_LEVEL"
        )
