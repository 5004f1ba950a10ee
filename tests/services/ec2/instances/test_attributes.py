"""Attributes of instances, read and changed."""

import base64

import pytest

from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def stopped(cloud, ec2, launch):
    """A function that launches an instance and stops it."""

    def run(**more):
        id = launch(**more)["InstanceId"]
        ec2.stop_instances(InstanceIds=[id])
        cloud.settle()
        return id

    return run


def test_an_instance_is_resized_only_when_it_is_stopped(cloud, ec2, launch, show):
    id = launch()["InstanceId"]
    with refused("IncorrectInstanceState"):
        ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "t3.large"})
    ec2.stop_instances(InstanceIds=[id])
    cloud.settle()
    with refused("InvalidParameterValue"):
        ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "t4g.large"})
    ec2.modify_instance_attribute(InstanceId=id, Attribute="instanceType", Value="t3.large")
    ec2.start_instances(InstanceIds=[id])
    cloud.settle()
    assert show(id)["InstanceType"] == "t3.large"
    assert cloud.drivers.machines._guests[id].machine.memory == 8 * 1024**3


def test_a_new_type_brings_its_own_instance_store(cloud, ec2, stopped):
    id = stopped()
    ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "m5d.large"})
    ec2.start_instances(InstanceIds=[id])
    cloud.settle()
    assert cloud.drivers.volumes.observe(f"{id}-ephemeral0").machine == id


def test_user_data_is_changed_in_both_forms(ec2, stopped):
    id = stopped()

    def value():
        return base64.b64decode(
            ec2.describe_instance_attribute(InstanceId=id, Attribute="userData")["UserData"]["Value"]
        )

    ec2.modify_instance_attribute(InstanceId=id, UserData={"Value": b"#!/bin/sh\nfirst"})
    assert value() == b"#!/bin/sh\nfirst"
    second = base64.b64encode(b"second").decode()
    ec2.modify_instance_attribute(InstanceId=id, Attribute="userData", Value=second)
    assert value() == b"second"


@pytest.mark.parametrize(
    ("name", "member", "before", "after"),
    [
        ("disableApiTermination", "DisableApiTermination", False, True),
        ("disableApiStop", "DisableApiStop", False, True),
        ("instanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior", "stop", "terminate"),
        ("sourceDestCheck", "SourceDestCheck", True, False),
    ],
)
def test_an_attribute_is_changed(ec2, launch, name, member, before, after):
    id = launch()["InstanceId"]

    def value():
        return ec2.describe_instance_attribute(InstanceId=id, Attribute=name)[member]["Value"]

    assert value() == before
    ec2.modify_instance_attribute(InstanceId=id, **{member: {"Value": after}})
    assert value() == after


def test_the_source_check_is_reset(ec2, launch):
    id = launch()["InstanceId"]
    ec2.modify_instance_attribute(InstanceId=id, SourceDestCheck={"Value": False})
    ec2.reset_instance_attribute(InstanceId=id, Attribute="sourceDestCheck")
    assert ec2.describe_instance_attribute(InstanceId=id, Attribute="sourceDestCheck")["SourceDestCheck"]["Value"]
    with refused("InvalidParameterValue"):
        ec2.reset_instance_attribute(InstanceId=id, Attribute="kernel")


def test_groups_are_changed_while_it_runs(ec2, launch, show):
    id = launch()["InstanceId"]
    group = ec2.create_security_group(GroupName="web", Description="w")["GroupId"]
    ec2.modify_instance_attribute(InstanceId=id, Groups=[group])
    assert [one["GroupId"] for one in show(id)["SecurityGroups"]] == [group]


def test_a_disk_is_kept_at_termination_after_all(cloud, ec2, launch, show):
    found = launch()
    id, volume = found["InstanceId"], found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    keep = [{"DeviceName": "/dev/xvda", "Ebs": {"DeleteOnTermination": False}}]
    ec2.modify_instance_attribute(InstanceId=id, BlockDeviceMappings=keep)
    assert show(id)["BlockDeviceMappings"][0]["Ebs"]["DeleteOnTermination"] is False
    ec2.terminate_instances(InstanceIds=[id])
    cloud.settle()
    assert [one["VolumeId"] for one in ec2.describe_volumes()["Volumes"]] == [volume]
    with refused("InvalidInstanceAttributeValue"):
        ec2.modify_instance_attribute(
            InstanceId=launch()["InstanceId"],
            BlockDeviceMappings=[{"DeviceName": "/dev/sdz", "Ebs": {"DeleteOnTermination": False}}],
        )


def test_one_attribute_at_a_time(ec2, launch):
    id = launch()["InstanceId"]
    with refused("InvalidParameterCombination"):
        ec2.modify_instance_attribute(InstanceId=id, DisableApiStop={"Value": True}, EbsOptimized={"Value": True})
    with refused("InvalidParameterCombination"):
        ec2.modify_instance_attribute(InstanceId=id)


@pytest.mark.parametrize(
    "name",
    ["instanceType", "kernel", "ramdisk", "userData", "rootDeviceName", "blockDeviceMapping", "productCodes",
     "groupSet", "ebsOptimized", "sriovNetSupport", "enaSupport", "enclaveOptions"],
)  # fmt: skip
def test_every_attribute_can_be_asked_for(ec2, launch, name):
    id = launch()["InstanceId"]
    found = ec2.describe_instance_attribute(InstanceId=id, Attribute=name)
    assert found["InstanceId"] == id
    assert len(set(found) - {"ResponseMetadata", "InstanceId"}) == 1


def test_recovery_is_a_setting(ec2, launch, show):
    id = launch(MaintenanceOptions={"AutoRecovery": "disabled"})["InstanceId"]
    assert show(id)["MaintenanceOptions"]["AutoRecovery"] == "disabled"
    ec2.modify_instance_maintenance_options(InstanceId=id, AutoRecovery="default")
    assert show(id)["MaintenanceOptions"]["AutoRecovery"] == "default"


def test_monitoring_is_switched(ec2, launch, show):
    id = launch()["InstanceId"]
    [told] = ec2.monitor_instances(InstanceIds=[id])["InstanceMonitorings"]
    assert told["Monitoring"]["State"] == "pending"
    assert show(id)["Monitoring"]["State"] == "enabled"
    [told] = ec2.unmonitor_instances(InstanceIds=[id])["InstanceMonitorings"]
    assert told["Monitoring"]["State"] == "disabling"
