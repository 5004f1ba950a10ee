"""What a launch may ask for besides, and another root disk: as the machine itself has it."""

import json

import pytest

from tests.drivers.real import eventually

from .test_first_machine import BUSY

META = "http://169.254.169.254/latest/meta-data"


@pytest.fixture(scope="module")
def machine(cloud, ssh_from_anywhere):
    """One thread of two, called by its id, in the third of three partitions."""
    cloud.ec2.create_placement_group(GroupName="replicas", Strategy="partition", PartitionCount=3)
    made = cloud.launch(
        [ssh_from_anywhere],
        InstanceType="t3.small",
        CpuOptions={"CoreCount": 1, "ThreadsPerCore": 1},
        PrivateDnsNameOptions={"HostnameType": "resource-name", "EnableResourceNameDnsARecord": True},
        Placement={"GroupName": "replicas", "PartitionNumber": 3},
    )
    yield made.reached()
    made.terminate()
    made.becomes("terminated")
    cloud.ec2.delete_placement_group(GroupName="replicas")


def test_it_is_called_by_its_id_and_found_by_that_name(machine):
    assert machine.run("hostname") == machine.id
    name = machine.shown()["PrivateDnsName"]
    assert name.startswith(f"{machine.id}.")
    assert machine.run(f"python3 -c 'import socket; print(socket.gethostbyname(\"{name}\"))'") == machine.private


def test_it_has_one_thread_of_its_core(machine):
    assert float(machine.run(f"python3 -c '{BUSY}'")) < 1.25


def test_it_knows_its_partition(machine):
    assert machine.run(f"curl -s {META}/placement/group-name") == "replicas"
    assert machine.run(f"curl -s {META}/placement/partition-number") == "3"


def replaced(machine, **more):
    ec2 = machine.cloud.ec2
    task = ec2.create_replace_root_volume_task(InstanceId=machine.id, **more)["ReplaceRootVolumeTask"]
    wanted = [task["ReplaceRootVolumeTaskId"]]

    def done():
        (told,) = ec2.describe_replace_root_volume_tasks(ReplaceRootVolumeTaskIds=wanted)["ReplaceRootVolumeTasks"]
        assert told["TaskState"] != "failed", json.dumps(told, default=str)
        return told["TaskState"] == "succeeded"

    assert eventually(done)


def root_of(machine):
    return machine.shown()["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]


def test_another_root_disk_is_as_it_was_launched_and_the_first_may_come_back(machine):
    ec2, first, public, private = machine.cloud.ec2, root_of(machine), machine.public, machine.private
    machine.run("echo here > kept && sync")
    replaced(machine)
    machine.reached()
    second = root_of(machine)
    assert second != first
    assert "No such file" in machine.fails("cat kept")
    assert (machine.public, machine.private) == (public, private)
    replaced(machine, VolumeId=first, DeleteReplacedRootVolume=True)
    machine.reached()
    assert machine.run("cat kept") == "here"
    assert root_of(machine) == first
    assert eventually(lambda: not ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": [second]}])["Volumes"])
