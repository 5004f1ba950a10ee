"""Whatever characters a text has, the XML around it can be read."""

from __future__ import annotations

from typing import Any

import pytest

from pileus.base.errors import ApiError
from pileus.model import load
from pileus.wire import codec
from tests.wire.botocore_clients import parsed
from tests.wire.test_round_trips import service_model

ILL = "a\x00b\x01c\x08\x0b\x0c\x1f\ud800\udfff\ufffe\uffffz"
SHOWN = "a�b�c" + "�" * 8 + "z"
WELL = "tab\t line\n return\r \x7f\x85\u2028 <&>\"'é😀"
ANSWERS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("iam", "query", "ListAccountAliases", {"AccountAliases": ["?"]}),
    ("sqs", "query", "ListQueues", {"QueueUrls": ["?"]}),
    ("ec2", "ec2", "GetConsoleOutput", {"InstanceId": "?"}),
    ("s3", "rest-xml", "ListObjectVersions", {"Versions": [{"Key": "?"}]}),
    ("route53", "rest-xml", "GetHostedZone", {"HostedZone": {"Id": "?", "Name": "?", "CallerReference": "?"}}),
]


def filled(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {name: filled(below, text) for name, below in value.items()}
    return [filled(below, text) for below in value] if isinstance(value, list) else text


@pytest.mark.parametrize(("service", "protocol", "operation", "form"), ANSWERS)
@pytest.mark.parametrize(("text", "shown"), [(ILL, SHOWN), (WELL, WELL)])
def test_an_answer_is_read_by_clients_whatever_its_characters(
    service: str, protocol: str, operation: str, form: dict[str, Any], text: str, shown: str
) -> None:
    api, model = load(service), service_model(service, protocol)
    response = codec(api, protocol).encode(api.operation(operation), filled(form, text), "id")
    found = parsed(model, model.operation_model(operation), protocol, response)
    assert {name: found[name] for name in form} == filled(form, shown)


@pytest.mark.parametrize(("service", "protocol", "operation", "form"), ANSWERS)
@pytest.mark.parametrize(("text", "shown"), [(ILL, SHOWN), (WELL, WELL)])
def test_an_error_is_read_by_clients_whatever_its_characters(
    service: str, protocol: str, operation: str, form: dict[str, Any], text: str, shown: str
) -> None:
    api, model = load(service), service_model(service, protocol)
    error = ApiError(text, code="ValidationError", status=400)
    response = codec(api, protocol).encode_error(api.operation(operation), error, "id")
    assert parsed(model, model.operation_model(operation), protocol, response)["Error"]["Message"] == shown
