"""Buckets come and go: CreateBucket, DeleteBucket, HeadBucket, ListBuckets, GetBucketLocation.

Source: Amazon S3 API Reference, the pages of these actions; Amazon S3 User Guide, "Buckets overview".
"""

import re
from typing import Any

from pileus.base import ids
from pileus.identity.canonical import canonical_id
from pileus.service import Call, paginate
from pileus.service.paginate import BadToken

from ..access.context import context_of
from ..access.ownership import initial_access
from ..addressing import bucket_operation
from ..errors import S3Error, access_denied, bucket_not_empty, invalid_argument
from ..names import check_bucket_name
from ..service import s3
from ..tables import Bucket, buckets, configs, current, owned, versions
from .removal import forget_bucket

BUCKETS_MAX = 10_000
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


@s3.operation(
    "CreateBucket",
    resource=lambda call, request: f"arn:{call.partition}:s3:::{request['Bucket']}",
    context=context_of,
)
def create_bucket(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    name = request["Bucket"]
    check_bucket_name(name)
    wanted = request.get("CreateBucketConfiguration", {})
    region = _region(call, wanted)
    for refused in ("Location", "Bucket"):
        if refused in wanted:
            raise invalid_argument("Directory buckets are not supported; leave out Location and Bucket.")
    known = buckets.get(call.tx, call.partition, name)
    if known is not None:
        if known.account != call.account:
            raise S3Error(
                "BucketAlreadyExists",
                409,
                "The requested bucket name is not available. The bucket namespace is shared by all users of the system."
                " Please select a different name and try again.",
                BucketName=name,
            )
        if known.region != "us-east-1" or region != "us-east-1":
            raise S3Error(
                "BucketAlreadyOwnedByYou",
                409,
                "Your previous request to create the named bucket succeeded and you already own it.",
                BucketName=name,
            )
        return {"Location": f"/{name}"}
    _check_quota(call)
    bucket = Bucket(
        name,
        ids.secret_int(62),
        call.account,
        region,
        call.now,
        call.cloud.keyring.new_key(f"s3/{name}"),
        object_lock=bool(request.get("ObjectLockEnabledForBucket")),
        versioning="Enabled" if request.get("ObjectLockEnabledForBucket") else "",
        partition=call.partition,
    )
    bucket = initial_access(call, bucket, request)
    tags = wanted.get("Tags")
    if tags:
        from .tagging import put_tags

        bucket = put_tags(call, bucket, tags)
    buckets.put(call.tx, call.partition, name, record=bucket)
    location = f"/{name}" if region == "us-east-1" else f"http://{name}.s3.amazonaws.com/"
    return {"Location": location, "BucketArn": bucket.arn}


def _region(call: Call, wanted: dict[str, Any]) -> str:
    """Where the bucket is to be. The endpoint of us-east-1 makes buckets everywhere, others only at home."""
    constraint = wanted.get("LocationConstraint")
    if constraint == "EU":
        constraint = "eu-west-1"
    if constraint is None:
        if call.region != "us-east-1":
            raise S3Error(
                "IllegalLocationConstraintException",
                400,
                "The unspecified location constraint is incompatible for the region specific endpoint this request was"
                " sent to.",
            )
        return call.region
    if not _REGION.fullmatch(constraint) or constraint == "us-east-1":
        raise S3Error(
            "InvalidLocationConstraint",
            400,
            "The specified location-constraint is not valid",
            LocationConstraint=constraint,
        )
    if call.region not in ("us-east-1", constraint):
        raise S3Error(
            "IllegalLocationConstraintException",
            400,
            f"The {constraint} location constraint is incompatible for the region specific endpoint this request was"
            " sent to.",
        )
    return str(constraint)


def _check_quota(call: Call) -> None:
    count = sum(1 for _ in buckets.find(call.tx, owned, call.partition, call.account, limit=BUCKETS_MAX))
    if count >= BUCKETS_MAX:
        raise S3Error("TooManyBuckets", 400, "You have attempted to create more buckets than allowed")


@bucket_operation("DeleteBucket")
def delete_bucket(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    for table in (current, versions):
        if next(table.scan(call.tx, bucket.id, limit=1), None) is not None:
            error = bucket_not_empty(bucket.name)
            if table is versions:
                error.message = (
                    "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
                )
            raise error
    for key, _ in list(configs.scan(call.tx, bucket.id, limit=10_000)):
        configs.delete(call.tx, bucket.id, *key)
    buckets.delete(call.tx, bucket.partition, bucket.name)
    forget_bucket(call, bucket)


@bucket_operation("HeadBucket", action="ListBucket")
def head_bucket(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    return {"BucketRegion": bucket.region, "AccessPointAlias": False, "BucketArn": bucket.arn}


@bucket_operation("GetBucketLocation", anywhere=True)
def get_bucket_location(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    return {} if bucket.region == "us-east-1" else {"LocationConstraint": bucket.region}


@s3.operation("ListBuckets", action="ListAllMyBuckets", resource=lambda call, request: "*", unsigned=True)
def list_buckets(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    if call.caller.key is None and not call.via:
        raise access_denied()
    limit = request.get("MaxBuckets", BUCKETS_MAX)
    if not 1 <= limit <= BUCKETS_MAX:
        raise invalid_argument("Argument max-buckets must be an integer between 1 and 10000", "max-buckets", limit)
    prefix, region = request.get("Prefix", ""), request.get("BucketRegion")
    scope = (call.partition, call.account)

    def rows(after: tuple[Any, ...] | None, count: int) -> Any:
        # The index is by name within the account; a page begins behind the name its token holds.
        found = buckets.find(call.tx, owned, *scope, limit=BUCKETS_MAX)
        return [((b.name,), b) for _, b in found if after is None or b.name > after[0]][:count]

    try:
        page = paginate(
            rows,
            purpose=f"s3.ListBuckets {scope}",
            token=request.get("ContinuationToken"),
            limit=limit,
            keep=lambda bucket: bucket.name.startswith(prefix) and region in (None, bucket.region),
        )
    except BadToken:
        raise invalid_argument("The continuation token provided is incorrect", "continuation-token") from None
    answer: dict[str, Any] = {
        "Buckets": [_shown(bucket, "MaxBuckets" in request or "Prefix" in request or region) for bucket in page.items],
        "Owner": {"ID": canonical_id(call.account)},
    }
    if page.next_token is not None:
        answer["ContinuationToken"] = page.next_token
    if prefix:
        answer["Prefix"] = prefix
    return answer


def _shown(bucket: Bucket, paged: Any) -> dict[str, Any]:
    """The region is shown when the list was asked for by page (ListBuckets, "BucketRegion")."""
    shown: dict[str, Any] = {"Name": bucket.name, "CreationDate": bucket.created, "BucketArn": bucket.arn}
    return {**shown, "BucketRegion": bucket.region} if paged else shown
