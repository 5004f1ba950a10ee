"""Queue policies: who else may use a queue."""

import json
import time
import urllib.request
from typing import Any

import pytest

from tests.conftest import TestCloud
from tests.services.sqs.sqs_asking import attributes, bodies, make, receive, refused

OTHER = "111111111111"


@pytest.fixture
def sqs(cloud: TestCloud) -> Any:
    return cloud.client("sqs")


@pytest.fixture
def other(cloud: TestCloud) -> Any:
    return cloud.client("sqs", key=OTHER)


@pytest.fixture
def url(sqs: Any) -> str:
    return make(sqs, "q")


def test_another_account_is_denied_until_the_queue_s_policy_allows_it(sqs: Any, other: Any, url: str) -> None:
    code, text = refused(other.send_message, QueueUrl=url, MessageBody="x")
    assert code == "AccessDenied"
    assert "sqs:SendMessage" in text
    assert "arn:aws:sqs:us-east-1:000000000000:q" in text
    sqs.add_permission(QueueUrl=url, Label="partner", AWSAccountIds=[OTHER], Actions=["SendMessage", "GetQueueUrl"])
    other.send_message(QueueUrl=url, MessageBody="hello")
    other.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "batch"}])
    assert other.get_queue_url(QueueName="q", QueueOwnerAWSAccountId="000000000000")["QueueUrl"] == url
    assert refused(other.receive_message, QueueUrl=url)[0] == "AccessDenied"
    messages = receive(sqs, url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["SenderId"])
    assert [m["Body"] for m in messages] == ["hello", "batch"]
    assert {m["Attributes"]["SenderId"] for m in messages} == {OTHER}
    sqs.remove_permission(QueueUrl=url, Label="partner")
    assert refused(other.send_message, QueueUrl=url, MessageBody="x")[0] == "AccessDenied"
    assert "Policy" not in attributes(sqs, url)


def test_a_permission_becomes_a_statement_of_the_policy(sqs: Any, url: str) -> None:
    sqs.add_permission(QueueUrl=url, Label="one", AWSAccountIds=[OTHER], Actions=["*"])
    sqs.add_permission(
        QueueUrl=url, Label="two", AWSAccountIds=[OTHER, "222222222222"], Actions=["SendMessage", "PurgeQueue"]
    )
    arn = "arn:aws:sqs:us-east-1:000000000000:q"
    policy = json.loads(attributes(sqs, url)["Policy"])
    assert policy["Version"] == "2008-10-17"
    assert policy["Id"] == f"{arn}/SQSDefaultPolicy"
    assert policy["Statement"] == [
        {
            "Sid": "one",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
            "Action": "SQS:*",
            "Resource": arn,
        },
        {
            "Sid": "two",
            "Effect": "Allow",
            "Principal": {"AWS": [f"arn:aws:iam::{OTHER}:root", "arn:aws:iam::222222222222:root"]},
            "Action": ["SQS:SendMessage", "SQS:PurgeQueue"],
            "Resource": arn,
        },
    ]


def test_a_permission_that_breaks_a_rule_is_refused(sqs: Any, url: str) -> None:
    good = {"QueueUrl": url, "Label": "l", "AWSAccountIds": [OTHER], "Actions": ["SendMessage"]}
    sqs.add_permission(**good)
    assert refused(sqs.add_permission, **good) == (
        "InvalidParameterValue",
        "Value l for parameter Label is invalid. Reason: Already exists.",
    )
    fresh = {**good, "Label": "m"}
    assert refused(sqs.add_permission, **{**fresh, "Actions": ["Fly"]})[0] == "InvalidParameterValue"
    assert "Only the queue owner" in refused(sqs.add_permission, **{**fresh, "Actions": ["DeleteQueue"]})[1]
    assert refused(sqs.add_permission, **{**fresh, "Actions": ["SendMessage"] * 8}) == (
        "OverLimit",
        "8 Actions were found, maximum allowed is 7.",
    )
    assert refused(sqs.add_permission, **{**fresh, "AWSAccountIds": ["me"]})[0] == "InvalidParameterValue"
    assert refused(sqs.add_permission, **{**fresh, "Label": "a b"})[0] == "InvalidParameterValue"
    assert refused(sqs.remove_permission, QueueUrl=url, Label="nobody") == (
        "InvalidParameterValue",
        "Value nobody for parameter Label is invalid. Reason: can't find label.",
    )


def test_what_only_the_owner_may_do_stays_denied_whatever_the_policy_says(sqs: Any, other: Any, url: str) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "sqs:*", "Resource": "*"}],
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    other.purge_queue(QueueUrl=url)
    assert attributes(other, url)["QueueArn"].endswith(":q")
    for call, more in (
        (other.delete_queue, {}),
        (other.set_queue_attributes, {"Attributes": {"DelaySeconds": "1"}}),
        (other.tag_queue, {"Tags": {"a": "b"}}),
        (other.untag_queue, {"TagKeys": ["a"]}),
        (other.list_queue_tags, {}),
        (other.add_permission, {"Label": "l", "AWSAccountIds": [OTHER], "Actions": ["SendMessage"]}),
        (other.remove_permission, {"Label": "l"}),
    ):
        assert refused(call, QueueUrl=url, **more)[0] == "AccessDenied", call
    assert refused(other.start_message_move_task, SourceArn="arn:aws:sqs:us-east-1:000000000000:q")[0] == "AccessDenied"


def test_an_explicit_deny_on_the_queue_binds_its_owner_too(sqs: Any, url: str) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}],
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    code, text = refused(sqs.send_message, QueueUrl=url, MessageBody="x")
    assert code == "AccessDenied"
    assert "explicit deny in a resource-based policy" in text
    assert bodies(sqs, url) == []


def test_a_condition_on_the_queue_s_tags_is_asked(sqs: Any, other: Any, url: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": OTHER},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/open": "yes"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    assert refused(other.send_message, QueueUrl=url, MessageBody="x")[0] == "AccessDenied"
    sqs.tag_queue(QueueUrl=url, Tags={"open": "yes"})
    other.send_message(QueueUrl=url, MessageBody="x")


def test_everyone_means_the_anonymous_too(sqs: Any, url: str, cloud: TestCloud) -> None:
    def send() -> int:
        form = f"Action=SendMessage&Version=2012-11-05&QueueUrl={url}&MessageBody=anon".encode()
        request = urllib.request.Request(
            f"{cloud.endpoint}/000000000000/q",
            form,
            {"content-type": "application/x-www-form-urlencoded"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    assert send() in (400, 403)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    assert send() == 200
    assert bodies(sqs, url) == ["anon"]


def test_a_policy_keeps_to_its_quotas(sqs: Any, url: str) -> None:
    for number in range(20):
        sqs.add_permission(QueueUrl=url, Label=f"l{number}", AWSAccountIds=[OTHER], Actions=["SendMessage"])
    assert refused(sqs.add_permission, QueueUrl=url, Label="x", AWSAccountIds=[OTHER], Actions=["SendMessage"]) == (
        "OverLimit",
        "21 Statements were found, maximum allowed is 20.",
    )
    statement = {"Effect": "Allow", "Principal": "*", "Action": ["sqs:SendMessage"] * 8, "Resource": "*"}
    for given in (statement, {**statement, "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:" + "x" * 8200}):
        policy = json.dumps({"Version": "2012-10-17", "Statement": given})
        assert refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={"Policy": policy})[0] == "OverLimit"


def as_user(cloud: TestCloud, *statements: dict[str, Any]) -> Any:
    """An SQS client of a user who may do what the statements say."""
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    return cloud.client("sqs", key=key["AccessKeyId"], secret=key["SecretAccessKey"])


def test_tags_on_creation_need_leave_to_tag(cloud: TestCloud) -> None:
    ann = as_user(cloud, {"Effect": "Allow", "Action": "sqs:CreateQueue", "Resource": "*"})
    ann.create_queue(QueueName="plain")
    code, text = refused(ann.create_queue, QueueName="tagged", tags={"a": "b"})
    assert code == "AccessDenied"
    assert "sqs:TagQueue" in text


def test_a_user_may_be_held_to_tags_they_give_and_tags_a_queue_has(cloud: TestCloud, sqs: Any) -> None:
    give = {"StringEquals": {"aws:RequestTag/team": "ann"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    has = {"StringEquals": {"aws:ResourceTag/team": "ann"}}
    ann = as_user(
        cloud,
        {"Effect": "Allow", "Action": ["sqs:CreateQueue", "sqs:TagQueue"], "Resource": "*", "Condition": give},
        {"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:GetQueueUrl"], "Resource": "*", "Condition": has},
    )
    other = make(sqs, "other")
    for tags in ({}, {"team": "bob"}, {"team": "ann", "more": "x"}):
        assert refused(ann.create_queue, QueueName="mine", tags=tags)[0] == "AccessDenied"
    mine = ann.create_queue(QueueName="mine", tags={"team": "ann"})["QueueUrl"]
    ann.send_message(QueueUrl=mine, MessageBody="x")
    assert ann.get_queue_url(QueueName="mine")["QueueUrl"] == mine
    assert refused(ann.send_message, QueueUrl=other, MessageBody="x")[0] == "AccessDenied"
    assert refused(ann.receive_message, QueueUrl=mine)[0] == "AccessDenied"


def test_the_sender_is_the_user_who_sent(cloud: TestCloud, sqs: Any) -> None:
    url = make(sqs, "q")
    ann = as_user(cloud, {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"})
    ann.send_message(QueueUrl=url, MessageBody="x")
    [message] = receive(sqs, url, MessageSystemAttributeNames=["SenderId"])
    user = cloud.client("iam").get_user(UserName="ann")["User"]
    assert message["Attributes"]["SenderId"] == user["UserId"]


def test_a_permission_that_asks_what_time_it_is_ends_at_its_time(
    sqs: Any, other: Any, url: str, cloud: TestCloud
) -> None:
    """Decisions are remembered, but never one that looked at the request itself."""
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(cloud.app.clock.now() + 60))
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": OTHER},
                "Action": "sqs:SendMessage",
                "Resource": "*",
                "Condition": {"DateLessThan": {"aws:CurrentTime": end}},
            }
        ],
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    for _ in range(2):
        other.send_message(QueueUrl=url, MessageBody="x")
    cloud.advance(61)
    assert refused(other.send_message, QueueUrl=url, MessageBody="x")[0] == "AccessDenied"
