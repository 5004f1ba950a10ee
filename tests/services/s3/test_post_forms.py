"""Objects from browsers' forms: POST with a signed policy."""

import base64
import http.client
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.config import Config

from tests.conftest import TestCloud

from .s3_asking import read, refused
from .web_asking import Answer, ask, make_public

BOUNDARY = "----a-boundary"


def encoded(fields: dict[str, str], file: bytes | None, filename: str = "a photo.jpg", after: str = "") -> bytes:
    parts = []
    for name, value in fields.items():
        parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    if file is not None:
        head = f'Content-Disposition: form-data; name="file"; filename="{filename}"\r\nContent-Type: image/jpeg'
        parts.append(f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + file + b"\r\n")
    return b"".join(parts) + after.encode() + f"--{BOUNDARY}--\r\n".encode()


def send(cloud: TestCloud, path: str, fields: dict[str, str], file: bytes | None, **options: Any) -> Answer:
    host = options.pop("host", None)
    body = encoded(fields, file, **options)
    return ask(cloud, "POST", path, host, body, Content_Type=f"multipart/form-data; boundary={BOUNDARY}")


@pytest.fixture(params=["s3v4", "s3"])
def signing(request: Any, shared_cloud: TestCloud) -> Any:
    """A client that signs forms in the way of today, and in the one boto3 takes by default."""
    return shared_cloud.client("s3", config=Config(signature_version=request.param, s3={"addressing_style": "path"}))


@pytest.fixture
def v4(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))


def made(client: Any, bucket: str, key: str, conditions: Any = (), **fields: str) -> dict[str, str]:
    found = [*conditions, *({name: value} for name, value in fields.items())]
    return client.generate_presigned_post(bucket, key, Fields=dict(fields), Conditions=found)["fields"]


def test_a_presigned_form_puts_an_object(signing: Any, s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    fields = made(signing, bucket, "up/${filename}", **{"Content-Type": "image/jpeg", "x-amz-meta-who": "me"})
    answer = send(shared_cloud, f"/{bucket}", fields, b"pixels")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["location"] == f"{shared_cloud.endpoint}/{bucket}/up/a%20photo.jpg"
    found = s3.get_object(Bucket=bucket, Key="up/a photo.jpg")
    assert found["Body"].read() == b"pixels"
    assert (found["ContentType"], found["Metadata"]) == ("image/jpeg", {"who": "me"})
    assert answer.headers["etag"] == found["ETag"]


def test_temporary_credentials_sign_forms_too(shared_cloud: TestCloud, s3: Any, bucket: str) -> None:
    session = shared_cloud.client("sts").get_session_token()["Credentials"]
    keys = session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
    for version in ("s3v4", "s3"):
        fields = made(shared_cloud.client("s3", *keys, config=Config(signature_version=version)), bucket, "k")
        assert send(shared_cloud, f"/{bucket}", fields, version.encode()).status == 204
        assert read(s3, bucket, "k") == version.encode()
        del fields["x-amz-security-token"]
        assert send(shared_cloud, f"/{bucket}", fields, b"x").status == 403


def test_a_form_is_answered_as_it_asks(v4: Any, shared_cloud: TestCloud, bucket: str) -> None:
    fields = made(v4, bucket, "k<1>", success_action_status="201")
    answer = send(shared_cloud, f"/{bucket}", fields, b"x")
    assert answer.status == 201
    assert f"<Bucket>{bucket}</Bucket><Key>k&lt;1&gt;</Key><ETag>" in answer.text
    assert f"<Location>{shared_cloud.endpoint}/{bucket}/k%3C1%3E</Location>" in answer.text
    assert send(shared_cloud, f"/{bucket}", made(v4, bucket, "k", success_action_status="200"), b"x").status == 200
    assert send(shared_cloud, f"/{bucket}", made(v4, bucket, "k", success_action_status="500"), b"x").status == 204
    fields = made(v4, bucket, "k", success_action_redirect="https://example.com/done?a=b")
    answer = send(shared_cloud, f"/{bucket}", fields, b"x")
    assert answer.status == 303
    target = urlsplit(answer.headers["location"])
    assert (target.netloc, target.path) == ("example.com", "/done")
    assert parse_qs(target.query) == {"a": ["b"], "bucket": [bucket], "key": ["k"], "etag": [answer.headers["etag"]]}


def test_a_form_goes_to_the_bucket_s_own_host_as_well(v4: Any, s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    fields = made(v4, bucket, "k")
    assert send(shared_cloud, "/", fields, b"host", host=f"{bucket}.s3.us-east-1.amazonaws.com").status == 204
    assert read(s3, bucket, "k") == b"host"


def test_a_large_file_streams_in(v4: Any, s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    body = (b"0123456789abcdef\r\n--" * 500_000)[: 20 * 1024 * 1024]
    assert send(shared_cloud, f"/{bucket}", made(v4, bucket, "big"), body).status == 204
    assert read(s3, bucket, "big") == body


def test_a_file_that_is_too_large_is_refused_on_its_way(v4: Any, s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    limits = [["content-length-range", 10, 1_000_000]]
    fields = made(v4, bucket, "k", limits)
    for size, code in ((9, "EntityTooSmall"), (1_000_001, "EntityTooLarge"), (3_000_000, "EntityTooLarge")):
        answer = send(shared_cloud, f"/{bucket}", fields, b"x" * size)
        assert (answer.status, f"<Code>{code}</Code>" in answer.text) == (400, True), answer.text
    refused("404", s3.head_object, Bucket=bucket, Key="k")
    for size in (10, 1_000_000):
        assert send(shared_cloud, f"/{bucket}", fields, b"x" * size).status == 204


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"key": "other/k"}, 'Policy Condition failed: ["starts-with","$key","up/"]'),
        ({"acl": "public-read"}, 'Policy Condition failed: ["eq","$acl","private"]'),
        ({"x-amz-meta-extra": "1"}, "Extra input fields: x-amz-meta-extra"),
    ],
)
def test_what_the_policy_does_not_allow_is_refused(
    v4: Any, s3: Any, shared_cloud: TestCloud, bucket: str, fields: dict[str, str], text: str
) -> None:
    good = made(v4, bucket, "up/${filename}", [["starts-with", "$Content-Type", "image/"]], acl="private")
    good["Content-Type"] = "image/png"
    answer = send(shared_cloud, f"/{bucket}", {**good, **fields}, b"x")
    assert answer.status == 403
    assert f"<Message>Invalid according to Policy: {text.replace(chr(34), '&quot;')}</Message>" in answer.text.replace(
        '"', "&quot;"
    )
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert send(shared_cloud, f"/{bucket}", {**good, "x-ignore-me": "1"}, b"x").status == 204


def test_a_policy_is_for_its_own_bucket_and_time(v4: Any, s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    other = f"{bucket}-other"
    s3.create_bucket(Bucket=other)
    answer = send(shared_cloud, f"/{other}", made(v4, bucket, "k"), b"x")
    assert (answer.status, "Policy Condition failed: [" in answer.text) == (403, True)
    old = v4.generate_presigned_post(bucket, "k", ExpiresIn=-5)["fields"]
    answer = send(shared_cloud, f"/{bucket}", old, b"x")
    assert (answer.status, "Invalid according to Policy: Policy expired." in answer.text) == (403, True)


def test_a_changed_policy_or_signature_is_noticed(signing: Any, shared_cloud: TestCloud, bucket: str) -> None:
    fields = made(signing, bucket, "k")
    policy = {"expiration": "2999-01-01T00:00:00Z", "conditions": [["starts-with", "$key", ""]]}
    forged = {**fields, "policy": base64.b64encode(json.dumps(policy).encode()).decode()}
    answer = send(shared_cloud, f"/{bucket}", forged, b"x")
    assert (answer.status, "<Code>SignatureDoesNotMatch</Code>" in answer.text) == (403, True)
    named = "AWSAccessKeyId" if "AWSAccessKeyId" in fields else "x-amz-credential"
    answer = send(shared_cloud, f"/{bucket}", {**fields, named: fields[named].replace("test", "nobody")}, b"x")
    assert (answer.status, "<Code>InvalidAccessKeyId</Code>" in answer.text) == (403, True)


@pytest.mark.parametrize("absent", ["key", "policy", "x-amz-signature", "x-amz-date", "x-amz-algorithm"])
def test_a_form_must_have_its_fields(v4: Any, shared_cloud: TestCloud, bucket: str, absent: str) -> None:
    fields = made(v4, bucket, "k")
    del fields[absent]
    answer = send(shared_cloud, f"/{bucket}", fields, b"x")
    assert answer.status == 400
    assert "<Code>InvalidArgument</Code>" in answer.text
    assert "must contain a field named" in answer.text


def test_a_form_that_is_none_is_refused(v4: Any, shared_cloud: TestCloud, bucket: str) -> None:
    fields = made(v4, bucket, "k")
    assert "<Code>IncorrectNumberOfFilesInPostRequest</Code>" in send(shared_cloud, f"/{bucket}", fields, None).text
    many = {**fields, "x-ignore-it": "x" * 30_000}
    answer = send(shared_cloud, f"/{bucket}", many, b"x")
    assert (answer.status, "MaxPostPreDataLengthExceededError" in answer.text) == (400, True)
    whole = encoded(fields, b"x" * 100)
    for body in (whole[:-60], b"nothing", b""):
        answer = ask(
            shared_cloud, "POST", f"/{bucket}", None, body, Content_Type=f"multipart/form-data; boundary={BOUNDARY}"
        )
        assert (answer.status, "<Code>MalformedPOSTRequest</Code>" in answer.text) == (400, True), body[-80:]
    answer = ask(shared_cloud, "POST", f"/{bucket}", None, whole, Content_Type="multipart/form-data")
    assert "<Code>MalformedPOSTRequest</Code>" in answer.text


def test_a_file_that_breaks_off_leaves_nothing(v4: Any, s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    body = encoded(made(v4, bucket, "k"), b"x" * 3_000_000)
    connection = http.client.HTTPConnection("127.0.0.1", shared_cloud.port, timeout=30)
    connection.putrequest("POST", f"/{bucket}")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[:2_000_000])
    connection.close()
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ("nonsense", "Invalid Policy: Invalid JSON"),
        ({"conditions": []}, "Invalid Policy: Policy missing expiration."),
        ({"expiration": "tomorrow", "conditions": []}, "Invalid Policy: Invalid &#39;expiration&#39; value"),
        ({"expiration": "2999-01-01T00:00:00Z"}, "Invalid Policy: Invalid &#39;conditions&#39; value"),
        ({"expiration": "2999-01-01T00:00:00Z", "conditions": [["like", "$key", "x"]]}, "Invalid Condition"),
        (
            {"expiration": "2999-01-01T00:00:00Z", "conditions": [{"a": "b", "c": "d"}]},
            "must have exactly one property",
        ),
    ],
)
def test_a_policy_that_is_none_is_refused(shared_cloud: TestCloud, bucket: str, policy: Any, text: str) -> None:
    document = policy if isinstance(policy, str) else json.dumps(policy)
    signed = base64.b64encode(document.encode()).decode()
    fields = {"key": "k", "policy": signed, **signature_of(signed)}
    answer = send(shared_cloud, f"/{bucket}", fields, b"x")
    assert (answer.status, "<Code>InvalidPolicyDocument</Code>" in answer.text) == (400, True), answer.text
    assert text in answer.text.replace("'", "&#39;")


def signature_of(policy: str) -> dict[str, str]:
    import hashlib
    import hmac

    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    key = b"AWS4test"
    for part in (stamp[:8], "us-east-1", "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"test/{stamp[:8]}/us-east-1/s3/aws4_request",
        "X-Amz-Date": stamp,
        "X-Amz-Signature": hmac.new(key, policy.encode(), hashlib.sha256).hexdigest(),
    }


def test_the_signer_needs_the_permission(shared_cloud: TestCloud, s3: Any, bucket: str) -> None:
    iam = shared_cloud.client("iam")
    iam.create_user(UserName=bucket)
    pair = iam.create_access_key(UserName=bucket)["AccessKey"]
    config = Config(signature_version="s3v4")
    user = shared_cloud.client("s3", pair["AccessKeyId"], pair["SecretAccessKey"], config=config)
    answer = send(shared_cloud, f"/{bucket}", made(user, bucket, "k"), b"x")
    assert (answer.status, "<Code>AccessDenied</Code>" in answer.text) == (403, True)
    document = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/k"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [document]})
    iam.put_user_policy(UserName=bucket, PolicyName="p", PolicyDocument=policy)
    assert send(shared_cloud, f"/{bucket}", made(user, bucket, "k"), b"x").status == 204
    assert send(shared_cloud, f"/{bucket}", made(user, bucket, "other"), b"x").status == 403


def test_nobody_in_particular_may_post_where_everybody_may(s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    assert send(shared_cloud, f"/{bucket}", {"key": "k"}, b"x").status == 403
    make_public(shared_cloud, bucket, "s3:PutObject")
    assert send(shared_cloud, f"/{bucket}", {"key": "k"}, b"x").status == 204
    assert read(s3, bucket, "k") == b"x"


def test_tags_classes_and_checksums_of_a_form(v4: Any, s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    xml = "<Tagging><TagSet><Tag><Key>a b</Key><Value>c+d</Value></Tag></TagSet></Tagging>"
    right = {"tagging": xml, "x-amz-storage-class": "STANDARD_IA", "x-amz-checksum-crc32": "vvG8mg=="}
    fields = made(v4, bucket, "k", **{**right, "x-amz-checksum-crc32": "AAAAAA=="})
    answer = send(shared_cloud, f"/{bucket}", fields, b"hello")
    assert (answer.status, "<Code>BadDigest</Code>" in answer.text) == (400, True), answer.text
    fields = made(v4, bucket, "k", **{**right, "x-amz-checksum-crc32": "NhCmhg=="})
    assert send(shared_cloud, f"/{bucket}", fields, b"hello").status == 204
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a b", "Value": "c+d"}]
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == "STANDARD_IA"
    fields = made(v4, bucket, "k", tagging="<Tagging>")
    assert "<Code>MalformedXML</Code>" in send(shared_cloud, f"/{bucket}", fields, b"x").text


def test_fields_behind_the_file_do_not_count(v4: Any, s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    late = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="Content-Type"\r\n\r\ntext/late\r\n'
    assert send(shared_cloud, f"/{bucket}", made(v4, bucket, "k"), b"x", after=late).status == 204
    assert s3.head_object(Bucket=bucket, Key="k")["ContentType"] == "binary/octet-stream"


def test_a_post_to_an_object_is_not_allowed(v4: Any, shared_cloud: TestCloud, bucket: str) -> None:
    answer = send(shared_cloud, f"/{bucket}/k", made(v4, bucket, "k"), b"x")
    assert (answer.status, "<Code>MethodNotAllowed</Code>" in answer.text) == (405, True), answer.text
    answer = send(shared_cloud, "/no-such-bucket-here", made(v4, "no-such-bucket-here", "k"), b"x")
    assert (answer.status, "<Code>NoSuchBucket</Code>" in answer.text) == (404, True)


def test_a_field_cannot_bring_lines_into_an_answer_s_head(
    v4: Any, s3: Any, shared_cloud: TestCloud, bucket: str
) -> None:
    broken = "/x\r\nSet-Cookie: a=b"
    answer = send(
        shared_cloud, f"/{bucket}", made(v4, bucket, "k", **{"x-amz-website-redirect-location": broken}), b"x"
    )
    assert (answer.status, "<Code>InvalidRedirectLocation</Code>" in answer.text) == (400, True), answer.text
    fields = made(v4, bucket, "k", **{"x-amz-meta-a": broken, "Content-Type": broken})
    assert send(shared_cloud, f"/{bucket}", fields, b"x").status == 204
    assert "set-cookie" not in s3.get_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPHeaders"]


def test_a_policy_beyond_ascii_is_none(shared_cloud: TestCloud, bucket: str) -> None:
    make_public(shared_cloud, bucket, "s3:PutObject")
    signed = {"AWSAccessKeyId": "test", "policy": "\u00fc", "signature": "x"}
    assert send(shared_cloud, f"/{bucket}", {"key": "k", **signed}, b"x").status in (400, 403)


def test_every_field_knows_the_name_of_the_file(v4: Any, s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    conditions = [["starts-with", "$x-amz-meta-name", "was "]]
    fields = v4.generate_presigned_post(
        bucket, "up/${filename}", Fields={"x-amz-meta-name": "was ${filename}"}, Conditions=conditions
    )["fields"]
    assert send(shared_cloud, f"/{bucket}", fields, b"x", filename="C:\\pictures\\a.jpg").status == 204
    assert s3.head_object(Bucket=bucket, Key="up/a.jpg")["Metadata"] == {"name": "was a.jpg"}


def test_a_policy_sees_the_key_with_the_name_of_the_file(v4: Any, shared_cloud: TestCloud, bucket: str) -> None:
    """A file's name cannot lead out of the prefix that the policy allows, nor leave no key at all."""
    conditions = [["starts-with", "$key", "up/a"]]
    fields = v4.generate_presigned_post(bucket, "up/${filename}", Conditions=conditions)["fields"]
    assert send(shared_cloud, f"/{bucket}", fields, b"x", filename="a.jpg").status == 204
    assert send(shared_cloud, f"/{bucket}", fields, b"x", filename="b.jpg").status == 403
    only = made(v4, bucket, "${filename}")
    assert send(shared_cloud, f"/{bucket}", only, b"x", filename="").status == 400


def test_each_of_several_content_types_must_fit(v4: Any, shared_cloud: TestCloud, bucket: str) -> None:
    conditions = [["starts-with", "$Content-Type", "image/"]]
    for types, status in (("image/png,image/gif", 204), ("image/png, image/gif", 204), ("image/png,text/html", 403)):
        fields = v4.generate_presigned_post(bucket, "k", Fields={"Content-Type": types}, Conditions=conditions)
        assert send(shared_cloud, f"/{bucket}", fields["fields"], b"x").status == status, types


def test_of_two_ranges_of_lengths_both_hold(v4: Any, shared_cloud: TestCloud, bucket: str) -> None:
    fields = made(v4, bucket, "k", [["content-length-range", 5, 100], ["content-length-range", 0, 10]])
    for size, status in ((4, 400), (5, 204), (10, 204), (11, 400)):
        assert send(shared_cloud, f"/{bucket}", fields, b"x" * size).status == status, size


def test_fields_that_are_nothing_but_names_are_too_many_in_the_end(
    v4: Any, shared_cloud: TestCloud, bucket: str
) -> None:
    """Else a form of gigabytes would be kept in memory, before anybody has signed anything."""
    fields = {**made(v4, bucket, "k"), **{f"x-ignore-{number}": "" for number in range(1_000)}}
    answer = send(shared_cloud, f"/{bucket}", fields, b"x")
    assert (answer.status, "<Code>MaxPostPreDataLengthExceededError</Code>" in answer.text) == (400, True)


def test_the_first_of_two_fields_and_of_two_files_counts(
    v4: Any, s3: Any, shared_cloud: TestCloud, bucket: str
) -> None:
    """For the policy and for the object alike."""
    fields = made(v4, bucket, "k", **{"x-amz-meta-who": "me"})
    body = encoded(fields, b"one")
    second = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="b"\r\n\r\ntwo\r\n'
    at = body.index(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"'.encode())
    more = (second % ("key", "other") + second % ("x-amz-meta-who", "you")).encode()
    end = f"--{BOUNDARY}--\r\n".encode()
    body = body[:at] + more + body[at:].removesuffix(end) + file.encode() + end
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    assert ask(shared_cloud, "POST", f"/{bucket}", None, body, Content_Type=kind).status == 204
    found = s3.get_object(Bucket=bucket, Key="k")
    assert (found["Body"].read(), found["Metadata"]) == (b"one", {"who": "me"})
    refused("404", s3.head_object, Bucket=bucket, Key="other")
