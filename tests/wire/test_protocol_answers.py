"""AWS's protocol cases forwards: what the codec writes is what botocore's parsers read, and what the case shows."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.model import ServiceModel
from botocore.parsers import ResponseParserError

from pileus.base.errors import ApiError
from pileus.wire import HttpResponse, codec
from tests.wire.botocore_clients import parsed, whole
from tests.wire.protocol_cases import Case, cases
from tests.wire.test_protocol_requests import comparable, meant

# Answers that botocore cannot read back as the case has them, and why.
_ITEM_NAMES = "botocore reads a flattened list by its items' name, the case by the list's; no AWS model has both"
_NO_BLOB = "botocore reads an absent payload as no bytes"
_UNSET_UNION = "botocore cannot read an absent union"
_QUOTES = "botocore does not read quotes in a list of headers"
_DATES = "botocore does not read a list of dates in a header"
EXCEPTIONS: dict[str, str] = {
    "ec2:Ec2XmlLists": _ITEM_NAMES,
    "query:QueryXmlLists": _ITEM_NAMES,
    "rest-json:HttpPrefixHeadersResponse": "the map has no prefix, so it holds the request id's header too",
    "rest-json:RestJsonHttpPayloadTraitsWithNoBlobBody": _NO_BLOB,
    "rest-json:RestJsonHttpPayloadWithUnsetUnion": _UNSET_UNION,
    "rest-json:RestJsonInputAndOutputWithQuotedStringHeaders": _QUOTES,
    "rest-json:RestJsonInputAndOutputWithTimestampHeaders": _DATES,
    "rest-xml:HttpPayloadTraitsWithNoBlobBody": _NO_BLOB,
    "rest-xml:InputAndOutputWithTimestampHeaders": _DATES,
    "rest-xml:RestXmlHttpPayloadWithUnsetUnion": _UNSET_UNION,
    "rest-xml:XmlLists": _ITEM_NAMES,
}
# Answers whose bytes say the same in another way than the case's, and why.
_OFFSET = "a moment is written in UTC"
_UNKNOWN = "the case shows what a client must pass over, which a server never writes"
_NULL = "an absent member is absent, never null"
_NAMED_BY_USE = "the name a model gives a payload where it is used is the one S3's answers have"
OTHER_BYTES: dict[str, str] = {
    "json:AwsJson11DateTimeWithNegativeOffset": _OFFSET,
    "json:AwsJson11DateTimeWithPositiveOffset": _OFFSET,
    "json:AwsJson11DeserializeIgnoreType": _UNKNOWN,
    "json:AwsJson11StructuresDontDeserializeNullValues": _NULL,
    "json:handles_unexpected_json_output": _UNKNOWN,
    "json_1_0:AwsJson10DeserializeAllowNulls": _NULL,
    "json_1_0:AwsJson10DeserializeIgnoreType": _UNKNOWN,
    "json_1_0:AwsJson10HandlesUnexpectedJsonOutput": _UNKNOWN,
    "rest-json:RestJsonDateTimeWithNegativeOffset": _OFFSET,
    "rest-json:RestJsonDateTimeWithPositiveOffset": _OFFSET,
    "rest-json:RestJsonDeserializeIgnoreType": _UNKNOWN,
    "rest-json:RestJsonDeserializesDenseSetMapAndSkipsNull": _NULL,
    "rest-json:RestJsonDoesntDeserializeNullStructureValues": _NULL,
    "rest-xml:BodyWithXmlName": "botocore reads a structure by its shape's name, the case by the member's",
    "rest-xml:HttpPayloadWithXmlName": _NAMED_BY_USE,
    "rest-xml:HttpPayloadWithXmlNamespace": _NAMED_BY_USE,
    "rest-xml:HttpPayloadWithXmlNamespaceAndPrefix": _NAMED_BY_USE,
    "rest-xml:RestXmlDateTimeWithNegativeOffset": _OFFSET,
    "rest-xml:RestXmlDateTimeWithPositiveOffset": _OFFSET,
    "rest-xml:RestXmlHttpPayloadWithUnion": _NAMED_BY_USE,
    "rest-xml:SimpleScalarPropertiesWithXMLPreamble": _UNKNOWN,
    "rest-xml:XmlLists": _ITEM_NAMES,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        try:
            wanted = "error" if "error" in metafunc.function.__name__ else "result"
            found: list[Any] = [case for case in cases("output") if wanted in case.raw]
            if "written" in metafunc.function.__name__:  # the other protocols have many forms of one value
                found = [case for case in found if case.protocol in ("json", "rest-json", "rest-xml")]
        except subprocess.CalledProcessError as error:
            found = [error]
        metafunc.parametrize("case", found, ids=lambda case: getattr(case, "id", "botocore's sources could not be had"))


async def _events(values: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    for value in values:
        yield value


def answer_of(case: Case) -> HttpResponse:
    shape = case.operation.output
    result = meant(shape, case.raw["result"] or {})
    stream = case.operation.event_stream_output
    if stream is not None and stream in result:
        result[stream] = _events(result[stream])
    return codec(case.api, case.protocol).encode(case.operation, result, "request-id")


def read_back(case: Case, response: HttpResponse) -> dict[str, Any]:
    model = ServiceModel(case.api.model)
    operation = model.operation_model(case.operation.name)
    output = operation.output_shape
    if case.protocol == "query" and output is not None and output.members:
        output.serialization["resultWrapper"] = f"{case.operation.name}Result"
    return parsed(model, operation, case.protocol, response)


def test_an_answer_is_read_by_botocore_as_the_case_says(case: Case | Exception) -> None:
    assert isinstance(case, Case), getattr(case, "stderr", case)
    response = answer_of(case)
    shape = case.operation.output
    wanted = comparable(meant(shape, case.raw["result"] or {}))
    try:
        found: Any = comparable(read_back(case, response))
    except ResponseParserError as error:
        found = error
    if case.id in EXCEPTIONS:
        assert found != wanted, "this exception is no longer one"
    else:
        assert found == wanted
    assert response.status == case.raw["response"].get("status_code", 200)


def test_an_answer_is_written_as_the_case_shows(case: Case | Exception) -> None:
    assert isinstance(case, Case), getattr(case, "stderr", case)
    shown = case.raw["response"].get("body", "")
    written = whole(answer_of(case))
    if case.id in OTHER_BYTES:
        assert canonical(case, written) != canonical(case, shown.encode()), "these bytes are no longer others"
    else:
        assert canonical(case, written) == canonical(case, shown.encode())


def canonical(case: Case, body: bytes) -> Any:
    if case.protocol.endswith("json"):
        try:
            return json.loads(body or b"{}")
        except ValueError:
            return body
    try:
        return ET.canonicalize(body.decode(), strip_text=True)
    except (ET.ParseError, ValueError):
        return body


def test_an_error_is_read_by_botocore_as_the_case_says(case: Case | Exception) -> None:
    assert isinstance(case, Case), getattr(case, "stderr", case)
    raised = case.raw["error"]
    text = next((value for name, value in raised.items() if name.lower() == "message"), "")
    members = {name: value for name, value in raised.items() if name.lower() != "message"}
    code = case.api.error_names[0] if case.api.error_names else case.raw.get("errorCode", "")
    error = ApiError(text, code=code, status=case.raw["response"].get("status_code", 400), members=members)
    found = read_back(case, codec(case.api, case.protocol).encode_error(case.operation, error, "request-id"))
    assert found.pop("Error")["Code"] == case.raw.get("errorCode", code)
    assert {name: value for name, value in found.items() if value} == raised
    assert not members or found.items() >= members.items()
