"""What Terraform's AWS provider asks for, call by call, and what it takes for an answer.

Source: hashicorp/terraform-provider-aws, internal/service/ec2: the codes in `errors.go`, and each resource's create,
update and delete.
"""

from typing import Any

import pytest

from tests.services.ec2.conftest import allow
from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def vpc(ec2: Any) -> str:
    return str(ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"])


def test_a_security_group_loses_the_outward_rules_that_it_was_made_with(ec2, vpc):
    """aws_security_group revokes both default rules, and takes InvalidPermission.NotFound for the one of IPv6."""
    group = ec2.create_security_group(GroupName="web", Description="Managed by Terraform", VpcId=vpc)["GroupId"]
    ec2.revoke_security_group_egress(
        GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    with refused("InvalidPermission.NotFound"):
        ec2.revoke_security_group_egress(
            GroupId=group, IpPermissions=[{"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]
        )
    [shown] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert shown["IpPermissionsEgress"] == []


def test_in_a_default_vpc_a_rule_of_ipv6_is_told_to_be_unknown(ec2):
    home = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="web", Description="d", VpcId=home)["GroupId"]
    answer = ec2.revoke_security_group_egress(
        GroupId=group, IpPermissions=[{"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]
    )
    assert answer["RevokedSecurityGroupRules"] == []
    assert answer["UnknownIpPermissions"][0]["Ipv6Ranges"] == [{"CidrIpv6": "::/0"}]
    with refused("InvalidParameterValue"):
        ec2.revoke_security_group_egress(
            GroupId=group, IpPermissions=[{"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "banana"}]}]
        )


def test_what_an_attribute_is_already_can_be_said_again(ec2, vpc):
    """aws_vpc and aws_subnet send what changed, false too."""
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableNetworkAddressUsageMetrics={"Value": False})
    for member in ("AssignIpv6AddressOnCreation", "EnableDns64", "EnableResourceNameDnsAAAARecordOnLaunch"):
        ec2.modify_subnet_attribute(SubnetId=subnet, **{member: {"Value": False}})
        with refused("Unsupported", member):
            ec2.modify_subnet_attribute(SubnetId=subnet, **{member: {"Value": True}})
    with refused("Unsupported", "EnableNetworkAddressUsageMetrics"):
        ec2.modify_vpc_attribute(VpcId=vpc, EnableNetworkAddressUsageMetrics={"Value": True})
    with refused("NotImplemented", "DisableLniAtDeviceIndex"):
        ec2.modify_subnet_attribute(SubnetId=subnet, DisableLniAtDeviceIndex={"Value": True})


def test_a_route_may_name_a_nat_gateway_as_a_gateway(ec2, cloud, vpc):
    """aws_route_table: "The AWS API is very forgiving"; the answer shows it as NatGatewayId."""
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    cloud.settle()
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=nat)
    route = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"][-1]
    assert route["NatGatewayId"] == nat
    assert "GatewayId" not in route
    for gateway in ("nat-0123456789abcdef0", "igw-0123456789abcdef0"):
        with refused("InvalidGatewayID.NotFound", f"The gateway ID '{gateway}' does not exist"):
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="9.0.0.0/8", GatewayId=gateway)
    with refused("InvalidParameterValue", "IPv6"):
        ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", GatewayId=nat)


def test_a_secondary_range_that_went_is_not_found_a_second_time(ec2, vpc):
    """aws_vpc_ipv4_cidr_block_association."""
    made = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.2.0.0/16")["CidrBlockAssociation"]["AssociationId"]
    ec2.disassociate_vpc_cidr_block(AssociationId=made)
    with refused("InvalidVpcCidrBlockAssociationID.NotFound"):
        ec2.disassociate_vpc_cidr_block(AssociationId=made)


def test_an_instance_s_root_disk_that_is_too_small_is_a_matter_of_its_mapping(ec2, image):
    mapping = [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 1}}]
    with refused("InvalidBlockDeviceMapping", "is smaller than snapshot"):
        ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, BlockDeviceMappings=mapping)
    with refused("InvalidParameterValue", "Invalid availability zone: [us-west-2a]"):
        ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, Placement={"AvailabilityZone": "us-west-2a"})


def test_a_type_that_aws_has_not_is_told_from_one_that_pileus_has_not(ec2, cloud, launch):
    id = launch()["InstanceId"]
    ec2.stop_instances(InstanceIds=[id])
    cloud.settle()
    with refused("InvalidInstanceAttributeValue", "banana"):
        ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "banana"})
    with refused("Unsupported", "describe-instance-types"):
        ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "u-24tb1.metal"})
    ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "t3.small"})


def test_a_deleted_nat_gateway_has_no_association_any_more(ec2, cloud, vpc):
    """aws_nat_gateway reads it until it is deleted."""
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    cloud.settle()
    ec2.delete_nat_gateway(NatGatewayId=nat)
    cloud.settle()
    [shown] = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"]
    assert shown["State"] == "deleted"
    assert "AssociationId" not in shown["NatGatewayAddresses"][0]


def test_a_detachment_that_is_none_names_the_instance_it_is_attached_to(ec2, cloud, launch):
    """aws_volume_attachment."""
    made = launch()
    volume = made["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    with refused("InvalidAttachment.NotFound", made["InstanceId"]):
        ec2.detach_volume(VolumeId=volume, Device="/dev/sdz")


def test_a_nat_gateway_that_cannot_be_is_made_and_fails(ec2, cloud, vpc):
    """aws_nat_gateway waits for it and tells FailureCode and FailureMessage (EC2 API Reference, "NatGateway")."""
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]
    assert made["State"] == "pending"
    cloud.settle()
    [shown] = ec2.describe_nat_gateways(NatGatewayIds=[made["NatGatewayId"]])["NatGateways"]
    assert (shown["State"], shown["FailureCode"]) == ("failed", "Gateway.NotAttached")
    assert shown["FailureMessage"] == f"Network {vpc} has no Internet gateway attached"

    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    first = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    second = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    cloud.settle()
    shown = {each["NatGatewayId"]: each for each in ec2.describe_nat_gateways()["NatGateways"]}
    assert shown[first]["State"] == "available"
    assert shown[second]["FailureCode"] == "Resource.AlreadyAssociated"

    for id in (second, first):
        ec2.delete_nat_gateway(NatGatewayId=id)
        cloud.settle()
    cloud.advance(3_700)
    assert ec2.describe_nat_gateways()["NatGateways"] == []
    ec2.delete_subnet(SubnetId=subnet)


def test_a_group_of_another_network_is_told_as_such(ec2, cloud, image, launch, vpc):
    """aws_instance, aws_network_interface: with a subnet named, without, and of what is there already."""
    there = ec2.create_security_group(GroupName="there", Description="d", VpcId=vpc)["GroupId"]
    made = launch()
    asked = {"ImageId": image, "MinCount": 1, "MaxCount": 1, "SecurityGroupIds": [there]}
    differs = f"Security group {there} and subnet {made['SubnetId']} belong to different networks."
    with refused("InvalidParameter", differs):
        ec2.run_instances(**asked, SubnetId=made["SubnetId"])
    for call in (
        lambda: ec2.create_network_interface(SubnetId=made["SubnetId"], Groups=[there]),
        lambda: ec2.run_instances(**asked),
        lambda: ec2.modify_instance_attribute(InstanceId=made["InstanceId"], Groups=[there]),
    ):
        with refused("InvalidGroup.NotFound", "You have specified two resources that belong to different networks."):
            call()


def test_a_volume_of_a_snapshot_needs_a_permission_for_the_snapshot(ec2, cloud, jo):
    """Service Authorization Reference, "Actions defined by Amazon EC2": CreateVolume has both types of resources."""
    source = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    cloud.settle()
    snapshot = ec2.create_snapshot(VolumeId=source)["SnapshotId"]
    cloud.settle()
    some = jo(allow("ec2:CreateVolume", "arn:aws:ec2:*:*:volume/*"))
    some.create_volume(AvailabilityZone="us-east-1a", Size=1)
    with refused("UnauthorizedOperation", f"snapshot/{snapshot}"):
        some.create_volume(AvailabilityZone="us-east-1a", SnapshotId=snapshot)
