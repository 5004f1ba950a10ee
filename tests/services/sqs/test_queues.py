"""Creating, finding, changing, purging and deleting queues."""

import json
from typing import Any

import pytest

from tests.conftest import TestCloud
from tests.services.sqs.sqs_asking import attributes, bodies, make, receive, refused


@pytest.fixture
def sqs(cloud: TestCloud) -> Any:
    return cloud.client("sqs")


def test_creating_twice_with_the_same_attributes_is_one_queue(sqs: Any) -> None:
    url = make(sqs, "q", VisibilityTimeout=10)
    assert make(sqs, "q", VisibilityTimeout=10) == url
    assert make(sqs, "q") == url
    code, text = refused(sqs.create_queue, QueueName="q", Attributes={"VisibilityTimeout": "11"})
    assert code == "QueueAlreadyExists"
    assert text == "A queue already exists with the same name and a different value for attribute VisibilityTimeout"


@pytest.mark.parametrize("name", ["", "a b", "x" * 81, "q.fifo", "ö", "a/b"])
def test_a_bad_name_is_refused(sqs: Any, name: str) -> None:
    assert refused(sqs.create_queue, QueueName=name)[0] in ("InvalidParameterValue", "MissingParameter")


def test_a_fifo_queue_s_name_ends_with_fifo(sqs: Any) -> None:
    code, text = refused(sqs.create_queue, QueueName="q", Attributes={"FifoQueue": "true"})
    assert code == "InvalidParameterValue"
    assert "must end with .fifo suffix" in text


def test_a_deleted_name_is_free_after_sixty_seconds(sqs: Any, cloud: TestCloud) -> None:
    url = make(sqs, "q")
    sqs.send_message(QueueUrl=url, MessageBody="lost")
    sqs.delete_queue(QueueUrl=url)
    assert refused(sqs.send_message, QueueUrl=url, MessageBody="x") == (
        "AWS.SimpleQueueService.NonExistentQueue",
        "The specified queue does not exist.",
    )
    assert refused(sqs.create_queue, QueueName="q")[0] == "AWS.SimpleQueueService.QueueDeletedRecently"
    cloud.advance(61)
    assert make(sqs, "q") == url
    assert receive(sqs, url) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DelaySeconds", "901"),
        ("DelaySeconds", "-1"),
        ("DelaySeconds", "ten"),
        ("MaximumMessageSize", "1023"),
        ("MaximumMessageSize", "1048577"),
        ("MessageRetentionPeriod", "59"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
        ("VisibilityTimeout", "43201"),
    ],
)
def test_an_attribute_out_of_its_range_is_refused(sqs: Any, name: str, value: str) -> None:
    answer = ("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
    assert refused(sqs.create_queue, QueueName="q", Attributes={name: value}) == answer
    url = make(sqs, "there")
    assert refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={name: value}) == answer


def test_an_unknown_attribute_is_refused_by_name(sqs: Any) -> None:
    answer = ("InvalidAttributeName", "Unknown Attribute Colour.")
    assert refused(sqs.create_queue, QueueName="q", Attributes={"Colour": "red"}) == answer
    url = make(sqs, "there")
    assert refused(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Colour"]) == answer


def test_all_attributes_have_their_defaults(sqs: Any) -> None:
    url = make(sqs, "q")
    found = attributes(sqs, url)
    assert found["QueueArn"] == "arn:aws:sqs:us-east-1:000000000000:q"
    assert found["CreatedTimestamp"] == found["LastModifiedTimestamp"]
    defaults = {
        "DelaySeconds": "0",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "ReceiveMessageWaitTimeSeconds": "0",
        "VisibilityTimeout": "30",
    }
    assert defaults.items() <= found.items()
    assert "Policy" not in found
    assert "FifoQueue" not in found
    assert attributes(sqs, url, "QueueArn", "DelaySeconds").keys() == {"QueueArn", "DelaySeconds"}
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url)


def test_set_attributes_hold_at_once_and_are_dated(sqs: Any, cloud: TestCloud) -> None:
    url = make(sqs, "q")
    cloud.advance(100)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
    found = attributes(sqs, url)
    assert found["VisibilityTimeout"] == "5"
    assert int(found["LastModifiedTimestamp"]) >= int(found["CreatedTimestamp"]) + 100
    sqs.send_message(QueueUrl=url, MessageBody="x")
    receive(sqs, url)
    cloud.advance(6)
    assert bodies(sqs, url) == ["x"]


def test_a_purge_empties_the_queue_and_may_be_repeated_after_sixty_seconds(sqs: Any, cloud: TestCloud) -> None:
    url = make(sqs, "q")
    for n in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(n))
    [held] = receive(sqs, url)
    sqs.purge_queue(QueueUrl=url)
    assert attributes(sqs, url)["ApproximateNumberOfMessages"] == "0"
    assert refused(sqs.purge_queue, QueueUrl=url) == (
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        "Only one PurgeQueue operation on q is allowed every 60 seconds.",
    )
    sqs.send_message(QueueUrl=url, MessageBody="after")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=held["ReceiptHandle"])
    cloud.advance(61)
    assert bodies(sqs, url) == ["after"]
    sqs.purge_queue(QueueUrl=url)


def test_names_are_listed_in_order_by_prefix_and_page_by_page(sqs: Any) -> None:
    for name in ("b2", "a1", "b1", "b3"):
        make(sqs, name)
    names = [url.rpartition("/")[2] for url in sqs.list_queues()["QueueUrls"]]
    assert names == ["a1", "b1", "b2", "b3"]
    page = sqs.list_queues(QueueNamePrefix="b", MaxResults=2)
    assert [url.rpartition("/")[2] for url in page["QueueUrls"]] == ["b1", "b2"]
    rest = sqs.list_queues(QueueNamePrefix="b", MaxResults=2, NextToken=page["NextToken"])
    assert [url.rpartition("/")[2] for url in rest["QueueUrls"]] == ["b3"]
    assert "NextToken" not in rest
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="z")
    assert refused(sqs.list_queues, MaxResults=1001)[0] == "InvalidParameterValue"
    assert refused(sqs.list_queues, NextToken="junk")[0] == "InvalidParameterValue"


def test_a_queue_s_url_is_found_by_its_name(sqs: Any) -> None:
    url = make(sqs, "q")
    assert sqs.get_queue_url(QueueName="q")["QueueUrl"] == url
    code, _ = refused(sqs.get_queue_url, QueueName="nobody")
    assert code == "AWS.SimpleQueueService.NonExistentQueue"


@pytest.mark.parametrize(
    "form",
    [
        "https://sqs.us-east-1.amazonaws.com/000000000000/q",
        "https://us-east-1.queue.amazonaws.com/000000000000/q",
        "https://queue.amazonaws.com/000000000000/q",
        "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/q",
        "http://us-east-1.queue.localhost.localstack.cloud:4566/000000000000/q",
        "http://localhost:4566/queue/us-east-1/000000000000/q",
        "http://localhost:4566/000000000000/q",
        "q",
    ],
)
def test_every_form_of_a_queue_url_means_the_queue(sqs: Any, form: str, cloud: TestCloud) -> None:
    make(sqs, "q")
    abroad = cloud.client(
        "sqs", region_name="us-east-1" if form[-2:] == "q" and "us-east-1" not in form else "eu-west-1"
    )
    client = abroad if "us-east-1" in form or "queue.amazonaws" in form else sqs
    assert attributes(client, form, "QueueArn")["QueueArn"] == "arn:aws:sqs:us-east-1:000000000000:q"


def test_an_address_that_is_no_queue_s_is_refused(sqs: Any) -> None:
    assert refused(sqs.send_message, QueueUrl="http://localhost:4566/nowhere", MessageBody="x")[0] == "InvalidAddress"


def test_regions_and_accounts_keep_their_queues_apart(sqs: Any, cloud: TestCloud) -> None:
    make(sqs, "q")
    west = cloud.client("sqs", region_name="us-west-2")
    other = cloud.client("sqs", key="111111111111")
    assert "QueueUrls" not in west.list_queues()
    assert "QueueUrls" not in other.list_queues()
    assert refused(west.get_queue_url, QueueName="q")[0] == "AWS.SimpleQueueService.NonExistentQueue"


def test_tags_are_kept_changed_and_taken_off(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="q", tags={"team": "a"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"team": "b", "cost": ""})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "b", "cost": ""}
    sqs.untag_queue(QueueUrl=url, TagKeys=["team", "nobody"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"cost": ""}
    many = {f"k{n}": "v" for n in range(50)}
    assert refused(sqs.tag_queue, QueueUrl=url, Tags=many)[0] == "InvalidParameterValue"
    assert refused(sqs.tag_queue, QueueUrl=url, Tags={"aws:x": "v"})[0] == "InvalidParameterValue"
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"cost": ""}


def test_a_policy_is_validated_on_its_way_in(sqs: Any) -> None:
    url = make(sqs, "q")
    answer = ("InvalidAttributeValue", "Invalid value for the parameter Policy.")
    for bad in ("{", '{"Version": "2012-10-17"}', "[]"):
        assert refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={"Policy": bad}) == answer
    policy = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"},
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    assert json.loads(attributes(sqs, url)["Policy"]) == policy
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert "Policy" not in attributes(sqs, url)
