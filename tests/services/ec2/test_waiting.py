"""botocore's waiters and paginators, as boto3 scripts and the command line use them."""

from typing import Any

import pytest

from tests.services.ec2.vpc.refusing import refused

SOON = {"Delay": 1, "MaxAttempts": 60}


@pytest.fixture
def wait(ec2: Any) -> Any:
    """A function that waits with one of the waiters."""
    return lambda name, **asked: ec2.get_waiter(name).wait(**asked, WaiterConfig=SOON)


def test_the_waiters_of_networks_end(ec2, cloud, wait):
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    other = ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    wait("vpc_exists", VpcIds=[vpc])
    wait("vpc_available", VpcIds=[vpc])
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    wait("subnet_available", SubnetIds=[subnet])
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    wait("security_group_exists", GroupIds=[group])
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    wait("internet_gateway_exists", InternetGatewayIds=[gateway])
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    wait("network_interface_available", NetworkInterfaceIds=[interface])
    nat = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    wait("nat_gateway_available", NatGatewayIds=[nat])
    ec2.delete_nat_gateway(NatGatewayId=nat)
    wait("nat_gateway_deleted", NatGatewayIds=[nat])
    peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other)["VpcPeeringConnection"]
    id = peering["VpcPeeringConnectionId"]
    wait("vpc_peering_connection_exists", VpcPeeringConnectionIds=[id])
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=id)
    wait("vpc_peering_connection_deleted", VpcPeeringConnectionIds=[id])


def test_the_waiters_of_machines_end(ec2, cloud, wait, image):
    ec2.create_key_pair(KeyName="k")
    wait("key_pair_exists", KeyNames=["k"])
    id = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, KeyName="k")["Instances"][0]["InstanceId"]
    wait("instance_exists", InstanceIds=[id])
    wait("instance_running", InstanceIds=[id])
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    wait("volume_available", VolumeIds=[volume])
    ec2.attach_volume(VolumeId=volume, InstanceId=id, Device="/dev/sdh")
    wait("volume_in_use", VolumeIds=[volume])
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    wait("snapshot_completed", SnapshotIds=[snapshot])
    made = ec2.create_image(InstanceId=id, Name="image", NoReboot=True)["ImageId"]
    wait("image_exists", ImageIds=[made])
    wait("image_available", ImageIds=[made])
    ec2.stop_instances(InstanceIds=[id])
    wait("instance_stopped", InstanceIds=[id])
    ec2.detach_volume(VolumeId=volume)
    wait("volume_available", VolumeIds=[volume])
    ec2.delete_volume(VolumeId=volume)
    wait("volume_deleted", VolumeIds=[volume])
    ec2.terminate_instances(InstanceIds=[id])
    wait("instance_terminated", InstanceIds=[id])
    asked = {"ImageId": image, "InstanceType": "t3.micro"}
    request = ec2.request_spot_instances(LaunchSpecification=asked)["SpotInstanceRequests"][0]["SpotInstanceRequestId"]
    wait("spot_instance_request_fulfilled", SpotInstanceRequestIds=[request])


def test_pages_lose_and_repeat_nothing_while_things_come_and_go(ec2):
    """The order is that of ids: what was there all the time is on exactly one page."""
    made = [ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"] for _ in range(12)]
    seen: list[str] = []
    for page in ec2.get_paginator("describe_volumes").paginate(PaginationConfig={"PageSize": 5}):
        seen += [volume["VolumeId"] for volume in page["Volumes"]]
        ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)
        gone = next((id for id in made if id not in seen), None)
        if gone is not None:
            made.remove(gone)
            ec2.delete_volume(VolumeId=gone)
        if len(seen) > 100:
            break
    assert len(seen) == len(set(seen))
    assert set(made) <= set(seen)


def test_a_token_is_good_for_the_list_that_it_came_from_only(ec2):
    for index in range(6):
        ec2.create_key_pair(KeyName=f"k{index}")
        ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)
    token = ec2.describe_volumes(MaxResults=5)["NextToken"]
    for operation in (ec2.describe_snapshots, ec2.describe_instances, ec2.describe_vpcs):
        with refused("InvalidParameterValue"):
            operation(NextToken=token, MaxResults=5)
