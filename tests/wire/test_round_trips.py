"""Real models, real botocore: every operation's request is read as it was meant, every answer as it was written."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from botocore.model import OperationModel, ServiceModel

from pileus.base.errors import ApiError
from pileus.model import Api, Operation, load
from pileus.wire import codec
from pileus.wire.rest_routes import Routes
from tests.wire.botocore_clients import parsed, sent
from tests.wire.plausible import Maker
from tests.wire.test_protocol_requests import unclaimed

# One or more of each protocol, and every one that Pileus has.
SPOKEN = [
    ("sqs", "json"), ("sqs", "query"), ("dynamodb", "json"), ("kms", "json"), ("iam", "query"), ("sts", "query"),
    ("sns", "query"),
    ("cloudformation", "query"), ("ec2", "ec2"), ("lambda", "rest-json"), ("apigateway", "rest-json"),
    ("efs", "rest-json"), ("iot", "rest-json"), ("s3", "rest-xml"), ("route53", "rest-xml"),
    ("cloudfront", "rest-xml"), ("cloudwatch", "smithy-rpc-v2-cbor"), ("cloudwatch", "query"),
]  # fmt: skip
# Paths that several operations share; the request itself cannot say which is meant.
SHARED = {
    ("s3", "GetBucketLifecycle"), ("s3", "GetBucketNotification"), ("s3", "PutBucketLifecycle"),
    ("s3", "PutBucketNotification"), ("s3", "ListDirectoryBuckets"),
}  # fmt: skip
# Deprecated: two members (`Event`, `Events`) have one element's name.
AMBIGUOUS = {"PutBucketNotification", "GetBucketNotification"}
UNWRAPPED = {"GetBucketLocation"}  # botocore reads it with a handler of its own; see test_rest


@cache
def service_model(name: str, protocol: str = "") -> ServiceModel:
    """AWS's own model: botocore's loader would make S3's `Expires` a moment, which on the wire it is not."""
    return ServiceModel(load(name).spoken(protocol).model, name)


def operations(service: str, protocol: str) -> list[tuple[Api, Operation, OperationModel]]:
    api, model = load(service), service_model(service, protocol)
    return [(api, api.operation(name), model.operation_model(name)) for name in api.operation_names]


def is_plain(operation: Operation) -> bool:
    return operation.event_stream_input is None and operation.event_stream_output is None


@pytest.mark.parametrize(("service", "protocol"), SPOKEN)
def test_every_request_is_read_as_the_client_meant_it(service: str, protocol: str) -> None:
    routes = Routes(load(service)) if protocol.startswith("rest") else None
    for api, operation, model in operations(service, protocol):
        if not is_plain(operation) or operation.name in AMBIGUOUS:
            continue
        params = Maker(len(operation.name)).input(operation)
        request = sent(model, protocol, params)
        labels: dict[str, str] = {}
        if routes is not None:
            matched = routes.match(request.method, request.path, request.query, request.headers)
            assert matched is not None, operation
            if (service, operation.name) not in SHARED:
                assert matched[0] == operation.name
            labels = matched[1] if matched[0] == operation.name else {"Bucket": params.get("Bucket", "")}
        decoded = codec(api, protocol).decode(operation, request, labels)
        assert unclaimed(operation.input, decoded) == params, operation


@pytest.mark.parametrize(("service", "protocol"), SPOKEN)
def test_every_answer_is_read_by_botocore_as_it_was_written(service: str, protocol: str) -> None:
    for api, operation, model in operations(service, protocol):
        if not is_plain(operation) or operation.name in AMBIGUOUS | UNWRAPPED:
            continue
        result = Maker(len(operation.name)).output(operation)
        response = codec(api, protocol).encode(operation, result, "request-id")
        found = parsed(service_model(service, protocol), model, protocol, response)
        assert _without_empty(found) == _without_empty(result), operation


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_empty(v) for k, v in value.items() if v not in ({}, [])}
    return [_without_empty(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("service", "protocol"), SPOKEN)
def test_every_error_is_read_by_botocore_with_its_code_and_message(service: str, protocol: str) -> None:
    api = load(service)
    operation = next(iter(api.operation(name) for name in api.operation_names if is_plain(api.operation(name))))
    model = service_model(service, protocol).operation_model(operation.name)
    for name in (*api.error_names, "SomethingNobodyModelled"):
        error = ApiError("It & <that> are wrong", code=name, status=400)
        response = codec(api, protocol).encode_error(operation, error, "request-id")
        found = parsed(service_model(service, protocol), model, protocol, response)["Error"]
        known = api.find_error(name)
        wanted = {name, known.query_code} if known is not None else {name}
        assert found["Code"] in wanted
        assert found["Message"] == "It & <that> are wrong"
