"""Network interfaces and their private addresses."""

import pytest

from pileus.drivers import Unable
from pileus.drivers.networks.api import Network
from tests.services.ec2.vpc.refusing import refused

INSTANCE = "i-0123456789abcdef0"


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def subnet(ec2, vpc):
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]


def available(ec2, subnet):
    return ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"]


def made(ec2, subnet, **more):
    return ec2.create_network_interface(SubnetId=subnet, **more)["NetworkInterface"]


def test_an_interface_has_an_address_a_mac_and_the_default_group(ec2, vpc, subnet):
    interface = made(ec2, subnet, Description="spare")
    assert interface["PrivateIpAddress"] == "10.0.1.4"
    assert interface["MacAddress"].startswith("02:")
    assert [group["GroupName"] for group in interface["Groups"]] == ["default"]
    [found] = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface["NetworkInterfaceId"]])[
        "NetworkInterfaces"
    ]
    assert (found["Status"], found["SourceDestCheck"], found["VpcId"]) == ("available", True, vpc)
    assert available(ec2, subnet) == 250


def test_addresses_that_came_back_are_given_out_last(ec2, subnet):
    first = made(ec2, subnet)
    ec2.delete_network_interface(NetworkInterfaceId=first["NetworkInterfaceId"])
    second = made(ec2, subnet)
    third = made(ec2, subnet)
    assert (second["PrivateIpAddress"], third["PrivateIpAddress"]) == ("10.0.1.4", "10.0.1.5")
    ec2.delete_network_interface(NetworkInterfaceId=second["NetworkInterfaceId"])
    assert made(ec2, subnet)["PrivateIpAddress"] == "10.0.1.6"
    assert available(ec2, subnet) == 249


def test_a_subnet_gives_out_all_it_has_and_no_more(ec2, vpc):
    small = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/28")["Subnet"]["SubnetId"]
    last = made(ec2, small, PrivateIpAddress="10.0.2.14")
    found = {made(ec2, small)["PrivateIpAddress"] for _ in range(10)}
    assert found | {last["PrivateIpAddress"]} == {f"10.0.2.{number}" for number in range(4, 15)}
    with refused("InsufficientFreeAddressesInSubnet"):
        made(ec2, small)


@pytest.mark.parametrize("address", ["10.0.1.0", "10.0.1.3", "10.0.1.255", "10.0.2.5", "10.0.1"])
def test_an_address_that_nobody_may_have_is_refused(ec2, subnet, address):
    with refused("InvalidParameterValue"):
        made(ec2, subnet, PrivateIpAddress=address)


def test_an_address_in_use_is_refused(ec2, subnet):
    made(ec2, subnet, PrivateIpAddress="10.0.1.9")
    with refused("InvalidIPAddress.InUse", "Address 10.0.1.9 is in use."):
        made(ec2, subnet, PrivateIpAddress="10.0.1.9")


def test_only_what_is_attached_is_in_the_network(ec2, vpc, subnet, compiled, plugged, realized):
    first, second = made(ec2, subnet), made(ec2, subnet)
    assert compiled(vpc).interfaces == ()
    assert vpc not in realized()
    plugged(first["NetworkInterfaceId"])
    [found] = compiled(vpc).interfaces
    assert (found.id, found.mac) == (first["NetworkInterfaceId"], first["MacAddress"])
    assert realized()[vpc] == compiled(vpc)
    assert compiled(vpc).names == {"ip-10-0-1-4.ec2.internal": ("10.0.1.4",)}
    assert second["NetworkInterfaceId"] != found.id


def test_the_last_interface_takes_the_network_along(ec2, vpc, subnet, plugged, realized):
    id = made(ec2, subnet)["NetworkInterfaceId"]
    plugged(id, index=1)
    assert vpc in realized()
    attachment = ec2.describe_network_interfaces(NetworkInterfaceIds=[id])["NetworkInterfaces"][0]["Attachment"]
    assert (attachment["InstanceId"], attachment["DeviceIndex"], attachment["Status"]) == (INSTANCE, 1, "attached")
    with refused("InvalidParameterValue", f"Network interface '{id}' is currently in use."):
        ec2.delete_network_interface(NetworkInterfaceId=id)
    ec2.detach_network_interface(AttachmentId=attachment["AttachmentId"])
    assert vpc not in realized()
    ec2.delete_network_interface(NetworkInterfaceId=id)
    with refused("InvalidNetworkInterfaceID.NotFound", f"The networkInterface ID '{id}' does not exist"):
        ec2.describe_network_interfaces(NetworkInterfaceIds=[id])


def test_the_first_interface_of_a_machine_is_not_detached(ec2, subnet, plugged):
    id = made(ec2, subnet)["NetworkInterfaceId"]
    plugged(id)
    attachment = ec2.describe_network_interfaces(NetworkInterfaceIds=[id])["NetworkInterfaces"][0]["Attachment"]
    with refused("OperationNotPermitted", "cannot be detached"):
        ec2.detach_network_interface(AttachmentId=attachment["AttachmentId"])


def test_what_is_changed_is_told_to_the_network(ec2, vpc, subnet, plugged, realized):
    id = made(ec2, subnet)["NetworkInterfaceId"]
    plugged(id)
    web = ec2.create_security_group(GroupName="web", Description="w", VpcId=vpc)["GroupId"]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=id, Groups=[web])
    ec2.modify_network_interface_attribute(NetworkInterfaceId=id, SourceDestCheck={"Value": False})
    [interface] = realized()[vpc].interfaces
    assert (interface.groups, interface.source_check) == ((web,), False)
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=web)
    asked = ec2.describe_network_interface_attribute(NetworkInterfaceId=id, Attribute="sourceDestCheck")
    assert asked["SourceDestCheck"] == {"Value": False}
    ec2.reset_network_interface_attribute(NetworkInterfaceId=id, SourceDestCheck="")
    assert realized()[vpc].interfaces[0].source_check is True


def test_further_addresses_come_and_go_and_move(ec2, vpc, subnet, plugged, compiled):
    first, second = made(ec2, subnet), made(ec2, subnet)
    plugged(first["NetworkInterfaceId"])
    id, other = first["NetworkInterfaceId"], second["NetworkInterfaceId"]
    ec2.assign_private_ip_addresses(NetworkInterfaceId=id, PrivateIpAddresses=["10.0.1.20"])
    ec2.assign_private_ip_addresses(NetworkInterfaceId=id, SecondaryPrivateIpAddressCount=2)
    found = [address.private for address in compiled(vpc).interfaces[0].addresses]
    assert found == ["10.0.1.4", "10.0.1.20", "10.0.1.21", "10.0.1.22"]
    with refused("InvalidIPAddress.InUse"):
        ec2.assign_private_ip_addresses(NetworkInterfaceId=other, PrivateIpAddresses=["10.0.1.20"])
    ec2.assign_private_ip_addresses(NetworkInterfaceId=other, PrivateIpAddresses=["10.0.1.20"], AllowReassignment=True)
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=id, PrivateIpAddresses=["10.0.1.21"])
    assert [address.private for address in compiled(vpc).interfaces[0].addresses] == ["10.0.1.4", "10.0.1.22"]
    with refused("InvalidParameterValue", "primary"):
        ec2.unassign_private_ip_addresses(NetworkInterfaceId=id, PrivateIpAddresses=["10.0.1.4"])
    with refused("InvalidParameterValue", "nowhere"):
        ec2.assign_private_ip_addresses(NetworkInterfaceId=id, PrivateIpAddresses=["nowhere"], AllowReassignment=True)


def test_a_subnet_with_an_interface_is_not_deleted(ec2, subnet):
    id = made(ec2, subnet)["NetworkInterfaceId"]
    with refused("DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted."):
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_network_interface(NetworkInterfaceId=id)
    ec2.delete_subnet(SubnetId=subnet)


def test_after_a_start_networks_are_told_again_and_strays_go(cloud, ec2, vpc, subnet, plugged, realized):
    plugged(made(ec2, subnet)["NetworkInterfaceId"])
    assert vpc in realized()
    networks = cloud.drivers.networks
    networks.networks.pop(vpc)
    networks.ensure(Network("vpc-stray", ("10.9.0.0/16",)))
    cloud.restart()
    assert set(realized()) == {vpc}


def test_a_driver_that_cannot_is_asked_again(cloud, ec2, vpc, subnet, plugged, realized, monkeypatch):
    def unable(network):
        raise Unable("the host is full")

    monkeypatch.setattr(cloud.drivers.networks, "ensure", unable)
    plugged(made(ec2, subnet)["NetworkInterfaceId"])
    assert vpc not in realized()
    monkeypatch.undo()
    cloud.advance(11)
    assert vpc in realized()
