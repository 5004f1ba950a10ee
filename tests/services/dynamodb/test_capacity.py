"""Provisioned capacity throttles, for real, and lets bursts through as long as it saved for them."""

import pytest

from .dynamodb_asking import index, item, make, put, refused

ONE = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}


@pytest.fixture
def db(cloud):
    return cloud.client("dynamodb")


def exhaust(call, /, **request):
    """How often a call succeeds before it is throttled."""
    for times in range(2_000):
        try:
            call(**request)
        except call.__self__.exceptions.ProvisionedThroughputExceededException:
            return times
    raise AssertionError("never throttled")


def test_five_minutes_of_unused_capacity_are_there_for_a_burst(cloud, db):
    make(db, "small", ProvisionedThroughput=ONE)
    request = {"TableName": "small", "Item": item(pk="1", v="x" * 9_500)}
    burst = exhaust(db.put_item, **request)
    assert 30 <= burst <= 31
    code, message = refused(db.put_item, **request)
    assert code == "ProvisionedThroughputExceededException"
    assert message.startswith("The level of configured provisioned throughput for the table was exceeded.")
    cloud.advance(20)
    assert 1 <= exhaust(db.put_item, **request) <= 3


def test_a_throttled_write_changes_nothing(cloud, db):
    make(db, "small", ProvisionedThroughput=ONE)
    exhaust(db.put_item, TableName="small", Item=item(pk="1", v="x" * 100_000))
    refused(db.put_item, TableName="small", Item=item(pk="2"))
    assert "Item" not in db.get_item(TableName="small", Key=item(pk="2"))


def test_an_index_that_is_full_throttles_its_table(cloud, db):
    by = index("by-a", "a:S")
    by["ProvisionedThroughput"] = ONE
    make(
        db,
        "small",
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1_000},
        GlobalSecondaryIndexes=[by],
    )
    for number in range(31):  # ten units each; the index has three hundred and one
        try:
            put(db, "small", pk="1", a="x", n=number, v="x" * 9_500)
        except db.exceptions.ProvisionedThroughputExceededException:
            break
    with pytest.raises(db.exceptions.ProvisionedThroughputExceededException) as caught:
        put(db, "small", pk="1", a="y")
    assert caught.value.response["ThrottlingReasons"][0]["reason"] == "IndexWriteProvisionedThroughputExceeded"
    put(db, "small", pk="2")


def test_what_a_batch_could_not_do_comes_back(cloud, db):
    make(db, "small", ProvisionedThroughput={"ReadCapacityUnits": 100, "WriteCapacityUnits": 1})
    exhaust(db.put_item, TableName="small", Item=item(pk="1", v="x" * 9_500))
    cloud.advance(20)
    entries = [{"PutRequest": {"Item": item(pk=f"b{n}", v="x" * 9_500)}} for n in range(5)]
    left = db.batch_write_item(RequestItems={"small": entries})["UnprocessedItems"]
    assert 0 < len(left["small"]) < 5
    there = db.scan(TableName="small")["Count"]
    assert there == 1 + 5 - len(left["small"])


def test_on_demand_tables_have_no_limit_but_their_own(cloud, db):
    make(db, "capped", OnDemandThroughput={"MaxReadRequestUnits": 10_000, "MaxWriteRequestUnits": 1})
    make(db, "free")
    for number in range(40):
        put(db, "free", pk=str(number), v="x" * 9_500)
    for number in range(30):
        put(db, "capped", pk=str(number), v="x" * 9_500)
    code, message = refused(
        lambda **more: exhaust(db.put_item, **more), TableName="capped", Item=item(pk="1", v="x" * 9_500)
    )
    assert code == "ThrottlingException"
    assert message.startswith("Throughput exceeds the maximum OnDemandThroughput")
