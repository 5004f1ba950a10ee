"""Callers without a signature."""

from typing import Any

import pytest

from tests.conftest import TestCloud
from tests.services.s3.access_asking import canonical, denied, make, plain, policy, statement


@pytest.fixture
def owner(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("s3")


def test_nobody_without_a_signature_may_anything(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "anon-shut", open_to_public=True)
    owner.put_object(Bucket="anon-shut", Key="k", Body=b"x")
    for method, path, body in (
        ("GET", "anon-shut/k", None),
        ("HEAD", "anon-shut/k", None),
        ("GET", "anon-shut", None),
        ("PUT", "anon-shut/k", b"y"),
        ("DELETE", "anon-shut/k", None),
        ("DELETE", "anon-shut", None),
        ("PUT", "anon-new", None),
        ("GET", "anon-shut?acl", None),
        ("GET", "anon-shut?policy", None),
        ("GET", "", None),
    ):
        status, answer = plain(shared_cloud, path, method, body)
        assert status == 403, (method, path)
        assert method == "HEAD" or b"<Code>AccessDenied</Code>" in answer
    assert owner.get_object(Bucket="anon-shut", Key="k")["Body"].read() == b"x"


def test_a_public_policy_is_for_them_too(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "anon-policy", open_to_public=True)
    owner.put_object(Bucket="anon-policy", Key="open/k", Body=b"x")
    owner.put_object(Bucket="anon-policy", Key="shut/k", Body=b"x")
    owner.put_bucket_policy(Bucket="anon-policy", Policy=policy(statement("*", "s3:GetObject", "anon-policy/open/*")))
    assert plain(shared_cloud, "anon-policy/open/k") == (200, b"x")
    assert plain(shared_cloud, "anon-policy/shut/k")[0] == 403
    assert plain(shared_cloud, "anon-policy/open/nothing")[0] == 403
    both = statement("*", ["s3:GetObject", "s3:ListBucket"], "anon-policy", "anon-policy/open/*")
    owner.put_bucket_policy(Bucket="anon-policy", Policy=policy(both))
    assert plain(shared_cloud, "anon-policy/open/nothing")[0] == 404
    assert b"<Key>open/k</Key>" in plain(shared_cloud, "anon-policy?list-type=2")[1]


def test_a_policy_for_all_signed_callers_of_aws_is_for_everyone(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "anon-aws", open_to_public=True)
    owner.put_object(Bucket="anon-aws", Key="k", Body=b"x")
    owner.put_bucket_policy(Bucket="anon-aws", Policy=policy(statement({"AWS": "*"}, "s3:GetObject", "anon-aws/*")))
    assert plain(shared_cloud, "anon-aws/k") == (200, b"x")


def test_a_public_read_object_is_for_them_without_its_bucket(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "anon-acl", open_to_public=True, ownership="ObjectWriter")
    owner.put_object(Bucket="anon-acl", Key="k", Body=b"x", ACL="public-read")
    owner.put_object(Bucket="anon-acl", Key="shut", Body=b"x")
    assert plain(shared_cloud, "anon-acl/k") == (200, b"x")
    assert plain(shared_cloud, "anon-acl/shut")[0] == 403
    assert plain(shared_cloud, "anon-acl")[0] == 403
    assert plain(shared_cloud, "anon-acl/k?acl")[0] == 403


def test_a_public_bucket_takes_what_they_put_and_it_is_nobody_s(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "anon-drop", open_to_public=True, ownership="ObjectWriter")
    owner.put_object(Bucket="anon-drop", Key="mine", Body=b"x")
    owner.put_bucket_acl(Bucket="anon-drop", ACL="public-read-write")
    assert plain(shared_cloud, "anon-drop/k", "PUT", b"dropped")[0] == 200
    assert plain(shared_cloud, "anon-drop/mine", "PUT", b"taken")[0] == 403
    assert b"<Key>k</Key>" in plain(shared_cloud, "anon-drop")[1]
    assert denied(owner.get_object, Bucket="anon-drop", Key="k")
    owner.delete_object(Bucket="anon-drop", Key="k")


def test_what_they_put_where_acls_are_disabled_is_the_bucket_owner_s(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "anon-put", open_to_public=True)
    owner.put_bucket_policy(Bucket="anon-put", Policy=policy(statement("*", "s3:PutObject", "anon-put/*")))
    assert plain(shared_cloud, "anon-put/k", "PUT", b"x")[0] == 200
    assert owner.get_object(Bucket="anon-put", Key="k")["Body"].read() == b"x"
    assert owner.get_object_acl(Bucket="anon-put", Key="k")["Owner"]["ID"] == canonical(owner)


def test_a_referer_may_be_asked_for(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "anon-referer", open_to_public=True)
    owner.put_object(Bucket="anon-referer", Key="k", Body=b"x")
    linked = {"StringLike": {"aws:Referer": "https://example.com/*"}}
    one = statement("*", "s3:GetObject", "anon-referer/*", Condition=linked)
    owner.put_bucket_policy(Bucket="anon-referer", Policy=policy(one))
    assert plain(shared_cloud, "anon-referer/k")[0] == 403
    assert plain(shared_cloud, "anon-referer/k", Referer="https://example.com/page")[0] == 200


def test_their_address_may_be_asked_for(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "anon-address")
    owner.put_object(Bucket="anon-address", Key="k", Body=b"x")
    for network, status in (("127.0.0.0/8", 200), ("203.0.113.0/24", 403)):
        near = {"IpAddress": {"aws:SourceIp": network}}
        one = statement("*", "s3:GetObject", "anon-address/*", Condition=near)
        owner.put_bucket_policy(Bucket="anon-address", Policy=policy(one))
        owner.delete_public_access_block(Bucket="anon-address")
        assert plain(shared_cloud, "anon-address/k")[0] == status


def test_a_website_may_be_made_of_public_read_objects(shared_cloud: TestCloud, owner: Any) -> None:
    make(owner, "anon-site", open_to_public=True, ownership="ObjectWriter")
    owner.put_bucket_website(Bucket="anon-site", WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    owner.put_object(Bucket="anon-site", Key="index.html", Body=b"home", ACL="public-read")
    owner.put_object(Bucket="anon-site", Key="shut.html", Body=b"shut")
    assert plain(shared_cloud, "_website/anon-site/") == (200, b"home")
    assert plain(shared_cloud, "_website/anon-site/shut.html")[0] == 403
