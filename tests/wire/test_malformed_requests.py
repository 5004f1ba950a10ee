"""Whatever the bytes: a dict or an error of the caller's, never anything else, and never in more than linear time."""

from __future__ import annotations

import gzip
import time
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pileus.base.errors import ApiError, SerializationError
from pileus.model import Operation, load
from pileus.model.constraints import check
from pileus.wire import HttpRequest, codec
from pileus.wire.rest_routes import Routes
from tests.wire.botocore_clients import sent
from tests.wire.plausible import Maker
from tests.wire.test_round_trips import SPOKEN, is_plain, service_model

FUZZ = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
TEXT = st.text(max_size=60)
MALICIOUS = [
    b"", b"{", b"[]", b"null", b"1", b'"x"', b"{}" * 3, b"\xff\xfe", b"<a>", b"<a/><b/>", b"\x00", b"&&==&",
    b"a.b.c=1&a=2",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"<?xml version='1.0' encoding='utf-16'?><a/>", b"\xbf" * 10,
    b"x" + b".1" * 5000, b"\x9f" * 5000, b"[" * 5000, b'{"a":' * 5000, b"<a>" * 5000, b"\xd8\x40" * 100,
    b"A.1.1.1.1.1.1=1&" * 50,
    b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", b"1e999999", b'{"a":1e400}',
]  # fmt: skip


def read(service: str, protocol: str, operation: Operation, request: HttpRequest) -> None:
    """Fails when the answer is neither a dict nor an error of the caller's."""
    labels = {"Bucket": "b", "Key": "k"}
    refused: ApiError | None = None
    found: Any = None
    try:
        if protocol.startswith("rest"):
            matched = routes(service).match(request.method, request.path, request.query, request.headers)
            labels = matched[1] if matched is not None else labels
        found = codec(load(service), protocol).decode(operation, request, labels)
    except ApiError as error:
        refused = error
    if refused is not None:
        assert 400 <= refused.status < 500
        assert refused.message
    else:
        assert isinstance(found, dict)
        told = check(operation, found)
        assert told is None or "validation error" in told


@cache
def routes(service: str) -> Routes:
    return Routes(load(service))


def names(service: str) -> list[str]:
    api = load(service)
    plain = [name for name in api.operation_names if is_plain(api.operation(name))]
    # A member that is part of the host's name must be one that botocore takes: made-up text seldom is.
    return [name for name in plain if "{" not in (api.operation(name).host_prefix or "")]


def fields(operation: Operation) -> list[str]:
    members = operation.input.members.values() if operation.input is not None else ()
    return [(member.location_name or member.name).lower() for member in members] + ["content-encoding"]


@pytest.mark.parametrize(("service", "protocol"), SPOKEN)
@FUZZ
@given(data=st.data())
def test_arbitrary_bytes_are_read_or_refused(service: str, protocol: str, data: st.DataObject) -> None:
    operation = load(service).operation(data.draw(st.sampled_from(names(service))))
    headers = data.draw(st.dictionaries(st.sampled_from(fields(operation)), TEXT, max_size=3))
    path = "/" + data.draw(TEXT)
    body = data.draw(st.binary(max_size=200) | st.sampled_from(MALICIOUS))
    read(service, protocol, operation, HttpRequest(operation.http_method, path, data.draw(TEXT), headers, body))


@pytest.mark.parametrize(("service", "protocol"), SPOKEN)
@FUZZ
@given(data=st.data())
def test_damaged_requests_are_read_or_refused(service: str, protocol: str, data: st.DataObject) -> None:
    operation = load(service).operation(data.draw(st.sampled_from(names(service))))
    params = Maker(data.draw(st.integers(0, 50))).input(operation)
    request = sent(service_model(service, protocol).operation_model(operation.name), protocol, params)
    body = request.whole_body()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body)))
        body = body[:at] + data.draw(st.binary(max_size=3)) + body[at + data.draw(st.integers(0, 3)) :]
    query = request.query
    at = data.draw(st.integers(0, len(query)))
    request.query = query[:at] + data.draw(st.text(max_size=2)) + query[at + data.draw(st.integers(0, 2)) :]
    for name in data.draw(st.lists(st.sampled_from(sorted(request.headers) or ["x"]), max_size=2)):
        request.headers[name] = data.draw(TEXT)
    request.body = body
    read(service, protocol, operation, request)


@pytest.mark.parametrize(("service", "protocol"), SPOKEN)
def test_known_tricks_are_refused_or_read(service: str, protocol: str) -> None:
    for name in names(service)[:60]:
        operation = load(service).operation(name)
        for body in MALICIOUS:
            read(service, protocol, operation, HttpRequest(operation.http_method, "/b/k", "", {}, body))


HUGE = 400_000


@pytest.mark.parametrize(
    ("service", "protocol", "name", "body"),
    [
        ("iam", "query", "CreateUser", b"UserName=" + b"%41" * HUGE),
        ("iam", "query", "TagUser", b"&".join(b"Tags.member.%d.Key=a" % n for n in range(HUGE // 20))),
        ("sqs", "json", "SendMessage", b'{"MessageBody":"' + b"\\u0041" * HUGE + b'"}'),
        ("dynamodb", "json", "PutItem", b'{"Item":{"a":{"L":[' + b'{"S":"x"},' * (HUGE // 10) + b'{"S":"x"}]}}}'),
        (
            "s3",
            "rest-xml",
            "DeleteObjects",
            b"<Delete>" + b"<Object><Key>k</Key></Object>" * (HUGE // 30) + b"</Delete>",
        ),
        ("s3", "rest-xml", "DeleteObjects", b"<Delete><Object><Key>" + b"&amp;" * HUGE + b"</Key></Object></Delete>"),
        ("cloudwatch", "smithy-rpc-v2-cbor", "PutMetricData", b"\xbf\x69Namespace\x7f" + b"\x61a" * HUGE + b"\xff\xff"),
        ("cloudwatch", "smithy-rpc-v2-cbor", "PutMetricData", b"\xa1\x6aMetricData\x9f" + b"\xa0" * HUGE + b"\xff"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_request_of_a_megabyte_is_read_in_linear_time(service: str, protocol: str, name: str, body: bytes) -> None:
    operation = load(service).operation(name)
    spoken = codec(load(service), protocol)

    def cost(body: bytes) -> float:
        best = 1e9
        for _ in range(3):
            started = time.process_time()
            spoken.decode(operation, HttpRequest("POST", "/b", "delete", {}, body), {"Bucket": "b"})
            best = min(best, time.process_time() - started)
        return best

    assert cost(body) < 2.0  # in quadratic time it would be minutes


def test_a_compressed_body_is_unpacked() -> None:
    api = load("cloudwatch")
    body = gzip.compress(b"\xa1\x69Namespace\x61n")
    request = HttpRequest("POST", "/", "", {"content-encoding": "gzip"}, body)
    assert codec(api, "smithy-rpc-v2-cbor").decode(api.operation("PutMetricData"), request, {}) == {"Namespace": "n"}


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"{}" * 9)[:-9]])
def test_a_body_that_is_no_gzip_is_refused(body: bytes) -> None:
    assert refusal(body).code == "SerializationException"


def test_a_small_body_cannot_unpack_to_a_huge_one() -> None:
    assert refusal(gzip.compress(bytes(64 * 1024 * 1024), 1)).status == 413


def refusal(body: bytes) -> ApiError:
    api = load("cloudwatch")
    request = HttpRequest("POST", "/", "", {"content-encoding": "gzip"}, body)
    with pytest.raises(ApiError) as refused:
        codec(api, "smithy-rpc-v2-cbor").decode(api.operation("PutMetricData"), request, {})
    return refused.value


@pytest.mark.parametrize("trick", ["<!DOCTYPE Delete><Delete/>", "<!DOCTYPE d [<!ENTITY a 'b'>]><Delete>&a;</Delete>"])
def test_xml_with_a_document_type_is_refused(trick: str) -> None:
    api = load("s3")
    with pytest.raises(SerializationError) as refused:
        codec(api, "rest-xml").decode(
            api.operation("DeleteObjects"), HttpRequest("POST", "/b", "", {}, trick.encode()), {}
        )
    assert refused.value.code == "MalformedXML"


def test_a_doubled_key_in_json_counts_once() -> None:
    api = load("sqs")
    body = b'{"QueueUrl":"one","QueueUrl":"two"}'
    decoded: dict[str, Any] = codec(api, "json").decode(
        api.operation("PurgeQueue"), HttpRequest("POST", "/", body=body), {}
    )
    assert decoded == {"QueueUrl": "two"}
