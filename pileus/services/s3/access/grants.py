"""What a bucket and an object grant by themselves: the bucket's policy and the access control lists, as one policy.

Source: Amazon S3 User Guide, "How Amazon S3 authorizes a request", "… a request for a bucket operation", "… an object
operation"; "Access control list (ACL) overview", "Mapping of ACL permissions and access policy permissions"; "Blocking
public access to your Amazon S3 storage". Where ACLs are disabled, as they are in new buckets, nothing is looked up.
"""

from functools import lru_cache
from typing import Any

import orjson

from pileus.identity.canonical import canonical_id
from pileus.service import Call, ResourcePolicy

from ..tables import Bucket, Version, uploads
from .acl import ALL_USERS, AUTHENTICATED, EMPTY, FULL, LOG_DELIVERY, PRIVATE, Acl, without_public
from .public import is_public

ENFORCED = "BucketOwnerEnforced"
ROOT_ALWAYS_MAY = ("PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy")
"""A policy must not lock its account out for good (API Reference, PutBucketPolicy)."""

LOG_DELIVERY_SERVICE = "logging.s3.amazonaws.com"
_INITIATORS = ("AbortMultipartUpload", "ListParts")
_OBJECT_OWNERS = frozenset(
    {
        "GetObject",
        "HeadObject",
        "GetObjectAcl",
        "PutObjectAcl",
        "GetObjectAttributes",
        "GetObjectTagging",
        "PutObjectTagging",
        "DeleteObjectTagging",
        "SelectObjectContent",
        "Website",
        "WebsiteHead",
    }
)
"""Operations that are the object owner's to grant; the others are the bucket owner's."""

Actions = dict[str, tuple[str, ...]]

_BUCKET_ACTIONS: Actions = {
    "READ": ("s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"),
    "READ_ACP": ("s3:GetBucketAcl",),
    "WRITE_ACP": ("s3:PutBucketAcl",),
}
_OBJECT_ACTIONS: Actions = {
    "READ": ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTorrent"),
    "READ_ACP": ("s3:GetObjectAcl", "s3:GetObjectVersionAcl"),
    "WRITE_ACP": ("s3:PutObjectAcl", "s3:PutObjectVersionAcl"),
}
_WRITE: Actions = {"WRITE": ("s3:PutObject", "s3:PutObjectAcl")}
_OF_THEIR_OWN: Actions = {"WRITE": ("s3:PutObject", "s3:PutObjectAcl", "s3:DeleteObject")}


def bucket_grants(call: Call, bucket: Bucket) -> ResourcePolicy:
    policy = bucket.policy and _heard(call, bucket)
    if bucket.acl and bucket.ownership != ENFORCED:
        policy = _with_bucket_acl(policy, _respected(bucket, bucket.acl, bucket.account))
    return ResourcePolicy(policy, "bucket policy", bucket.account)


def object_grants(
    call: Call, bucket: Bucket, key: str, version: str | None, reads: bool | None = None
) -> ResourcePolicy:
    """`reads`: the permission asked for is the object owner's to give; by default the call's operation says."""
    policy = bucket.policy and _heard(call, bucket)
    if call.operation.name in _INITIATORS:
        upload = uploads.get(call.tx, bucket.id, key, call.request.get("UploadId", ""))
        if upload is not None and upload.account:
            policy = _with_initiator(policy, upload.arn, upload.account)
    if bucket.ownership != ENFORCED:
        return _by_lists(
            call, bucket, key, version, policy, call.operation.name in _OBJECT_OWNERS if reads is None else reads
        )
    return ResourcePolicy(policy, "bucket policy", bucket.account)


def _heard(call: Call, bucket: Bucket) -> str:
    """The bucket's policy as far as it counts for this caller."""
    caller = call.caller
    if caller.account == bucket.account:
        if caller.principal.kind == "root" and call.operation.name in ROOT_ALWAYS_MAY:
            return ""
    elif bucket.public_access is not None and bucket.public_access.restrict and caller.principal.kind != "service":
        return _denials(bucket.policy) if is_public(bucket.policy) else bucket.policy
    return bucket.policy


def _by_lists(call: Call, bucket: Bucket, key: str, version_id: str | None, policy: str, reads: bool) -> ResourcePolicy:
    from ..objects.storing import find_version

    if not reads and not bucket.acl:
        return ResourcePolicy(policy, "bucket policy", bucket.account)
    version = find_version(call.tx, bucket, key, version_id)
    if not reads:
        own = version is None or version.owner == call.caller.account
        acl = _respected(bucket, bucket.acl, bucket.account)
        return ResourcePolicy(_with_write(policy, acl, version is not None, own), "bucket policy", bucket.account)
    if version is None:
        return ResourcePolicy(policy, "bucket policy", bucket.account)
    if version.owner != bucket.account:
        policy = policy and _denials(policy)
    acl = _respected(bucket, object_acl(version), version.owner)
    return ResourcePolicy(_with_object_acl(policy, acl), "bucket policy and object ACL", version.owner)


def object_acl(version: Version) -> Acl:
    return PRIVATE if version.acl is None else version.acl


def _respected(bucket: Bucket, acl: Acl, owner: str) -> Acl:
    if bucket.public_access is not None and bucket.public_access.ignore_acls:
        return without_public(acl, canonical_id(owner))
    return acl


@lru_cache(maxsize=1_024)
def _denials(policy: str) -> str:
    """Of a policy only what it denies."""
    document = orjson.loads(policy)
    denies = [one for one in _statements(document) if one["Effect"] == "Deny"]
    return orjson.dumps({**document, "Statement": denies}).decode() if denies else ""


@lru_cache(maxsize=1_024)
def _with_bucket_acl(policy: str, acl: Acl) -> str:
    return _merged(policy, acl, _BUCKET_ACTIONS)


@lru_cache(maxsize=1_024)
def _with_object_acl(policy: str, acl: Acl) -> str:
    return _merged(policy, acl, _OBJECT_ACTIONS)


@lru_cache(maxsize=1_024)
def _with_write(policy: str, acl: Acl, exists: bool, own: bool) -> str:
    """WRITE lets its grantee make new objects, and overwrite and delete those it owns."""
    if not own:
        return policy
    return _merged(policy, acl, _OF_THEIR_OWN if exists else _WRITE)


@lru_cache(maxsize=1_024)
def _with_initiator(policy: str, arn: str, account: str) -> str:
    """Who began an upload may list and abort it (User Guide, "Multipart upload API and permissions")."""
    granted = {
        "Sid": "initiator",
        "Effect": "Allow",
        "Principal": {"AWS": [arn, account]},
        "Action": ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
        "Resource": "*",
    }
    return _added(policy, [granted])


def _merged(policy: str, acl: Acl, actions: Actions) -> str:
    granted = [made for grant in acl if grant not in EMPTY and (made := _statement(*grant, actions)) is not None]
    return _added(policy, granted) if granted else policy


def _added(policy: str, granted: list[dict[str, Any]]) -> str:
    document = orjson.loads(policy) if policy else {"Version": "2012-10-17"}
    return orjson.dumps({**document, "Statement": [*_statements(document), *granted]}).decode()


def _statement(grantee: str, permission: str, actions: Actions) -> dict[str, Any] | None:
    """A grant as a statement of a policy. Its resource is whatever is asked for: what a bucket's list grants has other
    actions than what an object's does."""
    meant = (
        [action for group in actions.values() for action in group]
        if permission == FULL
        else list(actions.get(permission, ()))
    )
    if not meant:
        return None
    made: dict[str, Any] = {"Sid": f"ACL: {permission}", "Effect": "Allow", "Action": meant, "Resource": "*"}
    if grantee in (ALL_USERS, AUTHENTICATED):
        made["Principal"] = "*"
    elif grantee == LOG_DELIVERY:
        made["Principal"] = {"Service": LOG_DELIVERY_SERVICE}
    else:
        made["Principal"] = {"CanonicalUser": grantee}
    if grantee == AUTHENTICATED:
        made["Condition"] = {"Null": {"aws:PrincipalAccount": "false"}}
    return made


def _statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    found = document.get("Statement", [])
    return [found] if isinstance(found, dict) else found
