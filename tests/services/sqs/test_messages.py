"""What a message may be, and batches of them."""

import hashlib
from typing import Any

import pytest

from tests.conftest import TestCloud
from tests.services.sqs.sqs_asking import attributes, bodies, make, receive, refused


@pytest.fixture(scope="module")
def sqs(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("sqs")


@pytest.fixture
def url(sqs: Any, request: pytest.FixtureRequest) -> Any:
    url = make(sqs, hashlib.sha1(request.node.name.encode()).hexdigest())
    yield url
    sqs.delete_queue(QueueUrl=url)


def test_every_character_xml_knows_goes_through(sqs: Any, url: str) -> None:
    body = "\t\n\r ~\u0085\ud7ff\ue000\ufffd\U00010000\U0010ffff<&>\"'"
    sqs.send_message(QueueUrl=url, MessageBody=body)
    [message] = receive(sqs, url)
    assert message["Body"] == body
    assert message["MD5OfBody"] == hashlib.md5(body.encode()).hexdigest()


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1f", "\ufffe", "\uffff"])
def test_a_character_xml_does_not_know_is_refused(sqs: Any, url: str, character: str) -> None:
    code, text = refused(sqs.send_message, QueueUrl=url, MessageBody=f"a{character}b")
    assert code == "InvalidMessageContents"
    assert text.startswith("Invalid characters found. Valid unicode characters are #x9 | #xA")
    assert receive(sqs, url) == []


def test_an_empty_body_is_missing(sqs: Any, url: str) -> None:
    assert refused(sqs.send_message, QueueUrl=url, MessageBody="") == (
        "MissingParameter",
        "The request must contain the parameter MessageBody.",
    )


def test_a_mebibyte_goes_through_and_one_byte_more_does_not(sqs: Any, url: str) -> None:
    body = "x" * 1_048_576
    sqs.send_message(QueueUrl=url, MessageBody=body)
    assert bodies(sqs, url) == [body]
    assert refused(sqs.send_message, QueueUrl=url, MessageBody=body + "x") == (
        "InvalidParameterValue",
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
    )


def test_attributes_count_towards_the_size(sqs: Any) -> None:
    url = make(sqs, "small", MaximumMessageSize=1024)
    attribute = {"abc": {"DataType": "String", "StringValue": "y" * 15}}  # 3 + 6 + 15 bytes
    sqs.send_message(QueueUrl=url, MessageBody="x" * 1000, MessageAttributes=attribute)
    code, _ = refused(sqs.send_message, QueueUrl=url, MessageBody="x" * 1001, MessageAttributes=attribute)
    assert code == "InvalidParameterValue"


ATTRIBUTES = {
    "colour": {"DataType": "String", "StringValue": "red"},
    "colour.shade": {"DataType": "String.custom", "StringValue": "dark"},
    "size": {"DataType": "Number.int", "StringValue": "42"},
    "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
}


def test_attributes_come_back_as_asked_with_their_digest(sqs: Any, url: str) -> None:
    """boto3 checks no digest, so the whole of it is worked out here by the documented algorithm."""
    sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=ATTRIBUTES)
    whole = digest(ATTRIBUTES)
    assert sent["MD5OfMessageAttributes"] == whole
    again = {"VisibilityTimeout": 0}
    [plain] = receive(sqs, url, **again)
    assert "MessageAttributes" not in plain
    for names in (["All"], [".*"]):
        [message] = receive(sqs, url, MessageAttributeNames=names, **again)
        assert message["MessageAttributes"] == ATTRIBUTES
        assert message["MD5OfMessageAttributes"] == whole
    [message] = receive(sqs, url, MessageAttributeNames=["colour.*", "size"], **again)
    some = {name: ATTRIBUTES[name] for name in ("colour", "colour.shade", "size")}
    assert message["MessageAttributes"] == some
    assert message["MD5OfMessageAttributes"] == digest(some)
    [message] = receive(sqs, url, MessageAttributeNames=["nothing"], **again)
    assert "MessageAttributes" not in message


def digest(attributes: dict[str, dict[str, Any]]) -> str:
    raw = b""
    for name in sorted(attributes):
        value = attributes[name]
        for part in (name.encode(), value["DataType"].encode()):
            raw += len(part).to_bytes(4, "big") + part
        if "StringValue" in value:
            part = value["StringValue"].encode()
            raw += b"\x01" + len(part).to_bytes(4, "big") + part
        else:
            raw += b"\x02" + len(value["BinaryValue"]).to_bytes(4, "big") + value["BinaryValue"]
    return hashlib.md5(raw).hexdigest()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS.x", {"DataType": "String", "StringValue": "v"}),
        ("amazon.x", {"DataType": "String", "StringValue": "v"}),
        (".x", {"DataType": "String", "StringValue": "v"}),
        ("x..y", {"DataType": "String", "StringValue": "v"}),
        ("x y", {"DataType": "String", "StringValue": "v"}),
        ("x" * 257, {"DataType": "String", "StringValue": "v"}),
        ("x", {"DataType": "Text", "StringValue": "v"}),
        ("x", {"DataType": "", "StringValue": "v"}),
        ("x", {"DataType": "String", "StringValue": ""}),
        ("x", {"DataType": "String"}),
        ("x", {"DataType": "String", "BinaryValue": b"v"}),
        ("x", {"DataType": "Binary", "StringValue": "v"}),
        ("x", {"DataType": "Number", "StringValue": "many"}),
        ("x", {"DataType": "Number", "StringValue": "1e129"}),
        ("x", {"DataType": "Number", "StringValue": "1" * 39}),
        ("x", {"DataType": "String", "StringListValues": ["v"]}),
        ("x", {"DataType": "String", "StringValue": "\x00"}),
    ],
)
def test_an_attribute_that_breaks_a_rule_is_refused(sqs: Any, url: str, name: str, value: dict[str, Any]) -> None:
    code, _ = refused(sqs.send_message, QueueUrl=url, MessageBody="x", MessageAttributes={name: value})
    assert code in ("InvalidParameterValue", "InvalidMessageContents")
    assert receive(sqs, url) == []


def test_ten_attributes_are_the_most(sqs: Any, url: str) -> None:
    many = {f"n{n}": {"DataType": "String", "StringValue": "v"} for n in range(11)}
    assert refused(sqs.send_message, QueueUrl=url, MessageBody="x", MessageAttributes=many) == (
        "InvalidParameterValue",
        "Number of message attributes [11] exceeds the allowed maximum [10].",
    )


def test_a_trace_header_travels_with_the_message(sqs: Any, url: str) -> None:
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    system = {"AWSTraceHeader": {"DataType": "String", "StringValue": header}}
    sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageSystemAttributes=system)
    assert sent["MD5OfMessageSystemAttributes"] == digest(system)
    [message] = receive(sqs, url, AttributeNames=["AWSTraceHeader", "SentTimestamp"])
    assert message["Attributes"]["AWSTraceHeader"] == header
    assert message["Attributes"].keys() == {"AWSTraceHeader", "SentTimestamp"}


def test_numbers_out_of_range_are_refused_in_a_receive(sqs: Any, url: str) -> None:
    for request, text in (
        ({"MaxNumberOfMessages": 11}, "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between"),
        ({"MaxNumberOfMessages": 0}, "Value 0 for parameter MaxNumberOfMessages is invalid. Reason: Must be between"),
        ({"WaitTimeSeconds": 21}, "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20"),
        ({"VisibilityTimeout": -1}, "Value -1 for parameter VisibilityTimeout is invalid. Reason: Must be between"),
    ):
        code, said = refused(sqs.receive_message, QueueUrl=url, **request)
        assert code == "InvalidParameterValue"
        assert said.startswith(text)


def test_a_receipt_that_is_none_is_refused(sqs: Any, url: str) -> None:
    other = make(sqs, "another")
    sqs.send_message(QueueUrl=other, MessageBody="x")
    [message] = receive(sqs, other)
    for handle in ("junk", "AQEB", message["ReceiptHandle"]):
        code, text = refused(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle)
        assert code == "ReceiptHandleIsInvalid"
        assert text == f'The input receipt handle "{handle}" is not a valid receipt handle.'


def test_a_batch_succeeds_and_fails_entry_by_entry(sqs: Any, url: str) -> None:
    answer = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "good", "MessageBody": "one"},
            {"Id": "bad", "MessageBody": "\x00"},
            {"Id": "late", "MessageBody": "two", "DelaySeconds": 901},
        ],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    failed = {entry["Id"]: entry for entry in answer["Failed"]}
    assert failed["bad"]["Code"] == "InvalidMessageContents"
    assert failed["late"]["Code"] == "InvalidParameterValue"
    assert all(entry["SenderFault"] for entry in answer["Failed"])
    messages = receive(sqs, url, MaxNumberOfMessages=10)
    assert [m["Body"] for m in messages] == ["one"]
    entries = [{"Id": "a", "ReceiptHandle": messages[0]["ReceiptHandle"]}, {"Id": "b", "ReceiptHandle": "junk"}]
    changed = sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[{**entry, "VisibilityTimeout": 60} for entry in entries]
    )
    deleted = sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    for answer in (changed, deleted):
        assert [entry["Id"] for entry in answer["Successful"]] == ["a"]
        assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("b", "ReceiptHandleIsInvalid")]
    assert attributes(sqs, url)["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_batch_breaks_no_rule_of_batches(sqs: Any, url: str) -> None:
    def entries(*ids: str, body: str = "x") -> list[dict[str, str]]:
        return [{"Id": id_, "MessageBody": body} for id_ in ids]

    for given, code in (
        (entries(), "EmptyBatchRequest"),
        (entries(*map(str, range(11))), "TooManyEntriesInBatchRequest"),
        (entries("a", "a"), "BatchEntryIdsNotDistinct"),
        (entries("a b"), "InvalidBatchEntryId"),
        (entries("x" * 81), "InvalidBatchEntryId"),
        (entries("a", "b", body="x" * 600_000), "BatchRequestTooLong"),
    ):
        assert refused(sqs.send_message_batch, QueueUrl=url, Entries=given)[0] == f"AWS.SimpleQueueService.{code}"
    assert receive(sqs, url) == []


def test_a_fifo_batch_keeps_its_order(sqs: Any) -> None:
    url = make(sqs, "batch.fifo", ContentBasedDeduplication="true")
    entries = [{"Id": str(n), "MessageBody": str(n), "MessageGroupId": "g"} for n in range(10)]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    numbers = [int(entry["SequenceNumber"]) for entry in answer["Successful"]]
    assert numbers == sorted(set(numbers))
    assert bodies(sqs, url) == [str(n) for n in range(10)]
