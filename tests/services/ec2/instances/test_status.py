"""What the status checks say of a machine: at its beginning, while it hangs or nobody reaches it, and afterwards."""

import pytest

MINUTE = 61


@pytest.fixture
def status(cloud, ec2):
    """Of one that runs, after the next check."""

    def look(id):
        cloud.advance(MINUTE)
        cloud.settle()
        [found] = ec2.describe_instance_status(InstanceIds=[id])["InstanceStatuses"]
        return found

    return look


def summary(found):
    [detail] = found["InstanceStatus"]["Details"]
    return found["InstanceStatus"]["Status"], detail["Name"], detail["Status"]


def test_a_machine_initializes_until_its_first_check(cloud, ec2, launch, status):
    id = launch()["InstanceId"]
    [found] = ec2.describe_instance_status(InstanceIds=[id])["InstanceStatuses"]
    assert summary(found) == ("initializing", "reachability", "initializing")
    found = status(id)
    assert summary(found) == ("ok", "reachability", "passed")
    assert found["SystemStatus"] == {"Status": "ok", "Details": [{"Name": "reachability", "Status": "passed"}]}


def test_a_guest_that_hangs_is_impaired_since_then_until_it_goes_on(cloud, ec2, launch, status):
    id = launch()["InstanceId"]
    status(id)
    cloud.drivers.machines.pause(id)
    found = status(id)
    assert summary(found) == ("impaired", "reachability", "failed")
    assert found["SystemStatus"]["Status"] == "ok"
    since = found["InstanceStatus"]["Details"][0]["ImpairedSince"]
    assert status(id)["InstanceStatus"]["Details"][0]["ImpairedSince"] == since
    impaired = [{"Name": "instance-status.status", "Values": ["impaired"]}]
    assert [one["InstanceId"] for one in ec2.describe_instance_status(Filters=impaired)["InstanceStatuses"]] == [id]
    cloud.drivers.machines.resume(id)
    found = status(id)
    assert summary(found) == ("ok", "reachability", "passed")
    assert "ImpairedSince" not in found["InstanceStatus"]["Details"][0]


def test_a_guest_whose_network_is_dead_is_impaired(cloud, ec2, launch, status):
    launched = launch()
    id, [interface] = launched["InstanceId"], launched["NetworkInterfaces"]
    status(id)
    cloud.drivers.networks.silent.add(interface["NetworkInterfaceId"])
    assert summary(status(id)) == ("impaired", "reachability", "failed")
    cloud.drivers.networks.silent.clear()
    assert summary(status(id)) == ("ok", "reachability", "passed")


def test_a_machine_that_does_not_run_has_no_checks(cloud, ec2, launch):
    id = launch()["InstanceId"]
    ec2.stop_instances(InstanceIds=[id])
    cloud.settle()
    assert ec2.describe_instance_status(InstanceIds=[id])["InstanceStatuses"] == []
    [found] = ec2.describe_instance_status(InstanceIds=[id], IncludeAllInstances=True)["InstanceStatuses"]
    assert found["InstanceState"]["Name"] == "stopped"
    assert found["InstanceStatus"] == found["SystemStatus"] == {"Status": "not-applicable"}
