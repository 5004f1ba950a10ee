"""Bad input: S3's own codes, and nothing changed."""

import hashlib
import http.client
import time
from base64 import b64encode
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.services.s3.s3_asking import refused
from tests.services.s3.web_asking import ask


def raw(cloud, method, path, body=b"", headers=None, query=""):
    """A signed request by hand: (status, body)."""
    url = f"http://127.0.0.1:{cloud.port}{path}{query}"
    request = AWSRequest(method, url, data=body, headers=headers or {})
    S3SigV4Auth(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port)
    connection.request(method, f"{path}{query}", body, dict(request.headers.items()))
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "A" * 5,
        "a" * 64,
        "under_score",
        "-begins",
        "ends-",
        "dot..dot",
        "1.2.3.4",
        "xn--name",
        "name-s3alias",
        "a b",
    ],
)
def test_a_bucket_name_against_the_rules_is_refused(shared_cloud, name):
    status, body = raw(shared_cloud, "PUT", f"/{name.replace(' ', '%20')}")
    assert (status, b"<Code>InvalidBucketName</Code>" in body) == (400, True)


def test_a_key_of_more_than_1024_bytes_is_too_long(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k" * 1024, Body=b"")
    refused("KeyTooLongError", s3.put_object, 400, Bucket=bucket, Key="k" * 1025, Body=b"")
    refused("KeyTooLongError", s3.put_object, 400, Bucket=bucket, Key="ä" * 513, Body=b"")


def test_a_wrong_md5_is_refused_and_nothing_is_kept(s3, bucket):
    wrong = b64encode(bytes(16)).decode()
    for body in (b"x", b"x" * 200_000):
        refused("BadDigest", s3.put_object, 400, Bucket=bucket, Key="k", Body=body, ContentMD5=wrong)
    refused("InvalidDigest", s3.put_object, 400, Bucket=bucket, Key="k", Body=b"x", ContentMD5="nonsense")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_a_wrong_checksum_is_refused_and_nothing_is_kept(s3, bucket, algorithm):
    size = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}[algorithm]
    wrong = {f"Checksum{algorithm}": b64encode(bytes(size)).decode()}
    for body in (b"x", b"x" * 200_000):
        refused("BadDigest", s3.put_object, 400, Bucket=bucket, Key="k", Body=body, **wrong)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_two_checksums_are_one_too_many(shared_cloud, bucket):
    headers = {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": b64encode(bytes(20)).decode()}
    status, body = raw(shared_cloud, "PUT", f"/{bucket}/k", b"", headers)
    assert (status, b"Expecting a single x-amz-checksum- header" in body) == (400, True)


def test_broken_xml_is_malformed(shared_cloud, bucket):
    for path, query in (
        (f"/{bucket}", "?tagging"),
        (f"/{bucket}", "?versioning"),
        (f"/{bucket}", "?delete"),
        (f"/{bucket}/k", "?tagging"),
    ):
        method = "POST" if query == "?delete" else "PUT"
        headers = {"content-md5": b64encode(hashlib.md5(b"<Tagging").digest()).decode()}
        status, body = raw(shared_cloud, method, path, b"<Tagging", headers, query)
        assert (status, b"<Code>MalformedXML</Code>" in body) == (400, True), (path, query, body)


def test_too_much_metadata_is_refused(s3, bucket):
    refused("MetadataTooLarge", s3.put_object, 400, Bucket=bucket, Key="k", Body=b"", Metadata={"m": "v" * 2048})
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"m": "v" * 2047})


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"StorageClass": "FROZEN"}, "InvalidStorageClass"),
        ({"ServerSideEncryption": "rot13"}, "InvalidArgument"),
        ({"WebsiteRedirectLocation": "elsewhere"}, "InvalidRedirectLocation"),
        ({"Tagging": "a=1&a=2"}, "InvalidArgument"),
        ({"SSEKMSKeyId": "some-key"}, "InvalidArgument"),
        ({"IfNoneMatch": '"etag"'}, "NotImplemented"),
    ],
)
def test_a_put_that_asks_for_what_there_is_not_is_refused(s3, bucket, arguments, code):
    refused(code, s3.put_object, Bucket=bucket, Key="k", Body=b"x", **arguments)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_bad_pages_are_refused(s3, shared_cloud, bucket):
    refused("InvalidArgument", s3.list_objects_v2, 400, Bucket=bucket, ContinuationToken="made-up")
    refused("InvalidArgument", s3.list_objects_v2, 400, Bucket=bucket, MaxKeys=-1)
    status, body = raw(shared_cloud, "GET", f"/{bucket}", query="?list-type=2&max-keys=many")
    assert (status, b"<Code>InvalidArgument</Code>" in body) == (400, True)
    for text in ("many", "", "99999999999", "-99999999999", "1.5", "0x10"):
        for query in ("?list-type=2&max-keys=", "?max-keys=", "?versions&max-keys=", "?uploads&max-uploads="):
            status, body = raw(shared_cloud, "GET", f"/{bucket}", query=query + text)
            said = body.decode()
            assert (status, "not an integer or within integer range</Message><ArgumentName>max-" in said) == (400, True)
    status, body = raw(shared_cloud, "GET", f"/{bucket}/k", query="?partNumber=x")
    assert (status, b"Part number must be an integer between 1 and 10000, inclusive" in body) == (400, True)
    status, body = raw(shared_cloud, "GET", f"/{bucket}", query="?list-type=2&encoding-type=rot13")
    assert (status, b"Invalid Encoding Method" in body) == (400, True)


def test_a_bucket_that_is_not_empty_stays(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    refused("BucketNotEmpty", s3.delete_bucket, 409, Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    refused("404", s3.head_bucket, 404, Bucket=bucket)


def test_another_bucket_of_the_name_starts_empty(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    refused("NoSuchUpload", s3.upload_part, 404, Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")


def test_creating_a_bucket_again_is_harmless_only_in_us_east_1(shared_cloud, s3, bucket):
    s3.create_bucket(Bucket=bucket)
    west = shared_cloud.client("s3", region_name="eu-west-1")
    there = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    west.create_bucket(Bucket="in-the-west", **there)
    refused("BucketAlreadyOwnedByYou", west.create_bucket, 409, Bucket="in-the-west", **there)
    other = shared_cloud.client("s3", key="111122223333")
    refused("BucketAlreadyExists", other.create_bucket, 409, Bucket=bucket)


def test_a_region_is_asked_for_where_it_is(shared_cloud, s3):
    west = shared_cloud.client("s3", region_name="eu-west-1")
    refused("IllegalLocationConstraintException", west.create_bucket, 400, Bucket="nowhere")
    wrong = {"CreateBucketConfiguration": {"LocationConstraint": "eu-central-1"}}
    refused("IllegalLocationConstraintException", west.create_bucket, 400, Bucket="nowhere", **wrong)
    refused("InvalidLocationConstraint", s3.create_bucket, 400, Bucket="nowhere",
            CreateBucketConfiguration={"LocationConstraint": "the-moon"})  # fmt: skip
    s3.create_bucket(Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "ap-south-1"})
    assert s3.get_bucket_location(Bucket="far-away")["LocationConstraint"] == "ap-south-1"


def test_a_bucket_is_found_from_another_region_as_sdks_do(shared_cloud, s3):
    """AWS tells the right region and SDKs ask again."""
    s3.create_bucket(Bucket="moves", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    s3.put_object(Bucket="moves", Key="k", Body=b"x")
    assert s3.get_object(Bucket="moves", Key="k")["Body"].read() == b"x"
    assert s3.head_bucket(Bucket="moves")["BucketRegion"] == "eu-west-3"
    status, body = raw(shared_cloud, "GET", "/moves/k")
    assert (status, b"<Region>eu-west-3</Region>" in body) == (400, True)


@pytest.mark.parametrize("name", ["ContentMD5", "ChecksumCRC32"])
def test_a_digest_beyond_ascii_is_none(s3, bucket, name):
    with pytest.raises(ClientError) as caught:
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": []}, ContentMD5="\u00fc" * 8)
    assert caught.value.response["Error"]["Code"] == "InvalidDigest"
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"", **{name: "\u00fc" * 8})
    assert caught.value.response["Error"]["Code"] in ("InvalidDigest", "InvalidRequest")


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("DELETE", "acl"),
        ("DELETE", "versioning"),
        ("DELETE", "analytics"),
        ("DELETE", "uploads"),
        ("PUT", "uploads"),
        ("PUT", "uploadId=x"),
        ("PUT", "partNumber=1"),
        ("PUT", "renameObject"),
        ("PUT", "location"),
        ("PUT", "acl&tagging"),
    ],
)
def test_what_a_query_asks_for_is_never_passed_over(shared_cloud, s3, bucket, method, query):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    status, body = raw(shared_cloud, method, f"/{bucket}/k", b"y" if method == "PUT" else b"", {}, f"?{query}")
    assert status in (400, 405), body
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    s3.delete_object(Bucket=bucket, Key="k")
    status, body = raw(shared_cloud, method, f"/{bucket}", b"", {}, f"?{query}")
    assert status in ((400, 405) if "=" not in query else (200, 400, 405)), body
    s3.head_bucket(Bucket=bucket)


def test_attributes_are_asked_for_by_name_and_page(shared_cloud, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload, MultipartUpload=parts)
    status, body = raw(shared_cloud, "GET", f"/{bucket}/m", b"", {}, "?attributes")
    assert (status, b"header for this request: x-amz-object-attributes" in body) == (400, True), body
    for name, value in (("x-amz-part-number-marker", "abc"), ("x-amz-max-parts", "-1")):
        asked = {"x-amz-object-attributes": "ObjectParts", name: value}
        status, body = raw(shared_cloud, "GET", f"/{bucket}/m", b"", asked, "?attributes")
        assert (status, b"<Code>InvalidArgument</Code>" in body) == (400, True), body


def test_a_document_of_far_too_many_elements_is_not_even_read(shared_cloud, bucket):
    body = b"<Delete>" + b"<Object><Key>k</Key></Object>" * 200_000 + b"</Delete>"
    headers = {"content-md5": b64encode(hashlib.md5(body).digest()).decode()}
    began = time.process_time()
    status, answer = raw(shared_cloud, "POST", f"/{bucket}", body, headers, "?delete")
    assert (status, b"<Code>MalformedXML</Code>" in answer) == (400, True)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("method", "path", "query", "code"),
    [
        ("POST", "/k", "", "InvalidArgument"),
        ("PUT", "/k", "?tagging", "MissingRequestBodyError"),
        ("PUT", "", "?tagging", "MissingRequestBodyError"),
        ("POST", "", "?delete", "MissingRequestBodyError"),
        ("GET", "/k", "?uploadId", "NoSuchUpload"),
    ],
)
def test_what_is_missing_is_said(shared_cloud, s3, bucket, method, path, query, code):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    headers = {"content-md5": b64encode(hashlib.md5(b"").digest()).decode()}
    status, body = raw(shared_cloud, method, f"/{bucket}{path}", b"", headers, query)
    assert (status < 500, code in body.decode()) == (True, True), body


@pytest.mark.parametrize("size", [1, 70_000])
def test_a_checksum_that_is_none_is_told_from_one_that_is_wrong(shared_cloud, s3, bucket, size):
    body = b"x" * size
    for value, code, says in (
        ("AAAAAA==", "BadDigest", "The CRC32 you specified did not match the calculated checksum."),
        ("AAAA", "InvalidRequest", "Value for x-amz-checksum-crc32 header is invalid."),
        ("!", "InvalidRequest", "Value for x-amz-checksum-crc32 header is invalid."),
        ("", "InvalidRequest", "Value for x-amz-checksum-crc32 header is invalid."),
    ):
        status, answer = raw(shared_cloud, "PUT", f"/{bucket}/k", body, {"x-amz-checksum-crc32": value})
        assert (status, f"<Code>{code}</Code><Message>{says}" in answer.decode()) == (400, True), answer
    status, answer = raw(shared_cloud, "PUT", f"/{bucket}/k", body, {"x-amz-checksum-md9": "AAAA"})
    assert (status, b"The algorithm type you specified in x-amz-checksum- header is invalid." in answer) == (400, True)
    refused("404", s3.head_object, Bucket=bucket, Key="k")


def test_what_is_not_allowed_says_on_what(shared_cloud, bucket):
    for method, path, kind in (
        ("DELETE", "/", "SERVICE"),
        ("POST", f"/{bucket}", "BUCKET"),
        ("PATCH", f"/{bucket}/", "BUCKET"),
        ("PATCH", f"/{bucket}/a/b", "OBJECT"),
    ):
        status, answer = raw(shared_cloud, method, path)
        assert (status, f"<ResourceType>{kind}</ResourceType>" in answer.decode()) == (405, True), answer


def test_a_body_of_no_length_at_all_is_asked_for_one(shared_cloud, s3, bucket):
    """As `curl -X PUT` sends without data."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = {"Bucket": bucket, "Key": "k", "UploadId": upload, "PartNumber": 1}
    for operation, arguments in (("put_object", {"Bucket": bucket, "Key": "k"}), ("upload_part", part)):
        parts = urlsplit(s3.generate_presigned_url(operation, Params=arguments))
        answer = ask(shared_cloud, "PUT", f"{parts.path}?{parts.query}")
        assert (answer.status, "<Code>MissingContentLength</Code>" in answer.text) == (411, True), answer
        assert ask(shared_cloud, "PUT", f"{parts.path}?{parts.query}", body=b"").status == 200


@pytest.mark.parametrize("size", [1, 100_000])
def test_what_is_signed_of_a_body_is_a_hash_or_says_that_it_is_none(shared_cloud, s3, bucket, size):
    """A long body's hash is compared at its end; one that can never fit must not pass for a body that was signed."""
    body = b"x" * size
    for declared in ("nonsense", "", hashlib.sha256(body).hexdigest().upper(), "unsigned-payload"):
        headers = {"x-amz-content-sha256": declared}
        status, answer = raw_with(shared_cloud, "PUT", f"/{bucket}/k", body, headers)
        assert (status, b"<Code>InvalidArgument</Code>" in answer) == (400, True), answer
    status, answer = raw_with(shared_cloud, "PUT", f"/{bucket}/k", body, {"x-amz-content-sha256": "0" * 64})
    assert (status, b"<Code>XAmzContentSHA256Mismatch</Code>" in answer) == (400, True), answer
    status, answer = raw_with(shared_cloud, "PUT", f"/{bucket}/k", body, {})
    assert (status, b"header for this request: x-amz-content-sha256" in answer) == (400, True), answer
    refused("404", s3.head_object, Bucket=bucket, Key="k")


def raw_with(cloud, method, path, body, headers):
    """A request signed over just these headers, by whoever wrote their own signer."""
    request = AWSRequest(method, cloud.endpoint + path, data=body, headers=headers)
    auth = SigV4Auth(Credentials("test", "test"), "s3", "us-east-1")
    auth.payload = lambda request: headers.get("x-amz-content-sha256", hashlib.sha256(body).hexdigest())
    auth._normalize_url_path = lambda path: path
    auth.add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=10)
    try:
        connection.request(method, path, body, dict(request.headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_body_in_chunks_says_how_long_it_is_without_them(shared_cloud, s3, bucket):
    body = b"5\r\nhello\r\n0\r\n\r\n"
    headers = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "content-encoding": "aws-chunked"}
    for size in (1, 20_000):
        sent = body.replace(b"5\r\nhello", b"%x\r\n%b" % (5 * size, b"hello" * size))
        status, answer = raw_with(shared_cloud, "PUT", f"/{bucket}/k", sent, headers)
        assert (status, b"<Code>MissingContentLength</Code>" in answer) == (411, True), answer
        told = {**headers, "x-amz-decoded-content-length": str(5 * size)}
        assert raw_with(shared_cloud, "PUT", f"/{bucket}/k", sent, told)[0] == 200
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"hello" * size
