"""Standard queues, as a client sees them."""

import hashlib
import threading
import time
from typing import Any

import pytest

from tests.conftest import TestCloud
from tests.services.sqs.sqs_asking import LongPoll, attributes, bodies, receive, refused


@pytest.fixture
def sqs(cloud: TestCloud) -> Any:
    return cloud.client("sqs")


@pytest.fixture
def url(sqs: Any) -> str:
    return sqs.create_queue(QueueName="jobs")["QueueUrl"]


def test_what_is_sent_is_received_and_gone_once_deleted(sqs: Any, url: str, cloud: TestCloud) -> None:
    sent = sqs.send_message(QueueUrl=url, MessageBody="dig")
    assert sent["MD5OfMessageBody"] == hashlib.md5(b"dig").hexdigest()
    [message] = receive(sqs, url)
    assert (message["MessageId"], message["Body"]) == (sent["MessageId"], "dig")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    cloud.advance(3600)
    assert receive(sqs, url) == []
    assert attributes(sqs, url)["ApproximateNumberOfMessages"] == "0"


def test_a_received_message_is_hidden_until_its_timeout_and_then_counts_two_receives(
    sqs: Any, url: str, cloud: TestCloud
) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="dig")
    [first] = receive(sqs, url, MessageSystemAttributeNames=["All"])
    assert receive(sqs, url) == []
    cloud.advance(29)
    assert receive(sqs, url) == []
    cloud.advance(2)
    [again] = receive(sqs, url, MessageSystemAttributeNames=["All"])
    assert again["MessageId"] == first["MessageId"]
    assert again["ReceiptHandle"] != first["ReceiptHandle"]
    assert (first["Attributes"]["ApproximateReceiveCount"], again["Attributes"]["ApproximateReceiveCount"]) == (
        "1",
        "2",
    )
    same = ("SentTimestamp", "ApproximateFirstReceiveTimestamp", "SenderId")
    assert [first["Attributes"][name] for name in same] == [again["Attributes"][name] for name in same]
    assert first["Attributes"]["SenderId"] == "000000000000"


def test_an_older_receipt_succeeds_and_deletes_nothing(sqs: Any, url: str, cloud: TestCloud) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="dig")
    [first] = receive(sqs, url)
    cloud.advance(31)
    [second] = receive(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert attributes(sqs, url)["ApproximateNumberOfMessagesNotVisible"] == "1"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"])
    assert attributes(sqs, url)["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_receipt_still_deletes_after_its_timeout_when_nobody_received_again(
    sqs: Any, url: str, cloud: TestCloud
) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="dig")
    [message] = receive(sqs, url)
    cloud.advance(31)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert receive(sqs, url) == []


def test_a_delayed_message_shows_when_its_delay_is_over(sqs: Any, url: str, cloud: TestCloud) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=60)
    assert receive(sqs, url) == []
    assert attributes(sqs, url)["ApproximateNumberOfMessagesDelayed"] == "1"
    cloud.advance(61)
    assert attributes(sqs, url)["ApproximateNumberOfMessagesDelayed"] == "0"
    assert [m["Body"] for m in receive(sqs, url)] == ["later"]


def test_a_queue_s_own_delay_holds_unless_the_message_names_another(sqs: Any, cloud: TestCloud) -> None:
    url = sqs.create_queue(QueueName="slow", Attributes={"DelaySeconds": "100"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="slow")
    sqs.send_message(QueueUrl=url, MessageBody="now", DelaySeconds=0)
    assert bodies(sqs, url) == ["now"]
    cloud.advance(101)
    assert "slow" in bodies(sqs, url)


def test_a_visibility_of_zero_gives_a_message_back_at_once(sqs: Any, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="dig")
    [message] = receive(sqs, url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    [again] = receive(sqs, url)
    assert again["MessageId"] == message["MessageId"]


def test_a_longer_visibility_holds_and_its_receipt_still_deletes(sqs: Any, url: str, cloud: TestCloud) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="dig")
    [message] = receive(sqs, url)
    handle = message["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=600)
    cloud.advance(599)
    assert receive(sqs, url) == []
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=600)
    cloud.advance(10)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    cloud.advance(3600)
    assert receive(sqs, url) == []


def test_a_message_may_not_stay_hidden_for_more_than_twelve_hours(sqs: Any, url: str, cloud: TestCloud) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="dig")
    [message] = receive(sqs, url, VisibilityTimeout=3600)
    cloud.advance(1800)
    code, text = refused(
        sqs.change_message_visibility,
        QueueUrl=url,
        ReceiptHandle=message["ReceiptHandle"],
        VisibilityTimeout=43_200,
    )
    assert code == "InvalidParameterValue"
    assert "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]" in text


def test_the_visibility_of_what_is_not_in_flight_cannot_change(sqs: Any, url: str, cloud: TestCloud) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="dig")
    [message] = receive(sqs, url)
    request = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 10}
    cloud.advance(31)
    assert refused(sqs.change_message_visibility, **request)[0] == "AWS.SimpleQueueService.MessageNotInflight"
    [again] = receive(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    code, text = refused(sqs.change_message_visibility, **request)
    assert code == "InvalidParameterValue"
    assert text.endswith("Reason: Message does not exist or is not available for visibility timeout change.")


def test_ten_messages_come_at_once_and_no_message_twice(sqs: Any, url: str) -> None:
    for number in range(25):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    seen: list[str] = []
    while batch := receive(sqs, url, MaxNumberOfMessages=10):
        assert len(batch) <= 10
        seen += [m["Body"] for m in batch]
    assert seen == [str(number) for number in range(25)]


def test_a_long_poll_is_woken_by_a_send(sqs: Any, url: str, cloud: TestCloud) -> None:
    poll = LongPoll(cloud, url)
    began = time.monotonic()
    sqs.send_message(QueueUrl=url, MessageBody="wake")
    assert poll.bodies() == ["wake"]
    assert time.monotonic() - began < 2


def test_a_long_poll_is_woken_when_a_hidden_message_shows(sqs: Any, url: str, cloud: TestCloud) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="back", DelaySeconds=15)
    poll = LongPoll(cloud, url)
    cloud.advance(16)
    assert poll.bodies() == ["back"]


def test_a_long_poll_without_a_message_ends_empty_when_its_time_is_up(sqs: Any, url: str, cloud: TestCloud) -> None:
    poll = LongPoll(cloud, url)
    cloud.advance(21)
    assert poll.bodies() == []


def test_a_message_is_never_seen_after_its_retention(sqs: Any, cloud: TestCloud) -> None:
    url = sqs.create_queue(QueueName="short", Attributes={"MessageRetentionPeriod": "60"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="old")
    cloud.advance(50)
    sqs.send_message(QueueUrl=url, MessageBody="young")
    cloud.advance(20)
    assert bodies(sqs, url) == ["young"]
    cloud.advance(200)
    assert attributes(sqs, url)["ApproximateNumberOfMessages"] == "0"


def test_the_figures_tell_visible_hidden_and_delayed_apart(sqs: Any, url: str) -> None:
    for _ in range(5):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=900)
    receive(sqs, url, MaxNumberOfMessages=2)
    found = attributes(sqs, url)
    assert found["ApproximateNumberOfMessages"] == "3"
    assert found["ApproximateNumberOfMessagesNotVisible"] == "2"
    assert found["ApproximateNumberOfMessagesDelayed"] == "1"


def test_a_full_queue_in_flight_says_over_limit(sqs: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pileus.services.sqs.receiving.IN_FLIGHT_MAX", 3)
    for _ in range(5):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    assert len(receive(sqs, url, MaxNumberOfMessages=3)) == 3
    assert refused(sqs.receive_message, QueueUrl=url)[0] == "OverLimit"


def test_messages_survive_a_restart_in_flight_and_visible_alike(sqs: Any, url: str, cloud: TestCloud) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="one")
    sqs.send_message(QueueUrl=url, MessageBody="two")
    [one] = receive(sqs, url)
    cloud.restart()
    again, new_url = cloud.client("sqs"), url.replace(url.split("/")[2], f"127.0.0.1:{cloud.port}")
    assert bodies(again, new_url) == ["two"]
    again.delete_message(QueueUrl=new_url, ReceiptHandle=one["ReceiptHandle"])
    cloud.advance(60)
    assert bodies(again, new_url) == ["two"]


def test_of_many_who_wait_each_message_wakes_one(sqs: Any, url: str, cloud: TestCloud) -> None:
    polls = [LongPoll(cloud, url) for _ in range(5)]
    for number in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    found = [body for poll in polls for body in poll.bodies()]
    assert sorted(found) == ["0", "1", "2", "3", "4"]


def test_a_larger_body_or_one_with_attributes_lives_as_long_as_a_small_one(
    sqs: Any, url: str, cloud: TestCloud
) -> None:
    attribute = {"n": {"DataType": "String", "StringValue": "v"}}
    sqs.send_message(QueueUrl=url, MessageBody="x" * 5_000)
    sqs.send_message(QueueUrl=url, MessageBody="y", MessageAttributes=attribute)
    receive(sqs, url, MaxNumberOfMessages=10)
    cloud.advance(31)
    first, second = receive(sqs, url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    assert (len(first["Body"]), second["MessageAttributes"]) == (5_000, attribute)
    for message in (first, second):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert attributes(sqs, url)["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_who_waits_on_a_queue_hears_that_it_was_deleted(sqs: Any, url: str, cloud: TestCloud) -> None:
    heard: list[str] = []

    def wait() -> None:
        heard.append(refused(cloud.client("sqs").receive_message, QueueUrl=url, WaitTimeSeconds=20)[0])

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    while not len(cloud.app.cloud.waiting):
        cloud.settle()
    sqs.delete_queue(QueueUrl=url)
    waiting.join(10)
    assert heard == ["AWS.SimpleQueueService.NonExistentQueue"]
