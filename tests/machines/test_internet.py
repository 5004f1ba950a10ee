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
    """After a kill, with these settings."""
    cloud.kill()
    cloud.environment |= environment
    cloud.up()


@pytest.fixture
def outward(cloud):
    """With the world led to; afterwards it is not."""
    started_again(cloud, PILEUS_INTERNET="host")
    yield cloud
    started_again(cloud, PILEUS_INTERNET="off")


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
    port = world.host_serves(world.host)
    assert "No route to host" in insider.fails(f"bash -c 'exec 3<>/dev/tcp/{world.host}/{port}'")
    outward.kill()
    assert insider.ssh(reached, address).stdout == "world"
    outward.up()
    assert insider.ssh(reached, address).stdout == "world"
