"""Client tokens: a request that is sent again makes nothing new, for a day; a launch's, for as long as it lives."""

import pytest
from botocore.exceptions import ClientError

from pileus.services.ec2.tokens import tokens

DAY = 86_400.0


@pytest.fixture
def volume(ec2):
    """A function that asks for a volume with a token and gives the volume's id."""
    return lambda token: ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, ClientToken=token)["VolumeId"]


def count(cloud):
    return cloud.run(cloud.app.store.transact(lambda tx: len(list(tokens.scan(tx, limit=1_000)))))


def test_a_token_holds_for_a_day(cloud, volume):
    first = volume("a")
    cloud.advance(DAY - 60)
    assert volume("a") == first
    cloud.advance(120)
    assert volume("a") != first


def test_another_request_may_use_it_after_that(cloud, ec2, volume):
    volume("a")
    other = {"AvailabilityZone": "us-east-1b", "Size": 2, "ClientToken": "a"}
    with pytest.raises(ClientError) as error:
        ec2.create_volume(**other)
    assert error.value.response["Error"]["Code"] == "IdempotentParameterMismatch"
    cloud.advance(DAY)
    assert ec2.create_volume(**other)["Size"] == 2


def test_no_more_are_kept_than_are_of_use(cloud, volume):
    for number in range(8):
        volume(f"old-{number}")
    assert count(cloud) == 8
    cloud.advance(DAY)
    for number in range(3):
        volume(f"new-{number}")
    assert count(cloud) == 3


def test_a_launch_is_known_until_a_day_after_its_last_instance_ended(cloud, ec2, image):
    wanted = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 2, "MaxCount": 2, "ClientToken": "once"}

    def launch():
        return sorted(one["InstanceId"] for one in ec2.run_instances(**wanted)["Instances"])

    first, second = launch()
    cloud.settle()
    cloud.advance(3 * DAY)
    assert launch() == [first, second]
    ec2.terminate_instances(InstanceIds=[first])
    cloud.settle()
    cloud.advance(600)
    assert launch() == [first, second]
    cloud.advance(3_600)
    assert launch() == [second]  # the other is not shown any more
    ec2.terminate_instances(InstanceIds=[second])
    cloud.settle()
    cloud.advance(DAY + 60)
    assert not set(launch()) & {first, second}
