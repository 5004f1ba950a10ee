"""The world beyond this host as a machine meets it, without and with the setting. Nothing that is sent leaves the host:
the world is a namespace of its own."""

import os

import pytest

from pileus.drivers.networks.capability import lacks
from pileus.drivers.programs import WANTED, lacking
from tests.drivers.networks.worlds import world_of
from tests.drivers.real import eventually


@pytest.fixture
def world():
    if missing := [*lacks(), *lacking(*WANTED)]:
        pytest.skip("this host lacks " + "; ".join(f"{lack.what} ({lack.remedy})" for lack in missing))
    with world_of(f"m{os.getpid()}") as made:
        made.serve(80)
        yield made


def started_again(cloud, **environment):
    """With these settings, whether or not it is up."""
    cloud.shell("pileus down --keep-machines")
    cloud.environment |= environment
    cloud.up()


@pytest.fixture
def outward(cloud, insider, world):
    """With the world led to; afterwards it is not. Meanwhile the machine may send to our own world only and asks for no
    names, so that nothing of a Debian at work leaves the host."""
    ec2, vpc = cloud.ec2, cloud.default_vpc()
    group = cloud.group("to-the-world-only", (22, "0.0.0.0/0"))
    everything = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
    there = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": str(world.range)}]}
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[there])
    before = [each["GroupId"] for each in insider.shown()["SecurityGroups"]]
    ec2.modify_instance_attribute(InstanceId=insider.id, Groups=[group])
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": False})
    started_again(cloud, PILEUS_INTERNET="host")
    yield cloud
    started_again(cloud, PILEUS_INTERNET="off")
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True})
    ec2.modify_instance_attribute(InstanceId=insider.id, Groups=before)
    ec2.delete_security_group(GroupId=group)


def hello(world):
    return f"exec 3<>/dev/tcp/{world.address}/80 && head -c 5 <&3"


def test_the_world_is_not_reached_and_why_names_the_setting(cloud, insider, world):
    assert "No route to host" in insider.fails(f"bash -c '{hello(world)}'")
    said = cloud.shell(f"pileus why {insider.id} {world.address} 80", fails=True)
    assert "PILEUS_INTERNET is off" in said


def test_the_world_is_reached_when_the_setting_says_so_and_while_the_cloud_is_down(insider, world, outward):
    reached = f"bash -c '{hello(world)}'"
    address = insider.public
    eventually(lambda: insider.ssh(reached).stdout == "world")
    assert "PILEUS_INTERNET is host" in outward.shell(f"pileus why {insider.id} {world.address} 80")
    world.host_serves(world.host, 80)
    assert "No route to host" in insider.fails(f"bash -c 'exec 3<>/dev/tcp/{world.host}/80'")
    world.serve(81)
    closed = f"bash -c 'exec 3<>/dev/tcp/{world.address}/81'"
    insider.fails(f"timeout 1 {closed}")
    said = outward.shell(f"pileus why {insider.id} {world.address} 81", fails=True)
    assert "ENI_SG_RULES_MISMATCH" in said
    outward.kill()
    assert insider.ssh(reached, address).stdout == "world"
    outward.up()
    assert insider.ssh(reached, address).stdout == "world"
