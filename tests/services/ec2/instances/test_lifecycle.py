"""An instance from launch to oblivion: every state, who may change it, and what is left of it."""

import pytest

from pileus.drivers.api import Unable
from pileus.drivers.machines.api import Machine
from pileus.drivers.volumes.api import Volume
from tests.services.ec2.vpc.refusing import refused


def state(show, id):
    return show(id)["State"]["Name"]


def changed(answer):
    [(_, found)] = [pair for pair in answer.items() if pair[0] != "ResponseMetadata"]
    [one] = found
    return one["PreviousState"]["Name"], one["CurrentState"]["Name"]


def test_a_launch_is_pending_and_then_runs(cloud, ec2, image, show):
    made = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    [told] = made["Instances"]
    assert told["State"] == {"Code": 0, "Name": "pending"}
    assert told["PrivateIpAddress"].startswith("172.31.")
    cloud.settle()
    found = show(told["InstanceId"])
    assert found["State"] == {"Code": 16, "Name": "running"}
    assert found["PrivateDnsName"] == f"ip-{found['PrivateIpAddress'].replace('.', '-')}.ec2.internal"
    assert cloud.drivers.machines.observe(told["InstanceId"]).state == "running"


def test_several_are_launched_in_one_reservation(cloud, ec2, image):
    made = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=3)
    assert [one["AmiLaunchIndex"] for one in made["Instances"]] == [0, 1, 2]
    assert len({one["PrivateIpAddress"] for one in made["Instances"]}) == 3
    cloud.settle()
    [reservation] = ec2.describe_instances()["Reservations"]
    assert reservation["ReservationId"] == made["ReservationId"]
    assert {one["State"]["Name"] for one in reservation["Instances"]} == {"running"}


def test_stop_and_start_keep_the_private_address_and_change_the_public_one(cloud, ec2, launch, show):
    before = launch()
    id = before["InstanceId"]
    assert changed(ec2.stop_instances(InstanceIds=[id])) == ("running", "stopping")
    cloud.settle()
    stopped = show(id)
    assert stopped["State"] == {"Code": 80, "Name": "stopped"}
    assert stopped["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert stopped["StateTransitionReason"].startswith("User initiated (")
    assert "PublicIpAddress" not in stopped
    assert changed(ec2.stop_instances(InstanceIds=[id])) == ("stopped", "stopped")
    # Somebody else takes the address that became free.
    other = launch()
    assert changed(ec2.start_instances(InstanceIds=[id])) == ("stopped", "pending")
    cloud.settle()
    after = show(id)
    assert after["State"]["Name"] == "running"
    assert after["PrivateIpAddress"] == before["PrivateIpAddress"]
    assert after["PublicIpAddress"] not in (before["PublicIpAddress"], other["PublicIpAddress"])
    assert "StateReason" not in after
    assert after["BlockDeviceMappings"][0]["Ebs"]["VolumeId"] == before["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    assert changed(ec2.start_instances(InstanceIds=[id])) == ("running", "running")


def test_a_reboot_boots_the_guest_again_and_keeps_everything(cloud, ec2, launch, show):
    before = launch()
    id = before["InstanceId"]
    ec2.reboot_instances(InstanceIds=[id])
    cloud.settle()
    assert cloud.drivers.machines.observe(id).reboots == 1
    after = show(id)
    assert after["State"]["Name"] == "running"
    assert after["PublicIpAddress"] == before["PublicIpAddress"]
    assert after["LaunchTime"] == before["LaunchTime"]


def test_a_terminated_instance_is_shown_for_an_hour_without_its_belongings(cloud, ec2, launch, show):
    id = launch()["InstanceId"]
    assert changed(ec2.terminate_instances(InstanceIds=[id])) == ("running", "shutting-down")
    cloud.settle()
    found = show(id)
    assert found["State"] == {"Code": 48, "Name": "terminated"}
    assert (found["NetworkInterfaces"], found["BlockDeviceMappings"], found["SecurityGroups"]) == ([], [], [])
    assert "PrivateIpAddress" not in found
    assert cloud.drivers.machines.ids() == cloud.drivers.volumes.ids() == []
    assert changed(ec2.terminate_instances(InstanceIds=[id])) == ("terminated", "terminated")
    for call in (ec2.start_instances, ec2.stop_instances, ec2.reboot_instances):
        with refused("IncorrectInstanceState"):
            call(InstanceIds=[id])
    cloud.advance(3_601)
    with refused("InvalidInstanceID.NotFound"):
        show(id)
    assert ec2.describe_instances()["Reservations"] == []


def test_all_or_none_of_several_are_changed(cloud, ec2, launch, show):
    one = launch()["InstanceId"]
    with refused("InvalidInstanceID.NotFound", "i-0123456789abcdef0"):
        ec2.stop_instances(InstanceIds=[one, "i-0123456789abcdef0"])
    assert state(show, one) == "running"
    with refused("InvalidInstanceID.Malformed"):
        ec2.terminate_instances(InstanceIds=["i-nonsense"])


def test_a_guest_that_switches_itself_off_is_stopped_or_terminated_as_it_was_launched(cloud, launch, show):
    stays, goes = (launch(**more)["InstanceId"] for more in ({}, {"InstanceInitiatedShutdownBehavior": "terminate"}))
    for id in (stays, goes):
        cloud.drivers.machines.guest_powers_off(id)
        # The watch is heard of on the loop: the record is looked at either way after a minute.
        cloud.advance(61)
    cloud.settle()
    assert show(stays)["State"]["Name"] == "stopped"
    assert show(stays)["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    assert show(goes)["State"]["Name"] == "terminated"
    assert "PublicIpAddress" not in show(stays)


def test_a_machine_that_the_host_killed_is_booted_again(cloud, launch, show):
    id = launch()["InstanceId"]
    cloud.drivers.machines.dies(id)
    cloud.advance(61)
    assert state(show, id) == "running"
    assert cloud.drivers.machines.observe(id).state == "running"


def test_a_protected_instance_is_neither_terminated_nor_stopped(cloud, ec2, launch, show):
    id = launch(DisableApiTermination=True, DisableApiStop=True)["InstanceId"]
    with refused("OperationNotPermitted", "disableApiTermination"):
        ec2.terminate_instances(InstanceIds=[id])
    with refused("OperationNotPermitted", "disableApiStop"):
        ec2.stop_instances(InstanceIds=[id])
    assert state(show, id) == "running"
    ec2.modify_instance_attribute(InstanceId=id, DisableApiStop={"Value": False})
    ec2.stop_instances(InstanceIds=[id])
    ec2.modify_instance_attribute(InstanceId=id, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[id])
    cloud.settle()
    assert state(show, id) == "terminated"


def test_a_first_boot_that_fails_ends_the_instance_and_says_why(cloud, ec2, image, show, monkeypatch):
    def ensure(machine):
        raise Unable("the host is full")

    monkeypatch.setattr(cloud.drivers.machines, "ensure", ensure)
    id = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    cloud.settle()
    found = show(id)
    assert found["State"]["Name"] == "terminated"
    assert found["StateReason"] == {"Code": "Server.InternalError", "Message": "Server.InternalError: the host is full"}
    assert ec2.describe_volumes()["Volumes"] == []


def test_a_later_boot_that_fails_leaves_the_instance_stopped(cloud, ec2, launch, show, monkeypatch):
    id = launch()["InstanceId"]
    ec2.stop_instances(InstanceIds=[id])
    cloud.settle()

    def ensure(machine):
        raise Unable("the host is full")

    with monkeypatch.context() as patch:
        patch.setattr(cloud.drivers.machines, "ensure", ensure)
        ec2.start_instances(InstanceIds=[id])
        cloud.settle()
    assert state(show, id) == "stopped"
    assert show(id)["StateReason"]["Code"] == "Server.InternalError"
    ec2.start_instances(InstanceIds=[id])
    cloud.settle()
    assert state(show, id) == "running"


def test_a_reboot_that_the_host_cannot_do_now_is_done_a_little_later(cloud, ec2, launch, monkeypatch, caplog):
    id = launch()["InstanceId"]

    def reboot(machine, grace):
        raise Unable(f"machine {machine} does not run")  # for it boots again by itself, at this moment

    with monkeypatch.context() as patch:
        patch.setattr(cloud.drivers.machines, "reboot", reboot)
        ec2.reboot_instances(InstanceIds=[id])
        cloud.settle()
    assert cloud.drivers.machines.observe(id).reboots == 0
    cloud.advance(1)
    assert cloud.drivers.machines.observe(id).reboots == 1
    assert "Traceback" not in caplog.text


def test_a_launch_whose_disk_cannot_be_made_fails(cloud, ec2, image, show, monkeypatch):
    def ensure(volume):
        raise Unable("the pool is full")

    monkeypatch.setattr(cloud.drivers.volumes, "ensure", ensure)
    id = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    cloud.settle()
    cloud.advance(5)
    assert state(show, id) == "terminated"
    assert show(id)["StateReason"]["Code"] == "Server.InternalError"


def test_a_restart_of_the_cloud_finds_its_machines_running_and_removes_those_nobody_knows(cloud, ec2, launch, show):
    found = launch()
    id = found["InstanceId"]
    machines, pid = cloud.drivers.machines, cloud.drivers.machines.observe(id).pid
    cloud.drivers.volumes.ensure(Volume("vol-0badbadbadbadbad0", 1024**3))
    machines.ensure(Machine("i-0badbadbadbadbad0", 1, "vol-0badbadbadbadbad0", "stray", 1.0, 1024**3))
    cloud.restart()
    cloud.settle()
    again = cloud.client("ec2").describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]
    assert again["State"]["Name"] == "running"
    assert again["PublicIpAddress"] == found["PublicIpAddress"]
    assert cloud.drivers.machines.observe(id).pid == pid
    assert cloud.drivers.machines.ids() == [id]
    assert cloud.drivers.volumes.ids() == [found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]]


def test_what_happened_while_the_cloud_was_away_is_noticed(cloud, ec2, launch):
    id = launch()["InstanceId"]
    cloud.stop()
    cloud._fakes.machines.guest_powers_off(id)
    cloud._start()
    cloud.settle()
    found = cloud.client("ec2").describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] == "stopped"


def test_an_instance_cannot_start_without_a_root_disk(cloud, ec2, launch, show):
    found = launch()
    id, volume = found["InstanceId"], found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    with refused("OperationNotPermitted"):
        ec2.detach_volume(VolumeId=volume)
    ec2.stop_instances(InstanceIds=[id])
    cloud.settle()
    ec2.detach_volume(VolumeId=volume)
    with refused("InvalidParameterValue", "does not have a volume attached at root (/dev/xvda)"):
        ec2.start_instances(InstanceIds=[id])
    cloud.settle()
    with refused("InvalidParameterValue", "does not have a volume attached at root (/dev/xvda)"):
        ec2.start_instances(InstanceIds=[id])
    ec2.attach_volume(VolumeId=volume, InstanceId=id, Device="/dev/xvda")
    ec2.start_instances(InstanceIds=[id])
    cloud.settle()
    assert state(show, id) == "running"


def test_hibernation_is_refused_by_name(ec2, launch):
    id = launch()["InstanceId"]
    with refused("UnsupportedHibernationConfiguration"):
        ec2.stop_instances(InstanceIds=[id], Hibernate=True)
    with refused("UnsupportedHibernationConfiguration"):
        launch(HibernationOptions={"Configured": True})


@pytest.mark.parametrize("verb", ["start", "stop", "terminate", "reboot"])
def test_a_dry_run_changes_nothing(ec2, launch, show, verb):
    id = launch()["InstanceId"]
    with refused("DryRunOperation"):
        getattr(ec2, f"{verb}_instances")(InstanceIds=[id], DryRun=True)
    assert state(show, id) == "running"
