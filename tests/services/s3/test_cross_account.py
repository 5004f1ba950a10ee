"""Buckets and objects between accounts: both sides must agree; who owns what; who pays."""

from typing import Any

import pytest

from pileus.identity.standing import service_standing
from pileus.service import AccessDenied, Call, Caller
from tests.conftest import TestCloud
from tests.services.s3.access_asking import (
    OTHER,
    OWNER,
    canonical,
    denied,
    error_of,
    fetch,
    make,
    may,
    plain,
    policy,
    presigned,
    presigned_with,
    refused,
    statement,
    user,
)


@pytest.fixture
def owner(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("s3")


@pytest.fixture
def other(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("s3", key=OTHER)


def test_another_account_is_denied_until_both_sides_allow_it(shared_cloud: TestCloud, owner: Any, other: Any) -> None:
    make(owner, "x-both")
    owner.put_object(Bucket="x-both", Key="k", Body=b"x")
    able = user(shared_cloud, "x-able", may("s3:GetObject"), account=OTHER)
    unable = user(shared_cloud, "x-unable", account=OTHER)
    for one in (other, able, unable):
        assert denied(one.get_object, Bucket="x-both", Key="k")
    owner.put_bucket_policy(Bucket="x-both", Policy=policy(statement(OTHER, "s3:GetObject", "x-both/*")))
    other.get_object(Bucket="x-both", Key="k")
    able.get_object(Bucket="x-both", Key="k")
    assert denied(unable.get_object, Bucket="x-both", Key="k")
    assert denied(able.put_object, Bucket="x-both", Key="k", Body=b"y")


def test_a_policy_that_names_a_user_of_another_account_lets_only_them_in(
    shared_cloud: TestCloud, owner: Any, other: Any
) -> None:
    make(owner, "x-named")
    owner.put_object(Bucket="x-named", Key="k", Body=b"x")
    ann = user(shared_cloud, "x-ann", may("s3:*"), account=OTHER)
    bob = user(shared_cloud, "x-bob", may("s3:*"), account=OTHER)
    arn = f"arn:aws:iam::{OTHER}:user/x-ann"
    owner.put_bucket_policy(Bucket="x-named", Policy=policy(statement(arn, "s3:GetObject", "x-named/*")))
    ann.get_object(Bucket="x-named", Key="k")
    assert denied(bob.get_object, Bucket="x-named", Key="k")
    assert denied(other.get_object, Bucket="x-named", Key="k")


@pytest.mark.parametrize("form", ["id", "root", "canonical"])
def test_an_account_may_be_named_in_three_ways(owner: Any, other: Any, form: str) -> None:
    bucket = make(owner, f"x-form-{form}")
    owner.put_object(Bucket=bucket, Key="k", Body=b"x")
    principals = {
        "id": {"AWS": OTHER},
        "root": {"AWS": f"arn:aws:iam::{OTHER}:root"},
        "canonical": {"CanonicalUser": canonical(other)},
    }
    owner.put_bucket_policy(Bucket=bucket, Policy=policy(statement(principals[form], "s3:GetObject", f"{bucket}/*")))
    other.get_object(Bucket=bucket, Key="k")


def test_a_canonical_id_names_an_account_and_not_each_of_its_users(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "x-canon")
    owner.put_object(Bucket="x-canon", Key="k", Body=b"x")
    me = {"CanonicalUser": canonical(owner)}
    owner.put_bucket_policy(Bucket="x-canon", Policy=policy(statement(me, "s3:GetObject", "x-canon/*")))
    nobody = user(shared_cloud, "x-canon-nobody")
    assert denied(nobody.get_object, Bucket="x-canon", Key="k")
    deny = statement(me, "s3:GetObject", "x-canon/*", effect="Deny")
    owner.put_bucket_policy(Bucket="x-canon", Policy=policy(deny))
    assert denied(owner.get_object, Bucket="x-canon", Key="k")


def test_a_role_of_another_account_is_let_in_by_its_arn(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "x-role")
    owner.put_object(Bucket="x-role", Key="k", Body=b"x")
    iam = shared_cloud.client("iam", key=OTHER)
    trust = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="x-reader", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="x-reader", PolicyName="p", PolicyDocument=policy(may("s3:GetObject")))
    iam.create_user(UserName="x-wearer")
    iam.put_user_policy(UserName="x-wearer", PolicyName="p", PolicyDocument=policy(may("sts:AssumeRole")))
    key = iam.create_access_key(UserName="x-wearer")["AccessKey"]
    sts = shared_cloud.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    found = sts.assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    session = shared_cloud.client(
        "s3", key=found["AccessKeyId"], secret=found["SecretAccessKey"], token=found["SessionToken"]
    )
    assert denied(session.get_object, Bucket="x-role", Key="k")
    owner.put_bucket_policy(Bucket="x-role", Policy=policy(statement(role, "s3:GetObject", "x-role/*")))
    session.get_object(Bucket="x-role", Key="k")


def test_listing_decides_whether_a_missing_key_is_told_of(owner: Any, other: Any) -> None:
    make(owner, "x-missing")
    get = statement(OTHER, "s3:GetObject", "x-missing/*")
    owner.put_bucket_policy(Bucket="x-missing", Policy=policy(get))
    error = error_of(other.get_object, Bucket="x-missing", Key="nothing")
    assert (error["Code"], error["Status"]) == ("AccessDenied", 403)
    owner.put_bucket_policy(Bucket="x-missing", Policy=policy(get, statement(OTHER, "s3:ListBucket", "x-missing")))
    assert error_of(other.get_object, Bucket="x-missing", Key="nothing")["Code"] == "NoSuchKey"
    assert error_of(other.head_object, Bucket="x-missing", Key="nothing")["Status"] == 404


def test_a_presigned_url_has_the_rights_of_who_signed_it(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "x-signed")
    owner.put_object(Bucket="x-signed", Key="k", Body=b"x")
    urls = {
        account: presigned(shared_cloud, "get_object", account, Bucket="x-signed", Key="k")
        for account in (OWNER, OTHER)
    }
    assert fetch(urls[OWNER]) == (200, b"x")
    assert fetch(urls[OTHER])[0] == 403
    owner.put_bucket_policy(Bucket="x-signed", Policy=policy(statement(OTHER, "s3:GetObject", "x-signed/*")))
    assert fetch(urls[OTHER]) == (200, b"x")
    put = presigned(shared_cloud, "put_object", OTHER, Bucket="x-signed", Key="k")
    assert fetch(put, "PUT", b"y")[0] == 403


def test_what_others_put_is_the_bucket_owner_s_where_acls_are_disabled(owner: Any, other: Any) -> None:
    make(owner, "x-enforced")
    owner.put_bucket_policy(Bucket="x-enforced", Policy=policy(statement(OTHER, "s3:PutObject", "x-enforced/*")))
    other.put_object(Bucket="x-enforced", Key="k", Body=b"x")
    assert owner.get_object(Bucket="x-enforced", Key="k")["Body"].read() == b"x"
    assert owner.get_object_acl(Bucket="x-enforced", Key="k")["Owner"]["ID"] == canonical(owner)
    assert denied(other.get_object, Bucket="x-enforced", Key="k")


def put_by_other(owner: Any, other: Any, bucket: str, ownership: str, **more: Any) -> str:
    make(owner, bucket, ownership=ownership)
    allowed = ["s3:PutObject", "s3:PutObjectAcl"]
    owner.put_bucket_policy(Bucket=bucket, Policy=policy(statement(OTHER, allowed, f"{bucket}/*")))
    other.put_object(Bucket=bucket, Key="k", Body=b"theirs", **more)
    return bucket


def test_the_writer_s_object_is_not_the_bucket_owner_s_to_read_or_to_grant(owner: Any, other: Any) -> None:
    bucket = put_by_other(owner, other, "x-writer", "ObjectWriter")
    other.get_object(Bucket=bucket, Key="k")
    assert other.get_object_acl(Bucket=bucket, Key="k")["Owner"]["ID"] == canonical(other)
    everything = [statement(account, "s3:*", f"{bucket}/*") for account in (OWNER, OTHER)]
    owner.put_bucket_policy(Bucket=bucket, Policy=policy(*everything))
    for call in (owner.get_object, owner.head_object, owner.get_object_acl, owner.get_object_tagging):
        assert denied(call, Bucket=bucket, Key="k")
    assert denied(owner.put_object_acl, Bucket=bucket, Key="k", ACL="private")
    assert denied(owner.copy_object, Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    other.put_object_acl(Bucket=bucket, Key="k", ACL="bucket-owner-read")
    assert owner.get_object(Bucket=bucket, Key="k")["Body"].read() == b"theirs"
    owner.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    assert owner.get_object_acl(Bucket=bucket, Key="copy")["Owner"]["ID"] == canonical(owner)
    assert denied(owner.put_object_acl, Bucket=bucket, Key="k", ACL="private")


def test_the_bucket_s_owner_may_always_deny_and_delete_what_others_put(owner: Any, other: Any) -> None:
    bucket = put_by_other(owner, other, "x-deny", "ObjectWriter")
    deny = statement("*", "s3:GetObject", f"{bucket}/*", effect="Deny")
    owner.put_bucket_policy(Bucket=bucket, Policy=policy(deny))
    assert denied(other.get_object, Bucket=bucket, Key="k")
    owner.delete_bucket_policy(Bucket=bucket)
    other.get_object(Bucket=bucket, Key="k")
    owner.delete_object(Bucket=bucket, Key="k")
    assert owner.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_disabling_acls_makes_every_object_the_bucket_owner_s(owner: Any, other: Any) -> None:
    bucket = put_by_other(owner, other, "x-disable", "ObjectWriter")
    assert denied(owner.get_object, Bucket=bucket, Key="k")
    controls = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    owner.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=controls)
    owner.get_object(Bucket=bucket, Key="k")
    assert denied(other.get_object, Bucket=bucket, Key="k")


def test_a_bucket_that_prefers_its_owner_takes_over_what_is_put_with_full_control(owner: Any, other: Any) -> None:
    handed = put_by_other(owner, other, "x-prefer-a", "BucketOwnerPreferred", ACL="bucket-owner-full-control")
    assert owner.get_object_acl(Bucket=handed, Key="k")["Owner"]["ID"] == canonical(owner)
    owner.get_object(Bucket=handed, Key="k")
    assert denied(other.get_object, Bucket=handed, Key="k")
    kept = put_by_other(owner, other, "x-prefer-b", "BucketOwnerPreferred")
    assert denied(owner.get_object, Bucket=kept, Key="k")
    other.get_object(Bucket=kept, Key="k")


def test_a_policy_may_ask_writers_for_full_control(owner: Any, other: Any) -> None:
    make(owner, "x-ask", ownership="ObjectWriter")
    allowed = statement(
        OTHER,
        ["s3:PutObject", "s3:PutObjectAcl"],
        "x-ask/*",
        Condition={"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
    )
    owner.put_bucket_policy(Bucket="x-ask", Policy=policy(allowed))
    assert denied(other.put_object, Bucket="x-ask", Key="k", Body=b"x")
    assert denied(other.put_object, Bucket="x-ask", Key="k", Body=b"x", ACL="private")
    other.put_object(Bucket="x-ask", Key="k", Body=b"x", ACL="bucket-owner-full-control")
    assert owner.get_object(Bucket="x-ask", Key="k")["Body"].read() == b"x"


def test_deleting_many_asks_for_each(owner: Any, other: Any) -> None:
    make(owner, "x-many")
    for key in ("open/a", "shut/b"):
        owner.put_object(Bucket="x-many", Key=key, Body=b"x")
    owner.put_bucket_policy(Bucket="x-many", Policy=policy(statement(OTHER, "s3:DeleteObject", "x-many/open/*")))
    objects = [{"Key": "open/a"}, {"Key": "shut/b"}]
    answer = other.delete_objects(Bucket="x-many", Delete={"Objects": objects})
    assert [one["Key"] for one in answer["Deleted"]] == ["open/a"]
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("shut/b", "AccessDenied")]


def test_the_expected_owner_is_checked(owner: Any) -> None:
    make(owner, "x-expected")
    owner.get_bucket_acl(Bucket="x-expected", ExpectedBucketOwner=OWNER)
    assert refused(owner.get_bucket_acl, Bucket="x-expected", ExpectedBucketOwner=OTHER) == "AccessDenied"


def test_who_began_an_upload_may_list_and_abort_it(shared_cloud: TestCloud, owner: Any, other: Any) -> None:
    make(owner, "x-upload")
    writer = user(shared_cloud, "x-upload-writer", may("s3:PutObject"))
    another = user(shared_cloud, "x-upload-another", may("s3:PutObject"))
    owner.put_bucket_policy(Bucket="x-upload", Policy=policy(statement(OTHER, "s3:PutObject", "x-upload/*")))
    for one, stranger in ((writer, another), (other, another)):
        begun = one.create_multipart_upload(Bucket="x-upload", Key="k")["UploadId"]
        which = {"Bucket": "x-upload", "Key": "k", "UploadId": begun}
        assert denied(stranger.list_parts, **which)
        assert denied(stranger.abort_multipart_upload, **which)
        one.upload_part(PartNumber=1, Body=b"x", **which)
        assert len(one.list_parts(**which)["Parts"]) == 1
        one.abort_multipart_upload(**which)


# -- services of the cloud


def listing_as(cloud: TestCloud, host: str, bucket: str, **source: str) -> bool:
    """Whether a service of the cloud may list the bucket."""
    caller = Caller(service_standing(host), "", host, "", **source)
    s3 = cloud.app.cloud.service("s3")

    def work(tx: Any) -> bool:
        call = Call(cloud.app.cloud, tx, caller, "us-east-1", cloud.app.clock.now(), "r")
        call.operation, call.request = s3.operations["ListObjectsV2"], {"Bucket": bucket}
        try:
            cloud.app.cloud.authorize(call)
        except AccessDenied:
            return False
        return True

    return bool(cloud.run(cloud.app.store.transact(work)))


def test_a_service_is_let_in_for_the_resource_it_acts_for(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "x-service")
    host, trail = "cloudtrail.amazonaws.com", "arn:aws:cloudtrail:us-east-1:000000000000:trail/t"
    assert not listing_as(shared_cloud, host, "x-service")
    own = {"ArnLike": {"aws:SourceArn": trail}, "StringEquals": {"aws:SourceAccount": OWNER}}
    one = statement({"Service": host}, "s3:ListBucket", "x-service", Condition=own)
    owner.put_bucket_policy(Bucket="x-service", Policy=policy(one))
    assert listing_as(shared_cloud, host, "x-service", source_arn=trail, source_account=OWNER)
    assert not listing_as(shared_cloud, host, "x-service", source_arn=trail, source_account=OTHER)
    assert not listing_as(shared_cloud, host, "x-service", source_arn=trail + "s", source_account=OWNER)
    assert not listing_as(shared_cloud, host, "x-service")
    assert not listing_as(shared_cloud, "sns.amazonaws.com", "x-service", source_arn=trail, source_account=OWNER)


def test_the_log_delivery_group_is_the_service_that_delivers_logs(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "x-logs", ownership="ObjectWriter")
    log = "http://acs.amazonaws.com/groups/s3/LogDelivery"
    assert not listing_as(shared_cloud, "logging.s3.amazonaws.com", "x-logs")
    owner.put_bucket_acl(Bucket="x-logs", GrantRead=f'uri="{log}"')
    assert listing_as(shared_cloud, "logging.s3.amazonaws.com", "x-logs")
    assert not listing_as(shared_cloud, "sns.amazonaws.com", "x-logs")


# -- requester pays


def paying(owner: Any, bucket: str) -> str:
    make(owner, bucket, open_to_public=True)
    owner.put_object(Bucket=bucket, Key="k", Body=b"x")
    everything = statement("*", ["s3:GetObject", "s3:PutObject", "s3:ListBucket"], bucket, f"{bucket}/*")
    owner.put_bucket_policy(Bucket=bucket, Policy=policy(everything))
    owner.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    return bucket


def test_who_pays_is_the_owner_unless_said_otherwise(owner: Any) -> None:
    make(owner, "pay-who")
    assert owner.get_bucket_request_payment(Bucket="pay-who")["Payer"] == "BucketOwner"
    owner.put_bucket_request_payment(Bucket="pay-who", RequestPaymentConfiguration={"Payer": "Requester"})
    assert owner.get_bucket_request_payment(Bucket="pay-who")["Payer"] == "Requester"
    bad = {"Payer": "Nobody"}
    assert refused(owner.put_bucket_request_payment, Bucket="pay-who", RequestPaymentConfiguration=bad) == (
        "MalformedXML"
    )


def test_others_must_agree_to_pay_and_are_told_that_they_do(owner: Any, other: Any) -> None:
    bucket = paying(owner, "pay-agree")
    for call, more in (
        (other.get_object, {"Key": "k"}),
        (other.list_objects_v2, {}),
        (other.put_object, {"Key": "j", "Body": b"y"}),
        (other.put_object, {"Key": "j", "Body": b"y" * 100_000}),
    ):
        assert denied(call, Bucket=bucket, **more)
        assert call(Bucket=bucket, RequestPayer="requester", **more)["RequestCharged"] == "requester"
    assert denied(other.head_bucket, Bucket=bucket)


def test_the_source_of_a_copy_is_paid_for_too(owner: Any, other: Any) -> None:
    bucket = paying(owner, "pay-copy")
    make(other, "pay-copy-to")
    copy = {"Bucket": "pay-copy-to", "Key": "k", "CopySource": f"{bucket}/k"}
    assert denied(other.copy_object, **copy)
    other.copy_object(**copy, RequestPayer="requester")


def test_who_signs_a_url_agrees_to_pay_in_its_query(shared_cloud: TestCloud, owner: Any) -> None:
    bucket = paying(owner, "pay-url")
    assert fetch(presigned(shared_cloud, "get_object", OTHER, Bucket=bucket, Key="k"))[0] == 403
    url = presigned_with(shared_cloud, "GET", f"{bucket}/k", OTHER, **{"x-amz-request-payer": "requester"})
    assert fetch(url) == (200, b"x")
    assert fetch(url.replace("requester", "somebody"))[0] == 403


def test_the_headers_in_a_signed_query_count(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "x-hoisted", open_to_public=True, ownership="ObjectWriter")
    named = {"x-amz-acl": "public-read", "x-amz-meta-colour": "deep blue"}
    url = presigned_with(shared_cloud, "PUT", "x-hoisted/k", OWNER, **named)
    assert fetch(url, "PUT", b"x", {"x-amz-acl": "private"})[0] == 403
    assert fetch(url, "PUT", b"x")[0] == 200
    assert plain(shared_cloud, "x-hoisted/k") == (200, b"x")
    assert owner.head_object(Bucket="x-hoisted", Key="k")["Metadata"] == {"colour": "deep blue"}


def test_the_owner_pays_for_itself_and_the_anonymous_for_nothing(shared_cloud: TestCloud, owner: Any) -> None:
    bucket = paying(owner, "pay-own")
    assert "RequestCharged" not in owner.get_object(Bucket=bucket, Key="k")
    assert "RequestCharged" not in owner.get_object(Bucket=bucket, Key="k", RequestPayer="requester")
    assert plain(shared_cloud, f"{bucket}/k")[0] == 403
    assert plain(shared_cloud, f"{bucket}/k", x_amz_request_payer="requester")[0] == 403
    owner.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "BucketOwner"})
    assert plain(shared_cloud, f"{bucket}/k") == (200, b"x")
