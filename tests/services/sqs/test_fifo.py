"""FIFO queues, as a client sees them."""

from typing import Any

import pytest

from tests.conftest import TestCloud
from tests.services.sqs.sqs_asking import LongPoll, attributes, bodies, make, receive, refused


@pytest.fixture
def sqs(cloud: TestCloud) -> Any:
    return cloud.client("sqs")


@pytest.fixture
def url(sqs: Any) -> str:
    return make(sqs, "orders.fifo", ContentBasedDeduplication="true")


def send(sqs: Any, url: str, body: str, group: str = "g", **more: Any) -> dict[str, Any]:
    return sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **more)


def test_a_group_comes_in_the_order_it_was_sent(sqs: Any, url: str) -> None:
    numbers = [int(send(sqs, url, str(n))["SequenceNumber"]) for n in range(12)]
    assert numbers == sorted(numbers)
    assert len(str(numbers[0])) == 20
    first = receive(sqs, url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
    assert [m["Body"] for m in first] == [str(n) for n in range(10)]
    assert [int(m["Attributes"]["SequenceNumber"]) for m in first] == numbers[:10]
    assert first[0]["Attributes"]["MessageGroupId"] == "g"


def test_a_group_is_blocked_while_one_of_its_messages_is_in_flight(sqs: Any, url: str, cloud: TestCloud) -> None:
    for body in ("a1", "a2", "a3"):
        send(sqs, url, body, "a")
    send(sqs, url, "b1", "b")
    [a1] = receive(sqs, url)
    assert a1["Body"] == "a1"
    [b1] = receive(sqs, url, MaxNumberOfMessages=10)
    assert b1["Body"] == "b1"
    assert receive(sqs, url) == []
    sqs.delete_message(QueueUrl=url, ReceiptHandle=a1["ReceiptHandle"])
    assert bodies(sqs, url) == ["a2", "a3"]
    cloud.advance(31)
    assert sorted(bodies(sqs, url)) == ["a2", "a3", "b1"]


def test_one_late_message_of_a_batch_keeps_the_rest_of_its_group_back(sqs: Any, url: str, cloud: TestCloud) -> None:
    for n in range(4):
        send(sqs, url, str(n))
    first, second = receive(sqs, url, MaxNumberOfMessages=2)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    assert receive(sqs, url) == []
    sqs.delete_message(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"])
    assert bodies(sqs, url) == ["0", "2", "3"]


def test_the_same_deduplication_id_within_five_minutes_is_accepted_and_added_once(
    sqs: Any, url: str, cloud: TestCloud
) -> None:
    one = send(sqs, url, "x", MessageDeduplicationId="d")
    two = send(sqs, url, "y", MessageDeduplicationId="d")
    assert (one["MessageId"], one["SequenceNumber"]) == (two["MessageId"], two["SequenceNumber"])
    [message] = receive(sqs, url, MaxNumberOfMessages=10)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    send(sqs, url, "y", MessageDeduplicationId="d")
    assert receive(sqs, url) == []
    cloud.advance(301)
    send(sqs, url, "y", MessageDeduplicationId="d")
    assert bodies(sqs, url) == ["y"]


def test_content_decides_when_no_deduplication_id_is_given(sqs: Any, url: str) -> None:
    send(sqs, url, "same", "a")
    send(sqs, url, "same", "b")
    send(sqs, url, "other", "b")
    assert sorted(bodies(sqs, url)) == ["other", "same"]


def test_deduplication_by_group_lets_two_groups_share_an_id(sqs: Any) -> None:
    url = make(
        sqs,
        "high.fifo",
        ContentBasedDeduplication="true",
        DeduplicationScope="messageGroup",
        FifoThroughputLimit="perMessageGroupId",
    )
    send(sqs, url, "same", "a")
    send(sqs, url, "same", "b")
    send(sqs, url, "same", "b")
    assert bodies(sqs, url) == ["same", "same"]


def test_throughput_per_group_needs_deduplication_per_group(sqs: Any) -> None:
    code, _ = refused(
        sqs.create_queue,
        QueueName="x.fifo",
        Attributes={"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId"},
    )
    assert code == "InvalidAttributeValue"


def test_what_a_fifo_queue_needs_and_what_it_refuses(sqs: Any) -> None:
    url = make(sqs, "strict.fifo")
    assert refused(sqs.send_message, QueueUrl=url, MessageBody="x") == (
        "MissingParameter",
        "The request must contain the parameter MessageGroupId.",
    )
    code, text = refused(sqs.send_message, QueueUrl=url, MessageBody="x", MessageGroupId="g")
    assert code == "InvalidParameterValue"
    assert text.startswith("The queue should either have ContentBasedDeduplication enabled")
    code, text = refused(
        sqs.send_message, QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d", DelaySeconds=5
    )
    assert code == "InvalidParameterValue"
    assert "DelaySeconds" in text
    request = {"QueueUrl": url, "MessageBody": "x", "MessageGroupId": "a b", "MessageDeduplicationId": "d"}
    assert refused(sqs.send_message, **request)[0] == "InvalidParameterValue"


def test_a_standard_queue_refuses_a_deduplication_id_but_keeps_a_group(sqs: Any) -> None:
    url = make(sqs, "plain")
    assert refused(sqs.send_message, QueueUrl=url, MessageBody="x", MessageDeduplicationId="d")[0] == (
        "InvalidParameterValue"
    )
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="tenant")
    [message] = receive(sqs, url, MessageSystemAttributeNames=["MessageGroupId"])
    assert message["Attributes"] == {"MessageGroupId": "tenant"}


def test_an_expired_receipt_does_not_delete(sqs: Any, url: str, cloud: TestCloud) -> None:
    send(sqs, url, "x")
    [message] = receive(sqs, url)
    cloud.advance(31)
    code, text = refused(sqs.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert code == "InvalidParameterValue"
    assert text.endswith("for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.")
    [message] = receive(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_the_same_attempt_id_answers_the_same_messages_again(sqs: Any, url: str, cloud: TestCloud) -> None:
    for n in range(3):
        send(sqs, url, str(n))
    first = receive(sqs, url, MaxNumberOfMessages=2, ReceiveRequestAttemptId="try")
    cloud.advance(20)
    again = receive(sqs, url, MaxNumberOfMessages=2, ReceiveRequestAttemptId="try")
    assert [m["ReceiptHandle"] for m in again] == [m["ReceiptHandle"] for m in first]
    cloud.advance(20)
    assert receive(sqs, url) == []  # the retry began the visibility timeout anew
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first[0]["ReceiptHandle"])
    assert receive(sqs, url, ReceiveRequestAttemptId="try") == []


def test_the_delay_of_a_fifo_queue_holds_for_each_message(sqs: Any, cloud: TestCloud) -> None:
    url = make(sqs, "slow.fifo", ContentBasedDeduplication="true", DelaySeconds=60)
    send(sqs, url, "a")
    cloud.advance(30)
    send(sqs, url, "b")
    assert attributes(sqs, url)["ApproximateNumberOfMessagesDelayed"] == "2"
    cloud.advance(31)
    assert bodies(sqs, url) == ["a"]
    cloud.advance(31)
    assert bodies(sqs, url) == ["a", "b"]


def test_a_long_poll_is_woken_when_the_group_is_free_again(sqs: Any, url: str, cloud: TestCloud) -> None:
    send(sqs, url, "a")
    send(sqs, url, "b")
    [a] = receive(sqs, url)
    poll = LongPoll(cloud, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=a["ReceiptHandle"])
    assert poll.bodies() == ["b"]


def test_the_figures_of_a_fifo_queue(sqs: Any, url: str) -> None:
    for n in range(5):
        send(sqs, url, str(n))
    receive(sqs, url, MaxNumberOfMessages=2)
    found = attributes(sqs, url)
    assert found["ApproximateNumberOfMessages"] == "3"
    assert found["ApproximateNumberOfMessagesNotVisible"] == "2"
    assert (found["FifoQueue"], found["DeduplicationScope"], found["FifoThroughputLimit"]) == (
        "true",
        "queue",
        "perQueue",
    )


def test_a_message_older_than_its_retention_leaves_the_line(sqs: Any, cloud: TestCloud) -> None:
    url = make(sqs, "short.fifo", ContentBasedDeduplication="true", MessageRetentionPeriod=60)
    send(sqs, url, "old")
    cloud.advance(50)
    send(sqs, url, "young")
    cloud.advance(20)
    assert bodies(sqs, url) == ["young"]
    cloud.advance(300)
    assert attributes(sqs, url)["ApproximateNumberOfMessages"] == "0"


def test_a_fifo_queue_full_in_flight_answers_nothing_rather_than_an_error(
    sqs: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pileus.services.sqs.receiving.IN_FLIGHT_MAX", 2)
    for group in "abc":
        send(sqs, url, f"of {group}", group)
    held = receive(sqs, url, MaxNumberOfMessages=2)
    assert receive(sqs, url) == []
    sqs.delete_message(QueueUrl=url, ReceiptHandle=held[0]["ReceiptHandle"])
    assert bodies(sqs, url) == ["of c"]


def test_no_visibility_timeout_hands_out_a_group_once_in_a_call(sqs: Any, url: str) -> None:
    for body in ("a", "b", "c"):
        send(sqs, url, body)
    request = {"MaxNumberOfMessages": 2, "VisibilityTimeout": 0}
    assert [m["Body"] for m in receive(sqs, url, **request)] == ["a", "b"]
    assert [m["Body"] for m in receive(sqs, url, **request)] == ["a", "b"]
