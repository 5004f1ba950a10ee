"""Ranges of a subnet that are given out by hand."""

import pytest

from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def subnet(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]


@pytest.fixture
def address(ec2, subnet):
    """A function that makes an interface and gives (its address, its id)."""

    def take(wanted=None):
        more = {"PrivateIpAddress": wanted} if wanted else {}
        made = ec2.create_network_interface(SubnetId=subnet, **more)["NetworkInterface"]
        return made["PrivateIpAddress"], made["NetworkInterfaceId"]

    return take


@pytest.fixture
def reserve(ec2, subnet):
    def one(cidr, type="explicit", **more):
        made = ec2.create_subnet_cidr_reservation(SubnetId=subnet, Cidr=cidr, ReservationType=type, **more)
        return made["SubnetCidrReservation"]

    return one


def test_reserved_addresses_go_only_to_who_names_them(ec2, address, reserve):
    reserve("10.0.1.0/29")  # with the first addresses there are
    reserve("10.0.1.8/29")
    assert address()[0] == "10.0.1.16"
    assert address("10.0.1.9")[0] == "10.0.1.9"
    assert address()[0] == "10.0.1.17"


def test_a_full_subnet_does_not_give_out_what_is_reserved(cloud, ec2, reserve):
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    small = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/28")["Subnet"]["SubnetId"]
    given = {"SubnetId": small, "Cidr": "10.1.0.8/29", "ReservationType": "explicit"}
    made = ec2.create_subnet_cidr_reservation(**given)["SubnetCidrReservation"]["SubnetCidrReservationId"]

    def take(**more):
        return ec2.create_network_interface(SubnetId=small, **more)["NetworkInterface"]

    taken = [take() for _ in range(4)]
    assert [one["PrivateIpAddress"] for one in taken] == [f"10.1.0.{last}" for last in (4, 5, 6, 7)]
    take(PrivateIpAddress="10.1.0.14")
    with refused("InsufficientFreeAddressesInSubnet"):
        take()
    ec2.delete_network_interface(NetworkInterfaceId=taken[1]["NetworkInterfaceId"])
    assert take()["PrivateIpAddress"] == "10.1.0.5"
    ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=made)
    assert take()["PrivateIpAddress"] == "10.1.0.8"


def test_reservations_are_told_tagged_and_given_up(ec2, subnet, reserve):
    tags = [{"ResourceType": "subnet-cidr-reservation", "Tags": [{"Key": "for", "Value": "db"}]}]
    made = reserve("10.0.1.32/27", Description="databases", TagSpecifications=tags)
    other = reserve("10.0.1.64/28", "prefix")
    told = ec2.get_subnet_cidr_reservations(SubnetId=subnet)
    assert {one["Cidr"] for one in told["SubnetIpv4CidrReservations"]} == {"10.0.1.32/27", "10.0.1.64/28"}
    assert told["SubnetIpv6CidrReservations"] == []
    filters = [{"Name": "reservationType", "Values": ["prefix"]}]
    found = ec2.get_subnet_cidr_reservations(SubnetId=subnet, Filters=filters)["SubnetIpv4CidrReservations"]
    assert found == [other]
    id = made["SubnetCidrReservationId"]
    assert ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=id)["DeletedSubnetCidrReservation"] == made
    with refused("InvalidSubnetCidrReservationID.NotFound"):
        ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=id)


def test_a_reservation_is_inside_its_subnet_and_beside_the_others(reserve):
    reserve("10.0.1.32/27")
    for cidr in ("10.0.2.0/28", "10.0.0.0/16", "10.0.1.48/28", "10.0.1.0"):
        with refused("InvalidParameterValue"):
            reserve(cidr)


def test_they_go_with_their_subnet(ec2, subnet, reserve):
    id = reserve("10.0.1.32/27")["SubnetCidrReservationId"]
    ec2.delete_subnet(SubnetId=subnet)
    with refused("InvalidSubnetCidrReservationID.NotFound"):
        ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=id)
