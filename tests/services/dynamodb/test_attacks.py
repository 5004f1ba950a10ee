"""What an ill-willed or careless caller may try."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from .dynamodb_asking import get, index, item, make, put, refused, whole

ACCOUNT = "000000000000"
INVALID = "ValidationException"


@pytest.fixture
def db(cloud):
    return cloud.client("dynamodb")


def indexed(db, name, hash_key, sort_key="", **more):
    """Asks for an index on a table that is there."""
    made = index(name, hash_key, sort_key)
    kinds = made.pop("Types")
    db.update_table(
        TableName="things",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in kinds.items()],
        GlobalSecondaryIndexUpdates=[{"Create": made}],
        **more,
    )


def test_items_that_violate_a_later_index_live_on(cloud, db):
    make(db, "things")
    odd = {"long": "y" * 5000, "empty": "", "number": 1, "right": "fine", "least": "y" * 1025, "most": "y" * 1024}
    for name, value in odd.items():
        put(db, "things", pk=name, later=value)
    put(db, "things", pk="without")
    indexed(db, "late", "pk:S", "later:S")
    cloud.settle()
    assert sorted(one["pk"]["S"] for one in whole(db.scan, TableName="things", IndexName="late")) == ["most", "right"]
    for name in odd:
        change = {"UpdateExpression": "SET another = :o", "ExpressionAttributeValues": {":o": {"S": "o"}}}
        db.update_item(TableName="things", Key=item(pk=name), **change)
    db.delete_item(TableName="things", Key=item(pk="long"))
    db.update_item(TableName="things", Key=item(pk="empty"), UpdateExpression="REMOVE later")
    fits = {"UpdateExpression": "SET later = :l", "ExpressionAttributeValues": {":l": {"S": "now"}}}
    db.update_item(TableName="things", Key=item(pk="number"), **fits)
    found = sorted(one["pk"]["S"] for one in whole(db.scan, TableName="things", IndexName="late"))
    assert found == ["most", "number", "right"]
    table = db.describe_table(TableName="things")["Table"]
    assert (table["ItemCount"], table["GlobalSecondaryIndexes"][0]["ItemCount"]) == (6, 3)


def test_a_table_has_two_names_and_no_third(db):
    make(db, "dotted.name-1_x")
    arn = db.describe_table(TableName="dotted.name-1_x")["Table"]["TableArn"]
    put(db, arn, pk="a")
    assert get(db, "dotted.name-1_x", pk="a") == item(pk="a")
    for wrong in (
        f"{arn}/index/x",
        f"{arn}/",
        f"{arn}/stream/2020",
        arn.replace("us-east-1", "eu-west-1"),
        "arn:aws:s3:::x",
    ):
        assert refused(db.get_item, TableName=wrong, Key=item(pk="a"))[0] == INVALID, wrong
    elsewhere = arn.replace(ACCOUNT, "111111111111")
    assert refused(db.get_item, TableName=elsewhere, Key=item(pk="a"))[0] in (
        "AccessDeniedException",
        "ResourceNotFoundException",
    )
    assert refused(db.create_table, TableName=elsewhere.replace("dotted", "new"), BillingMode="PAY_PER_REQUEST",
                   KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                   AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}])[0] in (
        "AccessDeniedException", INVALID)  # fmt: skip


def test_lists_of_another_account_are_not_shown(cloud, db):
    other = "arn:aws:dynamodb:us-east-1:111111111111:table/things"
    assert refused(db.list_exports, TableArn=other)[0] == INVALID
    assert refused(db.list_imports, TableArn=other)[0] == INVALID


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("list_exports", {"NextToken": "forged"}),
        ("list_imports", {"NextToken": "x" * 112}),
        ("list_tags_of_resource", {"NextToken": "forged"}),
        ("list_backups", {"ExclusiveStartBackupArn": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/x/backup/forged"}),
        ("execute_statement", {"Statement": "SELECT * FROM things", "NextToken": "x" * 112}),
    ],
)
def test_a_forged_place_in_a_list_is_refused(db, name, asked):
    arn = make(db, "things") and db.describe_table(TableName="things")["Table"]["TableArn"]
    if name == "list_tags_of_resource":
        asked = {**asked, "ResourceArn": arn}
    assert refused(getattr(db, name), **asked)[0] == INVALID


def test_forged_places_in_a_stream_are_refused(cloud, db):
    make(db, "things", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    streams = cloud.client("dynamodbstreams")
    arn = db.describe_table(TableName="things")["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    asked = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "AT_SEQUENCE_NUMBER"}
    for number in ("9" * 40, "0" * 21, "1" + "0" * 39):
        assert refused(streams.get_shard_iterator, SequenceNumber=number, **asked)[0] == INVALID
    assert (
        refused(streams.describe_stream, StreamArn=arn, ExclusiveStartShardId="shardId-of-nobody-at-all-whatever")[0]
        == INVALID
    )
    at = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="LATEST")["ShardIterator"]
    for forged in (at[:-3] + "AAA", at.replace("things", "others"), "|1|", arn, at.partition("|1|")[2]):
        assert refused(streams.get_records, ShardIterator=forged)[0] in (INVALID, "ResourceNotFoundException"), forged


def test_a_shard_that_got_nothing_tells_nothing(cloud, db):
    make(db, "things", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    streams = cloud.client("dynamodbstreams")
    arn = db.describe_table(TableName="things")["Table"]["LatestStreamArn"]
    cloud.advance(5 * 3600)
    put(db, "things", pk="a")
    told = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        asked = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        told.append(
            len(streams.get_records(ShardIterator=streams.get_shard_iterator(**asked)["ShardIterator"])["Records"])
        )
    assert told == [0, 1]


def test_many_at_once_count_right(cloud, db):
    make(db, "things", GlobalSecondaryIndexes=[index("by-n", "n:N")])
    change = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}

    def add(_):
        return db.update_item(TableName="things", Key=item(pk="count"), ReturnValues="ALL_NEW", **change)

    with ThreadPoolExecutor(8) as pool:
        seen = sorted(int(one["Attributes"]["n"]["N"]) for one in pool.map(add, range(60)))
    assert seen == list(range(1, 61))
    assert whole(db.scan, TableName="things", IndexName="by-n") == [item(pk="count", n=60)]

    def once(_):
        try:
            db.put_item(TableName="things", Item=item(pk="once"), ConditionExpression="attribute_not_exists(pk)")
        except db.exceptions.ConditionalCheckFailedException:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(once, range(20))) == 1


def test_a_start_key_of_another_kind_is_refused(db):
    make(db, "things", "pk:S", "sk:N", GlobalSecondaryIndexes=[index("one", "a:S"), index("two", "b:N", "a:S")])
    for number in range(6):
        put(db, "things", pk="p", sk=number, a="x", b=number)
    places = {
        name: db.scan(TableName="things", Limit=2, **({"IndexName": name} if name else {}))["LastEvaluatedKey"]
        for name in ("", "one", "two")
    }
    for name in places:
        for other, place in places.items():
            asked = {"TableName": "things", "ExclusiveStartKey": place, **({"IndexName": name} if name else {})}
            if name == other:
                assert db.scan(**asked)["Count"] == 4
            else:
                assert refused(db.scan, **asked)[0] == INVALID
    db.delete_item(TableName="things", Key={name: places["one"][name] for name in ("pk", "sk")})
    assert db.scan(TableName="things", IndexName="one", ExclusiveStartKey=places["one"])["Count"] == 4


def test_the_largest_item_of_what_json_writes_at_length_is_kept(cloud, db):
    """Control characters are six bytes each in JSON; old and new image stand in one record of the stream."""
    make(db, "things", GlobalSecondaryIndexes=[index("by-a", "a:S")],
         StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})  # fmt: skip
    db.update_continuous_backups(
        TableName="things", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    text = "".join(chr(number % 31 + 1) for number in range(400 * 1024 - len("pkkaxv")))
    for _ in range(2):
        put(db, "things", pk="k", a="x", v=text)
        text = text[::-1]
    assert get(db, "things", pk="k")["v"]["S"] == text[::-1]
    assert db.query(TableName="things", IndexName="by-a", KeyConditionExpression="a = :a",
                    ExpressionAttributeValues={":a": {"S": "x"}})["Items"][0]["v"]["S"] == text[::-1]  # fmt: skip
    assert refused(db.put_item, TableName="things", Item=item(pk="k", a="x", v=text + "x"))[0] == INVALID


def test_what_expires_is_a_moment_of_the_last_five_years(cloud, db):
    make(db, "things")
    db.update_time_to_live(TableName="things", TimeToLiveSpecification={"Enabled": True, "AttributeName": "gone"})
    for name, value in {"text": "1", "far": 1, "huge": {"N": "9.9E+125"}, "tiny": {"N": "1E-130"}, "less": -1,
                        "list": {"L": [{"N": "1"}]}}.items():  # fmt: skip
        put(db, "things", pk=name, gone=value)
    put(db, "things", pk="none")
    cloud.advance(3600)
    assert db.scan(TableName="things", Select="COUNT")["Count"] == 7


def test_a_throttled_transaction_writes_nothing(cloud, db):
    for name in ("things", "others"):
        make(db, name, ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})
    for _ in range(6):  # 59 units each of the 300 that are saved
        put(db, "others", pk="much", v="x" * 60_000)
    steps = [{"Put": {"TableName": name, "Item": item(pk="new")}} for name in ("things", "others")]
    with pytest.raises(db.exceptions.TransactionCanceledException) as caught:
        db.transact_write_items(TransactItems=steps)
    codes = [reason["Code"] for reason in caught.value.response["CancellationReasons"]]
    assert codes == ["None", "ProvisionedThroughputExceeded"]
    assert get(db, "things", pk="new") is None
    left = db.batch_write_item(
        RequestItems={name: [{"PutRequest": {"Item": item(pk="b")}}] for name in ("things", "others")}
    )
    assert list(left["UnprocessedItems"]) == ["others"]


def test_a_table_that_comes_or_goes_is_not_there_for_items(cloud, db):
    make(db, "things")
    put(db, "things", pk="a")
    db.delete_table(TableName="things")
    assert refused(db.get_item, TableName="things", Key=item(pk="a"))[0] == "ResourceNotFoundException"
    cloud.settle()
    make(db, "things")
    assert get(db, "things", pk="a") is None
    assert db.describe_table(TableName="things")["Table"]["ItemCount"] == 0


def test_a_statement_finds_an_item_once_however_often_its_key_is_named(db):
    make(db, "things")
    put(db, "things", pk="a")
    found = db.execute_statement(Statement="SELECT * FROM things WHERE pk IN ['a', 'a', 'b']")["Items"]
    assert found == [item(pk="a")]
    make(db, "counted", "pk:N")
    put(db, "counted", pk=1)
    assert len(db.execute_statement(Statement="SELECT * FROM counted WHERE pk IN [1, 1.0, 10e-1]")["Items"]) == 1
