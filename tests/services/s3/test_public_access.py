"""Block Public Access, and what counts as public."""

from typing import Any

import pytest

from tests.conftest import TestCloud
from tests.services.s3.access_asking import OTHER, denied, error_of, make, plain, policy, refused, statement

ALL = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
NONE = dict.fromkeys(ALL, False)


@pytest.fixture
def owner(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("s3")


@pytest.fixture
def other(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("s3", key=OTHER)


def block(s3: Any, bucket: str, **settings: bool) -> None:
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={**NONE, **settings})


def test_a_new_bucket_blocks_all_public_access(owner: Any) -> None:
    make(owner, "pab-new")
    assert owner.get_public_access_block(Bucket="pab-new")["PublicAccessBlockConfiguration"] == ALL
    owner.put_public_access_block(
        Bucket="pab-new", PublicAccessBlockConfiguration={"BlockPublicAcls": True, "RestrictPublicBuckets": False}
    )
    found = owner.get_public_access_block(Bucket="pab-new")["PublicAccessBlockConfiguration"]
    assert found == {**NONE, "BlockPublicAcls": True}
    owner.delete_public_access_block(Bucket="pab-new")
    error = error_of(owner.get_public_access_block, Bucket="pab-new")
    assert (error["Code"], error["Status"]) == ("NoSuchPublicAccessBlockConfiguration", 404)


def test_a_public_policy_is_refused_where_such_are_blocked(owner: Any) -> None:
    make(owner, "pab-policy")
    public = policy(statement("*", "s3:GetObject", "pab-policy/*"))
    error = error_of(owner.put_bucket_policy, Bucket="pab-policy", Policy=public)
    assert (error["Code"], error["Status"]) == ("AccessDenied", 403)
    assert "BlockPublicPolicy" in error["Message"]
    owner.put_bucket_policy(Bucket="pab-policy", Policy=policy(statement(OTHER, "s3:GetObject", "pab-policy/*")))
    block(owner, "pab-policy", BlockPublicAcls=True)
    owner.put_bucket_policy(Bucket="pab-policy", Policy=public)


def only(operator: str, key: str, *values: str) -> dict[str, Any]:
    return {"Condition": {operator: {key: list(values)}}}


@pytest.mark.parametrize(
    ("public", "one"),
    [
        (True, statement("*", "s3:GetObject", "pab-st/*")),
        (True, statement({"AWS": [OTHER, "*"]}, "s3:GetObject", "pab-st/*")),
        (False, statement(OTHER, "s3:*", "pab-st/*")),
        (False, statement({"Service": "logging.s3.amazonaws.com"}, "s3:PutObject", "pab-st/*")),
        (False, statement("*", "s3:GetObject", "pab-st/*", effect="Deny")),
        (True, statement("*", "s3:GetObject", "pab-st/*", **only("IpAddress", "aws:SourceIp", "0.0.0.0/1"))),
        (False, statement("*", "s3:GetObject", "pab-st/*", **only("IpAddress", "aws:SourceIp", "203.0.113.0/24"))),
        (True, statement("*", "s3:GetObject", "pab-st/*", **only("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"))),
        (True, statement("*", "s3:GetObject", "pab-st/*", **only("IpAddress", "aws:SourceIp", "::/16"))),
        (False, statement("*", "s3:GetObject", "pab-st/*", **only("StringEquals", "aws:SourceVpc", "vpc-91237329"))),
        (True, statement("*", "s3:GetObject", "pab-st/*", **only("StringLike", "aws:SourceVpc", "vpc-*"))),
        (True, statement("*", "s3:GetObject", "pab-st/*", **only("StringEqualsIfExists", "aws:SourceVpc", "vpc-1"))),
        (False, statement("*", "s3:GetObject", "pab-st/*", **only("StringEquals", "aws:PrincipalOrgID", "o-1"))),
        (True, statement("*", "s3:GetObject", "pab-st/*", **only("StringEquals", "aws:UserAgent", "me"))),
    ],
)  # fmt: skip
def test_a_policy_is_public_unless_it_is_held_to_fixed_values(owner: Any, public: bool, one: dict[str, Any]) -> None:
    owner.create_bucket(Bucket="pab-st")
    owner.delete_public_access_block(Bucket="pab-st")
    owner.put_bucket_policy(Bucket="pab-st", Policy=policy(one))
    assert owner.get_bucket_policy_status(Bucket="pab-st")["PolicyStatus"]["IsPublic"] is public


def test_a_restricted_bucket_with_a_public_policy_is_its_account_s_alone(
    owner: Any, other: Any, shared_cloud: TestCloud
) -> None:
    make(owner, "pab-restrict", open_to_public=True)
    owner.put_object(Bucket="pab-restrict", Key="k", Body=b"x")
    named = statement(OTHER, "s3:GetObject", "pab-restrict/*")
    owner.put_bucket_policy(
        Bucket="pab-restrict", Policy=policy(statement("*", "s3:GetObject", "pab-restrict/*"), named)
    )
    assert plain(shared_cloud, "pab-restrict/k") == (200, b"x")
    block(owner, "pab-restrict", RestrictPublicBuckets=True)
    assert plain(shared_cloud, "pab-restrict/k")[0] == 403
    assert denied(other.get_object, Bucket="pab-restrict", Key="k")
    owner.get_object(Bucket="pab-restrict", Key="k")
    owner.put_bucket_policy(Bucket="pab-restrict", Policy=policy(named))
    other.get_object(Bucket="pab-restrict", Key="k")


def test_public_acls_are_refused_where_they_are_blocked(owner: Any) -> None:
    make(owner, "pab-acls", ownership="ObjectWriter")
    owner.put_object(Bucket="pab-acls", Key="k", Body=b"x")
    everyone = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'
    for call, more in (
        (owner.put_bucket_acl, {"ACL": "public-read"}),
        (owner.put_bucket_acl, {"ACL": "authenticated-read"}),
        (owner.put_bucket_acl, {"GrantRead": everyone}),
        (owner.put_object_acl, {"Key": "k", "ACL": "public-read"}),
        (owner.put_object, {"Key": "j", "Body": b"y", "ACL": "public-read"}),
        (owner.put_object, {"Key": "j", "Body": b"y", "GrantRead": everyone}),
    ):
        error = error_of(call, Bucket="pab-acls", **more)
        assert (error["Code"], error["Status"]) == ("AccessDenied", 403)
        assert "BlockPublicAcls" in error["Message"]
    assert owner.list_objects_v2(Bucket="pab-acls")["KeyCount"] == 1
    owner.put_object(Bucket="pab-acls", Key="k", Body=b"x", ACL="private")


def test_public_acls_count_for_nothing_where_they_are_ignored(owner: Any, shared_cloud: TestCloud) -> None:
    make(owner, "pab-ignore", open_to_public=True, ownership="ObjectWriter")
    owner.put_object(Bucket="pab-ignore", Key="k", Body=b"x", ACL="public-read")
    owner.put_bucket_acl(Bucket="pab-ignore", ACL="public-read")
    assert plain(shared_cloud, "pab-ignore/k") == (200, b"x")
    assert plain(shared_cloud, "pab-ignore")[0] == 200
    block(owner, "pab-ignore", IgnorePublicAcls=True)
    assert plain(shared_cloud, "pab-ignore/k")[0] == 403
    assert plain(shared_cloud, "pab-ignore")[0] == 403
    assert len(owner.get_bucket_acl(Bucket="pab-ignore")["Grants"]) == 2


def test_a_bucket_is_not_made_public_while_it_is_made(owner: Any) -> None:
    more = {"ACL": "public-read", "ObjectOwnership": "ObjectWriter"}
    assert refused(owner.create_bucket, Bucket="pab-made", **more) == "InvalidBucketAclWithBlockPublicAccessError"
    assert refused(owner.create_bucket, Bucket="pab-made", ACL="public-read") == "InvalidBucketAclWithObjectOwnership"
    assert refused(owner.head_bucket, Bucket="pab-made") == "404"


def test_a_configuration_that_says_nothing_is_refused(owner: Any) -> None:
    make(owner, "pab-empty")
    assert refused(owner.put_public_access_block, Bucket="pab-empty", PublicAccessBlockConfiguration={}) in (
        "MalformedXML",
        "InvalidRequest",
    )
