"""Our reading of a signed request against botocore's signer, over whatever paths, queries and headers there may be."""

from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.base.clock import SystemClock
from pileus.base.errors import ApiError
from pileus.gateway import sigv4
from pileus.identity.keys import Conveniences
from pileus.store import Transaction
from pileus.store.memory import MemoryStore
from pileus.store.overlay import OverlayTransaction
from pileus.wire import HttpRequest

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
STEPS = st.lists(st.one_of(TEXT, st.sampled_from(["", ".", "..", "%2e", "%252e", "a b", "a+b", "ü", "~", "*"])), max_size=5)
PATHS = STEPS.map(lambda steps: "/" + "/".join(quote(step, safe="-_.~") for step in steps))
QUERIES = st.lists(st.tuples(TEXT, TEXT), max_size=6).map(
    lambda pairs: [(name, value) for name, value in pairs if name and not name.lower().startswith("x-amz")]
)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.strip)


def verified(request: AWSRequest) -> None:
    """Raises the refusal that the gateway would give."""
    parts = urlsplit(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers.setdefault("host", parts.netloc)
    body = request.data or b""
    sent = HttpRequest(request.method, parts.path, parts.query, headers, body if isinstance(body, bytes) else body.encode())
    claim = sigv4.claim_of(sent)
    assert claim is not None
    tx: Transaction = OverlayTransaction(MemoryStore())
    now = SystemClock().machine()
    sigv4.verify(tx, sent, claim, Conveniences(), now, now)


def encoded(query: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query)


def made(path, query, values, method="GET", body=b""):
    headers = {f"x-amz-meta-{number}": value for number, value in enumerate(values)}
    url = f"http://127.0.0.1:4566{path}"
    return AWSRequest(method, url + (f"?{encoded(query)}" if query else ""), data=body, headers=headers)


def signer(kind, service, presigned):
    keys = Credentials("test", "test")
    if presigned:
        return (S3SigV4QueryAuth if kind == "s3" else SigV4QueryAuth)(keys, service, "eu-west-1", 60)
    return (S3SigV4Auth if kind == "s3" else SigV4Auth)(keys, service, "eu-west-1")


@settings(max_examples=300, deadline=None)
@given(
    path=PATHS, query=QUERIES, values=st.lists(VALUES, max_size=3), kind=st.sampled_from(["s3", "sqs"]),
    presigned=st.booleans(), body=st.binary(max_size=20),
)  # fmt: skip
def test_what_botocore_signs_we_verify(path, query, values, kind, presigned, body):
    request = made(path, query, values, "GET" if presigned else "POST", b"" if presigned else body)
    signer(kind, kind, presigned).add_auth(request)
    verified(request)


@settings(max_examples=200, deadline=None)
@given(
    path=PATHS, query=QUERIES, values=st.lists(VALUES, min_size=1, max_size=3), presigned=st.booleans(),
    change=st.sampled_from(["path", "query", "header", "method", "signature", "body"]), kind=st.sampled_from(["s3", "sqs"]),
)  # fmt: skip
def test_what_was_changed_after_signing_is_refused(path, query, values, presigned, change, kind):
    request = made(path, query, values, "GET", b"" if presigned else b"body")
    signer(kind, kind, presigned).add_auth(request)
    if change == "path":
        base, mark, rest = request.url.partition("?")
        request.url = base + "x" + mark + rest
    elif change == "query":
        request.url += "&added=1" if "?" in request.url else "?added=1"
    elif change == "header":
        request.headers.replace_header("x-amz-meta-0", values[0] + "x")
    elif change == "method":
        request.method = "DELETE"
    elif change == "body" and presigned and kind == "s3":
        return  # S3's presigned requests do not cover the body
    elif change == "body":
        request.data = b"other"
    elif presigned:
        request.url = request.url[:-1] + ("0" if request.url[-1] != "0" else "1")
    else:
        signature = request.headers["Authorization"]
        request.headers.replace_header("Authorization", signature[:-1] + ("0" if signature[-1] != "0" else "1"))
    with pytest.raises(ApiError):
        verified(request)


def test_utf8_in_a_signed_header_is_signed_as_its_bytes():
    """The server reads heads as Latin-1; the client signed what it sent."""
    request = AWSRequest("POST", "http://127.0.0.1:4566/", data=b"", headers={"x-amz-meta-a": "à  la carte"})
    SigV4Auth(Credentials("test", "test"), "sqs", "us-east-1").add_auth(request)
    request.headers.replace_header("x-amz-meta-a", "à  la carte".encode().decode("latin-1"))
    verified(request)
