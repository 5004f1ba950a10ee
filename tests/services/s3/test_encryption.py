"""Encryption at rest: S3's keys, KMS's, and the customer's."""

import os

import pytest

from tests.services.s3.s3_asking import read, refused

MIB = 1024 * 1024


def customer(key):
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}


@pytest.mark.parametrize("size", [100, 300_000])
def test_an_object_is_sealed_with_s3s_keys_unless_told(s3, bucket, size):
    answer = s3.put_object(Bucket=bucket, Key="k", Body=b"x" * size)
    assert answer["ServerSideEncryption"] == "AES256"
    assert s3.head_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "AES256"


@pytest.mark.parametrize("size", [100, 300_000])
def test_what_the_customers_key_sealed_only_it_opens(s3, bucket, size):
    key, body = os.urandom(32), os.urandom(size)
    answer = s3.put_object(Bucket=bucket, Key="k", Body=body, **customer(key))
    assert "ServerSideEncryption" not in answer
    assert read(s3, bucket, "k", **customer(key)) == body
    assert read(s3, bucket, "k", Range="bytes=10-19", **customer(key)) == body[10:20]
    refused("InvalidRequest", s3.get_object, 400, Bucket=bucket, Key="k")
    refused("AccessDenied", s3.get_object, 403, Bucket=bucket, Key="k", **customer(os.urandom(32)))
    refused("400", s3.head_object, 400, Bucket=bucket, Key="k")
    s3.put_object(Bucket=bucket, Key="plain", Body=b"x")
    refused("InvalidRequest", s3.get_object, 400, Bucket=bucket, Key="plain", **customer(key))


def test_customer_keys_are_judged(s3, bucket):
    ask = {"Bucket": bucket, "Key": "k", "Body": b"x"}
    refused("InvalidArgument", s3.put_object, 400, SSECustomerAlgorithm="AES256", SSECustomerKey=b"short", **ask)
    refused(
        "InvalidEncryptionAlgorithmError",
        s3.put_object,
        400,
        SSECustomerAlgorithm="ROT13",
        SSECustomerKey=os.urandom(32),
        **ask,
    )
    refused("InvalidArgument", s3.put_object, 400, ServerSideEncryption="AES256", **customer(os.urandom(32)), **ask)


def test_a_multipart_upload_takes_the_customers_key(s3, bucket):
    key, body = customer(os.urandom(32)), os.urandom(5 * MIB)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", **key)["UploadId"]
    ask = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    refused("InvalidRequest", s3.upload_part, 400, PartNumber=1, Body=b"x", **ask)
    refused("AccessDenied", s3.upload_part, 403, PartNumber=1, Body=b"x", **customer(os.urandom(32)), **ask)
    parts = [{"PartNumber": n, "ETag": s3.upload_part(PartNumber=n, Body=part, **key, **ask)["ETag"]}
             for n, part in ((1, body), (2, b"end"))]  # fmt: skip
    s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **ask)
    assert read(s3, bucket, "k", **key) == body + b"end"


@pytest.mark.parametrize("size", [100, 300_000])
def test_a_copy_changes_the_key(s3, bucket, size):
    old, new, body = os.urandom(32), os.urandom(32), os.urandom(size)
    s3.put_object(Bucket=bucket, Key="a", Body=body, **customer(old))
    source = {f"CopySource{name}": value for name, value in customer(old).items()}
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a", **source, **customer(new))
    assert read(s3, bucket, "b", **customer(new)) == body
    s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/a", **source)
    assert read(s3, bucket, "c") == body


@pytest.mark.parametrize("size", [100, 300_000])
def test_kms_seals_with_the_aws_managed_key_unless_told(s3, shared_cloud, bucket, size):
    body = os.urandom(size)
    answer = s3.put_object(Bucket=bucket, Key="k", Body=body, ServerSideEncryption="aws:kms")
    known = shared_cloud.client("kms").describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]
    assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"]) == ("aws:kms", known)
    assert read(s3, bucket, "k") == body
    assert read(s3, bucket, "k", Range="bytes=1-5") == body[1:6]


def test_a_key_of_ones_own_is_needed_to_read(s3, shared_cloud, bucket):
    kms = shared_cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert s3.head_object(Bucket=bucket, Key="k")["SSEKMSKeyId"] == key
    assert read(s3, bucket, "k") == b"hello"
    kms.disable_key(KeyId=key)
    refused("KMS.DisabledException", s3.get_object, 400, Bucket=bucket, Key="k")
    refused(
        "KMS.DisabledException",
        s3.put_object,
        400,
        Bucket=bucket,
        Key="n",
        Body=b"",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key,
    )
    kms.enable_key(KeyId=key)
    assert read(s3, bucket, "k") == b"hello"


def test_a_key_that_is_none_is_refused(s3, bucket):
    missing = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
    refused("KMS.NotFoundException", s3.put_object, 400, Bucket=bucket, Key="k", Body=b"",
            ServerSideEncryption="aws:kms", SSEKMSKeyId=missing)  # fmt: skip


def test_a_bucket_can_default_to_kms(s3, shared_cloud, bucket):
    key = shared_cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
        "BucketKeyEnabled": True,
    }
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    answer = s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 100_000)
    assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"], answer["BucketKeyEnabled"]) == ("aws:kms", key, True)
    assert read(s3, bucket, "k") == b"x" * 100_000
    assert (
        s3.put_object(Bucket=bucket, Key="k", Body=b"", ServerSideEncryption="AES256")["ServerSideEncryption"]
        == "AES256"
    )


def test_who_reads_does_not_say_how_to_encrypt(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")

    def add(request, **_):
        request.headers["x-amz-server-side-encryption"] = "AES256"

    for operation, ask in (("GetObject", s3.get_object), ("HeadObject", s3.head_object)):
        s3.meta.events.register(f"before-sign.s3.{operation}", add, unique_id="sse")
        try:
            error = refused("InvalidArgument" if operation == "GetObject" else "400", ask, 400, Bucket=bucket, Key="k")
        finally:
            s3.meta.events.unregister(f"before-sign.s3.{operation}", unique_id="sse")
        if operation == "GetObject":
            assert error["Error"]["ArgumentName"] == "x-amz-server-side-encryption"
