"""Machines of a cloud whose drivers are in memory: a launch that has come to rest, and people with few rights."""

import json
from typing import Any

import pytest

from tests.conftest import TestCloud

OTHER = "111111111111"


@pytest.fixture
def ec2(cloud: TestCloud) -> Any:
    return cloud.client("ec2")


@pytest.fixture
def other(cloud: TestCloud) -> Any:
    """Another account of the same cloud."""
    return cloud.client("ec2", OTHER)


@pytest.fixture
def image(ec2: Any) -> str:
    return str(ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"])


@pytest.fixture
def show(ec2: Any) -> Any:
    """A function that describes one instance."""

    def one(id: str) -> Any:
        return ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]

    return one


@pytest.fixture
def launch(cloud: TestCloud, ec2: Any, image: str, show: Any) -> Any:
    """A function that launches an instance, waits until all has come to rest, and describes it."""

    def run(**more: Any) -> Any:
        wanted = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **more}
        id = ec2.run_instances(**wanted)["Instances"][0]["InstanceId"]
        cloud.settle()
        return show(id)

    return run


@pytest.fixture
def jo(cloud: TestCloud) -> Any:
    """A function that gives a client whose user may do what the statements say."""
    iam = cloud.client("iam")

    def made(*statements: dict[str, Any]) -> Any:
        iam.create_user(UserName="jo")
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(UserName="jo", PolicyName="p", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName="jo")["AccessKey"]
        return cloud.client("ec2", key["AccessKeyId"], key["SecretAccessKey"])

    return made


def allow(action: str | list[str], resource: str | list[str] = "*", **condition: str) -> dict[str, Any]:
    """A statement; `condition`: the key with `__` for its colon."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": action, "Resource": resource}
    if condition:
        statement["Condition"] = {"StringEquals": {key.replace("__", ":"): value for key, value in condition.items()}}
    return statement
