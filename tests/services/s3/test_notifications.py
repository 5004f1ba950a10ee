"""Notifications: what happens to objects, told to queues."""

import itertools
import json

import pytest
from msgspec.structs import replace

from pileus.service import Actor, service_caller
from pileus.services.s3 import events
from pileus.services.s3.tables import buckets, current
from tests.services.s3.events_asking import let_in, queue_for, rule, tell, told
from tests.services.s3.s3_asking import refused

_numbers = itertools.count(1)
CREATED, REMOVED = "s3:ObjectCreated:*", "s3:ObjectRemoved:*"
UNVERIFIED = "Unable to validate the following destination configurations"


@pytest.fixture
def sqs(shared_cloud):
    return shared_cloud.client("sqs")


@pytest.fixture
def queue(sqs, bucket):
    return queue_for(sqs, f"queue-{next(_numbers)}", bucket)


def names(records):
    return [record["eventName"] for record in records]


def test_a_put_is_told_with_everything_the_record_has(shared_cloud, s3, sqs, bucket, queue):
    url, arn = queue
    tell(s3, bucket, {"Id": "mine", **rule(arn, CREATED)})
    answer = s3.put_object(Bucket=bucket, Key="a folder/b+ü.txt", Body=b"hello")
    [record] = told(shared_cloud, sqs, url)
    assert record["eventVersion"] == "2.1"
    assert (record["eventSource"], record["awsRegion"], record["eventName"]) == (
        "aws:s3",
        "us-east-1",
        "ObjectCreated:Put",
    )
    assert record["eventTime"].endswith("Z")
    assert len(record["eventTime"]) == len("1970-01-01T00:00:00.000Z")
    assert record["userIdentity"] == {"principalId": "AWS:000000000000"}
    assert record["requestParameters"] == {"sourceIPAddress": "127.0.0.1"}
    metadata = answer["ResponseMetadata"]
    given = {"x-amz-request-id": metadata["RequestId"], "x-amz-id-2": metadata["HostId"]}
    assert record["responseElements"] == given
    told_of = record["s3"]
    assert (told_of["s3SchemaVersion"], told_of["configurationId"]) == ("1.0", "mine")
    assert (told_of["bucket"]["name"], told_of["bucket"]["arn"]) == (bucket, f"arn:aws:s3:::{bucket}")
    assert told_of["bucket"]["ownerIdentity"]["principalId"].startswith("A")
    sequencer = told_of["object"].pop("sequencer")
    assert int(sequencer, 16)
    assert told_of["object"] == {"key": "a+folder/b%2B%C3%BC.txt", "size": 5, "eTag": answer["ETag"].strip('"')}


def test_a_configuration_sends_a_test_message(s3, sqs, bucket, queue):
    url, arn = queue
    tell(s3, bucket, rule(arn, CREATED))
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    body = json.loads(message["Body"])
    assert (body["Service"], body["Event"], body["Bucket"]) == ("Amazon S3", "s3:TestEvent", bucket)
    assert set(body) == {"Service", "Event", "Time", "Bucket", "RequestId", "HostId"}


def test_a_configuration_is_shown_as_it_was_given_with_an_id(s3, bucket, queue):
    tell(s3, bucket, rule(queue[1], "s3:ObjectCreated:Put", prefix="in/", suffix=".jpg"))
    [shown] = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert shown.pop("Id")
    rules = [{"Name": "Prefix", "Value": "in/"}, {"Name": "Suffix", "Value": ".jpg"}]
    assert shown == {
        "QueueArn": queue[1],
        "Events": ["s3:ObjectCreated:Put"],
        "Filter": {"Key": {"FilterRules": rules}},
    }
    tell(s3, bucket)
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    del found["ResponseMetadata"]
    assert found == {}


def test_only_what_the_filter_means_is_told(shared_cloud, s3, sqs, bucket, queue):
    tell(s3, bucket, rule(queue[1], "s3:ObjectCreated:Put", prefix="in/", suffix=".jpg"))
    for key in ("in/a.jpg", "in/a.txt", "out/a.jpg"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.copy_object(Bucket=bucket, Key="in/copy.jpg", CopySource={"Bucket": bucket, "Key": "in/a.jpg"})
    records = told(shared_cloud, sqs, queue[0])
    assert [record["s3"]["object"]["key"] for record in records] == ["in/a.jpg"]


def test_every_kind_of_change_has_its_name(shared_cloud, s3, sqs, bucket, queue):
    tell(s3, bucket, rule(queue[1], CREATED, REMOVED, "s3:ObjectTagging:*"))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.copy_object(Bucket=bucket, Key="k2", CopySource={"Bucket": bucket, "Key": "k"})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=1, Body=b"z")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="big", UploadId=upload, MultipartUpload=parts)
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k2"}]})
    records = told(shared_cloud, sqs, queue[0])
    assert names(records) == [
        "ObjectCreated:Put",
        "ObjectCreated:Copy",
        "ObjectCreated:CompleteMultipartUpload",
        "ObjectTagging:Put",
        "ObjectTagging:Delete",
        "ObjectRemoved:Delete",
        "ObjectRemoved:Delete",
    ]
    assert {record["eventVersion"] for record in records[:3]} == {"2.1"}
    assert {record["eventVersion"] for record in records[3:5]} == {"2.3"}
    assert set(records[-1]["s3"]["object"]) == {"key", "sequencer"}


def test_sequencers_of_a_key_rise(shared_cloud, s3, sqs, bucket, queue):
    tell(s3, bucket, rule(queue[1], CREATED, REMOVED))
    for _ in range(3):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
        s3.delete_object(Bucket=bucket, Key="k")
    found = [record["s3"]["object"]["sequencer"] for record in told(shared_cloud, sqs, queue[0])]
    assert len(set(found)) == 6
    assert found == sorted(found)
    assert len({len(one) for one in found}) == 1


def test_versions_and_delete_markers_are_told_by_their_ids(shared_cloud, s3, sqs, versioned, queue):
    bucket = versioned
    tell(s3, bucket, rule(queue[1], CREATED, REMOVED))
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    records = told(shared_cloud, sqs, queue[0])
    assert names(records) == ["ObjectCreated:Put", "ObjectRemoved:DeleteMarkerCreated", "ObjectRemoved:Delete"]
    assert [record["s3"]["object"]["versionId"] for record in records] == [version, marker, version]


def test_what_failed_is_not_told(shared_cloud, s3, sqs, bucket, queue):
    tell(s3, bucket, rule(queue[1], CREATED))
    s3.put_object(Bucket=bucket, Key="k", Body=b"y")
    refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="k", Body=b"x", IfMatch="0" * 32)
    assert len(told(shared_cloud, sqs, queue[0])) == 1


def test_who_put_it_is_told(shared_cloud, s3, sqs, bucket, queue):
    tell(s3, bucket, rule(queue[1], CREATED))
    iam = shared_cloud.client("iam")
    user = iam.create_user(UserName=f"u-{bucket}")["User"]
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_user_policy(UserName=user["UserName"], PolicyName="p", PolicyDocument=json.dumps(allow))
    key = iam.create_access_key(UserName=user["UserName"])["AccessKey"]
    theirs = shared_cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    theirs.put_object(Bucket=bucket, Key="k", Body=b"x")
    [record] = told(shared_cloud, sqs, queue[0])
    assert record["userIdentity"] == {"principalId": f"AWS:{user['UserId']}"}


def test_a_queue_must_let_s3_in_for_this_bucket(s3, sqs, bucket, queue):
    url, arn = queue
    let_in(sqs, url, arn, "another-bucket")
    error = refused(
        "InvalidArgument",
        s3.put_bucket_notification_configuration,
        status=400,
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [rule(arn, CREATED)]},
    )
    assert error["Error"]["Message"] == UNVERIFIED
    assert error["Error"]["ArgumentName"] == arn
    assert "Permissions on the destination queue do not allow S3" in error["Error"]["ArgumentValue"]
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


@pytest.mark.parametrize(
    ("member", "name", "arn"),
    [
        ("QueueConfigurations", "QueueArn", "arn:aws:sqs:us-east-1:000000000000:no-such-queue"),
        ("QueueConfigurations", "QueueArn", "arn:aws:sqs:eu-west-1:000000000000:elsewhere"),
        ("QueueConfigurations", "QueueArn", "arn:aws:sqs:us-east-1:000000000000:q.fifo"),
        ("TopicConfigurations", "TopicArn", "arn:aws:sns:us-east-1:000000000000:topic"),
        ("LambdaFunctionConfigurations", "LambdaFunctionArn", "arn:aws:lambda:us-east-1:000000000000:function:f"),
    ],
)
def test_a_destination_that_is_not_there_is_refused(s3, bucket, member, name, arn):
    configuration = {member: [{name: arn, "Events": [CREATED]}]}
    error = refused(
        "InvalidArgument",
        s3.put_bucket_notification_configuration,
        Bucket=bucket,
        NotificationConfiguration=configuration,
    )
    assert error["Error"]["Message"] == UNVERIFIED
    assert error["Error"]["ArgumentName"] == arn


def test_if_one_destination_is_bad_no_other_gets_a_test_message(s3, sqs, bucket, queue):
    configuration = {
        "QueueConfigurations": [rule(queue[1], CREATED), rule("arn:aws:sqs:us-east-1:000000000000:none", REMOVED)]
    }
    refused(
        "InvalidArgument",
        s3.put_bucket_notification_configuration,
        Bucket=bucket,
        NotificationConfiguration=configuration,
    )
    assert "Messages" not in sqs.receive_message(QueueUrl=queue[0])


@pytest.mark.parametrize(
    ("rules", "code", "text"),
    [
        ([("s3:ObjectCreated:Make", {})], "InvalidArgument", "event is not supported"),
        ([("s3:ObjectAnnotation:Put", {})], "NotImplemented", "no annotations"),
        ([(CREATED, {"middle": "x"})], "InvalidArgument", "filter rule name must be either prefix or suffix"),
        ([(CREATED, {}), ("s3:ObjectCreated:Put", {})], "InvalidArgument", "Configurations overlap"),
        ([(CREATED, {"prefix": "a"}), (CREATED, {"prefix": "ab"})], "InvalidArgument", "ambiguously defined"),
        ([(CREATED, {"suffix": "g"}), (CREATED, {"suffix": ".jpg"})], "InvalidArgument", "ambiguously defined"),
        ([(CREATED, {"prefix": "a" * 1025})], "InvalidArgument", "1024 bytes"),
    ],
)
def test_bad_rules_are_refused(s3, bucket, queue, rules, code, text):
    wanted = [rule(queue[1], event, **affixes) for event, affixes in rules]
    configuration = {"QueueConfigurations": wanted}
    error = refused(
        code, s3.put_bucket_notification_configuration, Bucket=bucket, NotificationConfiguration=configuration
    )
    assert text in error["Error"]["Message"]


def test_overlapping_prefixes_with_other_suffixes_are_two_rules(s3, bucket, queue):
    tell(
        s3,
        bucket,
        rule(queue[1], CREATED, prefix="a", suffix=".jpg"),
        rule(queue[1], CREATED, prefix="ab", suffix=".png"),
        rule(queue[1], REMOVED, prefix="a"),
    )
    assert len(s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]) == 3


def test_event_bridge_is_refused_by_name(s3, bucket):
    error = refused(
        "NotImplemented",
        s3.put_bucket_notification_configuration,
        status=501,
        Bucket=bucket,
        NotificationConfiguration={"EventBridgeConfiguration": {}},
    )
    assert "EventBridge" in error["Error"]["Message"]


def test_a_queue_of_another_account_may_let_s3_in(shared_cloud, s3, bucket):
    sqs = shared_cloud.client("sqs", key="111111111111")
    url, arn = queue_for(sqs, f"theirs-{bucket}", bucket)
    tell(s3, bucket, rule(arn, CREATED))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert names(told(shared_cloud, sqs, url)) == ["ObjectCreated:Put"]


def test_a_queue_that_is_gone_holds_up_no_other_and_hears_when_it_is_back(cloud):
    s3, sqs = cloud.client("s3"), cloud.client("sqs")
    s3.create_bucket(Bucket="the-bucket")
    one, other = queue_for(sqs, "one", "the-bucket"), queue_for(sqs, "other", "the-bucket")
    tell(s3, "the-bucket", rule(one[1], CREATED), rule(other[1], REMOVED))
    sqs.delete_queue(QueueUrl=one[0])
    for number in range(3):
        s3.put_object(Bucket="the-bucket", Key=f"{number}", Body=b"x")
    s3.delete_object(Bucket="the-bucket", Key="0")
    assert names(told(cloud, sqs, other[0])) == ["ObjectRemoved:Delete"]
    cloud.advance(61)
    one = queue_for(sqs, "one", "the-bucket")
    cloud.advance(301)
    assert [record["s3"]["object"]["key"] for record in told(cloud, sqs, one[0])] == ["0", "1", "2"]


def test_after_a_day_an_event_nobody_takes_is_given_up(cloud):
    s3, sqs = cloud.client("s3"), cloud.client("sqs")
    s3.create_bucket(Bucket="the-bucket")
    url, arn = queue_for(sqs, "one", "the-bucket")
    tell(s3, "the-bucket", rule(arn, CREATED))
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    s3.put_object(Bucket="the-bucket", Key="old", Body=b"x")
    cloud.settle()
    cloud.advance(25 * 3600)
    let_in(sqs, url, arn, "the-bucket")
    s3.put_object(Bucket="the-bucket", Key="new", Body=b"x")
    assert [record["s3"]["object"]["key"] for record in told(cloud, sqs, url)] == ["new"]


def test_events_outlive_a_restart(cloud):
    s3, sqs = cloud.client("s3"), cloud.client("sqs")
    s3.create_bucket(Bucket="the-bucket")
    url, arn = queue_for(sqs, "one", "the-bucket")
    tell(s3, "the-bucket", rule(arn, CREATED))
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    s3.put_object(Bucket="the-bucket", Key="k", Body=b"x")
    cloud.restart()
    sqs = cloud.client("sqs")
    let_in(sqs, f"{cloud.endpoint}/000000000000/one", arn, "the-bucket")
    cloud.advance(301)
    assert names(told(cloud, sqs, f"{cloud.endpoint}/000000000000/one")) == ["ObjectCreated:Put"]


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("LifecycleExpiration:Delete", {}),
        ("LifecycleExpiration:DeleteMarkerCreated", {}),
        (
            "LifecycleTransition",
            {"lifecycleEventData": {"transitionEventData": {"destinationStorageClass": "GLACIER"}}},
        ),
        (
            "ObjectRestore:Completed",
            {
                "glacierEventData": {
                    "restoreEventData": {
                        "lifecycleRestorationExpiryTime": "2030-01-01T00:00:00.500Z",
                        "lifecycleRestoreStorageClass": "GLACIER",
                    }
                }
            },
        ),
    ],
)
def test_what_s3_does_by_itself_is_told_as_its_own_doing(shared_cloud, s3, sqs, bucket, queue, event, data):
    kind = event.partition(":")[0]
    tell(s3, bucket, rule(queue[1], f"s3:{kind}" if kind == event else f"s3:{kind}:*"))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")

    def happen(tx):
        found = buckets.get(tx, "aws", bucket)
        call = Actor(shared_cloud.app.cloud, service_caller("s3.amazonaws.com"), found.region).call(
            tx, "s3", "PutObject"
        )
        version = replace(current.get(tx, found.id, "k"), storage="GLACIER", restored_until=1893456000.5)
        events.happened(call, found, event, "k", version)

    shared_cloud.run(shared_cloud.app.store.transact(happen))
    [record] = told(shared_cloud, sqs, queue[0])
    assert (record["eventName"], record["userIdentity"]) == (event, {"principalId": "s3.amazonaws.com"})
    assert record["requestParameters"] == {"sourceIPAddress": "s3.amazonaws.com"}
    assert {name: record[name] for name in record if name.endswith("EventData")} == data
    assert record["eventVersion"] == ("2.1" if kind == "ObjectRestore" else "2.3")
