"""Elastic addresses, and those of Amazon's pool."""

import pytest

from pileus.services.ec2.vpc import joining
from tests.services.ec2.vpc.conftest import acting
from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def vpc(ec2):
    return ec2.describe_vpcs()["Vpcs"][0]["VpcId"]


@pytest.fixture
def interfaces(ec2):
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    return [ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"] for _ in range(2)]


def test_the_lowest_free_address_is_given_first(ec2, cloud):
    first, second = ec2.allocate_address(), ec2.allocate_address()
    assert (first["PublicIp"], second["PublicIp"]) == ("198.18.0.16", "198.18.0.17")
    elsewhere = cloud.client("ec2", region_name="eu-west-1")
    assert elsewhere.allocate_address()["PublicIp"] == "198.18.0.18"
    ec2.release_address(AllocationId=first["AllocationId"])
    assert elsewhere.allocate_address()["PublicIp"] == "198.18.0.16"
    with refused("InvalidAllocationID.NotFound"):
        ec2.release_address(AllocationId=first["AllocationId"])


def test_five_a_region_are_all(ec2):
    for _ in range(5):
        ec2.allocate_address()
    with refused("AddressLimitExceeded", "The maximum number of addresses has been reached."):
        ec2.allocate_address()


def test_an_address_moves_in_one_call(ec2, vpc, interfaces, plugged, realized):
    first, second = interfaces
    plugged(first, "i-0aaaaaaaaaaaaaaaa")
    plugged(second, "i-0bbbbbbbbbbbbbbbb")
    address = ec2.allocate_address()
    one = ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=first)["AssociationId"]
    again = ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=first)["AssociationId"]
    assert one == again
    publics = {each.id: each.addresses[0].public for each in realized()[vpc].interfaces}
    assert publics == {first: address["PublicIp"], second: ""}
    with refused("Resource.AlreadyAssociated"):
        ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=second, AllowReassociation=False)
    two = ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=second)["AssociationId"]
    assert two != one
    publics = {each.id: each.addresses[0].public for each in realized()[vpc].interfaces}
    assert publics == {first: "", second: address["PublicIp"]}
    [shown] = ec2.describe_addresses()["Addresses"]
    assert (shown["NetworkInterfaceId"], shown["InstanceId"]) == (second, "i-0bbbbbbbbbbbbbbbb")
    with refused("InvalidIPAddress.InUse"):
        ec2.release_address(AllocationId=address["AllocationId"])
    ec2.disassociate_address(AssociationId=two)
    assert "AssociationId" not in ec2.describe_addresses()["Addresses"][0]
    with refused("InvalidAssociationID.NotFound"):
        ec2.disassociate_address(AssociationId=two)
    ec2.release_address(PublicIp=address["PublicIp"])


def test_an_interface_shows_its_public_side(ec2, interfaces):
    address = ec2.allocate_address()
    made = ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interfaces[0])
    [found] = ec2.describe_network_interfaces(NetworkInterfaceIds=interfaces[:1])["NetworkInterfaces"]
    assert found["Association"] == {
        "PublicIp": address["PublicIp"],
        "PublicDnsName": f"ec2-{address['PublicIp'].replace('.', '-')}.compute-1.amazonaws.com",
        "IpOwnerId": "000000000000",
        "AllocationId": address["AllocationId"],
        "AssociationId": made["AssociationId"],
    }
    ec2.delete_network_interface(NetworkInterfaceId=interfaces[0])
    assert "AssociationId" not in ec2.describe_addresses()["Addresses"][0]


def test_a_vpc_without_a_gateway_takes_none(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    allocation = ec2.allocate_address()["AllocationId"]
    with refused("Gateway.NotAttached", f"Network {vpc} is not attached to any internet gateway"):
        ec2.associate_address(AllocationId=allocation, NetworkInterfaceId=interface)


def test_a_gateway_stays_while_addresses_lead_through_it(ec2, vpc, interfaces):
    address = ec2.allocate_address()
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interfaces[0])
    gateway = ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"]
    with refused("DependencyViolation", "mapped public address(es)"):
        ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)


def test_an_elastic_address_takes_the_place_of_amazons_which_comes_back(cloud, ec2, vpc, interfaces, plugged, compiled):
    plugged(interfaces[0])

    def do(step):
        return cloud.run(cloud.app.store.transact(lambda tx: step(acting(cloud, tx), interfaces[0])))

    given = do(joining.give_launch_address)
    assert do(joining.give_launch_address) == given
    address = ec2.allocate_address()
    made = ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interfaces[0])
    assert compiled(vpc).interfaces[0].addresses[0].public == address["PublicIp"]
    ec2.disassociate_address(AssociationId=made["AssociationId"])
    assert compiled(vpc).interfaces[0].addresses[0].public == given
    do(joining.take_launch_address)
    do(joining.take_launch_address)
    assert compiled(vpc).interfaces[0].addresses[0].public == ""
    made = ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interfaces[0])
    do(joining.take_launch_address)
    assert compiled(vpc).interfaces[0].addresses[0].public == address["PublicIp"]


def test_public_names_are_answered_with_private_addresses_inside(ec2, vpc, interfaces, plugged, compiled):
    plugged(interfaces[0])
    address = ec2.allocate_address()
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interfaces[0])
    [interface] = compiled(vpc).interfaces
    name = f"ec2-{address['PublicIp'].replace('.', '-')}.compute-1.amazonaws.com"
    assert compiled(vpc).names[name] == (interface.addresses[0].private,)
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": False})
    assert name not in compiled(vpc).names


def test_the_clouds_own_names_lead_to_the_edge(vpc, compiled):
    domains = compiled(vpc).domains
    assert domains["amazonaws.com"] == "198.18.0.2"
    assert domains["s3.eu-west-1.amazonaws.com"] == domains["s3.amazonaws.com"] == "198.18.0.3"
    assert domains["dynamodb.us-east-1.amazonaws.com"] == "198.18.0.4"
    assert domains["localhost.localstack.cloud"] == "198.18.0.2"
