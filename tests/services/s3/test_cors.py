"""Web pages of other origins, and what a bucket's CORS rules let them do."""

from typing import Any

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.conftest import TestCloud

from .web_asking import Answer, ask, make_public

STRANGER = "https://app.example.com"
LOCAL = "http://localhost:3000"
RULES = [
    {
        "AllowedOrigins": ["https://*.example.com"],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["x-amz-*", "Content-Type"],
        "ExposeHeaders": ["ETag", "x-amz-version-id"],
        "MaxAgeSeconds": 300,
    },
    {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]},
]


@pytest.fixture
def ruled(s3: Any, bucket: str) -> str:
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    return bucket


def preflight(cloud: TestCloud, path: str, origin: str, method: str, *names: str, host: str | None = None) -> Answer:
    headers = {"Origin": origin, "Access_Control_Request_Method": method}
    if names:
        headers["Access_Control_Request_Headers"] = ", ".join(names)
    return ask(cloud, "OPTIONS", path, host, **headers)


def test_a_preflight_that_a_rule_allows_is_answered_with_that_rule(shared_cloud: TestCloud, ruled: str) -> None:
    answer = preflight(shared_cloud, f"/{ruled}/a/key", STRANGER, "PUT", "X-Amz-Meta-A", "content-type")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == STRANGER
    assert answer.headers["access-control-allow-methods"] == "GET, PUT"
    assert answer.headers["access-control-allow-headers"] == "x-amz-meta-a, content-type"
    assert answer.headers["access-control-expose-headers"] == "ETag, x-amz-version-id"
    assert answer.headers["access-control-max-age"] == "300"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["vary"] == "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def test_a_rule_for_everybody_names_no_origin_and_takes_no_credentials(shared_cloud: TestCloud, ruled: str) -> None:
    answer = preflight(shared_cloud, f"/{ruled}/k", "https://elsewhere.test.org", "GET")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    ("origin", "method", "names"),
    [
        ("https://elsewhere.test.org", "PUT", ()),
        (STRANGER, "DELETE", ()),
        (STRANGER, "PUT", ("authorization",)),
        ("https://example.com", "PUT", ()),
    ],
)
def test_a_preflight_that_no_rule_allows_is_refused_in_s3_s_words(
    shared_cloud: TestCloud, ruled: str, origin: str, method: str, names: tuple[str, ...]
) -> None:
    answer = preflight(shared_cloud, f"/{ruled}/k", origin, method, *names)
    assert answer.status == 403
    assert "<Code>AccessForbidden</Code>" in answer.text
    assert "CORSResponse: This CORS request is not allowed." in answer.text
    assert f"<Method>{method}</Method>" in answer.text
    assert "access-control-allow-origin" not in answer.headers


def test_a_bucket_without_rules_and_one_that_is_not_there_let_no_stranger_in(
    shared_cloud: TestCloud, bucket: str
) -> None:
    answer = preflight(shared_cloud, f"/{bucket}/k", STRANGER, "GET")
    assert (answer.status, "CORS is not enabled for this bucket." in answer.text) == (403, True)
    answer = preflight(shared_cloud, "/not-there-at-all/k", STRANGER, "GET")
    assert (answer.status, "Bucket not found" in answer.text) == (403, True)
    make_public(shared_cloud, bucket)
    answer = ask(shared_cloud, "GET", f"/{bucket}/k", Origin=STRANGER)
    assert (answer.status, "PILEUS_CORS_ORIGINS" in answer.text) == (403, True)


def test_an_unknown_method_and_a_question_without_an_origin_are_bad_requests(
    shared_cloud: TestCloud, ruled: str
) -> None:
    answer = preflight(shared_cloud, f"/{ruled}/k", STRANGER, "PATCH")
    assert (answer.status, "Invalid Access-Control-Request-Method: PATCH" in answer.text) == (400, True)
    answer = ask(shared_cloud, "OPTIONS", f"/{ruled}/k")
    assert (answer.status, "Origin request header needed." in answer.text) == (400, True)


def test_answers_and_errors_carry_the_headers_of_the_rule(s3: Any, shared_cloud: TestCloud, ruled: str) -> None:
    make_public(shared_cloud, ruled, "s3:GetObject", "s3:ListBucket")
    s3.put_object(Bucket=ruled, Key="k", Body=b"hello")
    found = ask(shared_cloud, "GET", f"/{ruled}/k", Origin=STRANGER)
    assert (found.status, found.body) == (200, b"hello")
    assert found.headers["access-control-allow-origin"] == STRANGER
    assert found.headers["access-control-expose-headers"] == "ETag, x-amz-version-id"
    absent = ask(shared_cloud, "GET", f"/{ruled}/none", Origin=STRANGER)
    assert (absent.status, absent.headers["access-control-allow-origin"]) == (404, STRANGER)


def test_a_browser_s_upload_with_a_presigned_url(s3: Any, shared_cloud: TestCloud, ruled: str) -> None:
    url = s3.generate_presigned_url("put_object", Params={"Bucket": ruled, "Key": "up"})
    path = url.removeprefix(shared_cloud.endpoint)
    answer = ask(shared_cloud, "PUT", path, body=b"x" * 100_000, Origin=STRANGER)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, STRANGER)
    assert s3.head_object(Bucket=ruled, Key="up")["ContentLength"] == 100_000
    url = s3.generate_presigned_url("delete_object", Params={"Bucket": ruled, "Key": "up"})
    answer = ask(shared_cloud, "DELETE", url.removeprefix(shared_cloud.endpoint), Origin=STRANGER)
    assert answer.status == 403
    assert s3.head_object(Bucket=ruled, Key="up")


def test_host_style_addresses_have_the_same_rules(shared_cloud: TestCloud, ruled: str) -> None:
    for host in (f"{ruled}.s3.localhost:4566", f"{ruled}.localhost:4566", f"{ruled}.s3.us-east-1.amazonaws.com"):
        answer = preflight(shared_cloud, "/k", STRANGER, "PUT", host=host)
        assert answer.headers.get("access-control-allow-origin") == STRANGER, host


def test_pages_of_this_machine_may_use_buckets_without_rules(s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    answer = preflight(shared_cloud, f"/{bucket}/k", LOCAL, "PUT", "authorization")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, LOCAL)
    make_public(shared_cloud, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"hello")
    assert ask(shared_cloud, "GET", f"/{bucket}/k", Origin=LOCAL).headers["access-control-allow-origin"] == LOCAL


def test_where_there_are_rules_they_hold_for_pages_of_this_machine_too(
    s3: Any, shared_cloud: TestCloud, ruled: str
) -> None:
    assert preflight(shared_cloud, f"/{ruled}/k", LOCAL, "PUT").status == 403
    url = s3.generate_presigned_url("put_object", Params={"Bucket": ruled, "Key": "up"})
    answer = ask(shared_cloud, "PUT", url.removeprefix(shared_cloud.endpoint), body=b"x", Origin=LOCAL)
    assert (answer.status, "access-control-allow-origin" in answer.headers) == (200, False)


def test_other_services_are_closed_to_strangers_whatever_a_bucket_says(shared_cloud: TestCloud, ruled: str) -> None:
    target = {"X_Amz_Target": "AmazonSQS.ListQueues", "Content_Type": "application/x-amz-json-1.0"}
    assert ask(shared_cloud, "POST", "/", body=b"{}", Origin=STRANGER, **target).status == 403
    assert ask(shared_cloud, "GET", "/_pileus/health", Origin=STRANGER).status == 403


def iam_call(cloud: TestCloud, path: str, name: str) -> str:
    """The path and query of a signed call of IAM, as a page that knows the well-known keys can make it."""
    asked = AWSRequest("GET", cloud.endpoint + path, params={"Action": "CreateUser", "UserName": name})
    SigV4QueryAuth(Credentials("test", "test"), "iam", "us-east-1", expires=60).add_auth(asked)
    return str(asked.prepare().url).removeprefix(cloud.endpoint)


def users(cloud: TestCloud) -> set[str]:
    return {user["UserName"] for user in cloud.client("iam").list_users()["Users"]}


def test_a_bucket_s_rules_open_no_other_service_under_its_path(shared_cloud: TestCloud, ruled: str) -> None:
    assert ask(shared_cloud, "GET", iam_call(shared_cloud, f"/{ruled}", "crossed"), Origin=STRANGER).status == 403
    scope = "Credential=test/20260101/us-east-1/iam/aws4_request, Other=/s3/aws4_request, SignedHeaders=host"
    header = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, Signature=0", "X_Amz_Date": "20260101T000000Z"}
    answer = ask(shared_cloud, "GET", f"/{ruled}?Action=ListUsers", Origin="https://any.example", **header)
    assert (answer.status, "may not use this cloud" in answer.text) == (403, True)
    assert "crossed" not in users(shared_cloud)


def test_an_image_of_another_site_runs_nothing(s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    lured = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}
    answer = ask(shared_cloud, "GET", iam_call(shared_cloud, "/", "lured"), Referer=f"{STRANGER}/", **lured)
    assert (answer.status, "lured" in users(shared_cloud)) == (403, False)
    assert ask(shared_cloud, "GET", iam_call(shared_cloud, "/", "led"), Referer=f"{LOCAL}/", **lured).status == 200
    s3.put_object(Bucket=bucket, Key="k", Body=b"a picture")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    shown = ask(shared_cloud, "GET", url.removeprefix(shared_cloud.endpoint), Referer=f"{STRANGER}/", **lured)
    assert (shown.status, shown.body) == (200, b"a picture")
