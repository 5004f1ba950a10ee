"""Query and Scan: order, conditions on keys, pages, filters, indexes, segments."""

import random

import pytest

from .dynamodb_asking import index, item, make, put, refused, value, whole


@pytest.fixture(scope="module")
def db(shared_cloud):
    client = shared_cloud.client("dynamodb")
    make(client, "numbers", "pk:S", "sk:N")
    make(client, "texts", "pk:S", "sk:S")
    make(client, "bytes", "pk:S", "sk:B")
    return client


def ask(db, table, condition, **more):
    values = more.pop("values", {})
    return whole(
        db.query,
        TableName=table,
        KeyConditionExpression=condition,
        ExpressionAttributeValues={f":{name}": value(thing) for name, thing in values.items()},
        **more,
    )


def sort_keys(items):
    return [next(iter(found["sk"].values())) for found in items]


def test_numbers_sort_as_numbers(db):
    numbers = ["-1e20", "-10", "-9.5", "-0.001", "0", "1e-100", "0.5", "2", "10", "100", "1e50"]
    for number in random.Random(1).sample(numbers, len(numbers)):
        put(db, "numbers", pk="order", sk={"N": number})
    found = [float(text) for text in sort_keys(ask(db, "numbers", "pk = :p", values={"p": "order"}))]
    assert found == [float(number) for number in numbers]
    back = [
        float(text) for text in sort_keys(ask(db, "numbers", "pk = :p", values={"p": "order"}, ScanIndexForward=False))
    ]
    assert back == found[::-1]


def test_texts_sort_by_their_utf8_bytes(db):
    texts = ["a", "b", "ab", "a\u0000", "a\u0000b", "ž", "🐎", "\uffff", "Z"]
    for text in texts:
        put(db, "texts", pk="order", sk=text)
    assert sort_keys(ask(db, "texts", "pk = :p", values={"p": "order"})) == sorted(texts, key=str.encode)


@pytest.mark.parametrize(
    ("condition", "values", "found"),
    [
        ("sk = :a", {"a": 3}, [3]),
        ("sk < :a", {"a": 3}, [1, 2]),
        ("sk <= :a", {"a": 3}, [1, 2, 3]),
        ("sk > :a", {"a": 3}, [4, 5]),
        ("sk >= :a", {"a": 3}, [3, 4, 5]),
        ("sk BETWEEN :a AND :b", {"a": 2, "b": 4}, [2, 3, 4]),
    ],
)
def test_conditions_on_the_sort_key(db, condition, values, found):
    for number in range(1, 6):
        put(db, "numbers", pk="conditions", sk=number)
    rows = ask(db, "numbers", f"pk = :p AND {condition}", values={"p": "conditions", **values})
    assert [int(text) for text in sort_keys(rows)] == found


@pytest.mark.parametrize(
    ("prefix", "found"), [(b"\x00", [b"\x00", b"\x00\x01", b"\x00\xff"]), (b"\xff", [b"\xff", b"\xff\xff"])]
)
def test_a_prefix_of_bytes(db, prefix, found):
    for raw in (b"\x00", b"\x00\x01", b"\x00\xff", b"\x01", b"\xfe", b"\xff", b"\xff\xff"):
        put(db, "bytes", pk="prefix", sk=raw)
    assert sort_keys(ask(db, "bytes", "pk = :p AND begins_with(sk, :b)", values={"p": "prefix", "b": prefix})) == found


def test_a_filter_is_applied_after_the_limit(db):
    for number in range(10):
        put(db, "numbers", pk="filtered", sk=number, even=number % 2 == 0)
    page = db.query(
        TableName="numbers",
        KeyConditionExpression="pk = :p",
        FilterExpression="even = :e",
        ExpressionAttributeValues={":p": {"S": "filtered"}, ":e": {"BOOL": True}},
        Limit=4,
    )
    assert (page["Count"], page["ScannedCount"]) == (2, 4)
    assert page["LastEvaluatedKey"] == item(pk="filtered", sk=3)


def test_a_page_ends_with_a_mebibyte(db):
    for number in range(5):
        put(db, "numbers", pk="large", sk=number, body="x" * 300_000)
    request = {
        "TableName": "numbers",
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "large"}},
    }
    page = db.query(**request)
    assert (page["Count"], page["LastEvaluatedKey"]) == (4, item(pk="large", sk=3))
    assert db.query(**request, Select="COUNT")["Count"] == 4
    assert "Items" not in db.query(**request, Select="COUNT")
    assert sort_keys(whole(db.query, **request)) == ["0", "1", "2", "3", "4"]


def test_pages_neither_repeat_nor_skip_while_items_come_and_go(db):
    for number in range(0, 20, 2):
        put(db, "numbers", pk="moving", sk=number)
    request = {
        "TableName": "numbers",
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "moving"}},
        "Limit": 5,
    }
    first = db.query(**request)
    db.delete_item(TableName="numbers", Key=first["LastEvaluatedKey"])
    put(db, "numbers", pk="moving", sk=1)
    put(db, "numbers", pk="moving", sk=9)
    rest = whole(db.query, **request, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert sort_keys(rest) == ["9", "10", "12", "14", "16", "18"]


def test_a_scan_finds_everything_once_in_any_number_of_segments(cloud):
    db = cloud.client("dynamodb")
    make(db, "wide")
    for number in range(150):
        put(db, "wide", pk=str(number))
    everything = {found["pk"]["S"] for found in whole(db.scan, TableName="wide", Limit=7)}
    assert len(everything) == 150
    for total in (1, 3, 16):
        parts = [whole(db.scan, TableName="wide", Segment=part, TotalSegments=total) for part in range(total)]
        found = [one["pk"]["S"] for part in parts for one in part]
        assert sorted(found) == sorted(everything)
        assert total == 1 or max(map(len, parts)) < 150


@pytest.fixture(scope="module")
def songs(shared_cloud):
    db = shared_cloud.client("dynamodb")
    make(
        db,
        "songs",
        "artist:S",
        "title:S",
        LocalSecondaryIndexes=[index("by-year", "artist:S", "year:N", "INCLUDE", "label")],
        GlobalSecondaryIndexes=[
            index("by-genre", "genre:S", "year:N", "KEYS_ONLY"),
            index("by-label", "label:S"),
        ],
    )
    for artist, title, year, genre, label in [
        ("a", "one", 1990, "rock", "x"),
        ("a", "two", 1980, "jazz", "x"),
        ("b", "three", 1985, "rock", "y"),
        ("b", "four", 1985, "rock", "y"),
    ]:
        put(db, "songs", artist=artist, title=title, year=year, genre=genre, label=label, extra="e")
    put(db, "songs", artist="c", title="sparse")
    return db


def test_a_local_index_has_an_order_of_its_own(songs):
    found = ask(songs, "songs", "artist = :a", values={"a": "a"}, IndexName="by-year")
    assert [one["title"]["S"] for one in found] == ["two", "one"]
    assert found[0].keys() == {"artist", "title", "year", "label"}


def test_a_local_index_fetches_what_it_does_not_have(songs):
    found = ask(songs, "songs", "artist = :a", values={"a": "a"}, IndexName="by-year", Select="ALL_ATTRIBUTES")
    assert found[0]["extra"] == {"S": "e"}


def test_a_global_index_shows_what_it_projects(songs):
    found = ask(songs, "songs", "genre = :g", values={"g": "rock"}, IndexName="by-genre")
    assert [one["year"]["N"] for one in found] == ["1985", "1985", "1990"]
    assert found[0].keys() == {"artist", "title", "year", "genre"}
    code, message = refused(
        songs.query,
        TableName="songs",
        IndexName="by-genre",
        KeyConditionExpression="genre = :g",
        ExpressionAttributeValues={":g": {"S": "rock"}},
        ProjectionExpression="extra",
    )
    assert code == "ValidationException"
    assert message.endswith("Global secondary index by-genre does not project [extra]")


def test_a_global_index_is_paged_through(songs):
    found = ask(songs, "songs", "genre = :g", values={"g": "rock"}, IndexName="by-genre", Limit=1)
    assert len(found) == 3
    back = ask(
        songs, "songs", "genre = :g", values={"g": "rock"}, IndexName="by-genre", Limit=1, ScanIndexForward=False
    )
    assert back == found[::-1]


def test_a_sparse_index_has_only_who_has_its_keys(songs):
    assert len(whole(songs.scan, TableName="songs", IndexName="by-label")) == 4
    assert len(whole(songs.scan, TableName="songs")) == 5


def test_an_entry_follows_its_item(songs):
    put(songs, "songs", artist="d", title="moves", label="before")
    put(songs, "songs", artist="d", title="moves", label="after", more="1")
    assert ask(songs, "songs", "label = :l", values={"l": "before"}, IndexName="by-label") == []
    found = ask(songs, "songs", "label = :l", values={"l": "after"}, IndexName="by-label")
    assert found == [item(artist="d", title="moves", label="after", more="1")]
    songs.delete_item(TableName="songs", Key=item(artist="d", title="moves"))
    assert ask(songs, "songs", "label = :l", values={"l": "after"}, IndexName="by-label") == []


def test_a_global_index_is_never_read_consistently(songs):
    code, message = refused(songs.scan, TableName="songs", IndexName="by-label", ConsistentRead=True)
    assert (code, message) == (
        "ValidationException",
        "Consistent reads are not supported on global secondary indexes",
    )


def test_an_index_key_has_its_type(songs):
    code, message = refused(songs.put_item, TableName="songs", Item=item(artist="e", title="t", label=1))
    assert code == "ValidationException"
    assert "Type mismatch for Index Key label Expected: S Actual: N IndexName: by-label" in message


def test_capacity_of_indexes_is_told(songs):
    answer = songs.put_item(
        TableName="songs",
        Item=item(artist="f", title="t", label="l", genre="g", year=1),
        ReturnConsumedCapacity="INDEXES",
    )["ConsumedCapacity"]
    assert answer["CapacityUnits"] == 4.0
    assert answer["Table"]["CapacityUnits"] == 1.0
    assert answer["LocalSecondaryIndexes"]["by-year"]["CapacityUnits"] == 1.0
    assert answer["GlobalSecondaryIndexes"].keys() == {"by-genre", "by-label"}


def test_item_collections_are_measured(songs):
    answer = songs.put_item(TableName="songs", Item=item(artist="g", title="t"), ReturnItemCollectionMetrics="SIZE")[
        "ItemCollectionMetrics"
    ]
    assert answer == {"ItemCollectionKey": item(artist="g"), "SizeEstimateRangeGB": [0.0, 1.0]}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."),
        ({"KeyConditionExpression": "sk = :a"}, "Query condition missed key schema element: pk"),
        ({"KeyConditionExpression": "pk > :a"}, "Query key condition not supported"),
        (
            {"KeyConditionExpression": "pk = :a", "IndexName": "none"},
            "The table does not have the specified index: none",
        ),
        (
            {"KeyConditionExpression": "pk = :a", "FilterExpression": "sk = :a"},
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk",
        ),
        (
            {"KeyConditionExpression": "pk = :a", "Select": "SPECIFIC_ATTRIBUTES"},
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
        ),
        (
            {"KeyConditionExpression": "pk = :a", "ExclusiveStartKey": item(pk="other", sk="1")},
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
    ],
)
def test_what_a_query_may_not_be(db, request_, message):
    given = {"ExpressionAttributeValues": {":a": {"S": "x"}}} if request_ else {}
    code, said = refused(db.query, TableName="texts", **request_, **given)
    assert code == "ValidationException"
    assert said.endswith(message)


def test_the_old_form_of_a_query(db):
    for number in range(5):
        put(db, "numbers", pk="old", sk=number, even=number % 2 == 0)
    found = whole(
        db.query,
        TableName="numbers",
        KeyConditions={
            "pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "old"}]},
            "sk": {"ComparisonOperator": "GE", "AttributeValueList": [{"N": "1"}]},
        },
        QueryFilter={"even": {"ComparisonOperator": "EQ", "AttributeValueList": [{"BOOL": True}]}},
    )
    assert sort_keys(found) == ["2", "4"]
