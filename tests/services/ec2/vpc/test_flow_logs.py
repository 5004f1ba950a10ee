"""Flow logs, from what a driver saw to the object in S3."""

import gzip
import json

import pytest

from pileus.drivers.networks.api import Flow
from tests.services.ec2.vpc.refusing import refused

BUCKET = "flows"


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def vpc(ec2):
    return ec2.describe_vpcs()["Vpcs"][0]["VpcId"]


@pytest.fixture
def interface(cloud, ec2, plugged):
    zone = [{"Name": "availability-zone", "Values": ["us-east-1a"]}]
    subnet = ec2.describe_subnets(Filters=zone)["Subnets"][0]["SubnetId"]
    id = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    plugged(id)
    cloud.settle()
    return id


def wanted(ec2, resource, **more):
    given = {"ResourceType": "VPC", "TrafficType": "ALL", "LogDestination": f"arn:aws:s3:::{BUCKET}/net/"}
    answer = ec2.create_flow_logs(ResourceIds=[resource], LogDestinationType="s3", **{**given, **more})
    assert answer["Unsuccessful"] == []
    return answer["FlowLogIds"][0]


def flow(cloud, interface, port=80, packets=1, accepted=True):
    now = cloud.app.clock.machine()
    return Flow(interface, "10.0.0.9", "172.31.0.4", 40000, port, 6, packets, 60, now, now + 5, accepted, True, 2)


def delivered(s3):
    found = {}
    for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        body = s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
        found[item["Key"]] = gzip.decompress(body).decode().splitlines()
    return found


def test_what_passed_is_written_when_the_interval_is_over(cloud, ec2, s3, vpc, interface):
    id = wanted(ec2, vpc)
    cloud.settle()
    assert cloud.drivers.networks.networks[vpc].interfaces[0].flows is True
    for _ in range(2):
        cloud.drivers.networks.passed(vpc, flow(cloud, interface, packets=2))
    cloud.drivers.networks.passed(vpc, flow(cloud, interface, port=22, accepted=False))
    cloud.advance(300)
    assert delivered(s3) == {}
    cloud.advance(301)
    [(key, (header, *lines))] = delivered(s3).items()
    assert key.startswith("net/AWSLogs/000000000000/vpcflowlogs/us-east-1/")
    assert f"000000000000_vpcflowlogs_us-east-1_{id}_" in key
    assert key.endswith(".log.gz")
    assert header.split()[:4] == ["version", "account-id", "interface-id", "srcaddr"]
    found = sorted(line.split() for line in lines)
    assert [line[:10] + line[12:] for line in found] == [
        ["2", "000000000000", interface, "10.0.0.9", "172.31.0.4", "40000", "22", "6", "1", "60", "REJECT", "OK"],
        ["2", "000000000000", interface, "10.0.0.9", "172.31.0.4", "40000", "80", "6", "4", "120", "ACCEPT", "OK"],
    ]


def test_an_interface_that_was_quiet_says_so(cloud, ec2, s3, vpc, interface):
    wanted(ec2, vpc)
    cloud.advance(601)
    [(_, (_, line))] = delivered(s3).items()
    assert line.split()[2:10] == [interface, *["-"] * 7]
    assert line.split()[-2:] == ["-", "NODATA"]


def test_a_log_of_refusals_in_a_format_of_its_own(cloud, ec2, s3, vpc, interface):
    format = "${vpc-id} ${instance-id} ${az-id} ${flow-direction} ${dstport} ${action} ${tcp-flags} ${version}"
    options = {"HiveCompatiblePartitions": True, "PerHourPartition": True, "FileFormat": "plain-text"}
    wanted(
        ec2,
        interface,
        ResourceType="NetworkInterface",
        TrafficType="REJECT",
        LogFormat=format,
        MaxAggregationInterval=60,
        DestinationOptions=options,
    )
    cloud.settle()
    cloud.drivers.networks.passed(vpc, flow(cloud, interface, accepted=True))
    cloud.drivers.networks.passed(vpc, flow(cloud, interface, port=22, accepted=False))
    cloud.advance(61)
    [(key, (_, line))] = delivered(s3).items()
    assert line == f"{vpc} i-0123456789abcdef0 use1-az1 ingress 22 REJECT 2 5"
    assert "/AWSLogs/aws-account-id=000000000000/aws-service=vpcflowlogs/aws-region=us-east-1/year=" in key
    assert "/hour=" in key


def test_two_logs_hear_of_the_same_packets(cloud, ec2, s3, vpc, interface):
    wanted(ec2, vpc, MaxAggregationInterval=60)
    wanted(ec2, interface, ResourceType="NetworkInterface", LogDestination=f"arn:aws:s3:::{BUCKET}/one")
    cloud.settle()
    cloud.drivers.networks.passed(vpc, flow(cloud, interface))
    cloud.advance(61)
    cloud.drivers.networks.passed(vpc, flow(cloud, interface))
    cloud.advance(540)
    found = delivered(s3)
    one = [lines for key, lines in found.items() if key.startswith("one/")]
    assert [line.split()[8] for line in one[0][1:]] == ["2"]
    whole = [line for key, lines in found.items() if key.startswith("net/") for line in lines[1:]]
    assert sum(line.endswith("ACCEPT OK") for line in whole) == 2


def test_the_buckets_policy_is_written_for_the_caller_and_decides(cloud, ec2, s3, vpc, interface):
    id = wanted(ec2, vpc)
    policy = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    assert [each["Sid"] for each in policy["Statement"]] == ["AWSLogDeliveryWrite", "AWSLogDeliveryAclCheck"]
    s3.delete_bucket_policy(Bucket=BUCKET)
    cloud.advance(601)
    assert delivered(s3) == {}
    [shown] = ec2.describe_flow_logs(FlowLogIds=[id])["FlowLogs"]
    assert shown["DeliverLogsStatus"] == "FAILED"
    assert "denied" in shown["DeliverLogsErrorMessage"].lower() or "authorized" in shown["DeliverLogsErrorMessage"]
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    cloud.advance(601)
    assert len(delivered(s3)) == 1
    assert ec2.describe_flow_logs(FlowLogIds=[id])["FlowLogs"][0]["DeliverLogsStatus"] == "SUCCESS"


def test_a_deleted_log_writes_no_more(cloud, ec2, s3, vpc, interface):
    id = wanted(ec2, vpc)
    assert ec2.delete_flow_logs(FlowLogIds=[id])["Unsuccessful"] == []
    cloud.advance(700)
    assert delivered(s3) == {}
    assert ec2.delete_flow_logs(FlowLogIds=[id])["Unsuccessful"][0]["Error"]["Code"] == "InvalidFlowLogId.NotFound"


def test_the_same_log_twice_is_told_of(ec2, s3, vpc):
    given = {"ResourceIds": [vpc], "ResourceType": "VPC", "TrafficType": "ALL"}
    given |= {"LogDestinationType": "s3", "LogDestination": f"arn:aws:s3:::{BUCKET}"}
    ec2.create_flow_logs(**given)
    [wrong] = ec2.create_flow_logs(**given)["Unsuccessful"]
    assert (wrong["ResourceId"], wrong["Error"]["Code"]) == (vpc, "FlowLogAlreadyExists")


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"LogDestinationType": "cloud-watch-logs"}, "InvalidParameterValue", "cloud-watch-logs"),
        ({"LogDestination": "arn:aws:s3:::nobodys-bucket"}, "InvalidParameterValue", "does not exist"),
        ({"LogFormat": "${srcaddr} ${ecs-task-arn}"}, "InvalidParameterValue", "ecs-task-arn"),
        ({"LogFormat": "srcaddr"}, "InvalidParameterValue", "LogFormat"),
        ({"MaxAggregationInterval": 61}, "InvalidParameterValue", "61"),
        ({"DestinationOptions": {"FileFormat": "parquet"}}, "InvalidParameterValue", "parquet"),
    ],
)
def test_what_would_not_be_written_is_refused(ec2, s3, vpc, change, code, text):
    given = {"ResourceIds": [vpc], "ResourceType": "VPC", "TrafficType": "ALL", "LogDestinationType": "s3"}
    given |= {"LogDestination": f"arn:aws:s3:::{BUCKET}"}
    with refused(code, text):
        ec2.create_flow_logs(**{**given, **change})
