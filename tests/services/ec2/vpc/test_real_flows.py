"""Flow logs of real packets: from the kernel to S3."""

import gzip

import pytest

from tests.drivers.networks.conftest import site
from tests.services.ec2.vpc.on_real_networks import cloud_on, plugged_into

__all__ = ["site"]  # a fixture


@pytest.fixture
def cloud(tmp_path, site):
    cloud = cloud_on(tmp_path, site)
    yield cloud
    cloud.stop()


def delivered(s3):
    lines = []
    for item in s3.list_objects_v2(Bucket="flows").get("Contents", []):
        body = s3.get_object(Bucket="flows", Key=item["Key"])["Body"].read()
        lines += [line.split() for line in gzip.decompress(body).decode().splitlines()[1:]]
    return lines


def test_what_passed_and_what_was_refused_is_in_the_bucket(cloud, ec2, site, plugged):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="flows")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    web = ec2.create_security_group(GroupName="web", Description="w", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=web, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0")
    made = [ec2.create_network_interface(SubnetId=subnet, Groups=[web])["NetworkInterface"] for _ in range(2)]
    for number, each in enumerate(made):
        plugged(each["NetworkInterfaceId"], f"i-{number:017x}")
    target = made[1]
    ec2.create_flow_logs(
        ResourceIds=[target["NetworkInterfaceId"]],
        ResourceType="NetworkInterface",
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination="arn:aws:s3:::flows",
        MaxAggregationInterval=60,
        LogFormat="${srcaddr} ${dstaddr} ${dstport} ${protocol} ${packets} ${action} ${flow-direction} ${start}",
    )
    guests = plugged_into(cloud, site, vpc)
    client, server = (guests[each["NetworkInterfaceId"]] for each in made)
    server.serve(80)
    server.serve(22)
    assert client.reaches(target["PrivateIpAddress"], 80)
    assert client.refused(target["PrivateIpAddress"], 22)
    asker, asked = made[0]["PrivateIpAddress"], target["PrivateIpAddress"]
    inward, lines = {}, []
    for _ in range(30):  # what was refused is told a little later than it was
        cloud.advance(61)
        lines = delivered(s3)
        inward = {(line[2], line[5]): line for line in lines if line[:2] == [asker, asked]}
        if len(inward) == 2:
            break
    assert set(inward) == {("80", "ACCEPT"), ("22", "REJECT")}
    assert inward["80", "ACCEPT"][3] == "6"
    assert int(inward["80", "ACCEPT"][4]) >= 3
    assert inward["80", "ACCEPT"][6] == "ingress"
    assert any(line[:2] == [asked, asker] and line[5:7] == ["ACCEPT", "egress"] for line in lines)
