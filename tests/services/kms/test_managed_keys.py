"""AWS managed keys, and KMS as other services meet it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pileus.catalog import SERVICES
from pileus.service import Call, Service
from tests.conftest import TestCloud
from tests.services.kms.kms_asking import OWNERS, make, may, policy, refused, user

DENIED = "AccessDeniedException"
s3 = Service("s3")


@s3.operation("DeleteBucket", resource=lambda call, request: "*")
def seal_and_open(call: Call, request: dict[str, Any]) -> None:
    """What S3 does for an object, with the bucket's name for a key (a dot stands for a slash)."""
    asked = {"KeyId": request["Bucket"].replace(".", "/"), "EncryptionContext": {"aws:s3:arn": "arn:aws:s3:::b"}}
    found = call.invoke("kms", "GenerateDataKey", {**asked, "KeySpec": "AES_256"})
    opened = call.invoke("kms", "Decrypt", {**asked, "CiphertextBlob": found["CiphertextBlob"]})
    assert opened["Plaintext"] == found["Plaintext"]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[TestCloud]:
    cloud = TestCloud(tmp_path, {**SERVICES, "s3": s3})
    yield cloud
    cloud.stop()


def through_s3(client: Any, key: str) -> None:
    client.delete_bucket(Bucket=key.replace("/", "."))


def s3_of(cloud: TestCloud, name: str, *statements: dict[str, Any]) -> Any:
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(may("s3:*"), *statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return cloud.client("s3", key["AccessKeyId"], key["SecretAccessKey"])


def test_a_managed_key_is_made_when_its_service_first_needs_it(cloud: TestCloud) -> None:
    kms = cloud.client("kms")
    assert kms.list_aliases()["Aliases"] == []
    assert refused(kms.encrypt, KeyId="alias/aws/s3", Plaintext=b"x")[0] == "NotFoundException"
    through_s3(s3_of(cloud, "ann"), "alias/aws/s3")  # who may use S3 needs no permission for the key
    [alias] = kms.list_aliases()["Aliases"]
    found = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert (alias["AliasName"], alias["TargetKeyId"]) == ("alias/aws/s3", found["KeyId"])
    assert found["KeyManager"] == "AWS"
    assert kms.get_key_rotation_status(KeyId=found["KeyId"])["RotationPeriodInDays"] == 365


def test_describing_one_makes_it_too(cloud: TestCloud) -> None:
    assert cloud.client("kms").describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]["KeyManager"] == "AWS"


def test_nobody_uses_or_changes_it_directly(cloud: TestCloud) -> None:
    kms = cloud.client("kms")
    made = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyId"]
    statements = json.loads(kms.get_key_policy(KeyId=made, PolicyName="default")["Policy"])["Statement"]
    assert statements[0]["Condition"]["StringEquals"]["kms:ViaService"] == "s3.us-east-1.amazonaws.com"
    assert refused(kms.encrypt, KeyId=made, Plaintext=b"x")[0] == DENIED
    assert refused(kms.disable_key, KeyId=made)[0] == DENIED
    assert refused(kms.schedule_key_deletion, KeyId=made)[0] == DENIED
    assert refused(kms.put_key_policy, KeyId=made, Policy=policy(OWNERS))[0] == DENIED
    assert refused(kms.delete_alias, AliasName="alias/aws/s3")[0] == "NotAuthorizedException"


def test_one_services_key_is_not_anothers(cloud: TestCloud) -> None:
    cloud.client("kms").describe_key(KeyId="alias/aws/sqs")
    assert refused(through_s3, s3_of(cloud, "ann"), "alias/aws/sqs")[0] in (DENIED, "AccessDenied")


def test_it_rotates_every_year(cloud: TestCloud) -> None:
    kms = cloud.client("kms")
    made = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyId"]
    cloud.advance(366 * 86_400)
    assert len(kms.list_key_rotations(KeyId=made)["Rotations"]) == 1


def test_a_customers_key_needs_the_callers_permission_through_a_service_too(cloud: TestCloud) -> None:
    made = make(cloud.client("kms"))["KeyId"]
    assert refused(through_s3, s3_of(cloud, "ann"), made)[0] in (DENIED, "AccessDenied")
    via = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    through_s3(s3_of(cloud, "ben", may(["kms:GenerateDataKey", "kms:Decrypt"], Condition=via)), made)
    direct, _ = user(cloud, "cat", may(["kms:GenerateDataKey", "kms:Decrypt"], Condition=via))
    assert refused(direct.generate_data_key, KeyId=made, KeySpec="AES_256")[0] == DENIED
