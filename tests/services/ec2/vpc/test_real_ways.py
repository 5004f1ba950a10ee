"""Ways that real packets take through what the API made: NAT gateways, and elastic addresses that move."""

from time import monotonic

import pytest

from pileus.services.ec2.vpc.questions import explain
from tests.drivers.networks.conftest import site
from tests.drivers.networks.guests import host_reaches
from tests.services.ec2.vpc.on_real_networks import cloud_on, plugged_into

__all__ = ["site"]  # a fixture

EVERYWHERE = "0.0.0.0/0"


@pytest.fixture
def cloud(tmp_path, site):
    cloud = cloud_on(tmp_path, site)
    yield cloud
    cloud.stop()


class Net:
    """A VPC with a gateway, a public and a private subnet, and a group that lets in what comes to port 80."""

    def __init__(self, ec2, cidr):
        self.ec2 = ec2
        self.vpc = ec2.create_vpc(CidrBlock=f"{cidr}.0.0/16")["Vpc"]["VpcId"]
        self.public, self.private = (
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"{cidr}.{n}.0/24")["Subnet"]["SubnetId"] for n in (1, 2)
        )
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        main = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["RouteTables"][0]
        ec2.create_route(RouteTableId=main["RouteTableId"], DestinationCidrBlock=EVERYWHERE, GatewayId=gateway)
        self.web = ec2.create_security_group(GroupName="web", Description="w", VpcId=self.vpc)["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=self.web, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp=EVERYWHERE
        )

    def interface(self, subnet):
        made = self.ec2.create_network_interface(SubnetId=subnet, Groups=[self.web])
        return made["NetworkInterface"]["NetworkInterfaceId"]

    def address(self, interface=None):
        made = self.ec2.allocate_address()
        if interface is not None:
            self.ec2.associate_address(AllocationId=made["AllocationId"], NetworkInterfaceId=interface)
        return made


def test_a_private_machine_goes_out_by_its_nat_gateway_and_cannot_be_called(cloud, ec2, site, plugged):
    here, there = Net(ec2, "10.0"), Net(ec2, "10.1")
    allocation = here.address()
    nat = ec2.create_nat_gateway(SubnetId=here.public, AllocationId=allocation["AllocationId"])["NatGateway"]
    table = ec2.create_route_table(VpcId=here.vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=here.private)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock=EVERYWHERE, NatGatewayId=nat["NatGatewayId"])
    one, other = here.interface(here.private), there.interface(there.public)
    for number, interface in enumerate((one, other)):
        plugged(interface, f"i-{number:017x}")
    public = there.address(other)["PublicIp"]
    guests = plugged_into(cloud, site, here.vpc, there.vpc)
    guests[other].serve(80)
    guests[one].serve(80)
    assert guests[one].reaches(public, 80) == f"{other} hears {allocation['PublicIp']}"
    assert not host_reaches(allocation["PublicIp"], 80, 0.4)

    def says(source, target):
        networks = site.networks
        return cloud.run(cloud.app.store.transact(lambda tx: explain(tx, networks, source, target, "tcp", 80)))

    answer = says(one, public)
    assert answer["reachable"] is True
    assert [step["id"] for step in answer["steps"] if step["kind"] == "nat"] == [nat["NatGatewayId"]]
    assert says("internet", one)["reachable"] is False


def test_an_elastic_address_moves_in_one_call(cloud, ec2, site, plugged):
    net = Net(ec2, "10.0")
    one, other = net.interface(net.public), net.interface(net.public)
    for number, interface in enumerate((one, other)):
        plugged(interface, f"i-{number:017x}")
    address = net.address(one)
    guests = plugged_into(cloud, site, net.vpc)
    for guest in guests.values():
        guest.serve(80)
    assert host_reaches(address["PublicIp"], 80).startswith(one)
    began = monotonic()
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=other)
    while not host_reaches(address["PublicIp"], 80, 0.2).startswith(other):
        assert monotonic() - began < 60
    print(f"the address moved within {monotonic() - began:.2f} s")


def test_a_group_that_is_used_in_another_network_holds_for_real_packets_there(cloud, ec2, site, plugged):
    here, there = Net(ec2, "10.0"), Net(ec2, "10.1")
    ec2.associate_security_group_vpc(GroupId=here.web, VpcId=there.vpc)
    client = there.interface(there.public)
    made = ec2.create_network_interface(SubnetId=there.public, Groups=[here.web])["NetworkInterface"]
    server, address = made["NetworkInterfaceId"], made["PrivateIpAddress"]
    for number, interface in enumerate((client, server)):
        plugged(interface, f"i-{number:017x}")
    guests = plugged_into(cloud, site, there.vpc)
    guests[server].serve(80)
    assert guests[client].reaches(address, 80).startswith(server)
    ec2.revoke_security_group_ingress(GroupId=here.web, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp=EVERYWHERE)
    cloud.settle()
    assert not guests[client].reaches(address, 80, 0.4)
