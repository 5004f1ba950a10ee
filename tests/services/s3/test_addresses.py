"""Where a bucket is: in the path, in the host name, under a name of its own; and keys, byte for byte."""

from typing import Any
from urllib.parse import quote, urlsplit

import boto3
import pytest
from botocore.config import Config

from tests.conftest import TestCloud

from .s3_asking import read
from .web_asking import ask, make_public

KEYS = [
    "plain", "a b", "a+b", "a%20b", "100%", "a%2Fb", "ü/ñ/日本語/🙂", "a//b", "/lead", "//two", ".", "..",
    "./a", "../a", "a/./b", "a/../b", "a/", "a//", "/", "?", "a?b=c", "#x", "a&b=c", "a;b", "a:b", "a@b",
    "a,b", "a=b", "a'b\"c", "<k>&amp;", "a\\b", "tab\there", "nl\nhere", "a!*()~$^`{}|[]", " lead",
    "trail ", "index.html", "_website/x", "_pileus/health", "s3", "e\u0301",
]  # fmt: skip


def hosts(bucket: str) -> list[str]:
    return [
        f"{bucket}.s3.amazonaws.com",
        f"{bucket}.s3.us-east-1.amazonaws.com",
        f"{bucket}.s3-us-east-1.amazonaws.com",
        f"{bucket}.s3.dualstack.us-east-1.amazonaws.com",
        f"{bucket}.s3.localhost:4566",
        f"{bucket}.s3.us-east-1.localhost:4566",
        f"{bucket}.s3.localhost.localstack.cloud:4566",
        f"{bucket}.s3.us-east-1.localhost.localstack.cloud:4566",
        f"{bucket}.localhost",
        f"{bucket}.localhost:4566",
    ]


def test_every_host_style_address_finds_the_bucket(s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a/k", Body=b"x")
    make_public(shared_cloud, bucket, "s3:GetObject", "s3:ListBucket")
    for host in hosts(bucket):
        assert ask(shared_cloud, "GET", "/a/k", host).body == b"x", host
        assert "<Key>a/k</Key>" in ask(shared_cloud, "GET", "/", host).text, host
        assert ask(shared_cloud, "GET", "/a/none", host).status == 404, host


@pytest.mark.parametrize(
    "host",
    ["s3.amazonaws.com", "s3.us-east-1.amazonaws.com", "s3-us-east-1.amazonaws.com", "s3.localhost:4566",
     "s3.dualstack.us-east-1.amazonaws.com", "s3.localhost.localstack.cloud:4566", "localhost:4566", "127.0.0.1",
     "localhost.localstack.cloud:4566", "[::1]:4566", "some-machine:4566"],
)  # fmt: skip
def test_every_path_style_address_finds_the_bucket(s3: Any, shared_cloud: TestCloud, bucket: str, host: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    make_public(shared_cloud, bucket)
    assert ask(shared_cloud, "GET", f"/{bucket}/k", host).body == b"x"


@pytest.mark.parametrize(
    "name", ["my-bucket-1", "eu-west-1", "dotted.name.here", "s3-like", "has.s3.inside", "sqs.mine"]
)
def test_names_that_look_like_something_else_are_still_buckets(shared_cloud: TestCloud, s3: Any, name: str) -> None:
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    make_public(shared_cloud, name)
    for host in (f"{name}.s3.amazonaws.com", f"{name}.s3.localhost:4566", f"{name}.s3.us-east-1.amazonaws.com"):
        assert ask(shared_cloud, "GET", "/k", host).body == b"x", host
    # `has.s3.inside.localhost` and the like are asked for as host of S3 by themselves.
    if ".s3." not in name and not name.startswith("s3-"):
        assert ask(shared_cloud, "GET", "/k", f"{name}.localhost").body == b"x"


def test_a_bucket_s_own_host_has_no_pages_of_the_cloud(s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="_pileus/health", Body=b"mine")
    make_public(shared_cloud, bucket)
    assert ask(shared_cloud, "GET", "/_pileus/health", f"{bucket}.s3.localhost").body == b"mine"
    assert b"ready" in ask(shared_cloud, "GET", "/_pileus/health", "s3.localhost").body


def test_a_service_s_own_name_under_localhost_is_the_service_s(shared_cloud: TestCloud) -> None:
    answer = ask(shared_cloud, "GET", "/?Action=ListQueues&Version=2012-11-05", "sqs.us-east-1.localhost:4566")
    assert "MissingAuthenticationToken" in answer.text
    assert "s3" not in answer.text.lower()


def test_boto3_uses_host_style_by_itself(shared_cloud: TestCloud) -> None:
    client = boto3.client(
        "s3", endpoint_url=f"http://s3.localhost:{shared_cloud.port}", aws_access_key_id="test",
        region_name="us-east-1", aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "virtual"}, signature_version="s3v4"),
    )  # fmt: skip
    seen: list[str] = []

    def to_this_machine(request: Any, **_: Any) -> None:
        parts = urlsplit(request.url)
        seen.append(parts.netloc)
        request.headers["Host"] = parts.netloc
        request.url = parts._replace(netloc=f"127.0.0.1:{shared_cloud.port}").geturl()

    client.meta.events.register("before-send.s3", to_this_machine)
    client.create_bucket(Bucket="by-host")
    client.put_object(Bucket="by-host", Key="a b/ü", Body=b"x")
    assert client.get_object(Bucket="by-host", Key="a b/ü")["Body"].read() == b"x"
    assert seen[-1] == f"by-host.s3.localhost:{shared_cloud.port}"
    for version in ("s3v4", "s3"):
        config = Config(s3={"addressing_style": "virtual"}, signature_version=version)
        signing = boto3.client(
            "s3", endpoint_url=f"http://s3.localhost:{shared_cloud.port}", aws_access_key_id="test",
            region_name="us-east-1", aws_secret_access_key="test", config=config,
        )  # fmt: skip
        url = urlsplit(signing.generate_presigned_url("get_object", Params={"Bucket": "by-host", "Key": "a b/ü"}))
        assert url.netloc.startswith("by-host.s3.localhost")
        assert ask(shared_cloud, "GET", f"{url.path}?{url.query}", url.netloc).body == b"x"


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_kept_byte_for_byte(s3: Any, shared_cloud: TestCloud, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert read(s3, bucket, key) == key.encode()
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(key.encode())
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    make_public(shared_cloud, bucket)
    raw = quote(key, safe="")
    assert ask(shared_cloud, "GET", f"/{bucket}/{raw}").body == key.encode()
    assert ask(shared_cloud, "GET", f"/{raw}", f"{bucket}.s3.localhost").body == key.encode()
    s3.delete_object(Bucket=bucket, Key=key)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_keys_that_differ_in_slashes_are_different_objects(s3: Any, bucket: str) -> None:
    keys = ["a", "a/", "a//", "/a", "//a", "a/b", "a//b", "a/./b"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in keys:
        assert read(s3, bucket, key) == key.encode()
    assert len(s3.list_objects_v2(Bucket=bucket)["Contents"]) == len(keys)


def test_plus_is_a_plus_in_a_path(s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a+b", Body=b"plus")
    s3.put_object(Bucket=bucket, Key="a b", Body=b"space")
    make_public(shared_cloud, bucket)
    assert ask(shared_cloud, "GET", f"/{bucket}/a+b").body == b"plus"
    assert ask(shared_cloud, "GET", f"/{bucket}/a%2bb").body == b"plus"
    assert ask(shared_cloud, "GET", f"/{bucket}/a%20b").body == b"space"


def test_a_trailing_slash_behind_the_bucket_says_nothing(s3: Any, shared_cloud: TestCloud, bucket: str) -> None:
    make_public(shared_cloud, bucket, "s3:ListBucket")
    for path in (f"/{bucket}", f"/{bucket}/", f"/{bucket}?list-type=2", f"/{bucket}/?list-type=2"):
        assert "<ListBucketResult" in ask(shared_cloud, "GET", path).text


def test_what_is_not_utf_8_is_no_key(shared_cloud: TestCloud, bucket: str) -> None:
    answer = ask(shared_cloud, "GET", f"/{bucket}/%ff")
    assert answer.status == 400


def test_there_is_no_edge_to_accelerate_from(shared_cloud: TestCloud, bucket: str) -> None:
    answer = ask(shared_cloud, "GET", "/k", f"{bucket}.s3-accelerate.amazonaws.com")
    assert (answer.status, "S3 Transfer Acceleration is not configured" in answer.text) == (400, True)


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "ap-southeast-2", "us-gov-west-1", "cn-north-1"])
def test_every_region_has_buckets(shared_cloud: TestCloud, region: str) -> None:
    client = shared_cloud.client("s3", region_name=region)
    name = f"b-{region}-x"
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    client.create_bucket(Bucket=name, **where)
    client.put_object(Bucket=name, Key="k", Body=b"x")
    assert read(client, name, "k") == b"x"
    assert client.head_bucket(Bucket=name)["BucketRegion"] == region
