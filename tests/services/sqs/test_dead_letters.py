"""Dead letters and their redrive."""

import json
from typing import Any

import pytest

from tests.conftest import TestCloud
from tests.services.sqs.sqs_asking import LongPoll, attributes, bodies, make, receive, refused


@pytest.fixture
def sqs(cloud: TestCloud) -> Any:
    return cloud.client("sqs")


def arn(name: str, region: str = "us-east-1", account: str = "000000000000") -> str:
    return f"arn:aws:sqs:{region}:{account}:{name}"


def redrive(target: str, receives: Any = 2) -> str:
    return json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": receives})


def pair(sqs: Any, suffix: str = "", **more: Any) -> tuple[str, str]:
    """A queue and its dead-letter queue."""
    if suffix:
        more["ContentBasedDeduplication"] = "true"
    dead = make(sqs, f"dead{suffix}", **more)
    return make(sqs, f"work{suffix}", RedrivePolicy=redrive(arn(f"dead{suffix}")), **more), dead


def fail(sqs: Any, cloud: TestCloud, url: str, times: int = 2) -> None:
    for _ in range(times):
        assert receive(sqs, url, MaxNumberOfMessages=10)
        cloud.advance(31)


def test_the_receive_that_passes_the_limit_moves_the_message(sqs: Any, cloud: TestCloud) -> None:
    work, dead = pair(sqs)
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}}
    sent = sqs.send_message(QueueUrl=work, MessageBody="poison", MessageSystemAttributes=header)
    [first] = receive(sqs, work, MessageSystemAttributeNames=["All"])
    cloud.advance(31)
    fail(sqs, cloud, work, 1)
    assert bodies(sqs, dead) == []
    assert receive(sqs, work) == []
    [letter] = receive(sqs, dead, MessageSystemAttributeNames=["All"])
    assert letter["MessageId"] == sent["MessageId"]
    told = letter["Attributes"]
    assert told["DeadLetterQueueSourceArn"] == arn("work")
    assert told["SentTimestamp"] == first["Attributes"]["SentTimestamp"]
    assert told["ApproximateReceiveCount"] == "3"
    assert told["AWSTraceHeader"] == "Root=1"
    assert attributes(sqs, work)["ApproximateNumberOfMessages"] == "0"


def test_a_long_poll_that_finds_only_dead_letters_moves_them_and_waits_on(sqs: Any, cloud: TestCloud) -> None:
    work, dead = pair(sqs)
    sqs.send_message(QueueUrl=work, MessageBody="poison")
    fail(sqs, cloud, work)
    poll = LongPoll(cloud, work)
    assert bodies(sqs, dead) == ["poison"]
    sqs.send_message(QueueUrl=work, MessageBody="good")
    assert poll.bodies() == ["good"]


def test_whoever_waits_on_the_dead_letter_queue_is_woken(sqs: Any, cloud: TestCloud) -> None:
    work, dead = pair(sqs)
    sqs.send_message(QueueUrl=work, MessageBody="poison")
    fail(sqs, cloud, work)
    poll = LongPoll(cloud, dead)
    assert receive(sqs, work) == []
    assert poll.bodies() == ["poison"]


def test_what_stands_behind_a_dead_letter_is_received_with_the_same_call(sqs: Any, cloud: TestCloud) -> None:
    work, _ = pair(sqs)
    sqs.send_message(QueueUrl=work, MessageBody="poison")
    fail(sqs, cloud, work)
    sqs.send_message(QueueUrl=work, MessageBody="good")
    assert [m["Body"] for m in receive(sqs, work)] == ["good"]


def test_a_standard_letter_keeps_its_age_and_expires_by_it(sqs: Any, cloud: TestCloud) -> None:
    work, dead = pair(sqs, MessageRetentionPeriod=120)
    sqs.send_message(QueueUrl=work, MessageBody="poison")
    fail(sqs, cloud, work)
    receive(sqs, work)
    cloud.advance(60)
    assert receive(sqs, dead) == []


def test_a_fifo_letter_begins_anew_and_frees_its_group(sqs: Any, cloud: TestCloud) -> None:
    work, dead = pair(sqs, ".fifo")
    sent = sqs.send_message(QueueUrl=work, MessageBody="poison", MessageGroupId="g")
    sqs.send_message(QueueUrl=work, MessageBody="next", MessageGroupId="g")
    for _ in range(2):
        assert [m["Body"] for m in receive(sqs, work)] == ["poison"]
        cloud.advance(31)
    assert [m["Body"] for m in receive(sqs, work)] == ["next"]
    [letter] = receive(sqs, dead, MessageSystemAttributeNames=["All"])
    assert letter["Body"] == "poison"
    assert letter["Attributes"]["MessageDeduplicationId"] == sent["MessageId"]
    assert letter["Attributes"]["MessageGroupId"] == "g"


def test_letters_stay_when_their_queue_is_gone(sqs: Any, cloud: TestCloud) -> None:
    work, dead = pair(sqs)
    sqs.send_message(QueueUrl=work, MessageBody="poison")
    sqs.delete_queue(QueueUrl=dead)
    fail(sqs, cloud, work, 4)
    assert bodies(sqs, work) == ["poison"]


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("{", "Redrive policy is not a valid JSON map."),
        (
            json.dumps({"maxReceiveCount": 1}),
            "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
        ),
        (
            json.dumps({"deadLetterTargetArn": arn("dead")}),
            "Redrive policy does not contain mandatory attribute: maxReceiveCount.",
        ),
        (
            redrive(arn("dead"), 0),
            "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive.",
        ),
        (redrive(arn("nobody")), "Dead letter target does not exist."),
        (redrive(arn("dead", account="111111111111")), "Dead letter target owner should be same as the source."),
        (redrive(arn("dead", region="eu-west-1")), "Dead letter target should be in same region as the source."),
        (redrive(arn("dead.fifo")), "Dead-letter queue must be same type of queue as the source."),
    ],
)
def test_a_redrive_policy_that_cannot_work_is_refused(sqs: Any, policy: str, reason: str) -> None:
    make(sqs, "dead")
    make(sqs, "dead.fifo")
    url = make(sqs, "work")
    assert refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={"RedrivePolicy": policy}) == (
        "InvalidParameterValue",
        f"Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}",
    )


def test_a_count_given_as_text_is_answered_as_a_number(sqs: Any) -> None:
    make(sqs, "dead")
    url = make(sqs, "work", RedrivePolicy=redrive(arn("dead"), "3"))
    assert json.loads(attributes(sqs, url)["RedrivePolicy"]) == {
        "deadLetterTargetArn": arn("dead"),
        "maxReceiveCount": 3,
    }


def test_a_dead_letter_queue_decides_whose_letters_it_takes(sqs: Any) -> None:
    dead = make(sqs, "dead", RedriveAllowPolicy=json.dumps({"redrivePermission": "denyAll"}))
    url = make(sqs, "work")
    request = {"QueueUrl": url, "Attributes": {"RedrivePolicy": redrive(arn("dead"))}}
    assert refused(sqs.set_queue_attributes, **request)[0] == "InvalidParameterValue"
    by_queue = {"redrivePermission": "byQueue", "sourceQueueArns": [arn("other")]}
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps(by_queue)})
    assert refused(sqs.set_queue_attributes, **request)[0] == "InvalidParameterValue"
    by_queue["sourceQueueArns"] = [arn("work")]
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps(by_queue)})
    sqs.set_queue_attributes(**request)
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    for bad in (
        {"redrivePermission": "some"},
        {"redrivePermission": "byQueue"},
        {"redrivePermission": "allowAll", "x": 1},
    ):
        text = json.dumps(bad)
        assert refused(sqs.set_queue_attributes, QueueUrl=dead, Attributes={"RedriveAllowPolicy": text})[0] == (
            "InvalidParameterValue"
        )


def test_source_queues_are_listed_page_by_page(sqs: Any) -> None:
    dead = make(sqs, "dead")
    urls = [make(sqs, f"work{n}", RedrivePolicy=redrive(arn("dead"))) for n in range(3)]
    page = sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=2)
    rest = sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=2, NextToken=page["NextToken"])
    assert page["queueUrls"] + rest["queueUrls"] == urls
    assert "NextToken" not in rest
    sqs.set_queue_attributes(QueueUrl=urls[0], Attributes={"RedrivePolicy": ""})
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == urls[1:]


@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_letters_are_redriven_to_where_they_came_from(sqs: Any, cloud: TestCloud, suffix: str) -> None:
    work, dead = pair(sqs, suffix)
    group = {"MessageGroupId": "g"} if suffix else {}
    sent = [sqs.send_message(QueueUrl=work, MessageBody=f"m{n}", **group)["MessageId"] for n in range(3)]
    fail(sqs, cloud, work)
    assert receive(sqs, work) == []
    handle = sqs.start_message_move_task(SourceArn=arn(f"dead{suffix}"))["TaskHandle"]
    assert handle
    cloud.settle()
    [task] = sqs.list_message_move_tasks(SourceArn=arn(f"dead{suffix}"))["Results"]
    assert task["Status"] == "COMPLETED"
    assert (task["ApproximateNumberOfMessagesMoved"], task["ApproximateNumberOfMessagesToMove"]) == (3, 3)
    assert "TaskHandle" not in task
    assert "DestinationArn" not in task
    back = receive(sqs, work, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
    assert [m["Body"] for m in back] == ["m0", "m1", "m2"]
    assert not {m["MessageId"] for m in back} & set(sent)  # a redriven message is a new one
    assert {m["Attributes"]["ApproximateReceiveCount"] for m in back} == {"1"}
    assert bodies(sqs, dead) == []


def test_a_redrive_can_go_elsewhere_slowly_and_be_cancelled(sqs: Any, cloud: TestCloud) -> None:
    work, dead = pair(sqs)
    elsewhere = make(sqs, "elsewhere")
    for n in range(5):
        sqs.send_message(QueueUrl=work, MessageBody=f"m{n}")
    fail(sqs, cloud, work)
    receive(sqs, work)
    request = {"SourceArn": arn("dead"), "DestinationArn": arn("elsewhere"), "MaxNumberOfMessagesPerSecond": 1}
    handle = sqs.start_message_move_task(**request)["TaskHandle"]
    cloud.settle()
    code, text = refused(sqs.start_message_move_task, **request)
    assert code == "AWS.SimpleQueueService.UnsupportedOperation"
    assert text.startswith("There is already a task running.")
    [task] = sqs.list_message_move_tasks(SourceArn=arn("dead"))["Results"]
    assert (task["Status"], task["TaskHandle"], task["MaxNumberOfMessagesPerSecond"]) == ("RUNNING", handle, 1)
    assert task["ApproximateNumberOfMessagesMoved"] < 5
    cloud.advance(1)
    moved = sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
    assert 1 <= moved < 5
    cloud.settle()
    cloud.advance(60)
    [task] = sqs.list_message_move_tasks(SourceArn=arn("dead"))["Results"]
    assert task["Status"] == "CANCELLED"
    assert len(bodies(sqs, elsewhere)) == moved
    assert int(attributes(sqs, dead)["ApproximateNumberOfMessages"]) == 5 - moved
    assert refused(sqs.cancel_message_move_task, TaskHandle=handle)[0] == "AWS.SimpleQueueService.UnsupportedOperation"


def test_a_redrive_fails_when_nobody_knows_where_a_letter_came_from(sqs: Any, cloud: TestCloud) -> None:
    _, dead = pair(sqs)
    sqs.send_message(QueueUrl=dead, MessageBody="sent straight here")
    sqs.start_message_move_task(SourceArn=arn("dead"))
    cloud.settle()
    [task] = sqs.list_message_move_tasks(SourceArn=arn("dead"))["Results"]
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert bodies(sqs, dead) == ["sent straight here"]


def test_a_redrive_needs_a_dead_letter_queue_that_is_there(sqs: Any) -> None:
    make(sqs, "plain")
    assert refused(sqs.start_message_move_task, SourceArn=arn("nobody"))[0] == "ResourceNotFoundException"
    assert refused(sqs.start_message_move_task, SourceArn=arn("plain")) == (
        "InvalidParameterValue",
        "Source queue must be configured as a Dead Letter Queue.",
    )
    assert refused(sqs.start_message_move_task, SourceArn="plain")[0] == "InvalidParameterValue"
    assert refused(sqs.cancel_message_move_task, TaskHandle="junk")[0] == "InvalidParameterValue"


def test_a_redrive_needs_leave_to_send_where_it_goes(sqs: Any, cloud: TestCloud) -> None:
    work, _ = pair(sqs)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": deny})
    sqs.set_queue_attributes(QueueUrl=work, Attributes={"Policy": policy})
    code, text = refused(sqs.start_message_move_task, SourceArn=arn("dead"))
    assert code == "AccessDenied"
    assert "sqs:SendMessage" in text
    sqs.set_queue_attributes(QueueUrl=work, Attributes={"Policy": ""})
    sqs.start_message_move_task(SourceArn=arn("dead"))
