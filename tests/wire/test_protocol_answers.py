"""AWS's protocol cases forwards: what the codec writes is what botocore's parsers read, and what the case shows."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.model import ServiceModel
from botocore_clients import parsed, whole
from protocol_cases import Case, cases
from test_protocol_requests import comparable, meant

from pileus.base.errors import ApiError
from pileus.model import Shape
from pileus.wire import HttpResponse, codec

# Answers that botocore cannot read back as the case has them, and why.
EXCEPTIONS: dict[str, str] = {}
# Answers whose bytes say the same in another way than the case's, and why.
OTHER_BYTES: dict[str, str] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        try:
            wanted = "error" if "error" in metafunc.function.__name__ else "result"
            found: list[Any] = [case for case in cases("output") if wanted in case.raw]
        except subprocess.CalledProcessError as error:
            found = [error]
        metafunc.parametrize("case", found, ids=lambda case: getattr(case, "id", "botocore's sources could not be had"))


async def _events(values: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    for value in values:
        yield value


def answer_of(case: Case) -> HttpResponse:
    shape = case.operation.output
    result = special_floats(shape, meant(shape, case.raw["result"] or {}))
    stream = case.operation.event_stream_output
    if stream is not None and stream in result:
        result[stream] = _events(result[stream])
    return codec(case.api, case.protocol).encode(case.operation, result, "request-id")


def special_floats(shape: Shape | None, value: Any) -> Any:
    """The cases write NaN and the infinities as text."""
    if shape is None or value is None:
        return value
    if shape.type == "structure":
        return {n: special_floats(shape.members[n].shape, below) for n, below in value.items()}
    if shape.type in ("float", "double") and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    return value


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
    wanted = comparable(special_floats(shape, meant(shape, case.raw["result"] or {})))
    found = comparable(read_back(case, response))
    if case.id in EXCEPTIONS:
        assert found != wanted, "this exception is no longer one"
    else:
        assert found == wanted
    assert response.status == case.raw["response"].get("status_code", 200)


def test_an_answer_is_written_as_the_case_shows(case: Case | Exception) -> None:
    assert isinstance(case, Case), getattr(case, "stderr", case)
    shown = case.raw["response"].get("body", "")
    if case.protocol == "smithy-rpc-v2-cbor" or case.operation.event_stream_output is not None:
        pytest.skip("CBOR and event streams have many forms of one value")
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
