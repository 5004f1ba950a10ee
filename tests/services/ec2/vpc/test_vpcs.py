"""VPCs and what each comes with."""

import pytest

from tests.services.ec2.vpc.refusing import refused


def of(vpc):
    return [{"Name": "vpc-id", "Values": [vpc]}]


def test_a_region_nobody_looked_at_has_a_default_vpc(ec2):
    [vpc] = ec2.describe_vpcs()["Vpcs"]
    assert (vpc["CidrBlock"], vpc["IsDefault"], vpc["State"]) == ("172.31.0.0/16", True, "available")
    subnets = sorted(ec2.describe_subnets()["Subnets"], key=lambda subnet: subnet["AvailabilityZone"])
    assert [subnet["AvailabilityZone"][-1] for subnet in subnets] == list("abcdef")
    assert subnets[1]["CidrBlock"] == "172.31.16.0/20"
    assert all(subnet["MapPublicIpOnLaunch"] and subnet["DefaultForAz"] for subnet in subnets)
    assert {subnet["AvailableIpAddressCount"] for subnet in subnets} == {4091}
    [gateway] = ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}])[
        "InternetGateways"
    ]
    [table] = ec2.describe_route_tables(Filters=of(vpc["VpcId"]))["RouteTables"]
    assert [(route["DestinationCidrBlock"], route["GatewayId"]) for route in table["Routes"]] == [
        ("172.31.0.0/16", "local"),
        ("0.0.0.0/0", gateway["InternetGatewayId"]),
    ]
    assert table["Associations"][0]["Main"] is True
    [group] = ec2.describe_security_groups()["SecurityGroups"]
    assert group["GroupName"] == "default"
    [inward] = group["IpPermissions"]
    assert (inward["IpProtocol"], inward["UserIdGroupPairs"][0]["GroupId"]) == ("-1", group["GroupId"])
    options = ec2.describe_dhcp_options(DhcpOptionsIds=[vpc["DhcpOptionsId"]])["DhcpOptions"][0]
    assert {"Key": "domain-name", "Values": [{"Value": "ec2.internal"}]} in options["DhcpConfigurations"]


def test_another_region_has_a_default_vpc_of_its_own(cloud, ec2):
    elsewhere = cloud.client("ec2", region_name="eu-west-1")
    [there], [here] = elsewhere.describe_vpcs()["Vpcs"], ec2.describe_vpcs()["Vpcs"]
    assert there["VpcId"] != here["VpcId"]
    assert len(elsewhere.describe_subnets()["Subnets"]) == 3


def test_the_defaults_are_made_once(cloud, ec2):
    before = ec2.describe_vpcs()["Vpcs"]
    cloud.restart()
    assert cloud.client("ec2").describe_vpcs()["Vpcs"] == before


def test_a_vpc_comes_with_a_table_a_list_and_a_group_and_goes_with_them(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.3.7/16")["Vpc"]
    assert vpc["CidrBlock"] == "10.0.0.0/16"
    assert vpc["CidrBlockAssociationSet"][0]["CidrBlockState"] == {"State": "associated"}
    id = vpc["VpcId"]
    for kind in ("route_tables", "security_groups"):
        assert len(getattr(ec2, f"describe_{kind}")(Filters=of(id))["".join(p.title() for p in kind.split("_"))]) == 1
    ec2.delete_vpc(VpcId=id)
    for kind in ("route_tables", "security_groups", "vpcs"):
        assert getattr(ec2, f"describe_{kind}")(Filters=of(id))["".join(p.title() for p in kind.split("_"))] == []
    with refused("InvalidVpcID.NotFound", f"The vpc ID '{id}' does not exist"):
        ec2.describe_vpcs(VpcIds=[id])


def test_a_vpc_with_a_subnet_is_not_deleted(ec2):
    id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=id, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    with refused("DependencyViolation", f"The vpc '{id}' has dependencies and cannot be deleted."):
        ec2.delete_vpc(VpcId=id)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=id)


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "10.0.0.0/29", "127.0.0.0/16", "169.254.0.0/16"])
def test_a_range_that_no_vpc_may_have_is_refused(ec2, cidr):
    with refused("InvalidVpc.Range", f"The CIDR '{cidr}' is invalid."):
        ec2.create_vpc(CidrBlock=cidr)


def test_what_is_no_range_is_refused(ec2):
    with refused("InvalidParameterValue", "This is not a valid CIDR block."):
        ec2.create_vpc(CidrBlock="10.0.0/16")


def test_the_sixth_vpc_of_a_region_is_one_too_many(ec2):
    for number in range(4):
        ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")
    with refused("VpcLimitExceeded"):
        ec2.create_vpc(CidrBlock="10.9.0.0/16")


def test_ipv6_is_refused_by_name(ec2):
    with refused("InvalidParameterValue", "AmazonProvidedIpv6CidrBlock"):
        ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)
    with refused("NotImplemented", "Ipv6CidrBlock"):
        ec2.create_vpc(CidrBlock="10.0.0.0/16", Ipv6CidrBlock="2001:db8::/56", Ipv6Pool="x")


def test_tags_given_at_creation_are_there_and_can_be_searched_for(ec2):
    ec2.create_vpc(
        CidrBlock="10.0.0.0/16",
        TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "shop"}]}],
    )
    [vpc] = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["sh*"]}])["Vpcs"]
    assert vpc["Tags"] == [{"Key": "Name", "Value": "shop"}]


def test_a_dry_run_makes_nothing(ec2):
    with refused("DryRunOperation"):
        ec2.create_vpc(CidrBlock="10.0.0.0/16", DryRun=True)
    assert len(ec2.describe_vpcs()["Vpcs"]) == 1


def test_attributes_of_names(ec2, compiled):
    id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    asked = ec2.describe_vpc_attribute(VpcId=id, Attribute="enableDnsHostnames")
    assert asked["EnableDnsHostnames"] == {"Value": False}
    ec2.modify_vpc_attribute(VpcId=id, EnableDnsSupport={"Value": False})
    assert compiled(id).resolver is False
    with refused("InvalidParameterCombination"):
        ec2.modify_vpc_attribute(VpcId=id, EnableDnsSupport={"Value": True}, EnableDnsHostnames={"Value": True})


def test_a_further_range_is_local_and_goes_once_it_is_empty(ec2, compiled):
    id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.associate_vpc_cidr_block(VpcId=id, CidrBlock="10.1.0.0/16")["CidrBlockAssociation"]
    assert compiled(id).ranges == ("10.0.0.0/16", "10.1.0.0/16")
    [table] = ec2.describe_route_tables(Filters=of(id))["RouteTables"]
    assert [route["DestinationCidrBlock"] for route in table["Routes"]] == ["10.0.0.0/16", "10.1.0.0/16"]
    subnet = ec2.create_subnet(VpcId=id, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    with refused("DependencyViolation"):
        ec2.disassociate_vpc_cidr_block(AssociationId=made["AssociationId"])
    ec2.delete_subnet(SubnetId=subnet)
    ec2.disassociate_vpc_cidr_block(AssociationId=made["AssociationId"])
    assert compiled(id).ranges == ("10.0.0.0/16",)


def test_the_primary_range_stays_and_others_must_suit_it(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]
    with refused("OperationNotPermitted"):
        ec2.disassociate_vpc_cidr_block(AssociationId=vpc["CidrBlockAssociationSet"][0]["AssociationId"])
    with refused("InvalidVpc.Range"):
        ec2.associate_vpc_cidr_block(VpcId=vpc["VpcId"], CidrBlock="192.168.0.0/16")


def test_the_default_vpc_can_be_deleted_and_made_again(ec2):
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    with refused("DefaultVpcAlreadyExists"):
        ec2.create_default_vpc()
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    gateway = ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"]
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_vpcs()["Vpcs"] == []
    with refused("VPCIdNotSpecified"):
        ec2.create_security_group(GroupName="web", Description="web")
    made = ec2.create_default_vpc()["Vpc"]
    assert made["IsDefault"] is True
    assert len(ec2.describe_subnets(Filters=of(made["VpcId"]))["Subnets"]) == 6


def test_pages_hold_as_many_as_asked_and_miss_none(ec2):
    ids = {ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"] for number in range(4)}
    found = [page["Vpcs"] for page in ec2.get_paginator("describe_vpcs").paginate(MaxResults=5)]
    assert ids <= {vpc["VpcId"] for page in found for vpc in page}


def test_options_are_made_chosen_and_kept_while_they_are_used(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_dhcp_options(
        DhcpConfigurations=[
            {"Key": "domain-name", "Values": ["example.org"]},
            {"Key": "domain-name-servers", "Values": ["10.0.0.2", "10.0.0.3"]},
        ]
    )["DhcpOptions"]
    ec2.associate_dhcp_options(DhcpOptionsId=made["DhcpOptionsId"], VpcId=vpc)
    with refused("DependencyViolation"):
        ec2.delete_dhcp_options(DhcpOptionsId=made["DhcpOptionsId"])
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    ec2.delete_dhcp_options(DhcpOptionsId=made["DhcpOptionsId"])
    with refused("InvalidDhcpOptionID.NotFound"):
        ec2.describe_dhcp_options(DhcpOptionsIds=[made["DhcpOptionsId"]])
