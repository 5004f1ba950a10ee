"""Server access logs, delivered."""

import contextlib
import hashlib
import http.client
import json
import re
import urllib.request
from base64 import b64encode

import pytest
from botocore.config import Config
from msgspec.structs import replace

from pileus.service import Actor, records, service_caller
from pileus.services.s3 import events
from pileus.services.s3.tables import buckets, current
from tests.services.s3.access_asking import presigned_with
from tests.services.s3.events_asking import put_policy
from tests.services.s3.s3_asking import read, refused

ROOT = "000000000000"
FIELD = re.compile(r'\[[^]]*\]|"[^"]*"|\S+')


@pytest.fixture
def s3(cloud):
    return cloud.client("s3", config=Config(s3={"addressing_style": "path"}))


@pytest.fixture
def logged(cloud, s3):
    """A bucket whose accesses are logged to `logs`, and what is said there."""
    for name in ("logged", "logs"):
        s3.create_bucket(Bucket=name)
    let_in(s3)
    log(s3)
    return "logged"


def let_in(s3, source="logged"):
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::logs/*",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"},
            "StringEquals": {"aws:SourceAccount": ROOT},
        },
    }
    put_policy(s3, "logs", statement)


def log(s3, **more):
    enabled = {"TargetBucket": "logs", "TargetPrefix": "log/", **more}
    s3.put_bucket_logging(Bucket="logged", BucketLoggingStatus={"LoggingEnabled": enabled})


def keys(s3, prefix=""):
    return [one["Key"] for one in s3.list_objects_v2(Bucket="logs", Prefix=prefix).get("Contents", [])]


def lines(s3):
    """The fields of every line that was delivered."""
    return [FIELD.findall(line) for key in keys(s3) for line in read(s3, "logs", key).decode().splitlines()]


def by_operation(s3):
    found = {}
    for fields in lines(s3):
        found.setdefault(fields[6], []).append(fields)
    return found


def test_a_request_s_line_has_every_field(cloud, s3, logged):
    s3.put_object(Bucket=logged, Key="a key/ü", Body=b"hello")
    answer = s3.get_object(Bucket=logged, Key="a key/ü")
    answer["Body"].read()
    assert keys(s3) == []
    cloud.advance(301)
    [fields] = by_operation(s3)["REST.GET.OBJECT"]
    assert len(fields) == 26
    owner = s3.list_buckets()["Owner"]["ID"]
    assert fields[:2] == [owner, logged]
    assert re.fullmatch(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]", fields[2])
    assert fields[3:6] == ["127.0.0.1", owner, answer["ResponseMetadata"]["RequestId"]]
    assert fields[7:13] == ["a%20key/%C3%BC", '"GET /logged/a%20key/%C3%BC HTTP/1.1"', "200", "-", "5", "5"]
    assert int(fields[13]) >= 1
    assert fields[16].startswith('"Boto3')
    assert fields[19] == "SigV4"
    assert fields[21:23] == ["AuthHeader", f"127.0.0.1:{cloud.port}"]
    [put] = by_operation(s3)["REST.PUT.OBJECT"]
    assert put[12] == "5"


def test_it_comes_every_five_minutes_in_one_object(cloud, s3, logged):
    for number in range(5):
        s3.put_object(Bucket=logged, Key=f"{number}", Body=b"x")
    cloud.advance(301)
    [first] = keys(s3)
    assert re.fullmatch(r"log/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}", first)
    assert len(by_operation(s3)["REST.PUT.OBJECT"]) == 5
    cloud.advance(600)
    assert keys(s3) == [first]
    s3.head_object(Bucket=logged, Key="1")
    cloud.advance(301)
    assert len(keys(s3)) == 2
    assert len(by_operation(s3)["REST.HEAD.OBJECT"]) == 1


def test_what_was_refused_is_told_with_its_code(cloud, s3, logged):
    refused("NoSuchKey", s3.get_object, Bucket=logged, Key="none")
    stranger = cloud.client("s3", key="111111111111")
    refused("AccessDenied", stranger.get_object, Bucket=logged, Key="none")
    cloud.advance(301)
    found = by_operation(s3)["REST.GET.OBJECT"]
    assert [fields[9:11] for fields in found] == [["404", "NoSuchKey"], ["403", "AccessDenied"]]
    assert {(int(fields[11]) > 100, fields[12]) for fields in found} == {(True, "-")}


def test_a_client_cannot_forge_fields(cloud, s3, logged):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", cloud.port)) as connection:
        connection.request("GET", f'/{logged}/k"%0A', headers={"User-Agent": 'a" 200 "b', "Referer": "c\td"})
        connection.getresponse().read()
    cloud.advance(301)
    [fields] = by_operation(s3)["REST.GET.OBJECT"]
    assert len(fields) == 26
    assert fields[16] == '"a%22 200 %22b"'


def test_the_anonymous_and_presigned_are_told_apart(cloud, s3, logged):
    s3.put_object(Bucket=logged, Key="k", Body=b"x")
    new = cloud.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
    url = new.generate_presigned_url("get_object", Params={"Bucket": logged, "Key": "k"})
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Referer": 'http://a/"b'})) as answer:
        assert answer.status == 200
    old = cloud.client("s3", config=Config(signature_version="s3", s3={"addressing_style": "path"}))
    with urllib.request.urlopen(old.generate_presigned_url("get_object", Params={"Bucket": logged, "Key": "k"})):
        pass
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{cloud.endpoint}/{logged}/k")
    cloud.advance(301)
    signed, older, unsigned = by_operation(s3)["REST.GET.OBJECT"]
    assert signed[15] == '"http://a/%22b"'
    assert (signed[19], signed[21]) == ("SigV4", "QueryString")
    assert (older[19], older[21]) == ("SigV2", "QueryString")
    assert (unsigned[4], unsigned[19], unsigned[21], unsigned[9]) == ("-", "-", "-", "403")


def test_users_are_told_by_their_arn(cloud, s3, logged):
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(allow))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"]).list_objects_v2(Bucket=logged)
    cloud.advance(301)
    [fields] = by_operation(s3)["REST.GET.BUCKET"]
    assert fields[4] == f"arn:aws:iam::{ROOT}:user/ann"


def test_operations_have_the_log_s_names(cloud, s3, logged):
    s3.put_object(Bucket=logged, Key="k", Body=b"x")
    s3.put_object_tagging(Bucket=logged, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.copy_object(Bucket=logged, Key="copy", CopySource={"Bucket": logged, "Key": "k"})
    upload = s3.create_multipart_upload(Bucket=logged, Key="u")["UploadId"]
    s3.upload_part(Bucket=logged, Key="u", UploadId=upload, PartNumber=1, Body=b"p")
    s3.abort_multipart_upload(Bucket=logged, Key="u", UploadId=upload)
    s3.get_bucket_logging(Bucket=logged)
    s3.get_bucket_location(Bucket=logged)
    s3.delete_objects(Bucket=logged, Delete={"Objects": [{"Key": "k"}, {"Key": "copy"}]})
    cloud.advance(301)
    found = by_operation(s3)
    assert set(found) >= {
        "REST.PUT.OBJECT",
        "REST.PUT.OBJECT_TAGGING",
        "REST.COPY.OBJECT",
        "REST.COPY.OBJECT_GET",
        "REST.POST.UPLOADS",
        "REST.PUT.PART",
        "REST.DELETE.UPLOAD",
        "REST.GET.LOGGING_STATUS",
        "REST.GET.LOCATION",
        "REST.POST.MULTI_OBJECT_DELETE",
        "BATCH.DELETE.OBJECT",
    }
    assert [fields[7] for fields in found["BATCH.DELETE.OBJECT"]] == ["k", "copy"]
    assert found["REST.COPY.OBJECT_GET"][0][7] == "k"


def test_what_the_lifecycle_does_is_told_without_a_request(cloud, s3, logged):
    s3.put_object(Bucket=logged, Key="k", Body=b"hello")

    def happen(tx):
        bucket = buckets.get(tx, "aws", logged)
        call = Actor(cloud.app.cloud, service_caller("s3.amazonaws.com"), bucket.region).call(tx, "s3", "PutObject")
        version = replace(current.get(tx, bucket.id, "k"), storage="DEEP_ARCHIVE")
        events.happened(call, bucket, "LifecycleTransition", "k", version)
        events.happened(call, bucket, "LifecycleExpiration:Delete", "k", version)

    cloud.run(cloud.app.store.transact(happen))
    cloud.advance(301)
    found = by_operation(s3)
    [fields] = found["S3.TRANSITION_GDA.OBJECT"]
    assert fields[3:5] == ["-", "AmazonS3"]
    assert fields[7:15] == ["k", "-", "-", "-", "-", "5", "-", "-"]
    assert len(found["S3.EXPIRE.OBJECT"]) == 1


def test_large_bodies_are_told_too(cloud, s3, logged):
    s3.put_object(Bucket=logged, Key="k", Body=b"x" * 300_000)
    s3.get_object(Bucket=logged, Key="k", Range="bytes=0-9")["Body"].read()
    cloud.advance(301)
    assert by_operation(s3)["REST.PUT.OBJECT"][0][12] == "300000"
    [fields] = by_operation(s3)["REST.GET.OBJECT"]
    assert fields[9:13] == ["206", "-", "10", "300000"]


def test_partitioned_keys_by_the_day_of_the_event(cloud, s3, logged):
    log(s3, TargetObjectKeyFormat={"PartitionedPrefix": {"PartitionDateSource": "EventTime"}})
    s3.put_object(Bucket=logged, Key="k", Body=b"x")
    cloud.advance(301)
    [key] = keys(s3)
    assert re.fullmatch(rf"log/{ROOT}/us-east-1/logged/(\d{{4}})/(\d\d)/(\d\d)/\1-\2-\3-00-00-00-[0-9A-F]{{16}}", key)


def test_partitioned_keys_by_the_time_of_delivery(cloud, s3, logged):
    log(s3, TargetObjectKeyFormat={"PartitionedPrefix": {"PartitionDateSource": "DeliveryTime"}})
    s3.put_object(Bucket=logged, Key="k", Body=b"x")
    cloud.advance(301)
    [key] = keys(s3)
    assert key.startswith(f"log/{ROOT}/us-east-1/logged/")


def test_without_leave_nothing_is_delivered_and_nothing_is_lost_for_a_day(cloud, s3, logged):
    let_in(s3, "another")
    s3.put_object(Bucket=logged, Key="k", Body=b"x")
    cloud.advance(301)
    assert keys(s3) == []
    assert recorded(cloud) == ("PutObject", "logging.s3.amazonaws.com", 403, "AccessDenied")
    let_in(s3)
    cloud.advance(301)
    assert recorded(cloud) == ("PutObject", "logging.s3.amazonaws.com", 200, "")
    assert "REST.PUT.OBJECT" in by_operation(s3)


def recorded(cloud):
    """The last call that a service of the cloud made itself."""
    found = cloud.run(cloud.app.store.transact(lambda tx: records.latest(tx, 100)))
    own = [record for _, record in found if record.principal.endswith(".amazonaws.com")]
    return own[-1].operation, own[-1].principal, own[-1].status, own[-1].error


def test_lines_outlive_a_restart(cloud, s3, logged):
    s3.put_object(Bucket=logged, Key="k", Body=b"x")
    s3.get_object(Bucket=logged, Key="k")["Body"].read()
    cloud.restart()
    cloud.advance(301)
    assert {"REST.PUT.OBJECT", "REST.GET.OBJECT"} <= set(by_operation(cloud.client("s3")))


def test_a_bucket_without_logging_is_not_told(cloud, s3, logged):
    s3.put_bucket_logging(Bucket=logged, BucketLoggingStatus={})
    s3.put_object(Bucket=logged, Key="k", Body=b"x")
    cloud.advance(301)
    assert keys(s3) == []


def test_a_customer_s_key_in_a_url_is_not_logged(cloud, s3, logged):
    key = bytes(range(32))
    s3.put_object(Bucket=logged, Key="k", Body=b"hello", SSECustomerAlgorithm="AES256", SSECustomerKey=key)
    start = "x-amz-server-side-encryption-customer-"
    said = {
        f"{start}algorithm": "AES256",
        f"{start}key": b64encode(key).decode(),
        f"{start}key-md5": b64encode(hashlib.md5(key).digest()).decode(),
    }
    with urllib.request.urlopen(presigned_with(cloud, "GET", f"{logged}/k", "test", **said)) as answer:
        assert answer.read() == b"hello"
    cloud.advance(301)
    [fields] = by_operation(s3)["REST.GET.OBJECT"]
    assert f"{start}key=&{start}key-md5=" in fields[8]
