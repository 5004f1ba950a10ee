"""Whom a queue's policy names: people, not names."""

import json
from typing import Any

import pytest

from tests.services.iam.accounts import Account
from tests.services.sqs.sqs_asking import attributes, refused


@pytest.fixture
def account(shared_cloud: Any) -> Account:
    return Account(shared_cloud)


def policy(principal: str, queue: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sqs:SendMessage", "Resource": queue}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_user_made_again_under_the_old_name_is_not_the_one_a_queue_trusts(account: Account) -> None:
    iam, sqs = account.root(), account.root("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    queue, bob = f"arn:aws:sqs:us-east-1:{account.id}:q", f"arn:aws:iam::{account.id}:user/bob"
    key = account.user("bob")
    unique = iam.get_user(UserName="bob")["User"]["UserId"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(bob, queue)})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "1"})
    account.cloud.client("sqs", **key).send_message(QueueUrl=url, MessageBody="x")
    assert json.loads(attributes(sqs, url)["Policy"])["Statement"][0]["Principal"] == {"AWS": bob}
    iam.delete_access_key(UserName="bob", AccessKeyId=key["key"])
    iam.delete_user(UserName="bob")
    other = account.cloud.client("sqs", **account.user("bob"))
    assert refused(other.send_message, QueueUrl=url, MessageBody="x")[0] == "AccessDenied"
    sqs.add_permission(QueueUrl=url, Label="partner", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
    assert refused(other.send_message, QueueUrl=url, MessageBody="x")[0] == "AccessDenied"
    assert json.loads(attributes(sqs, url)["Policy"])["Statement"][0]["Principal"] == {"AWS": unique}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(bob, queue)})
    other.send_message(QueueUrl=url, MessageBody="x")


def test_a_renamed_user_stays_trusted_and_is_shown_by_the_new_name(account: Account) -> None:
    iam, sqs, key = account.root(), account.root("sqs"), account.user("bob")
    queue, bob = f"arn:aws:sqs:us-east-1:{account.id}:q", f"arn:aws:iam::{account.id}:user/bob"
    url = sqs.create_queue(QueueName="q", Attributes={"Policy": policy(bob, queue)})["QueueUrl"]
    iam.update_user(UserName="bob", NewUserName="robert")
    account.cloud.client("sqs", **key).send_message(QueueUrl=url, MessageBody="x")
    shown = json.loads(attributes(sqs, url)["Policy"])["Statement"][0]["Principal"]
    assert shown == {"AWS": f"arn:aws:iam::{account.id}:user/robert"}


def test_a_policy_that_names_nobody_there_is_refused(account: Account) -> None:
    sqs = account.root("sqs")
    nobody = policy(f"arn:aws:iam::{account.id}:user/nobody", f"arn:aws:sqs:us-east-1:{account.id}:q")
    code, text = refused(sqs.create_queue, QueueName="q", Attributes={"Policy": nobody})
    assert (code, text) == ("InvalidAttributeValue", "Invalid value for the parameter Policy.")
