"""Elastic addresses that go from account to account."""

import pytest

from tests.services.ec2.conftest import OTHER
from tests.services.ec2.vpc.refusing import refused

DAY = 86_400.0


@pytest.fixture
def other(cloud):
    return cloud.client("ec2", OTHER)


@pytest.fixture
def address(ec2):
    return ec2.allocate_address()


def offer(ec2, address):
    return ec2.enable_address_transfer(AllocationId=address["AllocationId"], TransferAccountId=OTHER)


def shown(ec2):
    return [one["AddressTransferStatus"] for one in ec2.describe_address_transfers()["AddressTransfers"]]


def test_an_address_goes_to_another_account(cloud, ec2, other, address):
    assert offer(ec2, address)["AddressTransfer"]["AddressTransferStatus"] == "pending"
    assert shown(ec2) == ["pending"]
    taken = other.accept_address_transfer(Address=address["PublicIp"])["AddressTransfer"]
    assert taken["AddressTransferStatus"] == "accepted"
    (there,) = other.describe_addresses(PublicIps=[address["PublicIp"]])["Addresses"]
    assert there["AllocationId"] != address["AllocationId"]
    assert ec2.describe_addresses()["Addresses"] == []
    assert shown(ec2) == ["accepted"]
    cloud.advance(15 * DAY)
    assert shown(ec2) == []
    other.release_address(AllocationId=there["AllocationId"])
    assert ec2.allocate_address(Address=address["PublicIp"])["PublicIp"] == address["PublicIp"]


def test_an_offer_ends_after_seven_days_or_when_it_is_withdrawn(cloud, ec2, other, address):
    offer(ec2, address)
    cloud.advance(8 * DAY)
    assert shown(ec2) == []
    with refused("InvalidAddress.NotFound"):
        other.accept_address_transfer(Address=address["PublicIp"])
    offer(ec2, address)
    done = ec2.disable_address_transfer(AllocationId=address["AllocationId"])["AddressTransfer"]
    assert done["AddressTransferStatus"] == "disabled"
    with refused("InvalidAddress.NotFound"):
        other.accept_address_transfer(Address=address["PublicIp"])
    with refused("InvalidParameterValue"):
        ec2.disable_address_transfer(AllocationId=address["AllocationId"])


def test_an_address_that_is_in_use_or_too_many_is_not_taken(ec2, other, address):
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    assert vpc["IsDefault"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    tied = ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interface)
    offer(ec2, address)
    with refused("InvalidTransfer.AddressAssociated"):
        other.accept_address_transfer(Address=address["PublicIp"])
    ec2.disassociate_address(AssociationId=tied["AssociationId"])
    for _ in range(5):
        other.allocate_address()
    with refused("AddressLimitExceeded"):
        other.accept_address_transfer(Address=address["PublicIp"])


def test_only_whom_it_is_offered_to_may_take_it_while_it_is_there(cloud, ec2, other, address):
    third = cloud.client("ec2", "222222222222")
    offer(ec2, address)
    with refused("InvalidAddress.NotFound"):
        third.accept_address_transfer(Address=address["PublicIp"])
    ec2.release_address(AllocationId=address["AllocationId"])
    with refused("InvalidAddress.NotFound"):
        other.accept_address_transfer(Address=address["PublicIp"])
    with refused("InvalidParameterValue"):
        ec2.enable_address_transfer(AllocationId=ec2.allocate_address()["AllocationId"], TransferAccountId="12")
