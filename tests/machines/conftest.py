"""One cloud with real machines for all tests of this folder, and a second that is killed. Nothing is left of them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus.drivers.local import local

from .real_cloud import Guest, RealCloud


def lifetime(folder: Path) -> Iterator[RealCloud]:
    """A cloud, until its test is over: then the host is as it was before."""
    lacks = local(folder, "lacking").lacking()
    if lacks:
        pytest.skip("this host lacks " + "; ".join(f"{lack.what} ({lack.remedy})" for lack in lacks))
    made = RealCloud(folder)
    try:
        made.up()
        yield made
    finally:
        made.shell("pileus reset --yes")
    assert made.left() == []
    assert list(made.data.iterdir()) == []


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCloud]:
    yield from lifetime(tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="session")
def ssh_from_anywhere(cloud: RealCloud) -> str:
    """A security group of the default VPC."""
    return cloud.group("ssh-from-anywhere", (22, "0.0.0.0/0"))


@pytest.fixture(scope="session")
def insider(cloud: RealCloud, ssh_from_anywhere: str) -> Guest:
    """A machine whose role may use S3 and DynamoDB; what it does is undone by whoever does it."""
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    allow = {"Effect": "Allow", "Action": ["s3:*", "dynamodb:*"], "Resource": "*"}
    iam.put_role_policy(RoleName="reader", PolicyName="use", PolicyDocument=json.dumps({"Statement": [allow]}))
    iam.create_instance_profile(InstanceProfileName="reader")
    iam.add_role_to_instance_profile(InstanceProfileName="reader", RoleName="reader")
    return cloud.launch([ssh_from_anywhere], IamInstanceProfile={"Name": "reader"}).reached()
