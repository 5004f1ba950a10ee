"""NAT gateways, endpoints and prefix lists."""

import pytest

from pileus.drivers import no_drivers
from tests.conftest import TestCloud
from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def vpc(ec2):
    return ec2.describe_vpcs()["Vpcs"][0]["VpcId"]


@pytest.fixture
def subnet(ec2):
    return ec2.describe_subnets()["Subnets"][0]["SubnetId"]


@pytest.fixture
def table(ec2, vpc):
    return ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]


def nat_of(ec2, id):
    return ec2.describe_nat_gateways(NatGatewayIds=[id])["NatGateways"][0]


def test_a_nat_gateway_has_an_interface_and_an_address_of_its_own(cloud, ec2, vpc, subnet, table, realized):
    address = ec2.allocate_address()
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address["AllocationId"])["NatGateway"]
    assert made["State"] == "pending"
    id = made["NatGatewayId"]
    [gateway] = realized()[vpc].nat_gateways
    assert (gateway.id, gateway.subnet, gateway.public) == (id, subnet, address["PublicIp"])
    assert nat_of(ec2, id)["State"] == "available"
    [shown] = nat_of(ec2, id)["NatGatewayAddresses"]
    assert (shown["PublicIp"], shown["PrivateIp"]) == (address["PublicIp"], gateway.private)
    [interface] = ec2.describe_network_interfaces(NetworkInterfaceIds=[shown["NetworkInterfaceId"]])[
        "NetworkInterfaces"
    ]
    assert (interface["RequesterManaged"], interface["InterfaceType"], interface["Status"]) == (
        True,
        "nat_gateway",
        "in-use",
    )
    with refused("InvalidParameterValue", "currently in use"):
        ec2.delete_network_interface(NetworkInterfaceId=shown["NetworkInterfaceId"])
    with refused("AuthFailure"):
        ec2.disassociate_address(AssociationId=shown["AssociationId"])
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=id)
    ec2.delete_nat_gateway(NatGatewayId=id)
    [route] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"][1:]
    assert route["State"] == "blackhole"
    assert vpc not in realized()
    cloud.settle()
    assert nat_of(ec2, id)["State"] == "deleted"
    ec2.release_address(AllocationId=address["AllocationId"])
    cloud.advance(3_700)
    with refused("NatGatewayNotFound", f"NatGateway {id} was not found"):
        nat_of(ec2, id)


def test_a_private_nat_gateway_needs_no_address(ec2, vpc, subnet, compiled):
    with refused("MissingParameter", "AllocationId"):
        ec2.create_nat_gateway(SubnetId=subnet)
    id = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    assert [(each.id, each.public) for each in compiled(vpc).nat_gateways] == [(id, "")]


def test_where_there_can_be_no_networks_a_nat_gateway_fails(tmp_path):
    cloud = TestCloud(tmp_path, drivers=no_drivers)
    try:
        ec2 = cloud.client("ec2")
        subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        id = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
        cloud.settle()
        assert nat_of(ec2, id)["State"] == "failed"
        assert "pileus up" in nat_of(ec2, id)["FailureMessage"]
        ec2.delete_nat_gateway(NatGatewayId=id)
        cloud.settle()
        assert nat_of(ec2, id)["State"] == "deleted"
    finally:
        cloud.stop()


def test_an_endpoint_leads_to_a_service_by_the_tables_it_is_given(ec2, vpc, table, compiled):
    service = "com.amazonaws.us-east-1.s3"
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service, RouteTableIds=[table])["VpcEndpoint"]
    assert (made["State"], made["VpcEndpointType"]) == ("available", "Gateway")
    id = made["VpcEndpointId"]
    [endpoint] = compiled(vpc).endpoints
    assert (endpoint.id, endpoint.addresses) == (id, ("198.18.0.3",))
    [found] = [each for each in compiled(vpc).tables if each.id == table]
    assert [(route.range, route.kind, route.target) for route in found.routes] == [("", "endpoint", id)]
    [route] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"][1:]
    assert route["GatewayId"] == id
    assert route["DestinationPrefixListId"].startswith("pl-")
    with refused("RouteAlreadyExists"):
        ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service, RouteTableIds=[table])
    ec2.modify_vpc_endpoint(VpcEndpointId=id, RemoveRouteTableIds=[table])
    ec2.delete_route_table(RouteTableId=table)
    answer = ec2.delete_vpc_endpoints(VpcEndpointIds=[id, "vpce-0123456789abcdef0"])
    assert [each["ResourceId"] for each in answer["Unsuccessful"]] == ["vpce-0123456789abcdef0"]
    assert compiled(vpc).endpoints == ()


def test_endpoints_that_would_not_be_real_are_refused(ec2, vpc):
    with refused("InvalidParameterValue", "VpcEndpointType is Gateway"):
        ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.sqs", VpcEndpointType="Interface")
    with refused("InvalidServiceName"):
        ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.sqs")
    with refused("InvalidPolicyDocument"):
        ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", PolicyDocument="{}")
    services = ec2.describe_vpc_endpoint_services()["ServiceNames"]
    assert services == ["com.amazonaws.us-east-1.dynamodb", "com.amazonaws.us-east-1.s3"]


@pytest.fixture
def offices(ec2):
    entries = [{"Cidr": "192.0.2.0/24", "Description": "one"}, {"Cidr": "198.51.100.0/24"}]
    return ec2.create_managed_prefix_list(
        PrefixListName="offices", Entries=entries, MaxEntries=3, AddressFamily="IPv4"
    )["PrefixList"]["PrefixListId"]


def test_a_list_is_changed_by_versions_and_can_go_back(ec2, offices):
    change = ec2.modify_managed_prefix_list(
        PrefixListId=offices,
        CurrentVersion=1,
        AddEntries=[{"Cidr": "203.0.113.0/24"}],
        RemoveEntries=[{"Cidr": "192.0.2.0/24"}],
    )["PrefixList"]
    assert change["Version"] == 2

    def entries(**more):
        found = ec2.get_managed_prefix_list_entries(PrefixListId=offices, **more)["Entries"]
        return [entry["Cidr"] for entry in found]

    assert entries() == ["198.51.100.0/24", "203.0.113.0/24"]
    assert entries(TargetVersion=1) == ["192.0.2.0/24", "198.51.100.0/24"]
    with refused("PrefixListVersionMismatch"):
        ec2.modify_managed_prefix_list(PrefixListId=offices, CurrentVersion=1, AddEntries=[{"Cidr": "10.0.0.0/8"}])
    ec2.restore_managed_prefix_list_version(PrefixListId=offices, PreviousVersion=1, CurrentVersion=2)
    assert entries() == ["192.0.2.0/24", "198.51.100.0/24"]
    more = [{"Cidr": "10.0.0.0/8"}, {"Cidr": "11.0.0.0/8"}]
    with refused("PrefixListMaxEntriesExceeded"):
        ec2.modify_managed_prefix_list(PrefixListId=offices, CurrentVersion=3, AddEntries=more)


def test_a_rule_follows_its_list(ec2, vpc, offices, compiled):
    group = ec2.create_security_group(GroupName="web", Description="w")["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "PrefixListIds": [{"PrefixListId": offices}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])

    def ranges():
        [found] = [each for each in compiled(vpc).groups if each.id == group]
        return found.inward[0].ranges

    assert ranges() == ("192.0.2.0/24", "198.51.100.0/24")
    ec2.modify_managed_prefix_list(PrefixListId=offices, CurrentVersion=1, RemoveEntries=[{"Cidr": "192.0.2.0/24"}])
    assert ranges() == ("198.51.100.0/24",)
    used = ec2.get_managed_prefix_list_associations(PrefixListId=offices)["PrefixListAssociations"]
    assert used == [{"ResourceId": group, "ResourceOwner": "000000000000"}]
    with refused("DependencyViolation"):
        ec2.delete_managed_prefix_list(PrefixListId=offices)
    ec2.delete_security_group(GroupId=group)
    ec2.delete_managed_prefix_list(PrefixListId=offices)


def test_aws_lists_are_there_for_everybody_and_belong_to_nobody(cloud, ec2):
    found = ec2.describe_managed_prefix_lists(Filters=[{"Name": "owner-id", "Values": ["AWS"]}])["PrefixLists"]
    assert sorted(each["PrefixListName"] for each in found) == [
        "com.amazonaws.us-east-1.dynamodb",
        "com.amazonaws.us-east-1.s3",
    ]
    with refused("OperationNotPermitted"):
        ec2.delete_managed_prefix_list(PrefixListId=found[0]["PrefixListId"])
    names = {each["PrefixListName"]: each["Cidrs"] for each in ec2.describe_prefix_lists()["PrefixLists"]}
    assert names["com.amazonaws.us-east-1.s3"] == ["198.18.0.3/32"]


def test_the_account_is_told_its_default_vpc(ec2, vpc):
    found = ec2.describe_account_attributes(AttributeNames=["default-vpc", "supported-platforms"])
    values = {each["AttributeName"]: each["AttributeValues"] for each in found["AccountAttributes"]}
    assert values == {
        "default-vpc": [{"AttributeValue": vpc}],
        "supported-platforms": [{"AttributeValue": "VPC"}],
    }
