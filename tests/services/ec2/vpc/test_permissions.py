"""Who may do what in which network."""

import json

import pytest

from pileus.model import iam as iam_facts
from pileus.services.ec2 import ec2 as service
from tests.services.ec2.vpc.refusing import refused

HERE = "arn:aws:ec2:us-east-1:000000000000:"


@pytest.fixture
def vpcs(ec2):
    return [ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"] for number in range(2)]


@pytest.fixture
def jo(cloud):
    """A function that gives a client whose user may do what the statements say."""
    iam = cloud.client("iam")

    def made(*statements):
        iam.create_user(UserName="jo")
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(UserName="jo", PolicyName="p", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName="jo")["AccessKey"]
        return cloud.client("ec2", key["AccessKeyId"], key["SecretAccessKey"])

    return made


def allow(action, resource="*", **condition):
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": {"StringEquals": condition}} if condition else {})


def test_subnets_are_made_in_one_vpc_only(jo, vpcs):
    mine = f"{HERE}vpc/{vpcs[0]}"
    client = jo(allow("ec2:CreateSubnet", mine), allow("ec2:CreateSubnet", f"{HERE}subnet/*", **{"ec2:Vpc": mine}))
    client.create_subnet(VpcId=vpcs[0], CidrBlock="10.0.1.0/24")
    with refused("UnauthorizedOperation"):
        client.create_subnet(VpcId=vpcs[1], CidrBlock="10.1.1.0/24")


def test_what_lies_in_a_vpc_is_known_by_it(jo, ec2, vpcs):
    mine, other = (ec2.create_security_group(GroupName="web", Description="w", VpcId=vpc)["GroupId"] for vpc in vpcs)
    client = jo(allow("ec2:DeleteSecurityGroup", **{"ec2:Vpc": f"{HERE}vpc/{vpcs[0]}"}))
    client.delete_security_group(GroupId=mine)
    with refused("UnauthorizedOperation"):
        client.delete_security_group(GroupId=other)


def test_tags_decide_of_what_there_is_and_of_what_is_made(jo, ec2, vpcs):
    ec2.create_tags(Resources=[vpcs[0]], Tags=[{"Key": "team", "Value": "blue"}])
    client = jo(
        allow("ec2:DeleteVpc", **{"aws:ResourceTag/team": "blue"}),
        allow("ec2:CreateVpc", **{"aws:RequestTag/team": "blue"}),
        allow("ec2:CreateTags", **{"ec2:CreateAction": "CreateVpc"}),
    )
    client.delete_vpc(VpcId=vpcs[0])
    with refused("UnauthorizedOperation"):
        client.delete_vpc(VpcId=vpcs[1])
    tagged = [{"ResourceType": "vpc", "Tags": [{"Key": "team", "Value": "blue"}]}]
    made = client.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged)["Vpc"]
    assert made["Tags"] == [{"Key": "team", "Value": "blue"}]
    tagged[0]["Tags"][0]["Value"] = "red"
    for more in ({}, {"TagSpecifications": tagged}):
        with refused("UnauthorizedOperation"):
            client.create_vpc(CidrBlock="10.0.0.0/16", **more)
    with refused("UnauthorizedOperation"):
        client.create_tags(Resources=[vpcs[1]], Tags=[{"Key": "team", "Value": "blue"}])


def test_a_dry_run_asks_for_permission(jo, vpcs):
    client = jo(allow("ec2:CreateVpc"))
    with refused("DryRunOperation"):
        client.create_vpc(CidrBlock="10.0.0.0/16", DryRun=True)
    with refused("UnauthorizedOperation"):
        client.delete_vpc(VpcId=vpcs[0], DryRun=True)


def test_no_operation_is_asked_for_a_resource_that_iam_does_not_know_for_it():
    """Else a policy would allow here what AWS denies: lists are of everything."""
    told = [
        name
        for name, operation in service.operations.items()
        if not iam_facts.arn_templates(operation.action) and operation._resource is not None
    ]
    assert told == []
