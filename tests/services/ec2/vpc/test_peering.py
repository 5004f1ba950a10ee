"""Peerings: two networks that know each other."""

import pytest

from tests.services.ec2.vpc.refusing import refused

OTHER = "111111111111"


@pytest.fixture
def far(cloud):
    """The same cloud, in another account and another region."""
    return cloud.client("ec2", OTHER, region_name="eu-west-1")


@pytest.fixture
def near(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


def status(client, id):
    return client.describe_vpc_peering_connections(VpcPeeringConnectionIds=[id])["VpcPeeringConnections"][0]["Status"]


def asked(ec2, vpc, peer, **more):
    made = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=peer, **more)["VpcPeeringConnection"]
    return made["VpcPeeringConnectionId"]


@pytest.fixture
def there(far):
    return far.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]


def test_a_peering_across_accounts_and_regions_is_in_effect_once_accepted(ec2, far, near, there, compiled):
    id = asked(ec2, near, there, PeerOwnerId=OTHER, PeerRegion="eu-west-1")
    assert status(ec2, id) == {"Code": "pending-acceptance", "Message": f"Pending Acceptance by {OTHER}"}
    assert status(far, id)["Code"] == "pending-acceptance"
    with refused("OperationNotPermitted"):
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=id)
    assert compiled(near).peerings == ()
    far.accept_vpc_peering_connection(VpcPeeringConnectionId=id)
    assert status(ec2, id) == {"Code": "active", "Message": "Active"}
    [here] = compiled(near).peerings
    assert (here.id, here.network, here.ranges) == (id, there, ("10.1.0.0/16",))
    [back] = compiled(there, OTHER, "eu-west-1").peerings
    assert (back.network, back.ranges) == (near, ("10.0.0.0/16",))


def test_a_route_through_a_peering_lives_as_long_as_it(ec2, near, compiled):
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    id = asked(ec2, near, other)
    [table] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [near]}])["RouteTables"]
    route = {"RouteTableId": table["RouteTableId"], "DestinationCidrBlock": "10.1.0.0/16"}
    with refused("InvalidStateTransition"):
        ec2.create_route(**route, VpcPeeringConnectionId=id)
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=id)
    ec2.create_route(**route, VpcPeeringConnectionId=id)
    assert [(route.kind, route.target) for route in compiled(near).tables[0].routes] == [("peer", id)]
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=other)
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=id)
    assert [route.kind for route in compiled(near).tables[0].routes] == ["blackhole"]
    assert compiled(near).peerings == ()


def test_ranges_that_overlap_make_a_peering_that_failed(ec2, near):
    twin = ec2.create_vpc(CidrBlock="10.0.128.0/20")["Vpc"]["VpcId"]
    made = ec2.create_vpc_peering_connection(VpcId=near, PeerVpcId=twin)["VpcPeeringConnection"]
    assert made["Status"]["Code"] == "failed"
    assert "overlapping" in made["Status"]["Message"]
    gone = ec2.create_vpc_peering_connection(VpcId=near, PeerVpcId="vpc-0123456789abcdef0")["VpcPeeringConnection"]
    assert gone["Status"]["Code"] == "failed"
    with refused("InvalidStateTransition"):
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=gone["VpcPeeringConnectionId"])


def test_a_request_is_rejected_or_expires(cloud, ec2, near):
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    first = asked(ec2, near, other)
    with refused("VpcPeeringConnectionAlreadyExists"):
        asked(ec2, near, other)
    ec2.reject_vpc_peering_connection(VpcPeeringConnectionId=first)
    second = asked(ec2, near, other)
    assert status(ec2, first)["Code"] == "rejected"
    cloud.advance(8 * 86_400)
    assert status(ec2, second)["Code"] == "expired"
    with refused("InvalidVpcPeeringConnectionID.NotFound"):
        status(ec2, first)


def test_a_group_of_a_peer_may_be_named_and_goes_stale(ec2, near, compiled):
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    id = asked(ec2, near, other)
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=id)
    web = ec2.create_security_group(GroupName="web", Description="w", VpcId=near)["GroupId"]
    door = ec2.create_security_group(GroupName="door", Description="d", VpcId=other)["GroupId"]
    pair = {"GroupId": door}
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [pair]}
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[permission])
    [shown] = ec2.describe_security_groups(GroupIds=[web])["SecurityGroups"][0]["IpPermissions"][0]["UserIdGroupPairs"]
    assert (shown["VpcPeeringConnectionId"], shown["PeeringStatus"], shown["VpcId"]) == (id, "active", other)
    [found] = [each for each in compiled(near).groups if each.id == web]
    assert found.inward[0].groups == (door,)
    [reference] = ec2.describe_security_group_references(GroupId=[door])["SecurityGroupReferenceSet"]
    assert reference == {"GroupId": door, "ReferencingVpcId": near, "VpcPeeringConnectionId": id}
    assert ec2.describe_stale_security_groups(VpcId=near)["StaleSecurityGroupSet"] == []
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=id)
    [stale] = ec2.describe_stale_security_groups(VpcId=near)["StaleSecurityGroupSet"]
    assert (stale["GroupId"], stale["StaleIpPermissions"][0]["FromPort"]) == (web, 22)


def test_public_names_of_a_peer_are_answered_if_it_lets_them(ec2, near, plugged, compiled):
    home = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    id = asked(ec2, near, home)
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=id)
    subnet = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [home]}])["Subnets"][0]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    plugged(interface["NetworkInterfaceId"])
    address = ec2.allocate_address()
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interface["NetworkInterfaceId"])
    name = f"ec2-{address['PublicIp'].replace('.', '-')}.compute-1.amazonaws.com"
    assert name not in compiled(near).names
    option = {"AllowDnsResolutionFromRemoteVpc": True}
    answer = ec2.modify_vpc_peering_connection_options(
        VpcPeeringConnectionId=id, AccepterPeeringConnectionOptions=option
    )
    assert answer["AccepterPeeringConnectionOptions"] == option
    assert compiled(near).names[name] == (interface["PrivateIpAddress"],)


def test_a_new_range_of_a_peer_is_known(ec2, near, compiled):
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=asked(ec2, near, other))
    ec2.associate_vpc_cidr_block(VpcId=other, CidrBlock="10.2.0.0/16")
    assert compiled(near).peerings[0].ranges == ("10.1.0.0/16", "10.2.0.0/16")
