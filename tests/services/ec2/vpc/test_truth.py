"""What `why` says is what real packets do: random networks, made by the API, in the kernel."""

from random import Random

import pytest

from pileus.services.ec2.vpc.questions import explain
from tests.drivers.networks.conftest import site
from tests.drivers.networks.guests import IMPATIENCE, PATIENCE, host_reaches
from tests.services.ec2.vpc.on_real_networks import cloud_on, plugged_into

__all__ = ["site"]  # a fixture

PORTS = (80, 81)
RANGES = (
    "0.0.0.0/0",
    "0.0.0.0/0",
    "0.0.0.0/0",
    "10.0.0.0/16",
    "10.0.1.0/24",
    "10.0.2.0/24",
    "10.1.0.0/16",
    "198.18.0.0/15",
)


@pytest.fixture
def cloud(tmp_path, site):
    cloud = cloud_on(tmp_path, site)
    yield cloud
    cloud.stop()


class World:
    """Two networks, peers of each other; four machines; rules and lists by a seed."""

    def __init__(self, ec2, plugged, random):
        self.ec2, self.random = ec2, random
        self.here, self.there = (ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"] for n in range(2))
        subnets = [self.subnet(self.here, "10.0.1.0/24"), self.subnet(self.here, "10.0.2.0/24")]
        subnets.append(self.subnet(self.there, "10.1.1.0/24"))
        self.groups = [self.group(self.here, name) for name in "ab"] + [self.group(self.there, "c")]
        self.peer()
        self.gateway()
        self.machines = {}
        for number, (subnet, group) in enumerate(((0, 0), (1, 1), (1, 0), (2, 2))):
            made = ec2.create_network_interface(SubnetId=subnets[subnet], Groups=[self.groups[group]])
            id = made["NetworkInterface"]["NetworkInterfaceId"]
            plugged(id, f"i-{number:017x}")
            self.machines[id] = made["NetworkInterface"]
        address = ec2.allocate_address()
        first = next(iter(self.machines))
        ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=first)
        self.public = (first, address["PublicIp"])
        self.rules()
        self.lists(subnets[1])

    def subnet(self, vpc, cidr):
        return self.ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]

    def group(self, vpc, name):
        return self.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]

    def table(self, vpc):
        found = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
        return found["RouteTables"][0]["RouteTableId"]

    def peer(self):
        made = self.ec2.create_vpc_peering_connection(VpcId=self.here, PeerVpcId=self.there)
        id = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=id)
        for vpc, cidr in ((self.here, "10.1.0.0/16"), (self.there, "10.0.0.0/16")):
            if self.random.random() < 0.8:
                self.ec2.create_route(
                    RouteTableId=self.table(vpc), DestinationCidrBlock=cidr, VpcPeeringConnectionId=id
                )

    def gateway(self):
        id = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=id, VpcId=self.here)
        if self.random.random() < 0.8:
            self.ec2.create_route(RouteTableId=self.table(self.here), DestinationCidrBlock="0.0.0.0/0", GatewayId=id)

    def rules(self):
        random = self.random
        for group in self.groups:
            for port in PORTS:
                if random.random() < 0.95:
                    permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
                    if random.random() < 0.3:
                        permission["UserIdGroupPairs"] = [{"GroupId": random.choice(self.groups)}]
                    else:
                        permission["IpRanges"] = [{"CidrIp": random.choice(RANGES)}]
                    self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
            if random.random() < 0.25:
                everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
                self.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
                less = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": random.choice(RANGES)}]}
                self.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[less])

    def lists(self, subnet):
        """The answers' ports are decided as a whole, since nobody knows which one it will be."""
        random, ec2 = self.random, self.ec2
        acl = ec2.create_network_acl(VpcId=self.here)["NetworkAcl"]["NetworkAclId"]
        found = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])
        [association] = [each for each in found["NetworkAcls"][0]["Associations"] if each["SubnetId"] == subnet]
        ec2.replace_network_acl_association(AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl)
        for egress in (True, False):
            number = 100
            for first, last in ((80, 80), (81, 81), (1024, 65535)):
                for _ in range(2):
                    number += 10
                    ec2.create_network_acl_entry(
                        NetworkAclId=acl,
                        RuleNumber=number,
                        Egress=egress,
                        Protocol="6",
                        RuleAction="allow" if random.random() < 0.9 else "deny",
                        CidrBlock=random.choice(RANGES),
                        PortRange={"From": first, "To": last},
                    )


@pytest.mark.parametrize("seed", range(3))
def test_what_is_said_is_what_packets_do(cloud, ec2, site, plugged, seed):
    world = World(ec2, plugged, Random(seed))
    networks, guests = site.networks, plugged_into(cloud, site, world.here, world.there)

    def says(source, target, port):
        answer = cloud.run(cloud.app.store.transact(lambda tx: explain(tx, networks, source, target, "tcp", port)))
        return answer["reachable"], answer

    told, wrong = [], []
    for guest in guests.values():
        for port in PORTS:
            guest.serve(port)
    for source, guest in guests.items():
        for target in guests:
            for port in PORTS if source != target else ():
                expected, answer = says(source, target, port)
                address = world.machines[target]["PrivateIpAddress"]
                found = bool(guest.reaches(address, port, PATIENCE if expected else IMPATIENCE))
                told.append(expected)
                if found != expected:
                    wrong.append((source, target, port, answer))
    first, public = world.public
    for port in PORTS:
        expected, answer = says(site.public(1), public, port)
        if bool(host_reaches(public, port, PATIENCE if expected else IMPATIENCE)) != expected:
            wrong.append(("host", first, port, answer))
    assert wrong == []
    assert set(told) == {True, False}, "a seed that tells nothing"
