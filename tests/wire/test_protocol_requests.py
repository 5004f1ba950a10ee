"""AWS's protocol cases backwards: what a client was given is what the codec reads from the request it sent."""

from __future__ import annotations

import base64
import subprocess
from typing import Any
from urllib.parse import urlsplit

import pytest
from protocol_cases import Case, cases

from pileus.model import Member, Shape
from pileus.wire import HttpRequest, codec
from pileus.wire.rest_routes import Routes

# What a server cannot or must not read back as the client was given it, and why.
EXCEPTIONS: dict[str, str] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        try:
            found: list[Any] = list(cases("input"))
        except subprocess.CalledProcessError as error:
            found = [error]
        metafunc.parametrize("case", found, ids=lambda case: getattr(case, "id", "botocore's sources could not be had"))


def request_of(case: Case) -> HttpRequest:
    sent = case.raw["serialized"]
    path, _, query = sent.get("uri", "/").partition("?")
    body = sent.get("body", "")
    raw = base64.b64decode(body) if case.protocol == "smithy-rpc-v2-cbor" else body.encode()
    headers = {name.lower(): value for name, value in sent.get("headers", {}).items()}
    if "host" in sent:
        headers["host"] = urlsplit("//" + sent["host"]).netloc
    return HttpRequest(sent.get("method", "POST"), path, query, headers, raw)


def meant(shape: Shape | None, value: Any, member: Member | None = None) -> Any:
    """What the case says in the terms of the model: bytes for blobs, no nulls, comparable NaNs."""
    if shape is None or shape.document or (member is not None and member.json_value):
        return value
    if shape.type == "structure":
        return {
            name: meant(shape.members[name].shape, below, shape.members[name])
            for name, below in value.items()
            if below is not None and (name in shape.members)
        }
    if shape.type == "list":
        return [meant(shape.member.shape, below) for below in value if below is not None or shape.raw.get("sparse")]
    if shape.type == "map":
        fold = str.lower if member is not None and member.location == "headers" else str
        return {fold(key): None if below is None else meant(shape.value.shape, below) for key, below in value.items()}
    if shape.type == "blob":
        return value.encode() if isinstance(value, str) else value
    return comparable(float(value) if shape.type in ("float", "double", "timestamp") else value)


def comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: comparable(below) for key, below in value.items()}
    if isinstance(value, list):
        return [comparable(below) for below in value]
    return "NaN" if isinstance(value, float) and value != value else value


def test_a_request_is_read_as_the_client_meant_it(case: Case | Exception) -> None:
    assert isinstance(case, Case), getattr(case, "stderr", case)
    request = request_of(case)
    labels: dict[str, str] = {}
    if case.protocol.startswith("rest"):
        matched = Routes(case.api).match(request.method, request.path, request.query, request.headers)
        assert matched is not None
        assert matched[0] == case.operation.name
        labels = matched[1]
    decoded = codec(case.api, case.protocol).decode(case.operation, request, labels)
    wanted = meant(case.operation.input, case.raw.get("params") or {})
    if case.id in EXCEPTIONS:
        assert comparable(decoded) != wanted, "this exception is no longer one"
    else:
        assert comparable(decoded) == wanted
