"""Streams: what changed, in order, for a day, shard after shard."""

import pytest

from .dynamodb_asking import item, make, put, refused

HOUR = 3600


@pytest.fixture
def db(cloud):
    return cloud.client("dynamodb")


@pytest.fixture
def streams(cloud):
    return cloud.client("dynamodbstreams")


def streamed(db, view="NEW_AND_OLD_IMAGES"):
    make(db, "told", StreamSpecification={"StreamEnabled": True, "StreamViewType": view})
    return db.describe_table(TableName="told")["Table"]["LatestStreamArn"]


def shards(streams, arn):
    return streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]


def read(streams, arn, shard=0, kind="TRIM_HORIZON", **more):
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shards(streams, arn)[shard]["ShardId"], ShardIteratorType=kind, **more
    )["ShardIterator"]
    return streams.get_records(ShardIterator=iterator)


def test_every_change_is_told_in_order(db, streams):
    arn = streamed(db)
    put(db, "told", pk="1", v="a")
    put(db, "told", pk="1", v="b")
    put(db, "told", pk="1", v="b")  # changes nothing
    db.delete_item(TableName="told", Key=item(pk="1"))
    db.delete_item(TableName="told", Key=item(pk="1"))  # nor does this
    records = read(streams, arn)["Records"]
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    assert records[1]["dynamodb"]["OldImage"] == item(pk="1", v="a")
    assert records[1]["dynamodb"]["NewImage"] == item(pk="1", v="b")
    assert "NewImage" not in records[2]["dynamodb"]
    assert records[0]["dynamodb"]["Keys"] == item(pk="1")
    numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("view", "images"),
    [("KEYS_ONLY", set()), ("NEW_IMAGE", {"NewImage"}), ("OLD_IMAGE", {"OldImage"})],
)
def test_a_view_shows_what_it_says(db, streams, view, images):
    arn = streamed(db, view)
    put(db, "told", pk="1", v="a")
    put(db, "told", pk="1", v="b")
    told = read(streams, arn)["Records"][1]["dynamodb"]
    assert told.keys() & {"NewImage", "OldImage"} == images
    assert told["StreamViewType"] == view


def test_iterators_begin_where_they_say(db, streams):
    arn = streamed(db)
    for number in range(4):
        put(db, "told", pk=str(number))
    records = read(streams, arn)["Records"]
    second = records[1]["dynamodb"]["SequenceNumber"]
    assert len(read(streams, arn, kind="AT_SEQUENCE_NUMBER", SequenceNumber=second)["Records"]) == 3
    assert len(read(streams, arn, kind="AFTER_SEQUENCE_NUMBER", SequenceNumber=second)["Records"]) == 2
    latest = read(streams, arn, kind="LATEST")
    assert latest["Records"] == []
    put(db, "told", pk="new")
    assert len(streams.get_records(ShardIterator=latest["NextShardIterator"])["Records"]) == 1


def test_a_shard_is_open_for_four_hours(cloud, db, streams):
    arn = streamed(db)
    put(db, "told", pk="1")
    cloud.advance(4 * HOUR + 1)
    put(db, "told", pk="2")
    first, second = shards(streams, arn)
    assert second["ParentShardId"] == first["ShardId"]
    assert "EndingSequenceNumber" in first["SequenceNumberRange"]
    old = read(streams, arn, 0)
    assert len(old["Records"]) == 1
    assert "NextShardIterator" not in old
    assert [record["dynamodb"]["Keys"] for record in read(streams, arn, 1)["Records"]] == [item(pk="2")]


def test_records_are_kept_for_a_day(cloud, db, streams):
    arn = streamed(db)
    put(db, "told", pk="1")
    cloud.advance(23 * HOUR)
    assert len(read(streams, arn)["Records"]) == 1
    cloud.advance(2 * HOUR)
    assert read(streams, arn)["Records"] == []


def test_an_iterator_expires(cloud, db, streams):
    arn = streamed(db)
    iterator = read(streams, arn)["NextShardIterator"]
    cloud.advance(901)
    assert refused(streams.get_records, ShardIterator=iterator)[0] == "ExpiredIteratorException"
    assert refused(streams.get_records, ShardIterator=iterator[:-2])[0] == "ValidationException"


def test_a_stream_outlives_its_table_by_a_day(cloud, db, streams):
    arn = streamed(db)
    put(db, "told", pk="1")
    db.delete_table(TableName="told")
    cloud.settle()
    assert streams.describe_stream(StreamArn=arn)["StreamDescription"]["StreamStatus"] == "DISABLED"
    assert len(read(streams, arn)["Records"]) == 1
    cloud.advance(24 * HOUR + 1)
    assert refused(streams.describe_stream, StreamArn=arn)[0] == "ResourceNotFoundException"


def test_a_stream_is_switched_off_and_another_on(cloud, db, streams):
    arn = streamed(db)
    db.update_table(TableName="told", StreamSpecification={"StreamEnabled": False})
    cloud.settle()
    put(db, "told", pk="unheard")
    assert read(streams, arn)["Records"] == []
    cloud.advance(1)
    db.update_table(TableName="told", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    cloud.settle()
    assert len(streams.list_streams(TableName="told")["Streams"]) == 2


def test_expired_items_go_and_the_stream_says_who_removed_them(cloud, db, streams):
    arn = streamed(db)
    db.update_time_to_live(TableName="told", TimeToLiveSpecification={"AttributeName": "until", "Enabled": True})
    cloud.settle()
    assert db.describe_time_to_live(TableName="told")["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "until",
    }
    now = int(cloud.app.cloud.clock.now())
    put(db, "told", pk="soon", until=now + 100)
    put(db, "told", pk="later", until=now + 10_000_000)
    put(db, "told", pk="text", until="soon")
    put(db, "told", pk="long-ago", until=now - 6 * 366 * 86_400)
    cloud.advance(1_800)
    assert {found["pk"]["S"] for found in db.scan(TableName="told")["Items"]} == {"later", "text", "long-ago"}
    removed = read(streams, arn)["Records"][-1]
    assert removed["eventName"] == "REMOVE"
    assert removed["userIdentity"] == {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
