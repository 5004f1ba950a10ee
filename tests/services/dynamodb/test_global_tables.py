"""One table in several regions: every region takes writes, and all come to the same."""

import pytest

from .dynamodb_asking import get, index, item, make, put, refused, whole

HERE, THERE, FAR = "us-east-1", "eu-west-1", "ap-south-1"


@pytest.fixture
def here(cloud):
    return cloud.client("dynamodb", region_name=HERE)


@pytest.fixture
def there(cloud):
    return cloud.client("dynamodb", region_name=THERE)


def spread(cloud, db, table, region):
    db.update_table(TableName=table, ReplicaUpdates=[{"Create": {"RegionName": region}}])
    cloud.settle()


def test_a_new_replica_gets_what_was_there_before_and_what_comes_later(cloud, here, there):
    make(here, "world", GlobalSecondaryIndexes=[index("by-a", "a:S")])
    for number in range(230):
        put(here, "world", pk=str(number), a="x")
    spread(cloud, here, "world", THERE)
    found = there.describe_table(TableName="world")["Table"]
    assert (found["TableStatus"], found["ItemCount"]) == ("ACTIVE", 230)
    assert found["GlobalTableVersion"] == "2019.11.21"
    assert [one["RegionName"] for one in found["Replicas"]] == [HERE]
    assert here.describe_table(TableName="world")["Table"]["Replicas"][0]["ReplicaStatus"] == "ACTIVE"
    put(here, "world", pk="new", a="y")
    put(there, "world", pk="back", a="y")
    there.delete_item(TableName="world", Key=item(pk="0"))
    cloud.settle()
    for db in (here, there):
        assert get(db, "world", pk="new") == item(pk="new", a="y")
        assert get(db, "world", pk="back") == item(pk="back", a="y")
        assert get(db, "world", pk="0") is None
        assert len(whole(db.scan, TableName="world", IndexName="by-a")) == 231


def test_the_last_writer_wins_everywhere(cloud, here, there):
    make(here, "world")
    spread(cloud, here, "world", THERE)
    spread(cloud, here, "world", FAR)
    far = cloud.client("dynamodb", region_name=FAR)
    put(far, "world", pk="1", v="first")
    put(here, "world", pk="1", v="second")
    put(there, "world", pk="1", v="last")
    put(here, "world", pk="2", v="there")
    far.delete_item(TableName="world", Key=item(pk="2"))
    cloud.settle()
    for db in (here, there, far):
        assert get(db, "world", pk="1") == item(pk="1", v="last")
    assert get(far, "world", pk="2") == get(here, "world", pk="2") == get(there, "world", pk="2")


def test_settings_that_are_always_alike_stay_alike(cloud, here, there):
    make(here, "world")
    put(here, "world", pk="1", kind="k")
    spread(cloud, here, "world", THERE)
    made = index("by-kind", "kind:S")
    made.pop("Types")
    there.update_table(
        TableName="world",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "kind")],
        GlobalSecondaryIndexUpdates=[{"Create": made}],
    )
    cloud.settle()
    there.update_time_to_live(TableName="world", TimeToLiveSpecification={"AttributeName": "t", "Enabled": True})
    cloud.settle()
    assert len(whole(here.scan, TableName="world", IndexName="by-kind")) == 1
    assert here.describe_time_to_live(TableName="world")["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"


def test_a_replica_goes_and_the_others_stay(cloud, here, there):
    make(here, "world")
    spread(cloud, here, "world", THERE)
    put(here, "world", pk="1")
    here.update_table(TableName="world", ReplicaUpdates=[{"Delete": {"RegionName": THERE}}])
    cloud.settle()
    assert refused(there.describe_table, TableName="world")[0] == "ResourceNotFoundException"
    assert "Replicas" not in here.describe_table(TableName="world")["Table"]
    assert get(here, "world", pk="1") == item(pk="1")
    spread(cloud, here, "world", THERE)
    assert get(there, "world", pk="1") == item(pk="1")
    there.delete_table(TableName="world")
    cloud.settle()
    assert "Replicas" not in here.describe_table(TableName="world")["Table"]


def test_what_replicas_may_not_be(cloud, here):
    make(here, "world")
    spread(cloud, here, "world", THERE)
    code, message = refused(here.update_table, TableName="world", ReplicaUpdates=[{"Create": {"RegionName": THERE}}])
    assert code == "ValidationException"
    assert "Replica already exists" in message
    make(here, "fixed", ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})
    code, message = refused(here.update_table, TableName="fixed", ReplicaUpdates=[{"Create": {"RegionName": THERE}}])
    assert "auto scaling" in message


def test_the_stream_of_a_replica_tells_of_what_comes_from_elsewhere(cloud, here, there):
    make(here, "world")
    spread(cloud, here, "world", THERE)
    put(here, "world", pk="1")
    cloud.settle()
    streams = cloud.client("dynamodbstreams", region_name=THERE)
    arn = there.describe_table(TableName="world")["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    at = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert [one["eventName"] for one in streams.get_records(ShardIterator=at)["Records"]] == ["INSERT"]


def test_a_protected_replica_is_not_removed(cloud, here, there):
    make(here, "world")
    spread(cloud, here, "world", THERE)
    there.update_table(TableName="world", DeletionProtectionEnabled=True)
    cloud.settle()
    gone = [{"Delete": {"RegionName": THERE}}]
    assert refused(here.update_table, TableName="world", ReplicaUpdates=gone)[0] == "ValidationException"
    there.update_table(TableName="world", DeletionProtectionEnabled=False)
    cloud.settle()
    here.update_table(TableName="world", ReplicaUpdates=gone)
    cloud.settle()
    assert refused(there.describe_table, TableName="world")[0] == "ResourceNotFoundException"
