"""Buckets as websites: what a browser sees."""

from typing import Any

import pytest

from tests.conftest import TestCloud

from .s3_asking import refused
from .web_asking import Answer, ask, make_public

SITE = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}}


@pytest.fixture
def site(s3: Any, shared_cloud: TestCloud, bucket: str) -> str:
    """A public website with a front page, a page below, and an error document."""
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=SITE)
    for key, body in (("index.html", b"<h1>home</h1>"), ("docs/index.html", b"docs"), ("error.html", b"sorry")):
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="text/html")
    make_public(shared_cloud, bucket, "s3:GetObject", "s3:ListBucket")
    return bucket


def visit(cloud: TestCloud, bucket: str, path: str, method: str = "GET", **headers: str) -> Answer:
    return ask(cloud, method, path, f"{bucket}.s3-website.localhost:{cloud.port}", **headers)


def test_the_index_document_is_shown_for_the_root_and_for_folders(shared_cloud: TestCloud, site: str) -> None:
    home = visit(shared_cloud, site, "/")
    assert (home.status, home.body, home.headers["content-type"]) == (200, b"<h1>home</h1>", "text/html")
    assert visit(shared_cloud, site, "/docs/").body == b"docs"
    assert visit(shared_cloud, site, "/docs/index.html").body == b"docs"
    folder = visit(shared_cloud, site, "/docs")
    assert (folder.status, folder.headers["location"]) == (302, "/docs/")
    head = visit(shared_cloud, site, "/", "HEAD")
    assert (head.status, head.headers["content-length"], head.body) == (200, "13", b"")


@pytest.mark.parametrize(
    "host",
    ["{}.s3-website-us-east-1.amazonaws.com", "{}.s3-website.us-east-1.amazonaws.com",
     "{}.s3-website.localhost.localstack.cloud:4566", "{}.s3-website.localhost"],
)  # fmt: skip
def test_every_address_of_a_website_shows_it(shared_cloud: TestCloud, site: str, host: str) -> None:
    assert ask(shared_cloud, "GET", "/docs/", host.format(site)).body == b"docs"


def test_a_website_is_found_by_path_too_and_its_redirects_stay_there(shared_cloud: TestCloud, site: str) -> None:
    assert ask(shared_cloud, "GET", f"/_website/{site}/").body == b"<h1>home</h1>"
    assert ask(shared_cloud, "GET", f"/_website/{site}/docs").headers["location"] == f"/_website/{site}/docs/"


def test_a_website_asked_for_in_the_wrong_region_says_where_it_is(shared_cloud: TestCloud, site: str) -> None:
    answer = ask(shared_cloud, "GET", "/", f"{site}.s3-website-eu-west-1.amazonaws.com")
    assert (answer.status, "Code: IncorrectEndpoint" in answer.text) == (400, True)
    assert f"{site}.s3-website-us-east-1.amazonaws.com" in answer.text


def test_what_is_not_there_gets_the_error_document_with_its_status(shared_cloud: TestCloud, site: str) -> None:
    answer = visit(shared_cloud, site, "/nope")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (404, b"sorry", "text/html")


def test_without_an_error_document_the_error_is_a_page_by_s3(s3: Any, shared_cloud: TestCloud, site: str) -> None:
    s3.put_bucket_website(Bucket=site, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    answer = visit(shared_cloud, site, "/<nope>")
    assert answer.status == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-amz-error-code"] == "NoSuchKey"
    for line in ("<h1>404 Not Found</h1>", "<li>Code: NoSuchKey</li>", "<li>Key: &lt;nope&gt;</li>",
                 "<li>Message: The specified key does not exist.</li>"):  # fmt: skip
        assert line in answer.text


def test_an_error_document_that_is_not_there_is_told_too(s3: Any, shared_cloud: TestCloud, site: str) -> None:
    s3.delete_object(Bucket=site, Key="error.html")
    answer = visit(shared_cloud, site, "/nope")
    assert answer.status == 404
    assert "An Error Occurred While Attempting to Retrieve a Custom Error Document" in answer.text


def test_visitors_see_only_what_the_policy_shows_to_everybody(s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=SITE)
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"secret")
    answer = visit(shared_cloud, bucket, "/")
    assert (answer.status, b"secret" in answer.body) == (403, False)
    assert "<li>Code: AccessDenied</li>" in answer.text
    make_public(shared_cloud, bucket)
    assert visit(shared_cloud, bucket, "/").body == b"secret"
    assert visit(shared_cloud, bucket, "/nope").status == 403


def test_buckets_that_are_no_websites_say_so(shared_cloud: TestCloud, bucket: str) -> None:
    answer = visit(shared_cloud, bucket, "/")
    assert (answer.status, "Code: NoSuchWebsiteConfiguration" in answer.text) == (404, True)
    answer = visit(shared_cloud, "nobody-s-bucket", "/")
    assert (answer.status, "Code: NoSuchBucket" in answer.text) == (404, True)


def test_a_website_only_shows(shared_cloud: TestCloud, site: str) -> None:
    for method in ("PUT", "POST", "DELETE"):
        answer = visit(shared_cloud, site, "/index.html", method)
        assert (answer.status, "Code: MethodNotAllowed" in answer.text) == (405, True)
    assert visit(shared_cloud, site, "/").body == b"<h1>home</h1>"


def test_queries_mean_nothing_to_a_website(shared_cloud: TestCloud, site: str) -> None:
    assert visit(shared_cloud, site, "/?acl&versionId=x&response-content-type=a/b").body == b"<h1>home</h1>"


def test_conditions_and_ranges_work_on_websites(s3: Any, shared_cloud: TestCloud, site: str) -> None:
    etag = visit(shared_cloud, site, "/").headers["etag"]
    assert visit(shared_cloud, site, "/", If_None_Match=etag).status == 304
    part = visit(shared_cloud, site, "/", Range="bytes=0-3")
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"<h1>", "bytes 0-3/13")
    s3.put_object(Bucket=site, Key="big", Body=b"x" * 3_000_000)
    assert visit(shared_cloud, site, "/big").body == b"x" * 3_000_000


def test_an_object_may_send_its_visitors_elsewhere(s3: Any, shared_cloud: TestCloud, site: str) -> None:
    s3.put_object(Bucket=site, Key="old", WebsiteRedirectLocation="/docs/")
    s3.put_object(Bucket=site, Key="away", WebsiteRedirectLocation="https://example.com/x?y")
    answer = visit(shared_cloud, site, "/old")
    assert (answer.status, answer.headers["location"]) == (301, "/docs/")
    assert visit(shared_cloud, site, "/away").headers["location"] == "https://example.com/x?y"
    assert ask(shared_cloud, "GET", f"/_website/{site}/old").headers["location"] == f"/_website/{site}/docs/"
    assert s3.head_object(Bucket=site, Key="old")["WebsiteRedirectLocation"] == "/docs/"


def test_all_requests_may_be_sent_to_another_host(s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    there = {"HostName": "www.example.com", "Protocol": "https"}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"RedirectAllRequestsTo": there})
    answer = visit(shared_cloud, bucket, "/a%20b/c?d")
    assert (answer.status, answer.headers["location"]) == (301, "https://www.example.com/a%20b/c")


def test_routing_rules_lead_by_prefix_and_by_error(s3: Any, shared_cloud: TestCloud, site: str) -> None:
    rules = [
        {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "docs/"}},
        {"Condition": {"KeyPrefixEquals": "one"},
         "Redirect": {"ReplaceKeyWith": "index.html", "HttpRedirectCode": "307"}},
        {"Condition": {"KeyPrefixEquals": "app/", "HttpErrorCodeReturnedEquals": "404"},
         "Redirect": {"HostName": "app.example.com", "Protocol": "https", "ReplaceKeyPrefixWith": "lost/"}},
    ]  # fmt: skip
    s3.put_bucket_website(Bucket=site, WebsiteConfiguration={**SITE, "RoutingRules": rules})
    here = f"http://{site}.s3-website.localhost:{shared_cloud.port}"
    old = visit(shared_cloud, site, "/old/index.html")
    assert (old.status, old.headers["location"]) == (301, f"{here}/docs/index.html")
    one = visit(shared_cloud, site, "/one/and/more")
    assert (one.status, one.headers["location"]) == (307, f"{here}/index.html")
    lost = visit(shared_cloud, site, "/app/x")
    assert (lost.status, lost.headers["location"]) == (301, "https://app.example.com/lost/x")
    s3.put_object(Bucket=site, Key="app/x", Body=b"found")
    assert visit(shared_cloud, site, "/app/x").body == b"found"
    assert visit(shared_cloud, site, "/nope").body == b"sorry"


def test_a_host_name_of_one_s_own_shows_the_website_of_that_name(s3: Any, shared_cloud: TestCloud) -> None:
    name = "www.site-of-our-own.org"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="index.html", Body=b"own")
    make_public(shared_cloud, name)
    assert ask(shared_cloud, "GET", "/index.html", name).body == b"own"
    assert ask(shared_cloud, "GET", "/", name).status == 403
    s3.put_bucket_website(Bucket=name, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    assert ask(shared_cloud, "GET", "/", f"{name}:{shared_cloud.port}").body == b"own"
    # Under somebody else's name the machine's well-known keys are of no use.
    assert ask(shared_cloud, "PUT", "/x", name, body=b"y").status == 403
    assert ask(shared_cloud, "GET", "/", name, Origin=f"http://{name}").status == 403
    assert ask(shared_cloud, "GET", "/", "another.site.org").status == 403
    refused("NoSuchKey", s3.get_object, Bucket=name, Key="x")
