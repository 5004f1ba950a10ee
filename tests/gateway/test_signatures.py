"""Signature Version 4, as botocore signs and as attackers do. Each refusal is AWS's own."""

import datetime
import urllib.error
import urllib.request
from urllib.parse import urlencode

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
IDENTITY = urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15"})


def send(url, method="POST", body=None, headers=None):
    """(status, body) of a raw request."""
    data = body.encode() if isinstance(body, str) else body
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def signed(cloud, body=IDENTITY, service="sts", region="us-east-1", headers=None, key="test", secret="test", when=None):
    request = AWSRequest("POST", cloud.endpoint + "/", data=body, headers=dict(headers or FORM))
    signer = SigV4Auth(Credentials(key, secret), service, region)
    if when is not None:
        request.context["timestamp"] = when.strftime("%Y%m%dT%H%M%SZ")
        request.headers["X-Amz-Date"] = request.context["timestamp"]
        signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        signer._inject_signature_to_request(request, signature)
    else:
        signer.add_auth(request)
    return dict(request.headers.items())


def presigned(cloud, expires=60, service="sts", when=None):
    request = AWSRequest("GET", f"{cloud.endpoint}/?{IDENTITY}")
    SigV4QueryAuth(Credentials("test", "test"), service, "us-east-1", expires).add_auth(request)
    return request.url


def now():
    return datetime.datetime.now(datetime.UTC)


def test_a_signed_request_is_taken(shared_cloud):
    status, body = send(shared_cloud.endpoint, body=IDENTITY, headers=signed(shared_cloud))
    assert status == 200
    assert "<Account>000000000000</Account>" in body


def test_a_changed_body_is_refused(shared_cloud):
    status, body = send(shared_cloud.endpoint, body=IDENTITY + "&x=y", headers=signed(shared_cloud))
    assert status == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in body


def test_a_changed_signed_header_is_refused(shared_cloud):
    headers = signed(shared_cloud, headers={**FORM, "x-amz-meta": "a"})
    headers["x-amz-meta"] = "b"
    assert send(shared_cloud.endpoint, body=IDENTITY, headers=headers)[0] == 403


def test_an_unsigned_host_is_refused(shared_cloud):
    headers = signed(shared_cloud)
    headers["Authorization"] = headers["Authorization"].replace("host;", "").replace(";host", "")
    status, body = send(shared_cloud.endpoint, body=IDENTITY, headers=headers)
    assert status == 403
    assert "must be a 'SignedHeader'" in body


def test_no_signature_is_a_missing_token(shared_cloud):
    status, body = send(shared_cloud.endpoint, body=IDENTITY, headers=FORM)
    assert status == 403
    assert "<Code>MissingAuthenticationToken</Code>" in body


@pytest.mark.parametrize(
    ("header", "code", "says"),
    [
        ("AWS4-HMAC-SHA256 Credential=test/20200101/us-east-1/sts/aws4_request", "IncompleteSignature", "Signature"),
        ("AWS4-HMAC-SHA256 SignedHeaders=host, Signature=00", "IncompleteSignature", "Credential"),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=00", "IncompleteSignature", "slash-delimited"),
        ("AWS4-ECDSA-P256-SHA256 Credential=x", "UnsupportedSignature", "4A"),
        ("AWS test:c2ln", "UnsupportedSignature", "Version 2"),
        ("Bearer token", "IncompleteSignature", "Bearer"),
        ("", "IncompleteSignature", "algorithm"),
    ],
)
def test_an_authorization_that_cannot_be_read_is_refused_by_name(shared_cloud, header, code, says):
    headers = {**FORM, "Authorization": header, "X-Amz-Date": now().strftime("%Y%m%dT%H%M%SZ")}
    status, body = send(shared_cloud.endpoint, body=IDENTITY, headers=headers)
    assert status == 400
    assert f"<Code>{code}</Code>" in body
    assert says in body


@pytest.mark.parametrize(("minutes", "says"), [(-16, "Signature expired"), (16, "Signature not yet current")])
def test_a_clock_more_than_fifteen_minutes_off_is_refused(shared_cloud, minutes, says):
    headers = signed(shared_cloud, when=now() + datetime.timedelta(minutes=minutes))
    status, body = send(shared_cloud.endpoint, body=IDENTITY, headers=headers)
    assert status == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in body
    assert says in body


@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_clock_less_than_fifteen_minutes_off_is_taken(shared_cloud, minutes):
    headers = signed(shared_cloud, when=now() + datetime.timedelta(minutes=minutes))
    assert send(shared_cloud.endpoint, body=IDENTITY, headers=headers)[0] == 200


def test_a_date_that_differs_from_the_scope_is_refused(shared_cloud):
    headers = signed(shared_cloud)
    headers["Authorization"] = headers["Authorization"].replace(now().strftime("/%Y%m%d/"), "/20200101/")
    status, body = send(shared_cloud.endpoint, body=IDENTITY, headers=headers)
    assert status == 403
    assert "Credential scope" in body


def test_a_signature_for_another_service_is_refused_there(shared_cloud):
    # The action is IAM's, the scope says STS: STS has no such action.
    body = urlencode({"Action": "ListUsers", "Version": "2010-05-08"})
    status, said = send(shared_cloud.endpoint, body=body, headers=signed(shared_cloud, body))
    assert status == 400
    assert "<Code>InvalidAction</Code>" in said


def test_a_presigned_request_is_taken_until_it_expires(shared_cloud):
    url = presigned(shared_cloud)
    assert send(url, "GET")[0] == 200
    assert send(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), "GET")[0] == 403


def test_an_expired_presigned_request_is_refused(shared_cloud, monkeypatch):
    url = presigned(shared_cloud, 1)
    machine = shared_cloud.app.clock.machine
    monkeypatch.setattr(shared_cloud.app.clock, "machine", lambda: machine() + 2)
    status, body = send(url, "GET")
    assert status == 403
    assert "expired" in body.lower()


@pytest.mark.parametrize("expires", ["-1", "604801", "soon", ""])
def test_a_presigned_request_of_an_impossible_life_is_refused(shared_cloud, expires):
    url = presigned(shared_cloud).replace("X-Amz-Expires=60", f"X-Amz-Expires={expires}")
    assert send(url, "GET")[0] == 400


def test_services_that_speak_json_give_the_refusal_their_names(shared_cloud):
    with pytest.raises(ClientError) as refused:
        shared_cloud.client("dynamodb", secret="wrong").list_tables()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 501)


def test_sqs_keeps_the_query_protocols_names(shared_cloud):
    with pytest.raises(ClientError) as refused:
        shared_cloud.client("sqs", secret="wrong").list_queues()
    assert refused.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_moving_the_clouds_clock_does_not_expire_signatures(cloud):
    cloud.advance(3 * 3600)
    assert cloud.client("sts").get_caller_identity()


def test_an_operation_that_is_not_there_yet_is_refused_by_name(shared_cloud):
    with pytest.raises(ClientError) as refused:
        shared_cloud.client("ec2").create_vpn_gateway(Type="ipsec.1")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "ec2:CreateVpnGateway" in refused.value.response["Error"]["Message"]


def test_a_service_that_aws_does_not_have_is_refused(shared_cloud):
    headers = signed(shared_cloud, service="nosuch")
    status, body = send(shared_cloud.endpoint, body=IDENTITY, headers=headers)
    assert status == 404
    assert "nosuch" in body


def test_an_operation_nobody_has_is_refused(shared_cloud):
    body = urlencode({"Action": "MakeCoffee", "Version": "2011-06-15"})
    status, said = send(shared_cloud.endpoint, body=body, headers=signed(shared_cloud, body))
    assert (status, "<Code>InvalidAction</Code>" in said) == (400, True)
    status, said = send(shared_cloud.endpoint, body="x=1", headers=signed(shared_cloud, "x=1"))
    assert (status, "<Code>MissingAction</Code>" in said) == (400, True)


def test_a_presigned_url_runs_the_operation_that_was_signed_and_no_other(cloud):
    """Every x-amz-* header must be signed: a presigned reading URL with a target beside it would delete the queue."""
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    request = AWSRequest("GET", f"{url}?Action=GetQueueAttributes&Version=2012-11-05")
    SigV4QueryAuth(Credentials("test", "test"), "sqs", "us-east-1", 900).add_auth(request)
    signed_url = request.prepare().url
    assert send(signed_url, "GET")[0] == 200
    for target in ("AmazonSQS.DeleteQueue", "AmazonSQS.PurgeQueue"):
        added = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}
        status, said = send(signed_url, "GET", headers=added)
        assert status == 403
        assert "x-amz-target" in said
    assert sqs.list_queues()["QueueUrls"] == [url]


@pytest.mark.parametrize("header", ["X-Amz-Target", "X-Amz-Security-Token", "X-Amz-Content-Sha256", "X-Amz-Anything"])
def test_a_header_that_was_added_to_a_signed_request_is_refused(shared_cloud, header):
    headers = {**signed(shared_cloud), header: "AmazonSQS.ListQueues"}
    assert send(shared_cloud.endpoint, body=IDENTITY, headers=headers)[0] == 403


@pytest.mark.parametrize("date", ["00000101T000000Z", "20261331T000000Z", "20260230T000000Z", "20260101T250000Z"])
def test_a_date_that_is_none_is_refused(shared_cloud, date):
    headers = signed(shared_cloud)
    headers["X-Amz-Date"] = date
    headers["Authorization"] = headers["Authorization"].replace(now().strftime("/%Y%m%d/"), f"/{date[:8]}/")
    assert send(shared_cloud.endpoint, body=IDENTITY, headers=headers)[0] == 400


def test_a_denial_is_a_403_over_query_and_to_services_that_came_from_it(shared_cloud):
    iam = shared_cloud.client("iam")
    iam.create_user(UserName="denied")
    key = iam.create_access_key(UserName="denied")["AccessKey"]
    for service, call in (("sqs", "list_queues"), ("iam", "list_users")):
        client = shared_cloud.client(service, key["AccessKeyId"], key["SecretAccessKey"])
        with pytest.raises(ClientError) as refused:
            getattr(client, call)()
        assert refused.value.response["Error"]["Code"] == "AccessDenied"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_body_that_is_not_the_declared_one_is_refused_though_the_signature_fits(shared_cloud):
    """The signature covers the hash that the header declares: that hash must be the body's."""
    import hashlib

    digest = hashlib.sha256(IDENTITY.encode()).hexdigest()
    headers = signed(shared_cloud, headers={**FORM, "x-amz-content-sha256": digest})
    assert send(shared_cloud.endpoint, body=IDENTITY, headers=headers)[0] == 200
    status, said = send(shared_cloud.endpoint, body=IDENTITY + "&DurationSeconds=900", headers=headers)
    assert status == 403
    assert "x-amz-content-sha256" in said


def test_a_signature_scoped_to_another_service_than_the_target_is_refused(shared_cloud):
    """Else a request signed for one service could be replayed to another."""
    target = {"x-amz-target": "AmazonSQS.ListQueues", "content-type": "application/x-amz-json-1.0"}
    status, _ = send(shared_cloud.endpoint, body="{}", headers=signed(shared_cloud, "{}", "sqs", headers=target))
    assert status == 200
    status, said = send(shared_cloud.endpoint, body="{}", headers=signed(shared_cloud, "{}", "sts", headers=target))
    assert status == 403
    assert "scoped to correct service" in said
