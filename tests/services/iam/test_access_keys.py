"""Access keys: two at most, refused at once when inactive or deleted, and known by their last use."""

import pytest
from botocore.exceptions import ClientError

from tests.services.iam.accounts import allow


def test_a_third_key_exceeds_the_quota(iam):
    iam.create_user(UserName="bob")
    for _ in range(2):
        iam.create_access_key(UserName="bob")
    with pytest.raises(ClientError, match=r"LimitExceeded.*Cannot exceed quota for AccessKeysPerUser: 2"):
        iam.create_access_key(UserName="bob")


def test_an_inactive_key_is_refused_until_it_is_active_again(account, iam):
    key = account.user("bob")
    sts = account.cloud.client("sts", **key)
    assert sts.get_caller_identity()["Arn"].endswith(":user/bob")
    iam.update_access_key(UserName="bob", AccessKeyId=key["key"], Status="Inactive")
    with pytest.raises(ClientError, match=r"InvalidClientTokenId"):
        sts.get_caller_identity()
    iam.update_access_key(UserName="bob", AccessKeyId=key["key"], Status="Active")
    assert sts.get_caller_identity()["UserId"].startswith("AIDA")


def test_a_key_cannot_be_set_to_expired(account, iam):
    key = account.user("bob")
    with pytest.raises(ClientError, match="ValidationError"):
        iam.update_access_key(UserName="bob", AccessKeyId=key["key"], Status="Expired")
    assert account.cloud.client("sts", **key).get_caller_identity()


def test_a_deleted_key_is_unknown(account, iam):
    key = account.user("bob")
    iam.delete_access_key(UserName="bob", AccessKeyId=key["key"])
    with pytest.raises(ClientError, match=r"InvalidClientTokenId"):
        account.cloud.client("sts", **key).get_caller_identity()
    assert iam.list_access_keys(UserName="bob")["AccessKeyMetadata"] == []


def test_a_key_of_another_user_is_not_found(account, iam):
    key = account.user("bob")
    iam.create_user(UserName="eve")
    with pytest.raises(ClientError, match=rf"The Access Key with id {key['key']} cannot be found."):
        iam.delete_access_key(UserName="eve", AccessKeyId=key["key"])


def test_the_last_use_of_a_key_is_known(account, iam):
    key = account.user("bob")
    before = iam.get_access_key_last_used(AccessKeyId=key["key"])
    assert before["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    account.cloud.client("sts", region_name="eu-west-1", **key).get_caller_identity()
    last = iam.get_access_key_last_used(AccessKeyId=key["key"])
    assert last["UserName"] == "bob"
    assert (last["AccessKeyLastUsed"]["ServiceName"], last["AccessKeyLastUsed"]["Region"]) == ("sts", "eu-west-1")
    assert "LastUsedDate" in last["AccessKeyLastUsed"]


def test_a_use_that_was_denied_counts_as_a_use(account, iam):
    key = account.user("bob")
    with pytest.raises(ClientError, match=r"AccessDenied"):
        account.cloud.client("sqs", **key).list_queues()
    assert iam.get_access_key_last_used(AccessKeyId=key["key"])["AccessKeyLastUsed"]["ServiceName"] == "sqs"


def test_the_root_has_keys_of_its_own(account, iam):
    made = iam.create_access_key()["AccessKey"]
    root = account.cloud.client("sts", made["AccessKeyId"], made["SecretAccessKey"])
    assert root.get_caller_identity()["Arn"] == f"arn:aws:iam::{account.id}:root"
    assert iam.get_account_summary()["SummaryMap"]["AccountAccessKeysPresent"] == 1


def test_a_role_session_must_name_the_user(account, iam):
    role = account.role("admin", {"AWS": account.id}, allow("*"))
    key = account.user("bob", allow("sts:AssumeRole"))
    made = account.cloud.client("sts", **key).assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    with pytest.raises(ClientError, match=r"Must specify userName when calling with non-User credentials"):
        account.session(made, "iam").create_access_key()
