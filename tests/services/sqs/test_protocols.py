"""Both of SQS's protocols, byte by byte where an SDK would hide them."""

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.conftest import TestCloud
from tests.services.sqs.sqs_asking import make

NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


@pytest.fixture(scope="module")
def sqs(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("sqs")


def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    signed = AWSRequest("POST", url, headers, body)
    SigV4Auth(Credentials("test", "test"), "sqs", "us-east-1").add_auth(signed)
    request = urllib.request.Request(url, body, dict(signed.headers.items()))
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()


def query(url: str, action: str, **parameters: Any) -> tuple[int, ElementTree.Element]:
    form = urlencode({"Action": action, "Version": "2012-11-05", **parameters}).encode()
    status, headers, body = post(url, form, {"content-type": "application/x-www-form-urlencoded"})
    assert headers["content-type"].startswith("text/xml")
    return status, ElementTree.fromstring(body)


def json_call(cloud: TestCloud, operation: str, request: Any) -> tuple[int, dict[str, str], Any]:
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"AmazonSQS.{operation}"}
    status, answered, body = post(cloud.endpoint + "/", json.dumps(request).encode(), headers)
    return status, answered, json.loads(body) if body else None


def text(root: ElementTree.Element, path: str) -> str | None:
    return root.findtext("/".join(NAMESPACE + step for step in path.split("/")))


def test_the_query_protocol_sends_to_the_queue_s_own_url(shared_cloud: TestCloud, sqs: Any) -> None:
    home = shared_cloud.endpoint + "/"
    status, root = query(
        home,
        "CreateQueue",
        QueueName="asked",
        **{"Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "7", "Tag.1.Key": "k", "Tag.1.Value": "v"},
    )
    assert status == 200
    url = text(root, "CreateQueueResult/QueueUrl")
    assert url == f"{shared_cloud.endpoint}/000000000000/asked"
    status, root = query(
        url,
        "SendMessage",
        MessageBody="a b&c<d>",
        **{
            "MessageAttribute.1.Name": "n",
            "MessageAttribute.1.Value.DataType": "String",
            "MessageAttribute.1.Value.StringValue": "v",
        },
    )
    assert status == 200
    assert text(root, "SendMessageResult/MD5OfMessageAttributes")
    assert text(root, "ResponseMetadata/RequestId")
    asked = {"MessageAttributeName.1": "All", "AttributeName.1": "All", "MaxNumberOfMessages": 10}
    status, root = query(url, "ReceiveMessage", **asked)
    assert text(root, "ReceiveMessageResult/Message/Body") == "a b&c<d>"
    assert text(root, "ReceiveMessageResult/Message/MessageAttribute/Value/StringValue") == "v"
    handle = text(root, "ReceiveMessageResult/Message/ReceiptHandle")
    assert query(url, "DeleteMessage", ReceiptHandle=handle)[0] == 200
    _, root = query(url, "GetQueueAttributes", **{"AttributeName.1": "VisibilityTimeout"})
    assert text(root, "GetQueueAttributesResult/Attribute/Value") == "7"
    _, root = query(url, "ListQueueTags")
    assert (text(root, "ListQueueTagsResult/Tag/Key"), text(root, "ListQueueTagsResult/Tag/Value")) == ("k", "v")


def test_the_query_protocol_has_its_own_error_codes(shared_cloud: TestCloud) -> None:
    status, root = query(f"{shared_cloud.endpoint}/000000000000/nobody", "SendMessage", MessageBody="x")
    assert status == 400
    assert text(root, "Error/Code") == "AWS.SimpleQueueService.NonExistentQueue"
    assert text(root, "Error/Type") == "Sender"
    status, root = query(shared_cloud.endpoint + "/", "CreateQueue", QueueName="a b")
    assert (status, text(root, "Error/Code")) == (400, "InvalidParameterValue")


def test_a_query_batch_reports_each_entry(shared_cloud: TestCloud, sqs: Any) -> None:
    url = make(sqs, "querybatch")
    entry = "SendMessageBatchRequestEntry"
    status, root = query(
        url,
        "SendMessageBatch",
        **{
            f"{entry}.1.Id": "a",
            f"{entry}.1.MessageBody": "x",
            f"{entry}.2.Id": "b",
            f"{entry}.2.MessageBody": "\x00",
        },
    )
    assert status == 200
    assert text(root, "SendMessageBatchResult/SendMessageBatchResultEntry/Id") == "a"
    assert text(root, "SendMessageBatchResult/BatchResultErrorEntry/Code") == "InvalidMessageContents"
    assert text(root, "SendMessageBatchResult/BatchResultErrorEntry/SenderFault") == "true"


def test_the_json_protocol_names_shapes_and_carries_the_query_code_beside(shared_cloud: TestCloud) -> None:
    status, headers, body = json_call(
        shared_cloud, "SendMessage", {"QueueUrl": f"{shared_cloud.endpoint}/000000000000/nobody", "MessageBody": "x"}
    )
    assert status == 400
    assert body["__type"].rpartition("#")[2] == "QueueDoesNotExist"
    assert headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("SendMessage", {}),
        ("SendMessage", {"QueueUrl": "q"}),
        ("ReceiveMessage", {}),
        ("DeleteMessage", {"QueueUrl": "bad"}),
        ("ChangeMessageVisibility", {"QueueUrl": "bad"}),
        ("CreateQueue", {}),
        ("GetQueueUrl", {}),
        ("SetQueueAttributes", {"QueueUrl": "bad"}),
        ("TagQueue", {"QueueUrl": "bad"}),
        ("UntagQueue", {"QueueUrl": "bad"}),
        ("AddPermission", {"QueueUrl": "bad"}),
        ("RemovePermission", {"QueueUrl": "bad"}),
        ("SendMessageBatch", {"QueueUrl": "bad"}),
        ("SendMessageBatch", {"QueueUrl": "bad", "Entries": [{}]}),
        ("StartMessageMoveTask", {}),
        ("CancelMessageMoveTask", {}),
        ("ListMessageMoveTasks", {}),
        ("SendMessage", {"QueueUrl": "bad", "MessageBody": "x", "MessageAttributes": {"n": {}}}),
        ("SendMessage", {"QueueUrl": "bad", "MessageBody": 7}),
        ("SendMessage", {"QueueUrl": "bad", "MessageBody": "x", "DelaySeconds": "soon"}),
        ("GetQueueAttributes", {"QueueUrl": "http://[", "AttributeNames": ["All"]}),
        ("GetQueueAttributes", {"QueueUrl": "a\x00b"}),
        ("CreateQueue", {"QueueName": "x" * 5000}),
    ],
)
def test_what_is_missing_or_wrong_is_the_sender_s_fault(
    shared_cloud: TestCloud, sqs: Any, operation: str, request_: Any
) -> None:
    make(sqs, "bad")
    status, _, body = json_call(shared_cloud, operation, request_)
    assert 400 <= status < 500, body


def test_a_query_body_that_is_no_utf8_changes_nothing(shared_cloud: TestCloud, sqs: Any) -> None:
    url = make(sqs, "bytes")
    body = b"Action=SendMessage&Version=2012-11-05&MessageBody=%ff%fe"
    status, _, _ = post(url, body, {"content-type": "application/x-www-form-urlencoded"})
    assert 400 <= status < 500
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
