"""Route tables, and where they send packets."""

import pytest

from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def gateway(ec2, vpc):
    id = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=id, VpcId=vpc)
    return id


@pytest.fixture
def table(ec2, vpc):
    return ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]


@pytest.fixture
def subnet(ec2, vpc):
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]


def routes(ec2, table):
    return ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]


def test_a_subnet_follows_the_main_table_until_it_has_its_own(ec2, vpc, table, subnet, compiled):
    [main] = ec2.describe_route_tables(
        Filters=[{"Name": "association.main", "Values": ["true"]}, {"Name": "vpc-id", "Values": [vpc]}]
    )["RouteTables"]
    assert compiled(vpc).subnets[0].table == main["RouteTableId"]
    made = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    assert compiled(vpc).subnets[0].table == table
    assert ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"] == made["AssociationId"]
    with refused("DependencyViolation", f"The routeTable '{table}' has dependencies and cannot be deleted."):
        ec2.delete_route_table(RouteTableId=table)
    with refused("Resource.AlreadyAssociated"):
        ec2.associate_route_table(RouteTableId=main["RouteTableId"], SubnetId=subnet)
    ec2.disassociate_route_table(AssociationId=made["AssociationId"])
    assert compiled(vpc).subnets[0].table == main["RouteTableId"]
    ec2.delete_route_table(RouteTableId=table)


def test_the_main_table_is_replaced_and_never_taken_away(ec2, vpc, table, subnet, compiled):
    [main] = ec2.describe_route_tables(
        Filters=[{"Name": "association.main", "Values": ["true"]}, {"Name": "vpc-id", "Values": [vpc]}]
    )["RouteTables"]
    association = main["Associations"][0]["RouteTableAssociationId"]
    with refused("InvalidParameterCombination", "cannot disassociate the main route table association"):
        ec2.disassociate_route_table(AssociationId=association)
    new = ec2.replace_route_table_association(AssociationId=association, RouteTableId=table)["NewAssociationId"]
    assert new != association
    assert compiled(vpc).subnets[0].table == table
    ec2.delete_route_table(RouteTableId=main["RouteTableId"])


def test_a_route_is_a_black_hole_while_its_gateway_is_elsewhere(ec2, vpc, gateway, table, compiled):
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert routes(ec2, table)[1] == {
        "DestinationCidrBlock": "0.0.0.0/0",
        "GatewayId": gateway,
        "Origin": "CreateRoute",
        "State": "active",
    }
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert routes(ec2, table)[1]["State"] == "blackhole"
    assert [route.kind for each in compiled(vpc).tables if each.id == table for route in each.routes] == ["blackhole"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert routes(ec2, table)[1]["State"] == "active"


def test_one_destination_has_one_route(ec2, gateway, table):
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    eni = "eni-0123456789abcdef0"
    with refused("InvalidNetworkInterfaceID.NotFound"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NetworkInterfaceId=eni)
    with refused("RouteAlreadyExists", "The route identified by 10.0.0.0/16 already exists."):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.0.0.0/16", GatewayId=gateway)
    with refused("InvalidRoute.NotFound", "no route with destination-cidr-block 1.0.0.0/8 in route table"):
        ec2.delete_route(RouteTableId=table, DestinationCidrBlock="1.0.0.0/8")
    with refused("InvalidParameterValue", "cannot remove local route"):
        ec2.delete_route(RouteTableId=table, DestinationCidrBlock="10.0.0.0/16")
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    assert len(routes(ec2, table)) == 1


def test_another_route_to_the_same_range_must_replace_it(ec2, gateway, table, subnet, plugged):
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    eni = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    with refused("RouteAlreadyExists"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NetworkInterfaceId=eni)
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NetworkInterfaceId=eni)
    assert routes(ec2, table)[1]["State"] == "blackhole"
    plugged(eni, "i-0aaaaaaaaaaaaaaaa")
    [route] = routes(ec2, table)[1:]
    assert (route["State"], route["InstanceId"]) == ("active", "i-0aaaaaaaaaaaaaaaa")


def test_a_gateway_of_another_vpc_is_refused(ec2, table):
    other = ec2.describe_internet_gateways()["InternetGateways"]
    default = next(gateway for gateway in other if gateway["Attachments"])
    with refused("InvalidParameterValue", "belong to different networks"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=default["InternetGatewayId"])


def test_a_prefix_list_of_aws_is_a_destination(ec2, vpc, gateway, table, compiled):
    lists = ec2.describe_managed_prefix_lists()["PrefixLists"]
    s3 = next(found["PrefixListId"] for found in lists if found["PrefixListName"] == "com.amazonaws.us-east-1.s3")
    ec2.create_route(RouteTableId=table, DestinationPrefixListId=s3, GatewayId=gateway)
    [found] = [each for each in compiled(vpc).tables if each.id == table]
    assert [(route.range, route.kind) for route in found.routes] == [("198.18.0.3/32", "internet")]


def test_the_same_token_makes_one_table(ec2, vpc):
    first, second = (ec2.create_route_table(VpcId=vpc, ClientToken="once")["RouteTable"] for _ in range(2))
    assert first == second
    with refused("IdempotentParameterMismatch"):
        ec2.create_route_table(VpcId=ec2.describe_vpcs()["Vpcs"][0]["VpcId"] + "0", ClientToken="once")
