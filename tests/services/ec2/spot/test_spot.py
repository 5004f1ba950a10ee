"""Spot requests: recorded with what they launched, and never interrupted."""

import pytest

from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def asked(image):
    return {"LaunchSpecification": {"ImageId": image, "InstanceType": "t3.micro"}, "InstanceCount": 2}


def test_a_request_is_fulfilled_at_once(cloud, ec2, asked, show):
    tags = [{"ResourceType": "spot-instances-request", "Tags": [{"Key": "team", "Value": "blue"}]}]
    made = ec2.request_spot_instances(**asked, SpotPrice="0.05", TagSpecifications=tags)["SpotInstanceRequests"]
    assert [one["State"] for one in made] == ["active", "active"]
    assert [(one["SpotPrice"], one["Tags"]) for one in made] == [("0.05", tags[0]["Tags"])] * 2
    cloud.settle()
    found = show(made[0]["InstanceId"])
    assert (found["State"]["Name"], found["InstanceLifecycle"]) == ("running", "spot")
    assert found["SpotInstanceRequestId"] == made[0]["SpotInstanceRequestId"]
    by_tag = ec2.describe_spot_instance_requests(Filters=[{"Name": "tag:team", "Values": ["blue"]}])
    assert len(by_tag["SpotInstanceRequests"]) == 2


def test_a_spot_launch_has_a_request_as_well(ec2, launch):
    found = launch(InstanceMarketOptions={"MarketType": "spot", "SpotOptions": {"MaxPrice": "0.1"}})
    [one] = ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
    assert (one["InstanceId"], one["SpotPrice"], one["State"]) == (found["InstanceId"], "0.1", "active")
    with refused("UnsupportedOperation"):
        ec2.stop_instances(InstanceIds=[found["InstanceId"]])


def test_a_cancelled_request_leaves_its_machine_and_a_terminated_machine_closes_its_request(cloud, ec2, asked, show):
    one, other = ec2.request_spot_instances(**asked)["SpotInstanceRequests"]
    ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=[one["SpotInstanceRequestId"]])
    ec2.terminate_instances(InstanceIds=[other["InstanceId"]])
    cloud.settle()
    assert show(one["InstanceId"])["State"]["Name"] == "running"
    found = {
        each["InstanceId"]: each["State"] for each in ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
    }
    assert found == {one["InstanceId"]: "cancelled", other["InstanceId"]: "closed"}


def test_the_same_token_asks_once(ec2, asked):
    first, second = (ec2.request_spot_instances(**asked, ClientToken="once") for _ in range(2))
    ids = [[one["SpotInstanceRequestId"] for one in made["SpotInstanceRequests"]] for made in (first, second)]
    assert ids[0] == ids[1]
    assert len(ec2.describe_spot_instance_requests()["SpotInstanceRequests"]) == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Type": "persistent"}, "Unsupported"),
        ({"SpotPrice": "cheap"}, "InvalidParameterValue"),
        ({"SpotPrice": "-1"}, "InvalidParameterValue"),
        ({"InstanceInterruptionBehavior": "hibernate"}, "Unsupported"),
        ({"BlockDurationMinutes": 60}, "NotImplemented"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_what_cannot_be_is_refused_and_launches_nothing(ec2, asked, change, code):
    with refused(code):
        ec2.request_spot_instances(**asked, **change)
    assert ec2.describe_instances()["Reservations"] == []


def test_snapshots_are_kept_from_everybody_when_the_account_says_so(cloud, ec2, other):
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    cloud.settle()
    id = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    public = {"SnapshotId": id, "CreateVolumePermission": {"Add": [{"Group": "all"}]}}
    assert ec2.get_snapshot_block_public_access_state()["State"] == "unblocked"
    ec2.enable_snapshot_block_public_access(State="block-new-sharing")
    with refused("OperationNotPermitted"):
        ec2.modify_snapshot_attribute(**public)
    ec2.disable_snapshot_block_public_access()
    ec2.modify_snapshot_attribute(**public)
    assert other.describe_snapshots(SnapshotIds=[id])["Snapshots"]
    ec2.enable_snapshot_block_public_access(State="block-all-sharing")
    with refused("InvalidSnapshot.NotFound"):
        other.describe_snapshots(SnapshotIds=[id])
