"""A user limited to one queue, end to end."""

import pytest
from botocore.exceptions import ClientError

from tests.services.iam.accounts import allow


def test_a_user_may_send_to_its_queue_and_is_denied_elsewhere_with_the_reason(account):
    sqs = account.root("sqs")
    mine = sqs.create_queue(QueueName="mine")["QueueUrl"]
    other = sqs.create_queue(QueueName="other")["QueueUrl"]
    key = account.user("bob", allow("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{account.id}:mine"))
    bob = account.cloud.client("sqs", **key)
    assert bob.send_message(QueueUrl=mine, MessageBody="hello")["MessageId"]
    with pytest.raises(ClientError) as denied:
        bob.send_message(QueueUrl=other, MessageBody="hello")
    assert denied.value.response["Error"]["Message"] == (
        f"User: arn:aws:iam::{account.id}:user/bob is not authorized to perform: sqs:SendMessage on resource:"
        f" arn:aws:sqs:us-east-1:{account.id}:other because no identity-based policy allows the sqs:SendMessage action"
    )
    with pytest.raises(ClientError, match=r"sqs:ReceiveMessage"):
        bob.receive_message(QueueUrl=mine)


def test_a_user_assumes_a_role_and_may_then_what_the_role_may(account):
    queue = account.root("sqs").create_queue(QueueName="mine")["QueueUrl"]
    role = account.role("reader", {"AWS": account.id}, allow("sqs:ReceiveMessage"))
    key = account.user("bob", allow("sts:AssumeRole", role))
    sts = account.cloud.client("sts", **key)
    made = sts.assume_role(RoleArn=role, RoleSessionName="night")
    assert made["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account.id}:assumed-role/reader/night"
    reader = account.session(made["Credentials"], "sqs")
    assert "Messages" not in reader.receive_message(QueueUrl=queue)
    with pytest.raises(ClientError, match=r"assumed-role/reader/night is not authorized to perform: sqs:SendMessage"):
        reader.send_message(QueueUrl=queue, MessageBody="x")


def test_a_role_that_does_not_trust_the_caller_is_denied_in_stss_words(account):
    account.user("alice")
    role = account.role("closed", {"AWS": f"arn:aws:iam::{account.id}:user/alice"})
    key = account.user("bob", allow("sts:AssumeRole"))
    with pytest.raises(ClientError) as denied:
        account.cloud.client("sts", **key).assume_role(RoleArn=role, RoleSessionName="night")
    assert denied.value.response["Error"] == {
        "Type": "Sender",
        "Code": "AccessDenied",
        "Message": f"User: arn:aws:iam::{account.id}:user/bob is not authorized to perform: sts:AssumeRole"
        f" on resource: {role}",
    }
