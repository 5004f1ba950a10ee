"""Presigned URLs, of today's signatures and of those boto3 makes by default."""

import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from pileus.gateway.sigv2 import SUBRESOURCES
from pileus.model import load
from pileus.wire import form
from tests.conftest import TestCloud

from .s3_asking import read, refused
from .web_asking import Answer, ask


@pytest.fixture(params=["s3v4", "s3"])
def signing(request: Any, shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("s3", config=Config(signature_version=request.param, s3={"addressing_style": "path"}))


def use(cloud: TestCloud, url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return ask(cloud, method, path, parts.netloc, body, **headers)


def test_each_method_has_its_url(signing: Any, s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    def url(operation: str, **more: Any) -> str:
        return str(signing.generate_presigned_url(operation, Params={"Bucket": bucket, "Key": "a b/ü+", **more}))

    put = use(shared_cloud, url("put_object", ContentType="text/x", Metadata={"who": "me"}), "PUT", b"hello",
              Content_Type="text/x", x_amz_meta_who="me")  # fmt: skip
    assert put.status == 200, put.text
    found = s3.get_object(Bucket=bucket, Key="a b/ü+")
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (b"hello", "text/x", {"who": "me"})
    get = use(shared_cloud, url("get_object"))
    assert (get.status, get.body) == (200, b"hello")
    assert use(shared_cloud, url("get_object"), Range="bytes=1-2").body == b"el"
    head = use(shared_cloud, url("head_object"), "HEAD")
    assert (head.status, head.headers["content-length"], head.body) == (200, "5", b"")
    assert use(shared_cloud, url("delete_object"), "DELETE").status == 204
    assert use(shared_cloud, url("get_object")).status == 404


def test_an_address_opens_with_the_plainest_client(signing: Any, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 200_000)
    url = signing.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.read() == b"x" * 200_000


def test_a_listing_and_a_version_are_presigned(signing: Any, s3: Any, shared_cloud: TestCloud, versioned: str) -> None:
    first = s3.put_object(Bucket=versioned, Key="k", Body=b"1")["VersionId"]
    s3.put_object(Bucket=versioned, Key="k", Body=b"2")
    url = signing.generate_presigned_url("get_object", Params={"Bucket": versioned, "Key": "k", "VersionId": first})
    assert use(shared_cloud, url).body == b"1"
    url = signing.generate_presigned_url("list_objects_v2", Params={"Bucket": versioned, "Prefix": "k"})
    assert "<Key>k</Key>" in use(shared_cloud, url).text


def test_the_answer_s_headers_may_be_overridden(signing: Any, s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="text/plain")
    wanted = {
        "ResponseContentType": "application/x-mine", "ResponseContentDisposition": 'attachment; filename="a b.txt"',
        "ResponseCacheControl": "no-store", "ResponseContentLanguage": "de", "ResponseContentEncoding": "identity",
    }  # fmt: skip
    answer = use(
        shared_cloud, signing.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k", **wanted})
    )
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "application/x-mine"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-language"] == "de"
    assert answer.headers["content-encoding"] == "identity"
    assert "attachment" in answer.headers["content-disposition"]


def test_an_expired_url_says_so(signing: Any, s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = signing.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    old = _older(url)
    answer = use(shared_cloud, old)
    assert (answer.status, "<Code>AccessDenied</Code><Message>Request has expired</Message>" in answer.text) == (
        403,
        True,
    )


def _older(url: str) -> str:
    """The same address, an hour ago (its signature no longer fits: age is judged first)."""
    parts = urlsplit(url)
    fields = [part.partition("=")[::2] for part in parts.query.split("&")]
    made = []
    for name, value in fields:
        if name == "Expires":
            value = str(int(value) - 3_600)
        elif name == "X-Amz-Date":
            hour = int(value[9:11])
            value = f"{value[:9]}{hour - 1:02}{value[11:]}" if hour else f"{_day_before(value[:8])}T23{value[11:]}"
        elif name == "X-Amz-Credential" and int(dict(fields)["X-Amz-Date"][9:11]) == 0:
            value = value.replace(dict(fields)["X-Amz-Date"][:8], _day_before(dict(fields)["X-Amz-Date"][:8]))
        made.append(f"{name}={value}")
    return parts._replace(query="&".join(made)).geturl()


def _day_before(day: str) -> str:
    from datetime import UTC, datetime, timedelta

    return (datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) - timedelta(days=1)).strftime("%Y%m%d")


def test_what_was_not_signed_is_not_done(signing: Any, s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_object(Bucket=bucket, Key="other", Body=b"secret")
    url = signing.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    for changed, method in (
        (url.replace(f"/{bucket}/k?", f"/{bucket}/other?"), "GET"),
        (url, "PUT"),
        (url, "DELETE"),
        (url + "&versionId=null", "GET"),
        (url + "&response-content-type=a/b", "GET"),
        (url.replace("Signature=", "Signature=0"), "GET"),
        (url.replace("test", "nobody"), "GET"),
    ):
        answer = use(shared_cloud, changed, method, b"" if method == "PUT" else None)
        assert answer.status == 403, (changed, method)
        assert b"secret" not in answer.body
    assert read(s3, bucket, "k") == b"x"


def test_headers_that_were_signed_must_come(signing: Any, shared_cloud: TestCloud, bucket: str) -> None:
    url = signing.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k", "ContentType": "text/a"})
    assert use(shared_cloud, url, "PUT", b"x", Content_Type="text/b").status == 403
    assert use(shared_cloud, url, "PUT", b"x", Content_Type="text/a").status == 200


def test_temporary_credentials_make_urls(shared_cloud: TestCloud, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    session = shared_cloud.client("sts").get_session_token()["Credentials"]
    keys = session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
    for version in ("s3v4", "s3"):
        client = shared_cloud.client("s3", *keys, config=Config(signature_version=version))
        url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
        assert use(shared_cloud, url).body == b"x"
        name = "X-Amz-Security-Token" if version == "s3v4" else "x-amz-security-token"
        without = "&".join(part for part in url.split("&") if not part.startswith(f"{name}="))
        assert use(shared_cloud, without).status == 403


def test_what_a_url_has_in_place_of_headers_counts(shared_cloud: TestCloud, s3: Any, bucket: str) -> None:
    """As the JavaScript SDK presigns: every x-amz-* header in the query."""
    query = "x-amz-meta-who=me&x-amz-storage-class=STANDARD_IA"
    url = _signed_query(shared_cloud, "PUT", f"/{bucket}/k", query)
    assert use(shared_cloud, url, "PUT", b"x").status == 200
    found = s3.head_object(Bucket=bucket, Key="k")
    assert (found["Metadata"], found["StorageClass"]) == ({"who": "me"}, "STANDARD_IA")


def _signed_query(cloud: TestCloud, method: str, path: str, query: str) -> str:
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest(method, f"{cloud.endpoint}{path}?{query}")
    S3SigV4QueryAuth(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
    return str(request.url)


@pytest.fixture
def away(shared_cloud: TestCloud) -> Iterator[tuple[Any, str]]:
    client = shared_cloud.client("s3", region_name="eu-central-1", config=Config(signature_version="s3v4"))
    client.create_bucket(Bucket="b-in-frankfurt", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    client.put_object(Bucket="b-in-frankfurt", Key="k", Body=b"guten Tag")
    yield client, "b-in-frankfurt"
    client.delete_object(Bucket="b-in-frankfurt", Key="k")
    client.delete_bucket(Bucket="b-in-frankfurt")


def test_a_url_is_for_the_bucket_s_own_region(shared_cloud: TestCloud, away: tuple[Any, str]) -> None:
    client, bucket = away
    wanted = {"Bucket": bucket, "Key": "k"}
    assert use(shared_cloud, client.generate_presigned_url("get_object", Params=wanted)).body == b"guten Tag"
    wrong = shared_cloud.client("s3", config=Config(signature_version="s3v4"))
    answer = use(shared_cloud, wrong.generate_presigned_url("get_object", Params=wanted))
    assert (answer.status, "<Region>eu-central-1</Region>" in answer.text) == (400, True)
    # Version 2 names no region.
    old = shared_cloud.client("s3", config=Config(signature_version="s3"))
    assert use(shared_cloud, old.generate_presigned_url("get_object", Params=wanted)).body == b"guten Tag"


def test_a_version_2_header_and_half_a_url_are_refused(shared_cloud: TestCloud, bucket: str) -> None:
    answer = ask(shared_cloud, "GET", f"/{bucket}", Authorization="AWS test:c2ln")
    assert (answer.status, "Please use AWS4-HMAC-SHA256." in answer.text) == (400, True)
    answer = ask(shared_cloud, "GET", f"/{bucket}?AWSAccessKeyId=test&Signature=x&Expires=soon")
    assert (answer.status, "<Code>AccessDenied</Code>" in answer.text) == (403, True)
    refused("NoSuchKey", shared_cloud.client("s3").get_object, Bucket=bucket, Key="x")


def test_a_version_2_url_is_for_one_operation_and_one_bucket(shared_cloud: TestCloud, s3: Any, bucket: str) -> None:
    old = shared_cloud.client("s3", config=Config(signature_version="s3", s3={"addressing_style": "path"}))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = old.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    for more in ("retention", "legal-hold", "attributes", "tagging"):
        answer = use(shared_cloud, f"{url}&{more}", x_amz_object_attributes="ETag")
        assert (answer.status, "SignatureDoesNotMatch" in answer.text) == (403, True), more
    s3.create_bucket(Bucket="www.of-somebody.example")
    s3.put_object(Bucket="www.of-somebody.example", Key=f"{bucket}/k", Body=b"secret")
    parts = urlsplit(url)
    answer = ask(shared_cloud, "GET", f"{parts.path}?{parts.query}", "www.of-somebody.example")
    assert (answer.status, "secret" in answer.text) == (403, False)


def test_whatever_else_makes_another_operation_of_a_request_is_signed() -> None:
    found = set()
    for name in (api := load("s3")).operation_names:
        found |= {constant for constant, _ in form.pairs(api.operation(name).request_uri.partition("?")[2])}
    assert found - SUBRESOURCES <= {"list-type", "id"}  # another form of the same list; which configuration


def presigned(cloud: TestCloud, path: str, **changes: str | None) -> str:
    """A URL with some of its parameters changed (before it is signed) or left out (afterwards)."""
    request = AWSRequest("GET", cloud.endpoint + path)
    expires = changes.pop("Expires") if changes.get("Expires") else "60"
    S3SigV4QueryAuth(Credentials("test", "test"), "s3", "us-east-1", expires=expires).add_auth(request)
    parts = urlsplit(request.url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name, value in changes.items():
        name = "X-Amz-" + name.replace("_", "-")
        if value is None:
            del query[name]
        else:
            query[name] = value
    return f"{parts.path}?{urlencode(query)}"


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"Expires": "604801"}, "AuthorizationQueryParametersError", "must be less than a week (in seconds)"),
        ({"Expires": "99999999999"}, "AuthorizationQueryParametersError", "must be less than a week (in seconds)"),
        ({"Expires": "-1"}, "AuthorizationQueryParametersError", "X-Amz-Expires must be non-negative"),
        ({"Expires": "soon"}, "AuthorizationQueryParametersError", "X-Amz-Expires should be a number"),
        ({"Algorithm": "AWS4-HMAC-SHA1"}, "AuthorizationQueryParametersError", "X-Amz-Algorithm only supports"),
        ({"Credential": "test/today"}, "AuthorizationQueryParametersError", "the Credential is mal-formed; expecting"),
        ({"Date": "2026-01-01"}, "AuthorizationQueryParametersError", "X-Amz-Date must be in the ISO8601 Long Format"),
        ({"Date": "20260101T000000Z"}, "AuthorizationQueryParametersError", "Invalid credential date"),
        *(
            ({name: None}, "AuthorizationQueryParametersError", "Query-string authentication version 4 requires")
            for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
        ),
    ],
)
def test_a_url_that_cannot_be_read_is_refused_in_s3_s_words(
    shared_cloud: TestCloud, bucket: str, changes: dict[str, str | None], code: str, says: str
) -> None:
    answer = ask(shared_cloud, "GET", presigned(shared_cloud, f"/{bucket}/k", **changes))
    assert (answer.status, f"<Error><Code>{code}</Code>" in answer.text, says in answer.text) == (400, True, True), (
        answer.text
    )


def test_the_edges_of_a_url_s_life(shared_cloud: TestCloud, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert ask(shared_cloud, "GET", presigned(shared_cloud, f"/{bucket}/k", Expires="604800")).status == 200
    answer = ask(shared_cloud, "GET", presigned(shared_cloud, f"/{bucket}/k", Expires="0"))
    assert (answer.status, "<Message>Request has expired</Message><Expires>" in answer.text) == (403, True), answer.text


def test_a_head_that_cannot_be_read_is_refused_in_s3_s_words(shared_cloud: TestCloud, bucket: str) -> None:
    for header, code, says in (
        ("Bearer token", "InvalidArgument", "Unsupported Authorization Type"),
        ("AWS4-HMAC-SHA256 Credential=a", "AuthorizationHeaderMalformed", "requires three components"),
        (
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0",
            "AuthorizationHeaderMalformed",
            "mal-form",
        ),
    ):
        answer = ask(shared_cloud, "GET", f"/{bucket}", Authorization=header, X_Amz_Date="20260101T000000Z")
        assert (answer.status, f"<Error><Code>{code}</Code>" in answer.text, says in answer.text) == (400, True, True)
    whole = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    answer = ask(shared_cloud, "GET", f"/{bucket}", Authorization=whole)
    assert (answer.status, "requires a valid Date or x-amz-date header" in answer.text) == (403, True)


def test_a_request_is_signed_once(shared_cloud: TestCloud, bucket: str) -> None:
    whole = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    for header in ("Bearer token", whole):
        url = presigned(shared_cloud, f"/{bucket}/k")
        answer = ask(shared_cloud, "GET", url, Authorization=header, X_Amz_Date="20260101T000000Z")
        assert (answer.status, "Only one auth mechanism allowed" in answer.text) == (400, True), answer.text
