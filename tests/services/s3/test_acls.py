"""Object ownership and access control lists: how they are asked for, shown, and applied."""

from typing import Any

import pytest

from tests.conftest import TestCloud
from tests.services.s3.access_asking import OTHER, canonical, denied, error_of, make, may, plain, refused, user

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"


@pytest.fixture
def owner(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("s3")


@pytest.fixture
def other(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("s3", key=OTHER)


def grants(answer: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["Grantee"].get("ID") or one["Grantee"]["URI"], one["Permission"]) for one in answer["Grants"]}


def listed(bucket: str, s3: Any, ownership: str = "ObjectWriter", public: bool = True) -> str:
    return make(s3, bucket, open_to_public=public, ownership=ownership)


def test_a_canonical_id_is_the_account_s_and_64_hexadecimal_digits(owner: Any, other: Any) -> None:
    mine, theirs = canonical(owner), canonical(other)
    assert mine != theirs
    assert len(mine) == 64
    assert int(mine, 16) > 0


def test_new_buckets_have_their_owner_own_everything_and_take_no_acls(owner: Any) -> None:
    make(owner, "acl-enforced")
    [rule] = owner.get_bucket_ownership_controls(Bucket="acl-enforced")["OwnershipControls"]["Rules"]
    assert rule == {"ObjectOwnership": "BucketOwnerEnforced"}
    owner.put_object(Bucket="acl-enforced", Key="k", Body=b"x")
    everyone = f'uri="{ALL_USERS}"'
    for call, more in (
        (owner.put_bucket_acl, {"ACL": "private"}),
        (owner.put_object_acl, {"Key": "k", "ACL": "public-read"}),
        (owner.put_object, {"Key": "k", "Body": b"y", "ACL": "public-read"}),
        (owner.put_object, {"Key": "k", "Body": b"y", "ACL": "bucket-owner-read"}),
        (owner.put_object, {"Key": "k", "Body": b"y", "GrantRead": everyone}),
        (owner.create_multipart_upload, {"Key": "k", "ACL": "authenticated-read"}),
    ):
        error = error_of(call, Bucket="acl-enforced", **more)
        assert (error["Code"], error["Status"]) == ("AccessControlListNotSupported", 400)
        assert error["Message"] == "The bucket does not allow ACLs"
    full = f'id="{canonical(owner)}"'
    for name in ("bucket-owner-full-control", "private"):
        owner.put_object(Bucket="acl-enforced", Key="k", Body=b"z", ACL=name)
    owner.put_object(Bucket="acl-enforced", Key="k", Body=b"z", GrantFullControl=full)
    for answer in (
        owner.get_bucket_acl(Bucket="acl-enforced"),
        owner.get_object_acl(Bucket="acl-enforced", Key="k"),
    ):
        assert answer["Owner"] == {"ID": canonical(owner)}
        assert grants(answer) == {(canonical(owner), "FULL_CONTROL")}


def test_ownership_controls_are_put_and_taken_away(owner: Any) -> None:
    make(owner, "acl-controls")
    for rule in ("ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced"):
        controls = {"Rules": [{"ObjectOwnership": rule}]}
        owner.put_bucket_ownership_controls(Bucket="acl-controls", OwnershipControls=controls)
        assert owner.get_bucket_ownership_controls(Bucket="acl-controls")["OwnershipControls"] == controls
    bad = {"Rules": [{"ObjectOwnership": "Mine"}]}
    assert refused(owner.put_bucket_ownership_controls, Bucket="acl-controls", OwnershipControls=bad) == "MalformedXML"
    owner.delete_bucket_ownership_controls(Bucket="acl-controls")
    error = error_of(owner.get_bucket_ownership_controls, Bucket="acl-controls")
    assert (error["Code"], error["Status"]) == ("OwnershipControlsNotFoundError", 404)
    owner.put_bucket_acl(Bucket="acl-controls", ACL="private")


def test_acls_must_be_given_up_before_they_are_disabled(owner: Any, other: Any) -> None:
    listed("acl-give-up", owner)
    owner.put_bucket_acl(Bucket="acl-give-up", GrantRead=f'id="{canonical(other)}"')
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    error = error_of(owner.put_bucket_ownership_controls, Bucket="acl-give-up", OwnershipControls=enforced)
    assert (error["Code"], error["Status"]) == ("InvalidBucketAclWithObjectOwnership", 400)
    owner.put_bucket_acl(Bucket="acl-give-up", ACL="private")
    owner.put_bucket_ownership_controls(Bucket="acl-give-up", OwnershipControls=enforced)


def test_a_bucket_is_made_with_the_ownership_and_the_acl_it_asks_for(owner: Any, other: Any) -> None:
    make(owner, "acl-made-a", ACL="private")
    make(owner, "acl-made-b", ownership="ObjectWriter", GrantRead=f'id="{canonical(other)}"')
    assert grants(owner.get_bucket_acl(Bucket="acl-made-b")) == {(canonical(other), "READ")}
    make(owner, "acl-made-c", ownership="BucketOwnerPreferred", ACL="log-delivery-write")
    assert grants(owner.get_bucket_acl(Bucket="acl-made-c")) == {
        (canonical(owner), "FULL_CONTROL"),
        (LOG_DELIVERY, "WRITE"),
        (LOG_DELIVERY, "READ_ACP"),
    }
    assert refused(owner.create_bucket, Bucket="acl-made-d", ObjectOwnership="Mine") == "InvalidArgument"


def test_making_a_bucket_with_rules_of_its_own_needs_leave_to_set_them(shared_cloud: TestCloud) -> None:
    maker = user(shared_cloud, "acl-maker", may("s3:CreateBucket"))
    maker.create_bucket(Bucket="acl-leave-a")
    assert denied(maker.create_bucket, Bucket="acl-leave-b", ObjectOwnership="ObjectWriter")
    able = user(shared_cloud, "acl-able", may(["s3:CreateBucket", "s3:PutBucketOwnershipControls"]))
    able.create_bucket(Bucket="acl-leave-b", ObjectOwnership="ObjectWriter")
    more = {"ObjectOwnership": "ObjectWriter", "ACL": "log-delivery-write"}
    assert denied(able.create_bucket, Bucket="acl-leave-c", **more)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("private", set()),
        ("public-read", {(ALL_USERS, "READ")}),
        ("public-read-write", {(ALL_USERS, "READ"), (ALL_USERS, "WRITE")}),
        ("authenticated-read", {(AUTHENTICATED, "READ")}),
        ("log-delivery-write", {(LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP")}),
    ],
)
def test_a_canned_acl_is_a_list_of_grants(owner: Any, name: str, expected: set[tuple[str, str]]) -> None:
    bucket = listed(f"acl-canned-{name}", owner)
    owner.put_bucket_acl(Bucket=bucket, ACL=name)
    assert grants(owner.get_bucket_acl(Bucket=bucket)) == {(canonical(owner), "FULL_CONTROL"), *expected}


def test_what_getbucketacl_answers_can_be_put_back(owner: Any, other: Any) -> None:
    listed("acl-back", owner)
    owner.put_bucket_acl(Bucket="acl-back", ACL="public-read")
    found = owner.get_bucket_acl(Bucket="acl-back")
    found["Grants"].append(
        {"Grantee": {"Type": "CanonicalUser", "ID": canonical(other)}, "Permission": "WRITE"},
    )
    body = {"Owner": found["Owner"], "Grants": found["Grants"]}
    owner.put_bucket_acl(Bucket="acl-back", AccessControlPolicy=body)
    again = owner.get_bucket_acl(Bucket="acl-back")
    assert again["Grants"] == found["Grants"]
    owner.put_bucket_acl(Bucket="acl-back", AccessControlPolicy={"Owner": found["Owner"], "Grants": []})
    assert owner.get_bucket_acl(Bucket="acl-back").get("Grants", []) == []


def test_grants_in_headers_may_name_several(owner: Any, other: Any) -> None:
    listed("acl-headers", owner)
    mine, theirs = canonical(owner), canonical(other)
    owner.put_object(
        Bucket="acl-headers",
        Key="k",
        Body=b"x",
        GrantRead=f'id="{theirs}", uri="{AUTHENTICATED}"',
        GrantFullControl=f"id={mine}",
    )
    assert grants(owner.get_object_acl(Bucket="acl-headers", Key="k")) == {
        (theirs, "READ"),
        (AUTHENTICATED, "READ"),
        (mine, "FULL_CONTROL"),
    }


def test_an_acl_that_is_none_is_refused(owner: Any, other: Any) -> None:
    bucket = listed("acl-bad", owner)
    mine, theirs = canonical(owner), canonical(other)
    full = {"Grantee": {"Type": "CanonicalUser", "ID": mine}, "Permission": "FULL_CONTROL"}
    for code, more in (
        ("MissingSecurityHeader", {}),
        ("InvalidArgument", {"ACL": "open"}),
        ("InvalidRequest", {"ACL": "private", "GrantRead": f'id="{theirs}"'}),
        ("InvalidArgument", {"GrantRead": 'id="123"'}),
        ("InvalidArgument", {"GrantRead": "theirs"}),
        ("InvalidArgument", {"GrantRead": 'uri="http://example.com/everyone"'}),
        ("MethodNotAllowed", {"GrantRead": 'emailAddress="a@example.com"'}),
        ("MalformedACLError", {"AccessControlPolicy": {"Grants": [full]}}),
        (
            "MalformedACLError",
            {"AccessControlPolicy": {"Owner": {"ID": mine}, "Grants": [{**full, "Permission": "X"}]}},
        ),
        ("MalformedACLError", {"AccessControlPolicy": {"Owner": {"ID": mine}, "Grants": [full] * 101}}),
        ("AccessDenied", {"AccessControlPolicy": {"Owner": {"ID": theirs}, "Grants": [full]}}),
        ("UnexpectedContent", {"ACL": "private", "AccessControlPolicy": {"Owner": {"ID": mine}, "Grants": [full]}}),
    ):
        assert refused(owner.put_bucket_acl, Bucket=bucket, **more) == code, more
    assert grants(owner.get_bucket_acl(Bucket=bucket)) == {(mine, "FULL_CONTROL")}
    error = error_of(owner.put_object, Bucket=bucket, Key="k", Body=b"", GrantRead='id="123"')
    assert error["Message"] == "Invalid id"


def test_a_bucket_s_acl_lets_another_account_list_write_and_read_the_acl(owner: Any, other: Any) -> None:
    bucket = listed("acl-apply", owner)
    theirs = f'id="{canonical(other)}"'
    owner.put_object(Bucket=bucket, Key="mine", Body=b"x")
    assert denied(other.list_objects_v2, Bucket=bucket)
    owner.put_bucket_acl(Bucket=bucket, GrantRead=theirs)
    assert other.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    other.head_bucket(Bucket=bucket)
    assert denied(other.get_object, Bucket=bucket, Key="mine")
    assert denied(other.put_object, Bucket=bucket, Key="theirs", Body=b"y")
    owner.put_bucket_acl(Bucket=bucket, GrantWrite=theirs)
    assert denied(other.list_objects_v2, Bucket=bucket)
    other.put_object(Bucket=bucket, Key="theirs", Body=b"y")
    other.put_object(Bucket=bucket, Key="theirs", Body=b"z")
    assert denied(other.put_object, Bucket=bucket, Key="mine", Body=b"y")
    assert denied(other.delete_object, Bucket=bucket, Key="mine")
    other.delete_object(Bucket=bucket, Key="theirs")
    assert denied(other.get_bucket_acl, Bucket=bucket)
    owner.put_bucket_acl(Bucket=bucket, GrantReadACP=theirs)
    other.get_bucket_acl(Bucket=bucket)
    assert denied(other.put_bucket_acl, Bucket=bucket, ACL="private")
    owner.put_bucket_acl(Bucket=bucket, GrantWriteACP=theirs)
    other.put_bucket_acl(Bucket=bucket, GrantFullControl=theirs)
    other.list_objects_v2(Bucket=bucket)
    assert denied(other.get_bucket_policy_status, Bucket=bucket)
    owner.put_bucket_acl(Bucket=bucket, ACL="private")
    assert denied(other.list_objects_v2, Bucket=bucket)


def test_an_object_s_acl_lets_another_account_read_it_and_its_acl(owner: Any, other: Any) -> None:
    bucket = listed("acl-object", owner)
    theirs = f'id="{canonical(other)}"'
    owner.put_object(Bucket=bucket, Key="k", Body=b"x", GrantRead=theirs)
    owner.put_object(Bucket=bucket, Key="hidden", Body=b"x")
    assert other.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    other.head_object(Bucket=bucket, Key="k")
    assert denied(other.get_object, Bucket=bucket, Key="hidden")
    assert denied(other.get_object_acl, Bucket=bucket, Key="k")
    assert denied(other.get_object_tagging, Bucket=bucket, Key="k")
    owner.put_object_acl(Bucket=bucket, Key="k", GrantReadACP=theirs)
    other.get_object_acl(Bucket=bucket, Key="k")
    assert denied(other.get_object, Bucket=bucket, Key="k")
    owner.put_object_acl(Bucket=bucket, Key="k", GrantWriteACP=theirs)
    other.put_object_acl(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")
    assert grants(owner.get_object_acl(Bucket=bucket, Key="k")) == {(canonical(owner), "FULL_CONTROL")}


def test_a_grant_to_an_account_is_its_own_to_pass_on(shared_cloud: TestCloud, owner: Any) -> None:
    """Also to the owner's account: full control of the owner is nobody's of its users by itself."""
    bucket = listed("acl-pass", owner)
    theirs = canonical(shared_cloud.client("s3", key=OTHER))
    owner.put_object(Bucket=bucket, Key="k", Body=b"x", GrantRead=f'id="{theirs}"')
    nobody = user(shared_cloud, "acl-nobody", account=OTHER)
    reader = user(shared_cloud, "acl-reader", may("s3:GetObject"), account=OTHER)
    own = user(shared_cloud, "acl-own-nobody")
    assert denied(nobody.get_object, Bucket=bucket, Key="k")
    reader.get_object(Bucket=bucket, Key="k")
    assert denied(own.get_object, Bucket=bucket, Key="k")


def test_authenticated_users_are_those_who_sign(shared_cloud: TestCloud, owner: Any, other: Any) -> None:
    bucket = listed("acl-signed", owner)
    owner.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="authenticated-read")
    assert plain(shared_cloud, f"{bucket}/k")[0] == 403
    other.get_object(Bucket=bucket, Key="k")
    assert denied(user(shared_cloud, "acl-signer", account=OTHER).get_object, Bucket=bucket, Key="k")


def test_each_version_has_an_acl_of_its_own(owner: Any, other: Any) -> None:
    bucket = make(owner, "acl-versions", ownership="ObjectWriter", ObjectLockEnabledForBucket=True)
    old = owner.put_object(Bucket=bucket, Key="k", Body=b"old")["VersionId"]
    owner.put_object(Bucket=bucket, Key="k", Body=b"new")
    owner.put_object_acl(Bucket=bucket, Key="k", VersionId=old, GrantRead=f'id="{canonical(other)}"')
    assert other.get_object(Bucket=bucket, Key="k", VersionId=old)["Body"].read() == b"old"
    assert denied(other.get_object, Bucket=bucket, Key="k")
    answer = owner.get_object_acl(Bucket=bucket, Key="k", VersionId=old)
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-version-id"] == old
    marker = owner.delete_object(Bucket=bucket, Key="k")["VersionId"]
    assert refused(owner.get_object_acl, Bucket=bucket, Key="k") == "NoSuchKey"
    assert refused(owner.put_object_acl, Bucket=bucket, Key="k", VersionId=marker, ACL="private") == "MethodNotAllowed"


def test_an_acl_is_the_object_s_and_goes_with_it_when_it_is_overwritten_or_copied(owner: Any) -> None:
    bucket = listed("acl-goes", owner)
    owner.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    owner.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    owner.put_object(Bucket=bucket, Key="k", Body=b"y")
    for key in ("k", "copy"):
        assert grants(owner.get_object_acl(Bucket=bucket, Key=key)) == {(canonical(owner), "FULL_CONTROL")}
