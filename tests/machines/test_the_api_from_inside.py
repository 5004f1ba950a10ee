"""The cloud's API as a machine reaches it: by Amazon's names, with its role's credentials, and nothing configured."""

import subprocess
from pathlib import Path

import boto3
import pytest

from tests.drivers.real import eventually

from .real_cloud import SSH

SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")
PROGRAM = """
import sys; sys.path.insert(0, "/opt/sdk")
import boto3, botocore.utils
# As on Amazon's machines, the SDK for Python asks to be told the region; the metadata service knows it.
region = botocore.utils.InstanceMetadataRegionFetcher().retrieve_region()
table = boto3.resource("dynamodb", region).create_table(
    TableName="notes", BillingMode="PAY_PER_REQUEST",
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
table.wait_until_exists()
table.put_item(Item={"id": "1", "text": "from inside"})
print(table.get_item(Key={"id": "1"})["Item"]["text"], region)
"""


@pytest.fixture(scope="module")
def secluded(cloud, insider):
    """A machine in a subnet with no way to the internet, reached through the insider."""
    ec2, vpc = cloud.ec2, cloud.default_vpc()
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="172.31.192.0/24", AvailabilityZone="us-east-1a")["Subnet"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet["SubnetId"])
    group = cloud.group("secluded", (22, "172.31.0.0/16"))
    made = cloud.launch([group], SubnetId=subnet["SubnetId"], IamInstanceProfile={"Name": "reader"})
    made.through = insider
    yield made.reached(), table
    made.terminate()


def test_the_command_line_uses_s3_with_nothing_configured(insider):
    assert insider.run("ls -A ~/.aws 2>/dev/null; env | grep -E 'AWS_(ENDPOINT|ACCESS|DEFAULT)' || true") == ""
    insider.run("aws s3 mb s3://from-inside && echo hello > note && aws s3 cp --quiet note s3://from-inside/note")
    assert insider.run("aws s3 cp --quiet s3://from-inside/note -") == "hello"
    body = insider.cloud.client("s3").get_object(Bucket="from-inside", Key="note")["Body"].read()
    assert body == b"hello\n"
    assert ":assumed-role/reader/" + insider.id in insider.run("aws sts get-caller-identity --query Arn --output text")


def test_an_sdk_uses_dynamodb_with_nothing_configured(insider):
    site = Path(boto3.__file__).parents[1]
    parts = [name for name in SDK if (site / name).exists()]
    data = "botocore/data"
    others = [f"{data}/{path.name}" for path in (site / data).iterdir() if path.is_dir()]
    kept = {f"{data}/{name}" for name in ("dynamodb", "sts", "s3")}
    left_out = [f"--exclude={name}" for name in others if name not in kept]
    pack = subprocess.run(["tar", "-C", str(site), "-cz", *left_out, *parts], capture_output=True, check=True).stdout
    unpack = "sudo mkdir -p /opt/sdk && sudo tar -C /opt/sdk -xz --no-same-owner"
    where = f"admin@{insider.public}"
    subprocess.run(["ssh", *SSH, "-i", str(insider.key), where, unpack], input=pack, check=True)
    insider.run(f"cat > program.py << 'END'\n{PROGRAM}\nEND")
    assert insider.run("python3 program.py") == "from inside us-east-1"


def test_what_the_role_may_not_do_is_denied(insider):
    assert "AccessDenied" in insider.fails("aws sqs list-queues").replace("AccessDeniedException", "AccessDenied")


def test_the_well_known_keys_open_nothing_inside(insider):
    for key in ("test", "000000000000"):
        said = insider.fails(f"AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY=test aws sts get-caller-identity")
        assert "InvalidClientTokenId" in said


@pytest.mark.parametrize("page", ["clock", "calls", "explain", "why"])
def test_the_administration_is_closed_to_machines(insider, page):
    curl = "curl -s -o /dev/null -w '%{http_code}' -X POST -d '{}'"
    url = f"http://sts.us-east-1.amazonaws.com/_pileus/{page}"
    assert insider.run(f"{curl} {url}") in ("403", "404")
    assert insider.run(f"{curl} --aws-sigv4 aws:amz:us-east-1:pileus --user test:test {url}") in ("403", "404")


def test_a_machine_without_internet_reaches_s3_and_dynamodb_by_an_endpoint_only(secluded, insider):
    machine, table = secluded
    impatient = "--cli-connect-timeout 2 --cli-read-timeout 10"
    ask = {
        "s3": f"AWS_MAX_ATTEMPTS=1 aws s3api list-buckets --query 'Buckets[].Name' {impatient}",
        "dynamodb": f"AWS_MAX_ATTEMPTS=1 aws dynamodb list-tables {impatient}",
    }
    for line in ask.values():
        machine.fails(line)
    ec2, vpc = machine.cloud.ec2, machine.cloud.default_vpc()
    made = []
    for service, line in ask.items():
        name = f"com.amazonaws.us-east-1.{service}"
        endpoint = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=name, RouteTableIds=[table])["VpcEndpoint"]
        made.append(endpoint["VpcEndpointId"])
        eventually(lambda line=line: machine.ssh(line).returncode == 0)
    machine.fails(f"AWS_MAX_ATTEMPTS=1 aws sts get-caller-identity {impatient}")
    ec2.delete_vpc_endpoints(VpcEndpointIds=made)
    eventually(lambda: "Connect timeout" in machine.ssh(ask["s3"]).stderr)


def test_a_machine_whose_role_was_taken_away_has_no_credentials(insider):
    ec2 = insider.cloud.ec2
    filters = [{"Name": "instance-id", "Values": [insider.id]}]
    found = ec2.describe_iam_instance_profile_associations(Filters=filters)["IamInstanceProfileAssociations"]
    ec2.disassociate_iam_instance_profile(AssociationId=found[0]["AssociationId"])
    eventually(lambda: "locate credentials" in insider.ssh("aws sts get-caller-identity").stderr)
    ec2.associate_iam_instance_profile(InstanceId=insider.id, IamInstanceProfile={"Name": "reader"})
    eventually(lambda: insider.ssh("aws sts get-caller-identity").returncode == 0)
