"""PutBucketPolicy, GetBucketPolicy, DeleteBucketPolicy, GetBucketPolicyStatus.

Source: Amazon S3 API Reference, the pages of these actions; Amazon S3 User Guide, "Bucket policies for Amazon S3". The
text is kept as it was given, beside the unique ids of the users and roles it names; what is evaluated (`Bucket.policy`)
has the ids in place of their ARNs.
"""

from typing import Any

import orjson
from msgspec.structs import replace

from pileus.identity.trust import bound, resolve
from pileus.identity.trust import shown as shown_policy
from pileus.policy import MalformedPolicy
from pileus.service import AccessDenied, Call, ResourcePolicy, must_allow

from ..addressing import bucket_operation
from ..errors import S3Error, access_denied
from ..tables import Bucket, buckets, configs
from .policy_rules import check_policy, invalid_principal
from .public import is_public
from .public_access import blocked

KIND = "policy"


@bucket_operation("PutBucketPolicy")
def put_bucket_policy(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    _check_owner(call, bucket)
    text = request.get("Policy", "")
    check_policy(text, bucket.arn)
    try:
        ids = resolve(call.tx, text)
    except MalformedPolicy as error:
        raise invalid_principal(str(error).rpartition('"')[0].rpartition('"')[2]) from None
    policy = bound(text, ids)
    if bucket.public_access is not None and bucket.public_access.block_policy and is_public(policy):
        raise blocked(call, bucket, "s3:PutBucketPolicy", bucket.arn, "policies", "BlockPublicPolicy")
    if not request.get("ConfirmRemoveSelfBucketAccess"):
        _check_still_allowed(call, bucket, policy)
    configs.put(call.tx, bucket.id, KIND, "", record={"Policy": text, "Ids": ids})
    buckets.put(call.tx, call.partition, bucket.name, record=replace(bucket, policy=policy))


def _compact(text: str) -> str:
    """S3 answers a policy without the spaces it came with."""
    return orjson.dumps(orjson.loads(text)).decode()


def _check_still_allowed(call: Call, bucket: Bucket, policy: str) -> None:
    """Who would take the right to change the policy from itself must say so. The account's root keeps it anyway."""
    if call.caller.principal.kind == "root":
        return
    try:
        must_allow(call, "s3:PutBucketPolicy", bucket.arn, own=ResourcePolicy(policy, "bucket policy", bucket.account))
    except AccessDenied:
        raise access_denied(
            "The policy would remove your permission to change it. Set x-amz-confirm-remove-self-bucket-access to"
            " confirm that you want this."
        ) from None


@bucket_operation("GetBucketPolicy")
def get_bucket_policy(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    _check_owner(call, bucket)
    kept = configs.get(call.tx, bucket.id, KIND, "")
    if kept is None:
        raise _no_policy(bucket)
    return {"Policy": _compact(shown_policy(call.tx, kept["Policy"], kept["Ids"], call.partition))}


@bucket_operation("DeleteBucketPolicy")
def delete_bucket_policy(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    _check_owner(call, bucket)
    configs.delete(call.tx, bucket.id, KIND, "")
    buckets.put(call.tx, call.partition, bucket.name, record=replace(bucket, policy=""))


@bucket_operation("GetBucketPolicyStatus")
def get_bucket_policy_status(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    if not bucket.policy:
        raise _no_policy(bucket)
    return {"PolicyStatus": {"IsPublic": is_public(bucket.policy)}}


def _no_policy(bucket: Bucket) -> S3Error:
    return S3Error("NoSuchBucketPolicy", 404, "The bucket policy does not exist", BucketName=bucket.name)


def _check_owner(call: Call, bucket: Bucket) -> None:
    """Other accounts never have a say in the policy, even if it lets them (PutBucketPolicy, "Permissions")."""
    if call.account != bucket.account:
        raise S3Error(
            "MethodNotAllowed",
            405,
            "The specified method is not allowed against this resource.",
            Method=call.operation.model.http_method,
            ResourceType="BUCKETPOLICY",
        )
