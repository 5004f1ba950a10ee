"""Whatever arrives, the server answers 4xx (or 501), changes nothing, and lives on. Never a 500."""

import http.client
import json

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(max_size=30)
PATHS = st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=60).map(lambda text: "/" + text)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=10,
)
SCOPES = ("sqs", "sts", "iam", "s3", "ec2", "dynamodb", "lambda", "monitoring", "execute-api", "cloudfront", "nosuch")


def ask(cloud, method, path, body, headers, service=None):
    """(status, body) of a request, signed for `service` if one is given."""
    request = AWSRequest(method, cloud.endpoint + path, data=body, headers=dict(headers))
    if service is not None:
        SigV4Auth(Credentials("test", "test"), service, "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=20)
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in request.headers.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def refused(answer):
    status, body = answer
    assert 400 <= status < 500 or status == 501, (status, body)
    return True


@FUZZ
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"]),
    path=PATHS,
    body=st.binary(max_size=200),
)
def test_unsigned_noise_is_refused(shared_cloud, method, path, body):
    if not path.startswith("/_"):
        refused(ask(shared_cloud, method, path, body, {}))


@FUZZ
@given(
    service=st.sampled_from(SCOPES), body=st.binary(max_size=200), kind=st.sampled_from(["json", "form", "cbor", ""])
)
def test_signed_noise_is_refused(shared_cloud, service, body, kind):
    kinds = {
        "json": "application/x-amz-json-1.0",
        "form": "application/x-www-form-urlencoded",
        "cbor": "application/cbor",
    }
    headers = {"content-type": kinds[kind]} if kind else {}
    refused(ask(shared_cloud, "POST", "/", body, headers, service))


@FUZZ
@given(
    value=JSON,
    operation=st.sampled_from(["SendMessage", "CreateQueue", "ReceiveMessage", "SendMessageBatch", "ListQueues"]),
)
def test_json_of_any_shape_is_answered_without_a_defect(shared_cloud, value, operation):
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"AmazonSQS.{operation}"}
    status, body = ask(shared_cloud, "POST", "/", json.dumps(value).encode(), headers, "sqs")
    assert status == 200 or 400 <= status < 500, (status, body)


@FUZZ
@given(
    fields=st.dictionaries(
        st.one_of(st.sampled_from(["UserName", "PolicyDocument", "Path", "MaxItems", "Tags.member.1.Key"]), TEXT),
        TEXT,
        max_size=5,
    ),
    action=st.sampled_from(
        ["CreateUser", "ListUsers", "CreateRole", "PutUserPolicy", "GetUser", "AssumeRole", "CreateAccessKey"]
    ),
)
def test_forms_of_any_fields_are_answered_without_a_defect(cloud, fields, action):
    from urllib.parse import urlencode

    service = "sts" if action == "AssumeRole" else "iam"
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    version = "2011-06-15" if service == "sts" else "2010-05-08"
    body = urlencode({"Action": action, "Version": version, **fields}).encode()
    status, answer = ask(cloud, "POST", "/", body, headers, service)
    assert status == 200 or 400 <= status < 500, (status, answer)


@FUZZ
@given(
    target=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
    service=st.sampled_from(SCOPES),
)
def test_targets_of_any_text_are_refused(shared_cloud, target, service):
    refused(ask(shared_cloud, "POST", "/", b"{}", {"x-amz-target": target.strip() or "x"}, service))


@FUZZ
@given(authorization=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=120))
def test_authorizations_of_any_text_are_refused(shared_cloud, authorization):
    headers = {"authorization": authorization.strip(), "x-amz-date": "20260101T000000Z"}
    refused(ask(shared_cloud, "POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", headers))


@pytest.mark.parametrize("path", ["/_pileus/calls", "/_pileus/explain", "/_pileus/clock", "/_pileus/nothing"])
def test_administration_wants_a_signature_of_the_root(shared_cloud, path):
    assert refused(ask(shared_cloud, "POST", path, b"{}", {}))
    assert refused(ask(shared_cloud, "POST", path, b"{}", {}, "sts"))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"advance": -1}', b'{"advance": "x"}', b'{"last": "x"}', b'{"advance": 1e999}']
)
def test_administration_refuses_what_it_cannot_read(shared_cloud, body):
    for path in ("/_pileus/calls", "/_pileus/clock"):
        status, said = ask(shared_cloud, "POST", path, body, {}, "pileus")
        assert status in (200, 400), (status, said)


def test_nothing_of_all_this_is_in_the_store_as_a_user(shared_cloud):
    assert shared_cloud.client("iam").list_users()["Users"] == []
