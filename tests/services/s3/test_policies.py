"""Bucket policies: what may stand in them, who may change them, what they do."""

import json
from typing import Any

import pytest

from tests.conftest import TestCloud
from tests.services.s3.access_asking import OTHER, denied, error_of, make, may, policy, refused, statement, user

DENY = {"effect": "Deny"}


@pytest.fixture
def owner(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("s3")


@pytest.fixture
def other(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("s3", key=OTHER)


def test_a_policy_is_answered_as_it_was_given_but_for_spaces(owner: Any) -> None:
    make(owner, "pol-given")
    given = json.loads(policy(statement({"AWS": f"arn:aws:iam::{OTHER}:root"}, "s3:GetObject", "pol-given/*")))
    owner.put_bucket_policy(Bucket="pol-given", Policy=json.dumps(given, indent=4))
    answered = owner.get_bucket_policy(Bucket="pol-given")["Policy"]
    assert json.loads(answered) == given
    assert "\n" not in answered
    owner.delete_bucket_policy(Bucket="pol-given")
    assert error_of(owner.get_bucket_policy, Bucket="pol-given")["Code"] == "NoSuchBucketPolicy"
    assert error_of(owner.get_bucket_policy_status, Bucket="pol-given")["Status"] == 404
    owner.delete_bucket_policy(Bucket="pol-given")


def test_an_account_id_is_answered_as_its_root(owner: Any) -> None:
    make(owner, "pol-account")
    owner.put_bucket_policy(Bucket="pol-account", Policy=policy(statement(OTHER, "s3:GetObject", "pol-account/*")))
    found = json.loads(owner.get_bucket_policy(Bucket="pol-account")["Policy"])
    assert found["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{OTHER}:root"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Policies must be valid JSON and the first byte must be '{'"),
        ("[]", "Policies must be valid JSON and the first byte must be '{'"),
        ('{"Version":"2012-10-17"}', "Missing required field Statement"),
        (policy({"Effect": "Allow"}), "Missing required field Principal"),
        (policy({"Principal": "*"}), "Missing required field Effect"),
        (policy({"Effect": "Allow", "Principal": "*"}), "Missing required field Action"),
        (policy({"Effect": "Allow", "Principal": "*", "Action": "s3:*"}), "Missing required field Resource"),
        (policy(statement(OTHER, "sqs:SendMessage", "pol-bad")), "Policy has invalid action"),
        (policy(statement(OTHER, "s3:GetObjects", "pol-bad/*")), "Policy has invalid action"),
        (policy(statement(OTHER, "s3:ListAllMyBuckets", "pol-bad")), "Policy has invalid action"),
        (policy(statement(OTHER, "s3:GetObject", "another/*")), "Policy has invalid resource"),
        (policy(statement(OTHER, "s3:GetObject", "pol-badly/*")), "Policy has invalid resource"),
        (policy({**statement(OTHER, "s3:*"), "Resource": "*"}), "Policy has invalid resource"),
        (policy(statement(OTHER, "s3:GetObject", "pol-bad")), "Action does not apply to any resource(s) in statement"),
        (
            policy(statement(OTHER, ["s3:GetObject", "s3:ListBucket"], "pol-bad/*")),
            "Action does not apply to any resource(s) in statement",
        ),
        (
            policy(
                statement(OTHER, "s3:GetObject", "pol-bad/*", Condition={"StringEquals": {"s3:prefix": "a"}}),
            ),
            "Conditions do not apply to combination of actions and resources in statement",
        ),
        (
            policy(statement(OTHER, "s3:GetObject", "pol-bad/*", Condition={"StringEquals": {"s3:colour": "a"}})),
            "Policy has an invalid condition key",
        ),
        (policy(statement("arn:aws:iam::111111111111:user/nobody", "s3:GetObject", "pol-bad/*")), "principal"),
        (policy(statement("somebody", "s3:GetObject", "pol-bad/*")), "Invalid principal in policy"),
        (policy(statement({"CanonicalUser": "abc"}, "s3:GetObject", "pol-bad/*")), "Invalid principal in policy"),
    ],
)
def test_a_malformed_policy_is_refused_in_s3_s_words(owner: Any, text: str, message: str) -> None:
    owner.create_bucket(Bucket="pol-bad")
    error = error_of(owner.put_bucket_policy, Bucket="pol-bad", Policy=text)
    assert error["Code"] == "MalformedPolicy"
    assert error["Status"] == 400
    assert message in error["Message"]
    assert refused(owner.get_bucket_policy, Bucket="pol-bad") == "NoSuchBucketPolicy"


def test_a_policy_has_at_most_twenty_kilobytes(owner: Any) -> None:
    make(owner, "pol-long")
    text = policy(statement(OTHER, "s3:GetObject", "pol-long/" + "x" * 20_480))
    assert error_of(owner.put_bucket_policy, Bucket="pol-long", Policy=text)["Status"] == 400


def test_patterns_that_mean_actions_of_both_kinds_are_taken(owner: Any) -> None:
    make(owner, "pol-wide")
    for one in (
        statement(OTHER, "s3:*", "pol-wide", "pol-wide/*"),
        statement(OTHER, "s3:Get*", "pol-wide/*"),
        statement(OTHER, "*", "pol-wide*"),
        statement(OTHER, "s3:ListBucket", "pol-wide", Condition={"StringLike": {"s3:prefix": "home/*"}}),
        statement(OTHER, "S3:getobject", "pol-wide/*", Condition={"StringEquals": {"s3:ExistingObjectTag/a": "b"}}),
        statement("*", "s3:*", "pol-wide/*", **DENY, Condition={"Bool": {"aws:SecureTransport": "false"}}),
    ):
        owner.put_bucket_policy(Bucket="pol-wide", Policy=policy(one))


def test_a_user_made_again_under_the_same_name_is_somebody_else(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "pol-again")
    owner.put_object(Bucket="pol-again", Key="k", Body=b"x")
    first = user(shared_cloud, "again")
    arn = "arn:aws:iam::000000000000:user/again"
    owner.put_bucket_policy(Bucket="pol-again", Policy=policy(statement(arn, "s3:GetObject", "pol-again/*")))
    first.get_object(Bucket="pol-again", Key="k")
    iam = shared_cloud.client("iam")
    unique = iam.get_user(UserName="again")["User"]["UserId"]
    for key in iam.list_access_keys(UserName="again")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="again", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="again")
    assert unique in owner.get_bucket_policy(Bucket="pol-again")["Policy"]
    second = user(shared_cloud, "again")
    assert denied(second.get_object, Bucket="pol-again", Key="k")


def test_a_user_of_the_account_needs_the_policy_or_one_of_their_own(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "pol-either")
    owner.put_object(Bucket="pol-either", Key="k", Body=b"x")
    plain = user(shared_cloud, "either-plain")
    able = user(shared_cloud, "either-able", may("s3:GetObject", "arn:aws:s3:::pol-either/*"))
    able.get_object(Bucket="pol-either", Key="k")
    assert denied(plain.get_object, Bucket="pol-either", Key="k")
    arn = "arn:aws:iam::000000000000:user/either-plain"
    owner.put_bucket_policy(Bucket="pol-either", Policy=policy(statement(arn, "s3:GetObject", "pol-either/*")))
    plain.get_object(Bucket="pol-either", Key="k")
    assert denied(plain.put_object, Bucket="pol-either", Key="k", Body=b"y")


def test_an_explicit_deny_binds_everyone_but_root_keeps_the_policy_in_hand(owner: Any) -> None:
    make(owner, "pol-lock")
    owner.put_object(Bucket="pol-lock", Key="k", Body=b"x")
    owner.put_bucket_policy(Bucket="pol-lock", Policy=policy(statement("*", "s3:*", "pol-lock", "pol-lock/*", **DENY)))
    error = error_of(owner.get_object, Bucket="pol-lock", Key="k")
    assert error["Code"] == "AccessDenied"
    assert "explicit deny in a resource-based policy" in error["Message"]
    assert denied(owner.get_bucket_acl, Bucket="pol-lock")
    assert "Deny" in owner.get_bucket_policy(Bucket="pol-lock")["Policy"]
    owner.put_bucket_policy(Bucket="pol-lock", Policy=policy(statement("*", "s3:GetObject", "pol-lock/*", **DENY)))
    owner.delete_bucket_policy(Bucket="pol-lock")
    owner.get_object(Bucket="pol-lock", Key="k")


def test_who_would_lock_themselves_out_must_confirm_it(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "pol-confirm")
    admin = user(shared_cloud, "confirm-admin", may("s3:*"))
    lock = policy(statement("*", "s3:PutBucketPolicy", "pol-confirm", **DENY))
    assert denied(admin.put_bucket_policy, Bucket="pol-confirm", Policy=lock)
    assert refused(owner.get_bucket_policy, Bucket="pol-confirm") == "NoSuchBucketPolicy"
    admin.put_bucket_policy(Bucket="pol-confirm", Policy=lock, ConfirmRemoveSelfBucketAccess=True)
    assert denied(admin.put_bucket_policy, Bucket="pol-confirm", Policy=lock, ConfirmRemoveSelfBucketAccess=True)
    admin.delete_bucket_policy(Bucket="pol-confirm")


def test_another_account_never_changes_the_policy_even_if_it_lets_it(owner: Any, other: Any) -> None:
    make(owner, "pol-foreign")
    text = policy(statement(OTHER, "s3:*", "pol-foreign", "pol-foreign/*"))
    owner.put_bucket_policy(Bucket="pol-foreign", Policy=text)
    other.put_object(Bucket="pol-foreign", Key="k", Body=b"x")
    for call, more in (
        (other.put_bucket_policy, {"Policy": text}),
        (other.get_bucket_policy, {}),
        (other.delete_bucket_policy, {}),
    ):
        error = error_of(call, Bucket="pol-foreign", **more)
        assert (error["Code"], error["Status"]) == ("MethodNotAllowed", 405)


def test_a_policy_dies_with_its_bucket(owner: Any, other: Any) -> None:
    make(owner, "pol-dies")
    owner.put_bucket_policy(Bucket="pol-dies", Policy=policy(statement(OTHER, "s3:*", "pol-dies", "pol-dies/*")))
    owner.delete_bucket(Bucket="pol-dies")
    make(owner, "pol-dies")
    assert refused(owner.get_bucket_policy, Bucket="pol-dies") == "NoSuchBucketPolicy"
    assert denied(other.list_objects_v2, Bucket="pol-dies")


def test_policy_variables_give_each_user_a_home(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "pol-home")
    homes = statement(
        {"AWS": "arn:aws:iam::000000000000:root"}, ["s3:PutObject", "s3:GetObject"], "pol-home/${aws:username}/*"
    )
    owner.put_bucket_policy(Bucket="pol-home", Policy=policy({**homes, "Principal": {"AWS": "*"}, "Condition": {
        "StringEquals": {"aws:PrincipalAccount": "000000000000"}}}))  # fmt: skip
    ann = user(shared_cloud, "home-ann")
    ann.put_object(Bucket="pol-home", Key="home-ann/x", Body=b"x")
    assert denied(ann.put_object, Bucket="pol-home", Key="home-bob/x", Body=b"x")


def only(operator: str, key: str, value: Any) -> dict[str, Any]:
    return {"Condition": {operator: {key: value}}}


WIDE = ("pol-guide", "pol-guide/*")
TRAIL = {"Service": "cloudtrail.amazonaws.com"}
OWN_ACL = "bucket-owner-full-control"
KMS_KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    "one",
    [
        statement(TRAIL, "s3:GetBucketAcl", "pol-guide", **only("StringEquals", "aws:SourceArn", "arn:aws:x:::y")),
        statement(TRAIL, "s3:PutObject", "pol-guide/AWSLogs/*", **only("StringEquals", "s3:x-amz-acl", OWN_ACL)),
        statement("127311923021", "s3:PutObject", "pol-guide/prefix/AWSLogs/000000000000/*"),
        statement({"Service": "cloudfront.amazonaws.com"}, "s3:GetObject", "pol-guide/*",
                  **only("StringEquals", "AWS:SourceArn", "arn:aws:cloudfront::000000000000:distribution/E1")),
        statement("*", "s3:PutObject", "pol-guide/*", **DENY,
                  **only("StringNotEquals", "s3:x-amz-server-side-encryption", "aws:kms")),
        statement("*", "s3:PutObject", "pol-guide/*", **DENY,
                  **only("ArnNotEqualsIfExists", "s3:x-amz-server-side-encryption-aws-kms-key-id", KMS_KEY)),
        statement("*", "s3:*", *WIDE, **DENY, **only("NumericLessThan", "s3:TlsVersion", 1.2)),
        statement("*", "s3:*", *WIDE, **DENY, **only("NumericGreaterThan", "s3:signatureAge", "600000")),
        statement("*", "s3:*", "pol-guide/*", **DENY, **only("StringNotEquals", "s3:authType", "REST-HEADER")),
        statement(OTHER, "s3:ListBucket", "pol-guide", Condition={
            "StringEquals": {"s3:prefix": ["", "home/"], "s3:delimiter": ["/"]},
            "NumericLessThanEquals": {"s3:max-keys": "10"}}),
        statement(OTHER, ["s3:PutObject", "s3:PutObjectTagging"], "pol-guide/*",
                  **only("ForAllValues:StringLike", "s3:RequestObjectTagKeys", ["Owner", "CreationDate"])),
        statement(OTHER, "s3:PutObject", "pol-guide/*", **only("StringEquals", "s3:x-amz-grant-full-control", "id=1")),
        statement(OTHER, "s3:PutObjectRetention", "pol-guide/*",
                  **only("NumericGreaterThan", "s3:object-lock-remaining-retention-days", "10")),
        statement(OTHER, ["s3:ReplicateObject", "s3:ReplicateDelete"], "pol-guide/*"),
        statement(OTHER, ["s3:List*", "s3:GetBucketVersioning", "s3:PutBucketVersioning"], "pol-guide"),
        statement(OTHER, "s3:ObjectOwnerOverrideToBucketOwner", "pol-guide/*"),
        statement("*", "*", *WIDE, **only("StringEquals", "s3:DataAccessPointAccount", "111122223333")),
        statement("*", "s3:PutObject", "pol-guide/*", **DENY, Condition={
            "Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}),
        statement(OTHER, ["s3:GetObjectVersion", "s3:DeleteObjectVersion"], "pol-guide/*",
                  **only("StringEquals", "s3:VersionId", "AaaHbAQitwiL_h47_44lRO2DDfLlBO5e")),
        statement(OTHER, "s3:PutObject", "pol-guide/*",
                  **only("StringLike", "s3:x-amz-copy-source", "amzn-s3-demo-bucket/public/*")),
        statement("*", "s3:GetObject", "pol-guide/*", **DENY, **only("StringNotEquals", "s3:ExistingObjectTag/a", "b")),
        {**statement("*", "s3:*", *WIDE, **DENY), "Principal": "*",
         **only("StringNotLike", "aws:userId", ["AROAEXAMPLEID:*", "111111111111"])},
    ],
)  # fmt: skip
def test_policies_like_those_the_guide_shows_are_taken(owner: Any, one: dict[str, Any]) -> None:
    """User Guide, "Examples of Amazon S3 bucket policies" and "Bucket policy examples using condition keys"."""
    owner.create_bucket(Bucket="pol-guide")
    owner.put_bucket_policy(Bucket="pol-guide", Policy=policy(one))
    owner.delete_bucket_policy(Bucket="pol-guide")
