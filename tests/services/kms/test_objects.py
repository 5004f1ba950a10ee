"""SSE-KMS as S3's callers meet it: the bytes are theirs who may use the key."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import TestCloud
from tests.services.kms.kms_asking import make, may, refused, signing


@pytest.fixture
def s3(cloud: TestCloud) -> Any:
    found = cloud.client("s3")
    found.create_bucket(Bucket="bucket")
    return found


def put(s3: Any, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = s3.put_object(
        Bucket="bucket", Key="k", Body=b"secret", ServerSideEncryption="aws:kms", **options
    )
    return found


def test_the_managed_key_is_made_for_the_first_object(s3: Any, cloud: TestCloud) -> None:
    told = put(s3)
    assert told["SSEKMSKeyId"] == cloud.client("kms").describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"secret"


def test_who_may_read_the_object_but_not_use_the_key_reads_nothing(s3: Any, cloud: TestCloud) -> None:
    key = make(cloud.client("kms"))
    put(s3, SSEKMSKeyId=key["Arn"])
    access, secret, _ = signing(cloud, "ann", may("s3:*"))
    assert refused(cloud.client("s3", access, secret).get_object, Bucket="bucket", Key="k")[0].startswith(
        "AccessDenied"
    )
    right = {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::bucket/k"}}
    access, secret, _ = signing(cloud, "ben", may("s3:*"), may("kms:Decrypt", key["Arn"], Condition=right))
    assert cloud.client("s3", access, secret).get_object(Bucket="bucket", Key="k")["Body"].read() == b"secret"


def test_without_its_key_an_object_is_lost(s3: Any, cloud: TestCloud) -> None:
    kms = cloud.client("kms")
    key = make(kms)["Arn"]
    put(s3, SSEKMSKeyId=key)
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError, match="is disabled"):
        s3.get_object(Bucket="bucket", Key="k")
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    cloud.advance(8 * 86_400)
    with pytest.raises(ClientError):
        s3.get_object(Bucket="bucket", Key="k")
