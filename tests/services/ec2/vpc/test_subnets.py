"""Subnets and the internet gateway."""

import pytest

from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


def test_a_subnet_lies_in_a_zone_and_keeps_five_addresses_to_itself(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/28", AvailabilityZone="us-east-1c")["Subnet"]
    assert (subnet["AvailabilityZone"], subnet["AvailabilityZoneId"]) == ("us-east-1c", "use1-az3")
    assert subnet["AvailableIpAddressCount"] == 11
    assert (subnet["DefaultForAz"], subnet["MapPublicIpOnLaunch"], subnet["State"]) == (False, False, "available")


def test_subnets_without_a_zone_spread(ec2, vpc):
    made = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"] for number in range(3)]
    assert [subnet["AvailabilityZone"] for subnet in made] == ["us-east-1a", "us-east-1b", "us-east-1c"]


@pytest.mark.parametrize("cidr", ["10.1.0.0/24", "10.0.0.0/29", "10.0.0.0/15"])
def test_a_range_outside_the_vpcs_or_of_a_wrong_size_is_refused(ec2, vpc, cidr):
    with refused("InvalidSubnet.Range", f"The CIDR '{cidr}' is invalid."):
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)


def test_ranges_do_not_overlap(ec2, vpc):
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/20")
    with refused("InvalidSubnet.Conflict", "The CIDR '10.0.1.0/24' conflicts with another subnet"):
        ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")


def test_a_zone_there_is_not_is_refused(ec2, vpc):
    with refused("InvalidParameterValue", "us-east-1z"):
        ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1z")


def test_whether_machines_get_public_addresses_is_the_subnets(ec2, vpc):
    id = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=id, MapPublicIpOnLaunch={"Value": True})
    filters = [{"Name": "map-public-ip-on-launch", "Values": ["true"]}, {"Name": "vpc-id", "Values": [vpc]}]
    assert [subnet["SubnetId"] for subnet in ec2.describe_subnets(Filters=filters)["Subnets"]] == [id]


def test_a_default_subnet_that_was_deleted_can_be_made_again(ec2):
    subnet = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": ["us-east-1b"]}])["Subnets"][0]
    with refused("DefaultSubnetAlreadyExistsInAvailabilityZone"):
        ec2.create_default_subnet(AvailabilityZone="us-east-1b")
    ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    again = ec2.create_default_subnet(AvailabilityZone="us-east-1b")["Subnet"]
    assert (again["CidrBlock"], again["DefaultForAz"]) == (subnet["CidrBlock"], True)


def test_an_internet_gateway_serves_one_vpc_and_a_vpc_has_one(ec2, vpc, compiled):
    first, second = (ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"] for _ in range(2))
    assert compiled(vpc).internet is False
    ec2.attach_internet_gateway(InternetGatewayId=first, VpcId=vpc)
    assert compiled(vpc).internet is True
    with refused("InvalidParameterValue", f"Network {vpc} already has an internet gateway attached"):
        ec2.attach_internet_gateway(InternetGatewayId=second, VpcId=vpc)
    with refused("Resource.AlreadyAssociated"):
        ec2.attach_internet_gateway(InternetGatewayId=first, VpcId=vpc)
    with refused("DependencyViolation"):
        ec2.delete_internet_gateway(InternetGatewayId=first)
    with refused("Gateway.NotAttached", f"resource {second} is not attached to network {vpc}"):
        ec2.detach_internet_gateway(InternetGatewayId=second, VpcId=vpc)
    ec2.detach_internet_gateway(InternetGatewayId=first, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=first)
