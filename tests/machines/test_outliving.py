"""Machines outlive the cloud's own process; a cloud that is started again knows them; one that is reset leaves nothing.

Each test leaves the cloud up, with the machines of the test before."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from pileus.drivers.machines.runc import RuncMachines
from tests.drivers.real import eventually

from .conftest import lifetime

LAUNCHES = 5
BOOTED = "cut -d' ' -f22 /proc/1/stat"


@pytest.fixture(scope="module")
def mortal(tmp_path_factory):
    """A cloud of its own, to be killed."""
    yield from lifetime(tmp_path_factory.mktemp("mortal"))


@pytest.fixture(scope="module")
def group(mortal):
    return mortal.group("open", (22, "0.0.0.0/0"))


@pytest.fixture(scope="module")
def pair(mortal, group):
    """Two machines: the first has a disk, mounted and written to, and an elastic address."""
    first, second = mortal.launch([group]), mortal.launch([group])
    for machine in (first, second):
        machine.reached()
    ec2 = mortal.ec2
    volume = ec2.create_volume(AvailabilityZone=first.shown()["Placement"]["AvailabilityZone"], Size=1)["VolumeId"]
    eventually(lambda: ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"] == "available")
    ec2.attach_volume(VolumeId=volume, InstanceId=first.id, Device="/dev/sdf")
    eventually(lambda: first.ssh("test -b /dev/xvdf").returncode == 0)
    first.run("sudo mkfs.ext4 -q /dev/xvdf && sudo mkdir /data && sudo mount /dev/xvdf /data")
    first.run("echo kept | sudo tee /data/letter; sync")
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(AllocationId=allocation, InstanceId=first.id)
    eventually(lambda: first.ssh("true").returncode == 0)
    return first, second


def on_the_host(cloud):
    """The machines that run, by the driver's own word."""
    machines = RuncMachines(cloud.data / "host", cloud._tag)
    return sorted(id for id in machines.ids() if machines.observe(id).state == "running")


def recorded(cloud, *states):
    pages = cloud.ec2.get_paginator("describe_instances").paginate()
    found = [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]
    return {one["InstanceId"]: one for one in found if not states or one["State"]["Name"] in states}


def facts(machine):
    """Of a machine's record, what a restart must not change."""
    shown = machine.shown()
    return {name: shown[name] for name in ("State", "PrivateIpAddress", "PublicIpAddress", "BlockDeviceMappings")}


def test_a_cloud_that_was_killed_leaves_all_running_and_finds_it_again(mortal, pair):
    first, second = pair
    addresses = {machine.id: machine.public for machine in pair}
    boots = {machine.id: machine.run(BOOTED) for machine in pair}
    before = {machine.id: facts(machine) for machine in pair}
    ids = sorted(before)
    mortal.kill()
    for machine in pair:
        done = machine.ssh(BOOTED, addresses[machine.id])
        assert done.stdout.strip() == boots[machine.id], done.stderr
    assert first.ssh("cat /data/letter", addresses[first.id]).stdout == "kept\n"
    assert first.ssh("echo meanwhile | sudo tee /data/more", addresses[first.id]).returncode == 0
    mortal.up()
    assert {machine.id: facts(machine) for machine in pair} == before
    assert {machine.id: machine.run(BOOTED) for machine in pair} == boots
    assert on_the_host(mortal) == ids
    assert first.run("cat /data/more") == "meanwhile"
    # All of it is the cloud's again: the metadata service, the disk, the power button.
    eventually(lambda: second.ssh("curl -sf 169.254.169.254/latest/meta-data/instance-id").stdout == second.id)
    mortal.ec2.reboot_instances(InstanceIds=[second.id])
    eventually(lambda: second.ssh(BOOTED).stdout.strip() not in ("", boots[second.id]))
    assert first.run(BOOTED) == boots[first.id]


def test_a_machine_that_switched_itself_off_while_the_cloud_was_dead_is_stopped(mortal, pair):
    second, address = pair[1], pair[1].public
    mortal.kill()
    second.ssh("sudo poweroff", address)
    eventually(lambda: second.id not in on_the_host(mortal))
    mortal.up()
    second.becomes("stopped")
    mortal.ec2.start_instances(InstanceIds=[second.id])
    second.becomes("running").reached()


@pytest.mark.parametrize("acknowledged", [1, 3])
def test_of_launches_that_a_kill_met_the_acknowledged_run_and_none_runs_twice(mortal, group, pair, acknowledged):
    known, told = set(recorded(mortal)), []

    def launch(number):
        with suppress(ClientError, BotoCoreError):  # the cloud died before it answered
            told.append(mortal.launch([group], ClientToken=f"{acknowledged}-{number}"))

    mortal.client("ssm")  # made before the threads want it
    with ThreadPoolExecutor(LAUNCHES) as several:
        for number in range(LAUNCHES):
            several.submit(launch, number)
        end = time.monotonic() + 60
        while len(told) < acknowledged and time.monotonic() < end:
            time.sleep(0.001)
        mortal.kill()
    assert len(told) >= acknowledged
    mortal.up()
    for machine in told:
        machine.becomes("running").reached()
    # A client that repeats its calls gets the machines it has, and those that are missing.
    for number in range(LAUNCHES):
        launch(number)
    new = {id for id in recorded(mortal) if id not in known}
    assert len(new) == LAUNCHES
    assert {machine.id for machine in told} == new
    eventually(lambda: set(on_the_host(mortal)) == set(recorded(mortal, "running")) == new | {one.id for one in pair})
    addresses = [one["PrivateIpAddress"] for one in recorded(mortal, "running").values()]
    assert len(set(addresses)) == len(addresses)
    mortal.ec2.terminate_instances(InstanceIds=sorted(new))
    eventually(lambda: set(on_the_host(mortal)) == {one.id for one in pair})


def test_down_may_keep_the_machines(mortal, pair):
    boots = {machine.public: machine.run(BOOTED) for machine in pair}
    assert "2 machines running" in mortal.shell("pileus status")
    assert "Stopped." in mortal.shell("pileus down --keep-machines")
    assert "but 2 machines of it run" in mortal.shell("pileus status", fails=True)
    for machine, (address, boot) in zip(pair, boots.items(), strict=True):
        assert machine.ssh(BOOTED, address).stdout.strip() == boot
    mortal.up()
    assert {machine.public: machine.run(BOOTED) for machine in pair} == boots


def test_down_switches_machines_off_and_up_starts_what_ran(mortal, pair):
    first, second = pair
    mortal.ec2.stop_instances(InstanceIds=[second.id])
    second.becomes("stopped")
    address, boot = first.public, first.run(BOOTED)
    assert "1 machine with it" in mortal.shell("pileus down")
    assert on_the_host(mortal) == []
    with pytest.raises(OSError):
        socket.create_connection((address, 22), timeout=1)
    mortal.up()
    eventually(lambda: on_the_host(mortal) == [first.id])
    first.reached()
    assert first.public == address
    assert first.run(BOOTED) != boot
    eventually(lambda: first.ssh("sudo mount /dev/xvdf /data && cat /data/letter").stdout == "kept\n")
    assert second.state == "stopped"
    mortal.ec2.start_instances(InstanceIds=[second.id])
    second.becomes("running").reached()


def test_reset_leaves_nothing_though_the_cloud_was_killed_before(mortal, pair):
    """The fixture looks once more when all is over, after a reset of a cloud that runs."""
    assert mortal.left() != []
    mortal.kill()
    assert on_the_host(mortal) == sorted(machine.id for machine in pair)
    mortal.shell("pileus reset --yes")
    assert mortal.left() == []
    mortal.up()
    (mortal.folder / "first.pem").unlink()
    assert recorded(mortal) == {}
    mortal.launch([mortal.group("again", (22, "0.0.0.0/0"))]).reached()
