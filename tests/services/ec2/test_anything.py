"""Whatever is asked of EC2, in whatever order, is answered or refused, and leaves nothing that background work or a
description stumbles over."""

import logging
import re
from random import Random

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pileus.services.ec2 import ec2

CALLS = 700
OPTIONAL = (0.0, 0.03, 0.15, 0.5)
"""How often a member that may be left out is given, of requests of four kinds."""
ID = re.compile(r"\b[a-z]+(?:-[a-z]+)*-[0-9a-f]{17}\b")
RANGES = ("10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/24", "172.31.0.0/16", "0.0.0.0/0", "192.168.0.0/28", "10.1.0.0/99")
WORDS = (
    "one",
    "",
    "us-east-1a",
    "us-east-1b",
    "default",
    "/dev/sdf",
    "/dev/xvda",
    "tcp",
    "-1",
    "6",
    "debian-12",
    "x" * 300,
)
USUAL = {
    "AllocationId", "AvailabilityZone", "CidrBlock", "DestinationCidrBlock", "GatewayId", "GroupId", "InstanceId",
    "NetworkInterfaceId", "PeerVpcId", "PrefixListName", "ResourceIds", "Size", "SubnetId", "VpcId",
}  # fmt: skip
"""Members without which little is done, though the model does not say so."""
BY_MEMBER = {
    "InstanceType": ("t3.micro", "m5.large", "t9.huge", "c5d.large"),
    "CidrBlock": RANGES,
    "DestinationCidrBlock": RANGES,
    "CidrIp": RANGES,
    "Cidr": RANGES,
    "AvailabilityZone": ("us-east-1a", "us-east-1b", "eu-west-1a"),
    "SourceRegion": ("us-east-1", "eu-west-1", "moon"),
    "PrivateIpAddress": ("10.0.1.9", "172.31.0.44", "10.0.1.0", "nowhere"),
    "PublicIp": ("198.18.0.16", "198.18.0.17", "8.8.8.8"),
    "Device": ("/dev/sdf", "/dev/sdg", "/dev/xvda"),
    "DeviceName": ("/dev/sdf", "/dev/xvda"),
    "KeyName": ("mine", "yours"),
    "GroupName": ("default", "mine", "yours"),
    "LaunchTemplateName": ("mine", "yours"),
    "UserData": ("aGk=", "%%%"),
    "MaxResults": (5, 1000, 0),
    "MinCount": (1, 1, 2),
    "MaxCount": (1, 2, 3),
    "DryRun": (False, False, False, True),
    "NextToken": ("x", "eyJ9"),
    "AddressFamily": ("IPv4",),
    "GroupDescription": ("words",),
    "ImageId": ("ami-12345678",),
    "MaxEntries": (1, 5),
    "Name": ("mine", "yours", "an-image"),
    "PeerRegion": ("us-east-1",),
    "PrefixListName": ("mine",),
    "ResourceType": ("VPC", "instance", "volume"),
    "ServiceName": ("com.amazonaws.us-east-1.s3", "com.amazonaws.moon.s3"),
    "Protocol": ("tcp", "6", "-1", "icmp"),
    "IpProtocol": ("tcp", "-1", "icmp", "udp"),
    "FromPort": (22, 80, -1),
    "ToPort": (22, 80, -1),
    "RuleNumber": (1, 100, 200),
    "VolumeType": ("gp3", "gp2", "io2", "st1"),
    "Size": (1, 8, 20, 100_000),
    "VolumeSize": (1, 8, 20),
    "TransferAccountId": ("111111111111",),
    "PeerOwnerId": ("000000000000",),
}
REFUSALS = ("InsufficientInstanceCapacity", "NotImplemented")
NUMBERS = (-1, 0, 1, 2, 22, 80, 3000, 2**31 - 1)


class Asker:
    def __init__(self, client, image, seed):
        self.client, self.image, self.random = client, image, Random(seed)
        self.model = client.meta.service_model
        self.known = {}
        self.outcomes = {}

    def learn(self, answer):
        for id in ID.findall(str(answer)):
            ids = self.known.setdefault(id.rpartition("-")[0], [])
            if id not in ids:
                ids.append(id)
                del ids[:-12]

    def text(self, name, shape):
        if shape.enum and self.random.random() < 0.95:
            return self.random.choice(shape.enum)
        if self.known and ("Id" in name or "Arn" in name or self.random.random() < 0.3):
            return self.random.choice(self.fitting(name))
        return self.random.choice(WORDS)

    def fitting(self, name):
        """Ids of a kind whose prefix the member's name suggests, if there is one."""
        hints = {
            "Instance": "i", "Volume": "vol", "Snapshot": "snap", "Image": "ami", "Vpc": "vpc", "Subnet": "subnet",
            "Group": "sg", "NetworkInterface": "eni", "RouteTable": "rtb", "Allocation": "eipalloc",
            "Association": "eipassoc", "InternetGateway": "igw", "NatGateway": "nat", "NetworkAcl": "acl",
            "DhcpOptions": "dopt", "LaunchTemplate": "lt", "PrefixList": "pl", "Attachment": "eni-attach",
            "VpcPeeringConnection": "pcx", "Gateway": "igw", "Resource": "vpc", "NetworkInsightsPath": "nip",
            "SecurityGroupRule": "sgr", "VpcEndpoint": "vpce", "FlowLog": "fl", "NetworkInsightsAnalysis": "nia",
            "ReplaceRootVolumeTask": "replacevol", "SubnetCidrReservation": "scr",
            "SpotInstanceRequest": "sir", "KeyPair": "key",
        }  # fmt: skip
        for hint in sorted(hints, key=len, reverse=True):
            if hint in name and self.known.get(hints[hint]) and self.random.random() < 0.9:
                return self.known[hints[hint]]
        return self.known[self.random.choice(sorted(self.known))]

    def value(self, name, shape, depth):
        if name == "ImageId" and self.random.random() < 0.8:
            return self.image
        if name in BY_MEMBER and shape.type_name not in ("structure", "list"):
            return self.random.choice(BY_MEMBER[name])
        match shape.type_name:
            case "structure":
                return self.members(shape, depth + 1)
            case "list":
                return [self.value(name, shape.member, depth) for _ in range(self.random.choice((1, 1, 1, 2)))]
            case "boolean":
                return self.random.random() < 0.5
            case "integer" | "long":
                return self.random.choice(NUMBERS)
            case "float" | "double":
                return self.random.choice((0.0, 1.5, -1.0))
            case "timestamp":
                return self.random.choice((0, 1_700_000_000, 4_000_000_000))
            case "blob":
                return self.random.choice((b"", b"bytes"))
            case "map":
                return {}
        return self.text(name, shape)

    def members(self, shape, depth=0):
        chance = self.random.choice(OPTIONAL) / max(1, depth)
        return {
            name: self.value(name, member, depth)
            for name, member in shape.members.items()
            if name in shape.required_members
            or self.random.random() < (0.9 if name in USUAL and depth == 0 else chance)
        }

    def ask(self, operation, plainly=False):
        shape = self.model.operation_model(operation).input_shape
        request = self.members(shape) if shape is not None and not plainly else {}
        code = ""
        try:
            self.learn(self.client._make_api_call(operation, request))
        except ClientError as error:
            code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status >= 500 and code not in REFUSALS:
                raise AssertionError(f"{operation} {request}: {error}") from error
        self.outcomes.setdefault(operation, set()).add(code)


def begin(asker):
    """Something to work with."""
    client = asker.client
    for answer in (
        client.describe_vpcs(), client.describe_subnets(), client.describe_security_groups(),
        client.create_key_pair(KeyName="mine"), client.allocate_address(), client.create_internet_gateway(),
        client.create_volume(AvailabilityZone="us-east-1a", Size=1),
        client.run_instances(ImageId=asker.image, InstanceType="t3.micro", MinCount=2, MaxCount=2),
        client.create_launch_template(LaunchTemplateName="mine", LaunchTemplateData={"ImageId": asker.image}),
    ):  # fmt: skip
        asker.learn(answer)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_asked_is_answered_or_refused(cloud, image, seed, caplog):
    settings = Config(parameter_validation=False, retries={"max_attempts": 0})
    asker = Asker(cloud.client("ec2", config=settings), image, seed)
    begin(asker)
    cloud.settle()
    operations = sorted(name for name in ec2.operations if not name.startswith("Describe"))
    reads = sorted(set(ec2.operations) - set(operations))
    with caplog.at_level(logging.WARNING, "pileus"):
        for number in range(CALLS):
            asker.ask(asker.random.choice(reads if asker.random.random() < 0.25 else operations))
            if number % 40 == 0:
                cloud.advance(90)
                cloud.settle()
        for name in reads:
            asker.ask(name, plainly=True)
        cloud.advance(4_000)
        cloud.settle()
    assert [record.getMessage() for record in caplog.records if "failed" in record.getMessage()] == []
    done = [name for name, codes in asker.outcomes.items() if "" in codes]
    assert len(done) > 60, sorted(done)
