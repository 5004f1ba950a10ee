"""A host boots a few machines at a time, in the order of their launch, and forgets nobody."""

import pytest

from pileus.drivers.api import Unable
from pileus.services.ec2.instances import turns


@pytest.fixture
def machines(cloud):
    """A host that boots two at a time, whose guests say that they are up when a test has them say so."""
    fakes = cloud.drivers.machines
    fakes.at_once, fakes.silent = 2, True
    return fakes


@pytest.fixture
def launched(cloud, ec2, image, machines):
    """Five, one after the other."""
    ids = []
    for _ in range(5):
        made = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)["Instances"]
        ids.append(made[0]["InstanceId"])
        settle(cloud)
    return ids


def settle(cloud):
    """What is due, and what that made due."""
    cloud.settle()
    cloud.settle()


def states(ec2, ids):
    found = [one["Instances"][0] for one in ec2.describe_instances(InstanceIds=ids)["Reservations"]]
    return [next(one["State"]["Name"] for one in found if one["InstanceId"] == id) for id in ids]


def test_two_boot_and_the_others_wait_their_turn(cloud, ec2, launched):
    assert states(ec2, launched) == ["running", "running", "pending", "pending", "pending"]
    assert cloud.drivers.machines.ids() == sorted(launched[:2])


def test_who_is_up_lets_the_next_boot(cloud, ec2, machines, launched):
    machines.guest_is_up(launched[1])
    settle(cloud)
    assert states(ec2, launched) == ["running", "running", "running", "pending", "pending"]
    machines.guest_is_up(launched[0])
    machines.guest_is_up(launched[2])
    settle(cloud)
    assert states(ec2, launched) == ["running"] * 5


def test_who_says_nothing_keeps_the_others_waiting_for_ten_seconds(cloud, ec2, launched):
    cloud.advance(turns.BOOT_SECONDS - 1)
    assert states(ec2, launched).count("pending") == 3
    cloud.advance(turns.NEXT_SECONDS + 1)
    settle(cloud)
    assert states(ec2, launched).count("pending") == 1
    cloud.advance(turns.BOOT_SECONDS + turns.NEXT_SECONDS)
    settle(cloud)
    assert states(ec2, launched) == ["running"] * 5


def test_who_ends_while_it_boots_or_waits_is_not_waited_for(cloud, ec2, launched):
    ec2.terminate_instances(InstanceIds=[launched[0], launched[2]])
    settle(cloud)
    assert states(ec2, launched) == ["terminated", "running", "terminated", "running", "pending"]
    ec2.terminate_instances(InstanceIds=launched)
    settle(cloud)
    assert cloud.drivers.machines.ids() == []


def test_who_cannot_boot_is_not_waited_for(cloud, ec2, machines, launched, monkeypatch):
    ensure = machines.ensure

    def fails(machine):
        if machine.id == launched[2]:
            raise Unable("its disk is broken")
        ensure(machine)

    monkeypatch.setattr(machines, "ensure", fails)
    machines.guest_is_up(launched[0])
    settle(cloud)
    assert states(ec2, launched) == ["running", "running", "terminated", "running", "pending"]


def test_a_stopped_machine_that_starts_waits_its_turn_too(cloud, ec2, machines, launched):
    machines.at_once = 10
    cloud.advance(turns.LATER_SECONDS)
    settle(cloud)
    ec2.stop_instances(InstanceIds=launched)
    settle(cloud)
    machines.at_once = 1
    ec2.start_instances(InstanceIds=launched)
    settle(cloud)
    assert states(ec2, launched).count("running") == 1
    for _ in launched:
        for id in machines.ids():
            if machines.observe(id).state == "running":
                machines.guest_is_up(id)
        settle(cloud)
    assert states(ec2, launched) == ["running"] * 5


def test_a_cloud_that_starts_again_forgets_nobody(cloud, ec2, machines, launched):
    cloud.restart()
    settle(cloud)
    for _ in range(3):
        for id in machines.ids():
            machines.guest_is_up(id)
        settle(cloud)
    assert states(cloud.client("ec2"), launched) == ["running"] * 5
