"""S3's condition keys: each decides by what the request really says."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.conftest import TestCloud
from tests.services.s3.access_asking import (
    OTHER,
    OWNER,
    denied,
    error_of,
    fetch,
    make,
    may,
    plain,
    policy,
    presigned,
    statement,
    user,
)


@pytest.fixture
def owner(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("s3")


@pytest.fixture
def other(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("s3", key=OTHER)


Only = Callable[..., None]


@pytest.fixture
def only(owner: Any) -> Only:
    """Lets the other account do `action` in a bucket under a condition."""

    def allow(bucket: str, action: Any, operator: str, key: str, value: Any, *more: dict[str, Any]) -> None:
        actions = [action] if isinstance(action, str) else action
        lists = any(name.startswith("s3:List") for name in actions)
        one = statement(OTHER, action, bucket if lists else f"{bucket}/*", Condition={operator: {key: value}})
        owner.put_bucket_policy(Bucket=bucket, Policy=policy(one, *more))

    return allow


def test_a_listing_may_be_held_to_a_prefix_a_delimiter_and_a_size(owner: Any, other: Any, only: Only) -> None:
    make(owner, "cond-list")
    only("cond-list", "s3:ListBucket", "StringLike", "s3:prefix", "home/ann/*")
    other.list_objects_v2(Bucket="cond-list", Prefix="home/ann/")
    other.list_objects(Bucket="cond-list", Prefix="home/ann/x")
    assert denied(other.list_objects_v2, Bucket="cond-list", Prefix="home/bob/")
    assert denied(other.list_objects_v2, Bucket="cond-list")
    only("cond-list", "s3:ListBucket", "StringEquals", "s3:delimiter", "/")
    other.list_objects_v2(Bucket="cond-list", Delimiter="/")
    assert denied(other.list_objects_v2, Bucket="cond-list")
    only("cond-list", "s3:ListBucket", "NumericLessThanEquals", "s3:max-keys", "10")
    other.list_objects_v2(Bucket="cond-list", MaxKeys=10)
    assert denied(other.list_objects_v2, Bucket="cond-list", MaxKeys=11)
    assert denied(other.list_objects_v2, Bucket="cond-list")


@pytest.mark.parametrize(
    ("key", "value", "good", "bad"),
    [
        ("s3:x-amz-server-side-encryption", "AES256", {"ServerSideEncryption": "AES256"}, {}),
        ("s3:x-amz-storage-class", "STANDARD_IA", {"StorageClass": "STANDARD_IA"}, {"StorageClass": "GLACIER"}),
        ("s3:RequestObjectTag/team", "red", {"Tagging": "team=red&a=b"}, {"Tagging": "team=blue"}),
        ("s3:x-amz-website-redirect-location", "/a", {"WebsiteRedirectLocation": "/a"}, {}),
        ("s3:if-none-match", "*", {"IfNoneMatch": "*"}, {}),
        ("s3:x-amz-acl", "bucket-owner-full-control", {"ACL": "bucket-owner-full-control"}, {}),
        ("s3:ResourceAccount", OWNER, {}, None),
        ("s3:ObjectCreationOperation", "true", {}, None),
        ("s3:authType", "REST-HEADER", {}, None),
        ("s3:signatureversion", "AWS4-HMAC-SHA256", {}, None),
        ("aws:PrincipalAccount", OTHER, {}, None),
    ],
)
def test_a_put_may_be_held_to_what_its_headers_say(
    owner: Any, other: Any, only: Only, key: str, value: str, good: dict[str, Any], bad: dict[str, Any] | None
) -> None:
    owner.create_bucket(Bucket="cond-put")
    rest = [statement(OTHER, ["s3:PutObjectTagging", "s3:PutObjectAcl"], "cond-put/*")]
    operator = "Bool" if value == "true" else "StringEquals"
    only("cond-put", "s3:PutObject", operator, key, value, *rest)
    other.put_object(Bucket="cond-put", Key=key, Body=b"x", **good)
    if bad is not None:
        assert denied(other.put_object, Bucket="cond-put", Key=key, Body=b"x", **bad)
    else:
        only("cond-put", "s3:PutObject", operator, key, "false", *rest)
        assert denied(other.put_object, Bucket="cond-put", Key=key, Body=b"x", **good)


def test_unencrypted_puts_are_denied_as_the_guide_shows(owner: Any) -> None:
    """User Guide, "Using server-side encryption with Amazon S3 managed keys": a Deny with Null."""
    make(owner, "cond-null")
    deny = statement(
        "*",
        "s3:PutObject",
        "cond-null/*",
        effect="Deny",
        Condition={"Null": {"s3:x-amz-server-side-encryption": "true"}},
    )
    owner.put_bucket_policy(Bucket="cond-null", Policy=policy(deny))
    assert denied(owner.put_object, Bucket="cond-null", Key="k", Body=b"x")
    owner.put_object(Bucket="cond-null", Key="k", Body=b"x", ServerSideEncryption="AES256")


def test_tag_keys_of_a_new_object_may_be_limited(owner: Any, other: Any, only: Only) -> None:
    make(owner, "cond-tagkeys")
    allowed = ["s3:PutObject", "s3:PutObjectTagging"]
    only("cond-tagkeys", allowed, "ForAllValues:StringEquals", "s3:RequestObjectTagKeys", ["team", "cost"])
    other.put_object(Bucket="cond-tagkeys", Key="k", Body=b"x", Tagging="team=a")
    assert denied(other.put_object, Bucket="cond-tagkeys", Key="k", Body=b"x", Tagging="team=a&more=b")
    tagging = {"TagSet": [{"Key": "cost", "Value": "1"}]}
    other.put_object_tagging(Bucket="cond-tagkeys", Key="k", Tagging=tagging)
    tagging["TagSet"][0]["Key"] = "more"
    assert denied(other.put_object_tagging, Bucket="cond-tagkeys", Key="k", Tagging=tagging)


def test_tags_an_object_has_open_and_shut_it(owner: Any, other: Any, only: Only) -> None:
    make(owner, "cond-existing")
    owner.put_object(Bucket="cond-existing", Key="open", Body=b"x", Tagging="state=Open")
    owner.put_object(Bucket="cond-existing", Key="shut", Body=b"x", Tagging="state=shut")
    only("cond-existing", "s3:GetObject", "StringEquals", "s3:ExistingObjectTag/state", "Open")
    other.get_object(Bucket="cond-existing", Key="open")
    assert denied(other.get_object, Bucket="cond-existing", Key="shut")
    tagging = {"TagSet": [{"Key": "state", "Value": "shut"}]}
    owner.put_object_tagging(Bucket="cond-existing", Key="open", Tagging=tagging)
    assert denied(other.get_object, Bucket="cond-existing", Key="open")


def test_a_copy_may_be_held_to_its_source(owner: Any, other: Any) -> None:
    make(owner, "cond-copy")
    for key in ("open/k", "open/\u00fc k", "shut/k"):
        owner.put_object(Bucket="cond-copy", Key=key, Body=b"x")
    put = statement(
        OTHER,
        "s3:PutObject",
        "cond-copy/*",
        Condition={"StringLike": {"s3:x-amz-copy-source": ["cond-copy/open/?", "cond-copy/open/\u00fc k"]}},
    )
    owner.put_bucket_policy(Bucket="cond-copy", Policy=policy(put, statement(OTHER, "s3:GetObject", "cond-copy/*")))
    for source in ("cond-copy/open/k", "/cond-copy/open/k", "cond-copy/open/\u00fc k"):
        other.copy_object(Bucket="cond-copy", Key="copy", CopySource=source)
    assert denied(other.copy_object, Bucket="cond-copy", Key="copy", CopySource="cond-copy/shut/k")
    assert denied(other.put_object, Bucket="cond-copy", Key="copy", Body=b"x")


def test_a_version_may_be_named(owner: Any, other: Any, only: Only) -> None:
    make(owner, "cond-version", ObjectLockEnabledForBucket=True)
    first = owner.put_object(Bucket="cond-version", Key="k", Body=b"1")["VersionId"]
    second = owner.put_object(Bucket="cond-version", Key="k", Body=b"2")["VersionId"]
    only("cond-version", "s3:GetObjectVersion", "StringEquals", "s3:VersionId", first)
    other.get_object(Bucket="cond-version", Key="k", VersionId=first)
    assert denied(other.get_object, Bucket="cond-version", Key="k", VersionId=second)
    assert denied(other.get_object, Bucket="cond-version", Key="k")


def test_presigned_urls_may_be_shut_out(shared_cloud: TestCloud, owner: Any, other: Any, only: Only) -> None:
    make(owner, "cond-auth")
    owner.put_object(Bucket="cond-auth", Key="k", Body=b"x")
    url = presigned(shared_cloud, "get_object", OTHER, Bucket="cond-auth", Key="k")
    only("cond-auth", "s3:GetObject", "StringEquals", "s3:authType", "REST-HEADER")
    other.get_object(Bucket="cond-auth", Key="k")
    assert fetch(url)[0] == 403
    only("cond-auth", "s3:GetObject", "StringEquals", "s3:authType", "REST-QUERY-STRING")
    assert fetch(url)[0] == 200
    assert denied(other.get_object, Bucket="cond-auth", Key="k")


def test_an_old_signature_may_be_shut_out(owner: Any, other: Any, only: Only) -> None:
    make(owner, "cond-age")
    owner.put_object(Bucket="cond-age", Key="k", Body=b"x")
    only("cond-age", "s3:GetObject", "NumericLessThan", "s3:signatureAge", "600000")
    other.get_object(Bucket="cond-age", Key="k")
    only("cond-age", "s3:GetObject", "NumericGreaterThan", "s3:signatureAge", "600000")
    assert denied(other.get_object, Bucket="cond-age", Key="k")


def test_unsigned_payloads_may_be_shut_out(owner: Any, other: Any) -> None:
    make(owner, "cond-sha")
    allow = statement(OTHER, "s3:PutObject", "cond-sha/*")
    deny = statement(
        "*",
        "s3:PutObject",
        "cond-sha/*",
        effect="Deny",
        Condition={"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}},
    )
    owner.put_bucket_policy(Bucket="cond-sha", Policy=policy(allow, deny))
    other.put_object(Bucket="cond-sha", Key="k", Body=b"x")


def test_plain_http_may_be_shut_out(owner: Any) -> None:
    make(owner, "cond-http")
    deny = statement(
        "*", "s3:GetObject", "cond-http/*", effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}}
    )
    owner.put_object(Bucket="cond-http", Key="k", Body=b"x")
    owner.put_bucket_policy(Bucket="cond-http", Policy=policy(deny))
    assert denied(owner.get_object, Bucket="cond-http", Key="k")


def test_a_user_may_be_held_to_buckets_of_their_own_account(shared_cloud: TestCloud, owner: Any) -> None:
    theirs = shared_cloud.client("s3", key=OTHER)
    make(owner, "cond-mine")
    make(theirs, "cond-theirs")
    allow = json.loads(policy(statement(OWNER, "s3:ListBucket", "cond-theirs")))
    theirs.put_bucket_policy(Bucket="cond-theirs", Policy=json.dumps(allow))
    held = user(
        shared_cloud, "cond-held", may("s3:ListBucket", Condition={"StringEquals": {"s3:ResourceAccount": OWNER}})
    )
    held.list_objects_v2(Bucket="cond-mine")
    assert denied(held.list_objects_v2, Bucket="cond-theirs")


def test_what_a_call_asks_besides_knows_the_keys_too(shared_cloud: TestCloud, owner: Any) -> None:
    """A copy's source, each of many deletes, and whether a missing key is told of."""
    make(owner, "cond-beside")
    for key, tag in (("open", "a=b"), ("shut", "a=c")):
        owner.put_object(Bucket="cond-beside", Key=key, Body=b"x", Tagging=tag)
    elsewhere = {
        "Effect": "Deny",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"StringNotEquals": {"s3:ResourceAccount": OWNER}},
    }
    tagged = {"StringEquals": {"s3:ExistingObjectTag/a": "b"}}
    ann = user(
        shared_cloud,
        "cond-ann",
        elsewhere,
        may(["s3:PutObject*", "s3:ListBucket", "s3:GetObjectTagging"]),
        may(["s3:GetObject", "s3:DeleteObject"], Condition=tagged),
    )
    ann.copy_object(Bucket="cond-beside", Key="copy", CopySource="cond-beside/open")
    assert denied(ann.copy_object, Bucket="cond-beside", Key="copy", CopySource="cond-beside/shut")
    answer = ann.delete_objects(Bucket="cond-beside", Delete={"Objects": [{"Key": "open"}, {"Key": "shut"}]})
    assert [one["Key"] for one in answer["Deleted"]] == ["open"]
    assert [one["Key"] for one in answer["Errors"]] == ["shut"]


def test_a_new_bucket_may_be_held_to_a_region_and_an_ownership(shared_cloud: TestCloud) -> None:
    near = {"StringEquals": {"s3:locationconstraint": "eu-west-1"}}
    maker = user(shared_cloud, "cond-maker", may("s3:CreateBucket", Condition=near))
    place = {"LocationConstraint": "eu-central-1"}
    assert denied(maker.create_bucket, Bucket="cond-place", CreateBucketConfiguration=place)
    assert denied(maker.create_bucket, Bucket="cond-place")
    place["LocationConstraint"] = "eu-west-1"
    maker.create_bucket(Bucket="cond-place", CreateBucketConfiguration=place)


def test_the_resource_s_account_is_the_bucket_s_owner(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "cond-account")
    mine = {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}
    owner.put_bucket_policy(Bucket="cond-account", Policy=policy(statement(OTHER, "s3:ListBucket", "cond-account")))
    theirs = user(shared_cloud, "cond-acct", may("s3:ListBucket", Condition=mine), account=OTHER)
    assert denied(theirs.list_objects_v2, Bucket="cond-account")
    ours = user(shared_cloud, "cond-acct", may("s3:ListBucket", Condition=mine))
    ours.list_objects_v2(Bucket="cond-account")


def test_an_old_presigned_url_may_be_shut_out(shared_cloud: TestCloud, owner: Any, other: Any, only: Only) -> None:
    make(owner, "cond-aged")
    owner.put_object(Bucket="cond-aged", Key="k", Body=b"x")
    url = presigned(shared_cloud, "get_object", OTHER, Bucket="cond-aged", Key="k")
    only("cond-aged", "s3:GetObject", "NumericLessThan", "s3:signatureAge", "600000")
    assert fetch(url)[0] == 200
    only("cond-aged", "s3:GetObject", "NumericGreaterThan", "s3:signatureAge", "600000")
    assert fetch(url)[0] == 403


def test_strangers_are_not_told_why(shared_cloud: TestCloud, owner: Any, other: Any) -> None:
    make(owner, "cond-why")
    assert error_of(other.list_objects_v2, Bucket="cond-why")["Message"] == "Access Denied"
    assert b"<Message>Access Denied</Message>" in plain(shared_cloud, "cond-why")[1]
    own = user(shared_cloud, "cond-why-user")
    assert "because no identity-based policy allows" in error_of(own.list_objects_v2, Bucket="cond-why")["Message"]


def test_an_old_tls_may_be_shut_out(tmp_path: Path) -> None:
    """User Guide, "Bucket policy examples using condition keys": the minimum TLS version. Plain HTTP has none."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cloud = TestCloud(tmp_path, https_port=port)
    try:
        owner, other = cloud.client("s3"), cloud.client("s3", key=OTHER)
        secure = boto3.client(
            "s3",
            endpoint_url=f"https://localhost:{port}",
            region_name="us-east-1",
            aws_access_key_id=OTHER,
            aws_secret_access_key="test",
            verify=str(tmp_path / "ca.pem"),
        )
        make(owner, "cond-tls")
        for least, shut in (("1.2", False), ("1.4", True)):
            new = {"NumericGreaterThanEquals": {"s3:TlsVersion": least}}
            owner.put_bucket_policy(
                Bucket="cond-tls", Policy=policy(statement(OTHER, "s3:ListBucket", "cond-tls", Condition=new))
            )
            assert denied(secure.list_objects_v2, Bucket="cond-tls") is shut
            assert denied(other.list_objects_v2, Bucket="cond-tls")
    finally:
        cloud.stop()
