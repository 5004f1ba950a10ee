"""AWS's protocol cases backwards: what a client was given is what the codec reads from the request it sent."""

from __future__ import annotations

import base64
import math
import subprocess
from typing import Any

import pytest

from pileus.base.errors import SerializationError
from pileus.model import Member, Shape
from pileus.wire import HttpRequest, codec
from pileus.wire.rest_routes import Routes
from tests.wire.protocol_cases import Case, cases

# What a server cannot or must not read back as the client was given it, and why.
_GZIP = "the case leaves out the compressed body"
_TOKEN = "the client made the token up"
_EMPTY = "an empty collection leaves nothing on the wire"
_NO_PAYLOAD = "clients send an empty structure for one that was not given"
EXCEPTIONS: dict[str, str] = {
    "ec2:Ec2EmptyQueryLists": _EMPTY,
    "ec2:Ec2ProtocolIdempotencyTokenAutoFill": _TOKEN,
    "ec2:SDKAppendsGzipAndIgnoresHttpProvidedEncoding_ec2Query": _GZIP,
    "ec2:SDKAppliedContentEncoding_ec2Query": _GZIP,
    "json:SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_1": _GZIP,
    "json:SDKAppliedContentEncoding_awsJson1_1": _GZIP,
    "json_1_0:SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_0": _GZIP,
    "json_1_0:SDKAppliedContentEncoding_awsJson1_0": _GZIP,
    "query:QueryEmptyQueryMaps": _EMPTY,
    "query:QueryProtocolIdempotencyTokenAutoFill": _TOKEN,
    "query:SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery": _GZIP,
    "query:SDKAppliedContentEncoding_awsQuery": _GZIP,
    "rest-json:MediaTypeHeaderInputBase64": "the case holds the JSON's text where botocore and we hold its value",
    "rest-json:RestJsonHttpPrefixHeadersAreNotPresent": _EMPTY,
    "rest-json:RestJsonHttpWithEmptyStructurePayload": _NO_PAYLOAD,
    "rest-json:RestJsonHttpWithHeadersButNoPayload": _NO_PAYLOAD,
    "rest-json:RestJsonOmitsEmptyListQueryValues": _EMPTY,
    "rest-json:RestJsonQueryIdempotencyTokenAutoFill": _TOKEN,
    "rest-json:SDKAppendedGzipAfterProvidedEncoding_restJson1": _GZIP,
    "rest-json:SDKAppliedContentEncoding_restJson1": _GZIP,
    "rest-xml:HttpPrefixHeadersAreNotPresent": _EMPTY,
    "rest-xml:QueryIdempotencyTokenAutoFill": _TOKEN,
    "rest-xml:SDKAppendedGzipAfterProvidedEncoding_restXml": _GZIP,
    "rest-xml:SDKAppliedContentEncoding_restXml": _GZIP,
}


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
    host, slash, prefix = sent.get("host", "").partition("/")
    if slash:  # the endpoint's own path, which is no part of the operation's
        path = path.removeprefix("/" + prefix)
    body = sent.get("body", "")
    raw = base64.b64decode(body) if case.protocol == "smithy-rpc-v2-cbor" else body.encode()
    headers = {name.lower(): value for name, value in sent.get("headers", {}).items()}
    if host:
        headers["host"] = host
    return HttpRequest(sent.get("method", "POST"), path, query, headers, raw)


def meant(shape: Shape | None, value: Any, member: Member | None = None) -> Any:
    """What the case says in the terms of the model: bytes for blobs, no nulls, numbers for NaN."""
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
    return float(value) if shape.type in ("float", "double", "timestamp") else value


def comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: comparable(below) for key, below in value.items()}
    if isinstance(value, list):
        return [comparable(below) for below in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else _number(value)


def _number(value: Any) -> Any:
    """The json protocols write what is not finite as text, which botocore leaves so."""
    return {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}.get(value, value) if isinstance(value, str) else value


def unclaimed(shape: Shape | None, value: dict[str, Any]) -> dict[str, Any]:
    """Query maps without what other members claim: a server's map holds those too, a client's need not."""
    members = shape.members.values() if shape is not None else ()
    claimed = {m.location_name or m.name for m in members if m.location == "querystring" and m.shape.type != "map"}
    found = dict(value)
    for member in members:
        if member.location == "querystring" and member.shape.type == "map" and member.name in found:
            found[member.name] = {key: below for key, below in found[member.name].items() if key not in claimed}
            if not found[member.name]:
                del found[member.name]
    return found


def test_a_request_is_read_as_the_client_meant_it(case: Case | Exception) -> None:
    assert isinstance(case, Case), getattr(case, "stderr", case)
    request = request_of(case)
    labels: dict[str, str] = {}
    if case.protocol.startswith("rest"):
        matched = Routes(case.api).match(request.method, request.path, request.query, request.headers)
        assert matched is not None
        assert matched[0] == case.operation.name
        labels = matched[1]
    try:
        decoded = comparable(codec(case.api, case.protocol).decode(case.operation, request, labels))
    except SerializationError:
        if EXCEPTIONS.get(case.id) == _GZIP:
            return
        raise
    shape = case.operation.input
    wanted = comparable(meant(shape, case.raw.get("params") or {}))
    if case.id in EXCEPTIONS:
        assert decoded != wanted, "this exception is no longer one"
    else:
        assert unclaimed(shape, decoded) == unclaimed(shape, wanted)
