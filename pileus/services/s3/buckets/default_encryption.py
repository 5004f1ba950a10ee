"""How a bucket's new objects are encrypted when their request does not say.

Source: Amazon S3 API Reference, PutBucketEncryption, GetBucketEncryption, DeleteBucketEncryption; Amazon S3 User Guide,
"Setting default server-side encryption behavior for Amazon S3 buckets", "Blocking or unblocking SSE-C for a general
purpose bucket". A bucket always has a default: S3's own keys.
"""

from typing import Any

from pileus.service import Call

from ..addressing import bucket_operation
from ..errors import invalid_argument, malformed_xml
from ..objects.encryption import KMS
from ..tables import Bucket, Encryption
from .configuring import change
from .payloads import payload


@bucket_operation("PutBucketEncryption", action="PutEncryptionConfiguration")
def put_bucket_encryption(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    rules = payload(call, request)["Rules"]
    if len(rules) != 1:
        raise malformed_xml()
    rule = rules[0]
    default = rule.get("ApplyServerSideEncryptionByDefault", {"SSEAlgorithm": "AES256"})
    algorithm, key = default["SSEAlgorithm"], default.get("KMSMasterKeyID", "")
    if algorithm not in ("AES256", *KMS):
        raise malformed_xml()
    if key and algorithm not in KMS:
        raise invalid_argument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
            "ApplyServerSideEncryptionByDefault",
        )
    if "KMSMasterKeyID" in default and not key and algorithm in KMS:
        raise malformed_xml()
    blocked = tuple(rule.get("BlockedEncryptionTypes", {}).get("EncryptionType", ()))
    if "NONE" in blocked and len(blocked) > 1:
        raise malformed_xml()
    blocked = tuple(kind for kind in blocked if kind != "NONE")
    change(call, bucket, encryption=Encryption(algorithm, key, bool(rule.get("BucketKeyEnabled")), blocked))


@bucket_operation("GetBucketEncryption", action="GetEncryptionConfiguration")
def get_bucket_encryption(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    kept = bucket.encryption
    default = {"SSEAlgorithm": kept.algorithm}
    if kept.key:
        default["KMSMasterKeyID"] = kept.key
    rule: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": kept.bucket_key}
    if kept.blocked:
        rule["BlockedEncryptionTypes"] = {"EncryptionType": list(kept.blocked)}
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


@bucket_operation("DeleteBucketEncryption", action="PutEncryptionConfiguration")
def delete_bucket_encryption(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    change(call, bucket, encryption=Encryption())
