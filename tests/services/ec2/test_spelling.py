"""EC2's own spelling of what is wrong: its codes follow no rule, and tools compare them.

Source: EC2 API Reference, "Error codes for the Amazon EC2 API".
"""

from typing import Any

import pytest

from tests.services.ec2.vpc.refusing import refused

UNKNOWN = "0123456789abcdef0"
IDS = [
    ("describe_vpcs", "VpcIds", "vpc", "InvalidVpcID.NotFound", "InvalidVpcID.Malformed"),
    ("describe_subnets", "SubnetIds", "subnet", "InvalidSubnetID.NotFound", "InvalidSubnetID.Malformed"),
    ("describe_instances", "InstanceIds", "i", "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"),
    ("describe_volumes", "VolumeIds", "vol", "InvalidVolume.NotFound", "InvalidVolumeID.Malformed"),
    ("describe_snapshots", "SnapshotIds", "snap", "InvalidSnapshot.NotFound", "InvalidSnapshotID.Malformed"),
    ("describe_images", "ImageIds", "ami", "InvalidAMIID.NotFound", "InvalidAMIID.Malformed"),
    ("describe_security_groups", "GroupIds", "sg", "InvalidGroup.NotFound", "InvalidGroupId.Malformed"),
    (
        "describe_security_group_rules",
        "SecurityGroupRuleIds",
        "sgr",
        "InvalidSecurityGroupRuleId.NotFound",
        "InvalidSecurityGroupRuleId.Malformed",
    ),
    ("describe_route_tables", "RouteTableIds", "rtb", "InvalidRouteTableID.NotFound", "InvalidRouteTableId.Malformed"),
    (
        "describe_internet_gateways",
        "InternetGatewayIds",
        "igw",
        "InvalidInternetGatewayID.NotFound",
        "InvalidInternetGatewayId.Malformed",
    ),
    ("describe_nat_gateways", "NatGatewayIds", "nat", "NatGatewayNotFound", "NatGatewayMalformed"),
    (
        "describe_network_interfaces",
        "NetworkInterfaceIds",
        "eni",
        "InvalidNetworkInterfaceID.NotFound",
        "InvalidNetworkInterfaceId.Malformed",
    ),
    ("describe_network_acls", "NetworkAclIds", "acl", "InvalidNetworkAclID.NotFound", "InvalidNetworkAclId.Malformed"),
    (
        "describe_dhcp_options",
        "DhcpOptionsIds",
        "dopt",
        "InvalidDhcpOptionID.NotFound",
        "InvalidDhcpOptionsId.Malformed",
    ),
    (
        "describe_vpc_peering_connections",
        "VpcPeeringConnectionIds",
        "pcx",
        "InvalidVpcPeeringConnectionID.NotFound",
        "InvalidVpcPeeringConnectionId.Malformed",
    ),
    (
        "describe_vpc_endpoints",
        "VpcEndpointIds",
        "vpce",
        "InvalidVpcEndpointId.NotFound",
        "InvalidVpcEndpointId.Malformed",
    ),
    (
        "describe_managed_prefix_lists",
        "PrefixListIds",
        "pl",
        "InvalidPrefixListID.NotFound",
        "InvalidPrefixListId.Malformed",
    ),
    # Of these the list has no code for what is no id.
    ("describe_addresses", "AllocationIds", "eipalloc", "InvalidAllocationID.NotFound", "InvalidAllocationID.NotFound"),
    ("describe_flow_logs", "FlowLogIds", "fl", "InvalidFlowLogId.NotFound", "InvalidFlowLogId.NotFound"),
    ("describe_key_pairs", "KeyPairIds", "key", "InvalidKeyPair.NotFound", "InvalidKeyPair.NotFound"),
]


@pytest.fixture
def ec2(shared_cloud: Any) -> Any:
    return shared_cloud.client("ec2")


@pytest.mark.parametrize(("operation", "member", "prefix", "unknown", "malformed"), IDS)
def test_an_unknown_id_and_what_is_no_id_have_codes_of_their_own(ec2, operation, member, prefix, unknown, malformed):
    with refused(unknown, UNKNOWN):
        getattr(ec2, operation)(**{member: [f"{prefix}-{UNKNOWN}"]})
    with refused(malformed, "banana"):
        getattr(ec2, operation)(**{member: ["banana"]})


@pytest.mark.parametrize(
    ("operation", "request_", "code"),
    [
        ("describe_images", {"Owners": ["banana"]}, "InvalidUserID.Malformed"),
        ("describe_images", {"ExecutableUsers": ["banana"]}, "InvalidUserID.Malformed"),
        ("describe_snapshots", {"OwnerIds": ["banana"]}, "InvalidUserID.Malformed"),
        ("describe_snapshots", {"RestorableByUserIds": ["banana"]}, "InvalidUserID.Malformed"),
        ("create_volume", {"AvailabilityZone": "us-east-1z", "Size": 1}, "InvalidZone.NotFound"),
        ("create_volume", {"AvailabilityZoneId": "use1-az99", "Size": 1}, "InvalidZone.NotFound"),
        (
            "create_volume",
            {"AvailabilityZone": "us-east-1a", "Size": 1, "VolumeType": "banana"},
            "UnknownVolumeType",
        ),
        (
            "disassociate_vpc_cidr_block",
            {"AssociationId": f"vpc-cidr-assoc-{UNKNOWN}"},
            "InvalidVpcCidrBlockAssociationID.NotFound",
        ),
    ],
)
def test_what_is_wrong_is_called_as_in_aws(ec2, operation, request_, code):
    with refused(code):
        getattr(ec2, operation)(**request_)


@pytest.mark.parametrize("owner", ["self", "amazon", "aws-marketplace", "111111111111"])
def test_owners_are_accounts_or_words(ec2, owner):
    assert "Images" in ec2.describe_images(Owners=[owner])


def test_two_unknown_images_are_named_together(ec2):
    with refused(
        "InvalidAMIID.NotFound", "The image ids '[ami-0123456789abcdef0, ami-0123456789abcdef1]' do not exist"
    ):
        ec2.describe_images(ImageIds=["ami-0123456789abcdef0", "ami-0123456789abcdef1"])


def test_a_group_s_description_is_refused_for_what_it_is(ec2):
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    for text, why in (("<x>", "Valid descriptions are strings less than 256"), ("\u00e9", "beyond ASCII")):
        with refused("InvalidParameterValue", why):
            ec2.create_security_group(GroupName="g", Description=text, VpcId=vpc)


def test_a_denial_begins_as_ec2_s_do(shared_cloud):
    iam = shared_cloud.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    with refused("UnauthorizedOperation", "You are not authorized to perform this operation. User: arn:aws:iam::"):
        shared_cloud.client("ec2", key["AccessKeyId"], key["SecretAccessKey"]).describe_vpcs()
