"""Users: made, found without regard to case, renamed with their keys, listed in pages, removed when nothing hangs on
them."""

import pytest
from botocore.exceptions import ClientError

from tests.services.iam.accounts import allow, document


def code_and_message(caught):
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_new_user_has_path_arn_and_unique_id(account, iam):
    made = iam.create_user(UserName="bob", Path="/dev/", Tags=[{"Key": "Team", "Value": "red"}])["User"]
    assert made["Arn"] == f"arn:aws:iam::{account.id}:user/dev/bob"
    assert made["UserId"].startswith("AIDA")
    assert len(made["UserId"]) == 21
    assert made["Tags"] == [{"Key": "Team", "Value": "red"}]
    assert iam.get_user(UserName="bob")["User"] == made


def test_names_are_unique_without_case(iam):
    iam.create_user(UserName="Bob")
    with pytest.raises(ClientError) as caught:
        iam.create_user(UserName="bOB")
    assert code_and_message(caught) == ("EntityAlreadyExists", "User with name bOB already exists.")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert iam.get_user(UserName="BOB")["User"]["UserName"] == "Bob"


def test_an_unknown_user_is_no_such_entity(iam):
    with pytest.raises(ClientError) as caught:
        iam.get_user(UserName="nobody")
    assert code_and_message(caught) == ("NoSuchEntity", "The user with name nobody cannot be found.")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_bad_name_is_a_validation_error(iam):
    with pytest.raises(ClientError, match=r"1 validation error detected: Value 'a b' at 'userName'"):
        iam.create_user(UserName="a b")


def test_pages_of_users_neither_repeat_nor_skip(iam):
    names = [f"user{number:02}" for number in range(7)]
    for name in names:
        iam.create_user(UserName=name, Path="/a/" if name < "user05" else "/b/")
    pages = list(iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["Users"]) for page in pages] == [3, 3, 1]
    assert [user["UserName"] for page in pages for user in page["Users"]] == names
    assert [user["UserName"] for user in iam.list_users(PathPrefix="/b/")["Users"]] == ["user05", "user06"]


def test_a_marker_of_another_listing_is_refused(iam):
    for number in range(3):
        iam.create_user(UserName=f"u{number}")
    marker = iam.list_users(MaxItems=1)["Marker"]
    with pytest.raises(ClientError, match=r"Invalid Marker"):
        iam.list_groups(Marker=marker)


def test_a_renamed_user_keeps_id_keys_groups_and_policies(account, iam):
    key = account.user("bob", allow("iam:GetUser"))
    iam.create_group(GroupName="devs")
    iam.add_user_to_group(GroupName="devs", UserName="bob")
    before = iam.get_user(UserName="bob")["User"]["UserId"]
    iam.update_user(UserName="bob", NewUserName="rob", NewPath="/x/")
    after = account.cloud.client("iam", **key).get_user()["User"]
    assert (after["UserName"], after["UserId"]) == ("rob", before)
    assert after["Arn"] == f"arn:aws:iam::{account.id}:user/x/rob"
    assert [user["UserName"] for user in iam.get_group(GroupName="devs")["Users"]] == ["rob"]
    with pytest.raises(ClientError, match=r"NoSuchEntity"):
        iam.get_user(UserName="bob")


def test_without_a_name_the_caller_is_meant(account):
    key = account.user("bob", allow(["iam:GetUser", "iam:CreateAccessKey", "iam:ListAccessKeys"]))
    bob = account.cloud.client("iam", **key)
    assert bob.get_user()["User"]["UserName"] == "bob"
    bob.create_access_key()
    assert len(bob.list_access_keys()["AccessKeyMetadata"]) == 2


def test_the_root_sees_itself(account, iam):
    assert iam.get_user()["User"]["Arn"] == f"arn:aws:iam::{account.id}:root"


@pytest.mark.parametrize(
    ("give", "message"),
    [
        (lambda iam: (iam.create_group(GroupName="g"), iam.add_user_to_group(GroupName="g", UserName="bob")),
         "Cannot delete entity, must remove users from group first."),
        (lambda iam: iam.attach_user_policy(UserName="bob", PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess"),
         "Cannot delete entity, must detach all policies first."),
        (lambda iam: iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=document(allow("sqs:*"))),
         "Cannot delete entity, must delete policies first."),
        (lambda iam: iam.create_access_key(UserName="bob"), "Cannot delete entity, must delete access keys first."),
        (lambda iam: iam.create_login_profile(UserName="bob", Password="Abc123!xyz"),
         "Cannot delete entity, must delete login profile first."),
    ],
)  # fmt: skip
def test_a_user_that_still_has_something_is_not_deleted(iam, give, message):
    iam.create_user(UserName="bob")
    give(iam)
    with pytest.raises(ClientError) as caught:
        iam.delete_user(UserName="bob")
    assert code_and_message(caught) == ("DeleteConflict", message)


def test_a_deleted_user_is_gone_and_its_name_free(iam):
    first = iam.create_user(UserName="bob")["User"]["UserId"]
    iam.delete_user(UserName="bob")
    assert iam.create_user(UserName="bob")["User"]["UserId"] != first


def test_tags_are_replaced_without_case_and_removed(iam):
    iam.create_user(UserName="bob", Tags=[{"Key": "Team", "Value": "red"}])
    iam.tag_user(UserName="bob", Tags=[{"Key": "team", "Value": "blue"}, {"Key": "a", "Value": "1"}])
    assert iam.list_user_tags(UserName="bob")["Tags"] == [{"Key": "a", "Value": "1"}, {"Key": "team", "Value": "blue"}]
    iam.untag_user(UserName="bob", TagKeys=["TEAM"])
    assert iam.list_user_tags(UserName="bob")["Tags"] == [{"Key": "a", "Value": "1"}]
    with pytest.raises(ClientError, match=r"Duplicate tag keys"):
        iam.tag_user(UserName="bob", Tags=[{"Key": "x", "Value": "1"}, {"Key": "X", "Value": "2"}])


def test_making_something_with_tags_needs_permission_to_tag(account):
    key = account.user("boss", allow("iam:CreateUser"))
    boss = account.cloud.client("iam", **key)
    boss.create_user(UserName="plain")
    with pytest.raises(ClientError, match="iam:TagUser"):
        boss.create_user(UserName="tagged", Tags=[{"Key": "k", "Value": "v"}])


def test_a_denial_is_a_403(account):
    key = account.user("bob")
    with pytest.raises(ClientError) as caught:
        account.cloud.client("iam", **key).list_users()
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_accounts_do_not_see_each_other(account, iam):
    iam.create_user(UserName="bob")
    other = type(account)(account.cloud).root()
    assert other.list_users()["Users"] == []
    other.create_user(UserName="bob")
