"""What is particular to the REST protocols: routes, S3's ways, headers and streams."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pileus.base.errors import ApiError, SerializationError
from pileus.model import load, services
from pileus.wire import HttpRequest, HttpResponse, codec
from pileus.wire.rest_routes import Routes

S3 = load("s3")
ROUTES = Routes(S3)
# Operations that another, newer one has replaced at the same method and path.
REPLACED = {"GetBucketLifecycle", "GetBucketNotification", "PutBucketLifecycle", "PutBucketNotification"}


def encoded(operation: str, result: dict[str, Any]) -> HttpResponse:
    return codec(S3, "rest-xml").encode(S3.operation(operation), result, "ID")


def decoded(operation: str, body: bytes, headers: dict[str, str] | None = None, query: str = "") -> dict[str, Any]:
    request = HttpRequest("PUT", "/b/k", query, headers or {}, body)
    return codec(S3, "rest-xml").decode(S3.operation(operation), request, {"Bucket": "b", "Key": "k"})


@pytest.mark.parametrize(
    ("method", "path", "query", "operation", "labels"),
    [
        ("GET", "/", "", "ListBuckets", {}),
        ("PUT", "/b", "", "CreateBucket", {"Bucket": "b"}),
        ("GET", "/b/", "", "ListObjects", {"Bucket": "b"}),
        ("GET", "/b", "list-type=2&prefix=p", "ListObjectsV2", {"Bucket": "b"}),
        ("GET", "/b", "versions", "ListObjectVersions", {"Bucket": "b"}),
        ("GET", "/b", "analytics", "ListBucketAnalyticsConfigurations", {"Bucket": "b"}),
        ("GET", "/b", "analytics&id=1", "GetBucketAnalyticsConfiguration", {"Bucket": "b"}),
        ("GET", "/b", "lifecycle", "GetBucketLifecycleConfiguration", {"Bucket": "b"}),
        ("POST", "/b", "delete", "DeleteObjects", {"Bucket": "b"}),
        ("GET", "/b/a%2Fb%20c/d/", "", "GetObject", {"Bucket": "b", "Key": "a/b c/d/"}),
        ("GET", "/b//k", "x-id=GetObject", "GetObject", {"Bucket": "b", "Key": "/k"}),
        ("GET", "/b/a+b", "", "GetObject", {"Bucket": "b", "Key": "a+b"}),
        ("GET", "/b/k", "uploadId=1", "ListParts", {"Bucket": "b", "Key": "k"}),
        ("PUT", "/b/k", "uploadId=1&partNumber=1", "UploadPart", {"Bucket": "b", "Key": "k"}),
        ("PUT", "/b/k", "acl=", "PutObjectAcl", {"Bucket": "b", "Key": "k"}),
        ("POST", "/b/k", "uploads", "CreateMultipartUpload", {"Bucket": "b", "Key": "k"}),
        ("POST", "/b/k", "select&select-type=2", "SelectObjectContent", {"Bucket": "b", "Key": "k"}),
    ],
)
def test_s3_tells_its_operations_apart(
    method: str, path: str, query: str, operation: str, labels: dict[str, str]
) -> None:
    assert ROUTES.match(method, path, query) == (operation, labels)


def test_a_copy_is_told_from_an_upload_by_its_header() -> None:
    source = {"x-amz-copy-source": "/b/k"}
    assert ROUTES.match("PUT", "/b/k", "", source) == ("CopyObject", {"Bucket": "b", "Key": "k"})
    found = ROUTES.match("PUT", "/b/k", "uploadId=1&partNumber=1", source)
    assert found == ("UploadPartCopy", {"Bucket": "b", "Key": "k"})


def test_an_unknown_method_or_path_matches_nothing() -> None:
    assert ROUTES.match("PATCH", "/b", "") is None
    assert Routes(load("lambda")).match("GET", "/nothing/here", "") is None


def test_a_path_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(SerializationError):
        ROUTES.match("GET", "/b/%ff", "")


def test_every_rest_operation_of_aws_is_found_at_its_own_path() -> None:
    lost = []
    for entry in services():
        if entry.protocols[0] not in ("rest-json", "rest-xml"):
            continue
        api = load(entry.name)
        routes = Routes(api)
        for name in api.operation_names:
            operation = api.operation(name)
            path, _, query = operation.request_uri.partition("?")
            labels = {label.rstrip("+"): f"v{n}" for n, label in enumerate(re.findall(r"\{([^{}]+)\}", path))}
            members = operation.input.members if operation.input is not None else {}
            needed = [members[n] for n in operation.input.required] if operation.input is not None else []
            queries = [query, *(f"{m.location_name}=1" for m in needed if m.location == "querystring")]
            headers = {(m.location_name or "").lower(): "1" for m in needed if m.location == "header"}
            filled = re.sub(r"\{([^{}]+)\}", lambda found, labels=labels: labels[found[1].rstrip("+")], path)
            if routes.match(operation.http_method, filled, "&".join(filter(None, queries)), headers) != (name, labels):
                lost.append(name)
        load.cache_clear()
    assert sorted(lost) == sorted(REPLACED | {"ListDirectoryBuckets"})


def test_s3_answers_have_their_own_root_elements_and_ids() -> None:
    response = encoded("ListObjectsV2", {"Name": "b", "Contents": [{"Key": "a<b", "Size": 1}]})
    assert response.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        b"<Name>b</Name><Contents><Key>a&lt;b</Key><Size>1</Size></Contents></ListBucketResult>"
    )
    assert ("x-amz-request-id", "ID") in response.headers
    assert "x-amz-id-2" in dict(response.headers)


def test_a_buckets_location_is_the_root_elements_text() -> None:
    assert isinstance(body := encoded("GetBucketLocation", {"LocationConstraint": "eu-west-1"}).body, bytes)
    assert body.endswith(
        b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">eu-west-1</LocationConstraint>'
    )
    assert b"></LocationConstraint>" in (encoded("GetBucketLocation", {}).body or b"")  # type: ignore[operator]


def test_an_s3_error_stands_alone_with_the_members_s3_gives() -> None:
    error = ApiError("No such key", code="NoSuchKey", status=404, members={"Key": "a&b"})
    response = codec(S3, "rest-xml").encode_error(S3.operation("GetObject"), error, "ID")
    assert isinstance(response.body, bytes)
    assert (
        b"<Error><Code>NoSuchKey</Code><Message>No such key</Message><Key>a&amp;b</Key><RequestId>ID</RequestId>"
        in response.body
    )
    assert response.status == 404


def test_the_error_of_a_head_request_has_no_body() -> None:
    error = ApiError("", code="NotFound", status=404)
    assert codec(S3, "rest-xml").encode_error(S3.operation("HeadObject"), error, "ID").body == b""


async def pieces() -> AsyncIterator[bytes]:
    yield b"piece"


def test_a_streamed_body_passes_through_as_it_is() -> None:
    stream = pieces()
    request = HttpRequest("PUT", "/b/k", "", {}, stream)
    found = codec(S3, "rest-xml").decode(S3.operation("PutObject"), request, {"Bucket": "b", "Key": "k"})
    assert found["Body"] is stream
    assert encoded("GetObject", {"Body": stream, "ContentLength": 5}).body is stream


def test_user_metadata_is_read_by_prefix_and_written_back() -> None:
    assert decoded("PutObject", b"", {"x-amz-meta-one": "1", "x-amz-acl": "private"})["Metadata"] == {"one": "1"}
    response = encoded("HeadObject", {"Metadata": {"one": "1", "two": "é"}, "LastModified": 1.0})
    headers = dict(response.headers)
    assert headers["x-amz-meta-one"] == "1"
    assert headers["x-amz-meta-two"] == "=?UTF-8?B?w6k=?="
    assert headers["Last-Modified"] == "Thu, 01 Jan 1970 00:00:01 GMT"


@pytest.mark.parametrize("text", ["a\r\nset-cookie: b", "a\nb", "a\x00b", "é\r\n"])
def test_no_value_can_break_out_of_its_header(text: str) -> None:
    written = encoded("GetObject", {"ContentType": text, "Metadata": {"k\r\nx: ": text}}).headers
    assert not any(character in name + value for name, value in written for character in "\r\n\0")


@pytest.mark.parametrize(
    "body",
    [b"<Wrong/>", b"<Delete><Unknown/></Delete>", b"<Delete>", b"<Delete><Quiet>maybe</Quiet></Delete>", b"x"],
)
def test_xml_that_does_not_fit_is_malformed(body: bytes) -> None:
    with pytest.raises(SerializationError) as refused:
        decoded("DeleteObjects", body)
    assert refused.value.code == "MalformedXML"


def test_a_header_that_is_no_number_is_an_invalid_argument() -> None:
    with pytest.raises(SerializationError) as refused:
        decoded("UploadPart", b"", query="partNumber=one&uploadId=1")
    assert refused.value.code == "InvalidArgument"


def test_an_attribute_with_a_prefix_is_read() -> None:
    body = (
        b'<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><AccessControlList><Grant>'
        b'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>i</ID></Grantee>'
        b"<Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>"
    )
    found = decoded("PutBucketAcl", body)["AccessControlPolicy"]
    assert found == {"Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": "i"}, "Permission": "READ"}]}


def test_a_rest_json_error_names_itself_in_a_header() -> None:
    api = load("lambda")
    error = ApiError("Function not found", code="ResourceNotFoundException", status=404, members={"Type": "User"})
    response = codec(api, "rest-json").encode_error(api.operation("GetFunction"), error, "ID")
    assert dict(response.headers)["x-amzn-ErrorType"] == "ResourceNotFoundException"
    assert response.body == b'{"Message":"Function not found","Type":"User"}'


def test_an_answer_without_content_has_no_body() -> None:
    api = load("lambda")
    response = codec(api, "rest-json").encode(api.operation("DeleteFunctionConcurrency"), {}, "ID")
    assert (response.status, response.body) == (204, b"")
