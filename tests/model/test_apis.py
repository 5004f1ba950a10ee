"""Service models as data: what they say, and how cheaply."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pileus.model import ModelNotFound, find_service, find_services, load, services


def test_an_api_says_how_it_is_spoken() -> None:
    api = load("sqs")
    assert (api.signing_name, api.target_prefix, api.json_version) == ("sqs", "AmazonSQS", "1.0")
    assert api.aws_query_compatible
    assert set(api.protocols) >= {"json", "query"}
    assert load("ec2").protocols == ("ec2",)
    assert load("iam").is_global


def test_a_model_is_read_once() -> None:
    assert load("sqs") is load("sqs")
    assert load("sqs").operation("SendMessage") is load("sqs").operation("SendMessage")


@pytest.mark.parametrize("name", ["nothing", "../sqs", "", "sqs/2012-11-05"])
def test_a_service_without_a_model_is_not_found(name: str) -> None:
    with pytest.raises(ModelNotFound):
        load(name)


def test_an_operation_that_does_not_exist_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load("sqs").operation("Nothing")


def test_a_member_keeps_the_traits_of_its_use() -> None:
    put = load("s3").operation("PutObject")
    assert put.input is not None
    assert put.input.members["Key"].location == "uri"
    assert put.input.members["Metadata"].location_name == "x-amz-meta-"
    assert put.streaming_input == "Body"
    assert load("s3").operation("GetObject").streaming_output == "Body"
    assert load("s3").operation("SelectObjectContent").event_stream_output == "Payload"


def test_shapes_may_hold_themselves() -> None:
    value = load("dynamodb").shape("AttributeValue")
    assert value.members["M"].shape.value.shape is value


def test_an_error_knows_its_code_in_the_query_protocol_and_its_status() -> None:
    missing = load("iam").error("NoSuchEntityException")
    assert (missing.query_code, missing.status, missing.sender) == ("NoSuchEntity", 404, True)
    queue = load("sqs").error("QueueDoesNotExist")
    assert queue.query_code == "AWS.SimpleQueueService.NonExistentQueue"
    assert load("sqs").find_error("AWS.SimpleQueueService.NonExistentQueue") == queue
    assert load("lambda").error("ServiceException").status == 500


def test_sqs_keeps_its_old_names_in_the_query_protocol_alone() -> None:
    spoken = load("sqs").spoken("query")
    assert spoken.operation("SendMessage").input is not None
    names = {
        api: api.shape("SendMessageRequest").members["MessageAttributes"].location_name for api in (spoken, load("sqs"))
    }
    assert names == {spoken: "MessageAttribute", load("sqs"): None}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"signing_name": "sqs"}, "sqs"),
        ({"signing_name": "s3"}, "s3"),
        ({"target_prefix": "DynamoDB_20120810"}, "dynamodb"),
        ({"signing_name": "monitoring"}, "cloudwatch"),
        ({"endpoint_prefix": "elasticfilesystem"}, "efs"),
        ({"signing_name": "dynamodb", "target_prefix": "DynamoDBStreams_20120810"}, "dynamodbstreams"),
    ],
)
def test_a_service_is_found_by_what_a_request_says(given: dict[str, str], name: str) -> None:
    found = find_service(**given)  # type: ignore[arg-type]
    assert found is not None
    assert found.name == name


def test_a_service_aws_does_not_have_is_not_found() -> None:
    assert find_service(signing_name="nothing") is None
    assert find_services(signing_name="nothing") == ()


def test_every_service_can_be_refused_by_its_name() -> None:
    assert len(services()) > 350
    assert all(entry.full_name and entry.signing_name and entry.protocols[0] for entry in services())


def run(code: str) -> str:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=root)
    return done.stdout.strip()


def test_botocores_code_is_never_imported() -> None:
    code = (
        "import sys; from pileus.model import load, services; from pileus.wire import codec;"
        "services(); codec(load('sqs'), 'json'); print([m for m in sys.modules if m.startswith('botocore.')])"
    )
    assert run(code) == "[]"


def test_the_index_of_all_services_is_made_in_a_blink() -> None:
    code = (
        "import time; from pileus.model import services; started = time.process_time();"
        "services(); print(time.process_time() - started)"
    )
    assert min(float(run(code)) for _ in range(3)) < 0.25
