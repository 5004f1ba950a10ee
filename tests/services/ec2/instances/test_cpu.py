"""Fewer cores, or threads, than a type has: the machine really gets no more."""

import pytest

from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def vcpus(cloud):
    return lambda id: cloud.drivers.machines._guests[id].machine.vcpus


def test_a_launch_may_ask_for_less_than_its_type_has(launch, vcpus):
    plain = launch(InstanceType="m5.2xlarge")
    assert (plain["CpuOptions"], vcpus(plain["InstanceId"])) == ({"CoreCount": 4, "ThreadsPerCore": 2}, 8)
    less = launch(InstanceType="m5.2xlarge", CpuOptions={"CoreCount": 2, "ThreadsPerCore": 1})
    assert (less["CpuOptions"], vcpus(less["InstanceId"])) == ({"CoreCount": 2, "ThreadsPerCore": 1}, 2)


def test_a_stopped_instance_gets_others_and_another_type_brings_its_own(cloud, ec2, launch, show, vcpus):
    id = launch(InstanceType="m5.2xlarge")["InstanceId"]
    with refused("IncorrectInstanceState"):
        ec2.modify_instance_cpu_options(InstanceId=id, CoreCount=2)
    ec2.stop_instances(InstanceIds=[id])
    cloud.settle()
    told = ec2.modify_instance_cpu_options(InstanceId=id, CoreCount=2)
    assert (told["CoreCount"], told["ThreadsPerCore"]) == (2, 2)
    ec2.start_instances(InstanceIds=[id])
    cloud.settle()
    assert vcpus(id) == 4
    ec2.stop_instances(InstanceIds=[id])
    cloud.settle()
    ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "m5.xlarge"})
    assert show(id)["CpuOptions"] == {"CoreCount": 2, "ThreadsPerCore": 2}


def test_no_more_than_the_type_has(ec2, image):
    wanted = {"ImageId": image, "InstanceType": "m5.large", "MinCount": 1, "MaxCount": 1}
    for options in ({"CoreCount": 2}, {"CoreCount": 1, "ThreadsPerCore": 3}, {"CoreCount": 0}):
        with refused("InvalidParameterValue"):
            ec2.run_instances(**wanted, CpuOptions=options)
    with refused("NotImplemented"):
        ec2.run_instances(**wanted, CpuOptions={"AmdSevSnp": "enabled"})
