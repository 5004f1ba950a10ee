"""A host that cannot run machines: what would need them is refused with the remedy, and everything else works."""

import pytest
from botocore.exceptions import ClientError

from pileus.drivers import no_drivers
from tests.conftest import TestCloud


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    cloud = TestCloud(tmp_path_factory.mktemp("bare"), drivers=no_drivers)
    yield cloud
    cloud.stop()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("run_instances", {"MinCount": 1, "MaxCount": 1, "InstanceType": "t3.micro"}),
        ("create_volume", {"Size": 1, "AvailabilityZone": "us-east-1a"}),
    ],
)
def test_what_needs_machines_is_refused_with_the_remedy(bare, name, arguments):
    ec2 = bare.client("ec2")
    if name == "run_instances":
        arguments = {**arguments, "ImageId": ec2.describe_images()["Images"][0]["ImageId"]}
    with pytest.raises(ClientError, match="start it with `pileus up`") as refused:
        getattr(ec2, name)(**arguments)
    assert refused.value.response["Error"]["Code"] == "Unsupported"
    assert ec2.describe_instances()["Reservations"] == []
    assert ec2.describe_volumes()["Volumes"] == []


def test_networks_are_recorded_all_the_same(bare):
    ec2 = bare.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    assert ec2.allocate_address()["PublicIp"].startswith("198.18.")
    gateway = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    bare.settle()
    (shown,) = ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"]
    assert shown["State"] == "failed"
    assert "pileus up" in shown["FailureMessage"]


def test_other_services_work(bare):
    bare.client("s3").create_bucket(Bucket="anything")
    assert [bucket["Name"] for bucket in bare.client("s3").list_buckets()["Buckets"]] == ["anything"]
