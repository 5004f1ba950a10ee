"""Items: put, got, changed and deleted, one at a time, under conditions."""

import pytest

from .dynamodb_asking import get, item, make, put, refused


@pytest.fixture(scope="module")
def db(shared_cloud):
    client = shared_cloud.client("dynamodb")
    make(client, "things")
    make(client, "ranged", "pk:S", "sk:N")
    make(client, "binary", "pk:B")
    return client


def test_every_type_comes_back_as_it_went(db):
    everything = {
        "pk": {"S": "all"},
        "text": {"S": "žluťoučký \u0000 🐎"},
        "empty": {"S": ""},
        "number": {"N": "-12345678901234567890.123456789012345678"},
        "binary": {"B": b"\x00\xff"},
        "true": {"BOOL": True},
        "null": {"NULL": True},
        "texts": {"SS": ["a", "b"]},
        "numbers": {"NS": ["1", "2.5"]},
        "binaries": {"BS": [b"a", b"b"]},
        "list": {"L": [{"S": "a"}, {"L": []}, {"M": {"x": {"N": "1"}}}]},
        "map": {"M": {"a": {"M": {}}, "b": {"NULL": True}}},
    }
    db.put_item(TableName="things", Item=everything)
    found = get(db, "things", pk="all")
    for name in ("texts", "numbers", "binaries"):
        kind = next(iter(everything[name]))
        assert sorted(found.pop(name)[kind]) == sorted(everything.pop(name)[kind])
    assert found == everything


def test_numbers_are_kept_exactly_and_without_ornament(db):
    put(db, "things", pk="numbers", a={"N": "1.50"}, b={"N": "1E3"}, c={"N": "-0"}, d={"N": "0.1e-5"})
    found = get(db, "things", pk="numbers")
    assert [found[name]["N"] for name in "abcd"] == ["1.5", "1000", "0", "0.000001"]


def test_numeric_keys_are_numbers(db):
    put(db, "ranged", pk="n", sk={"N": "1.0"}, v="first")
    put(db, "ranged", pk="n", sk={"N": "1"}, v="second")
    assert get(db, "ranged", pk="n", sk=1)["v"] == {"S": "second"}


def test_a_put_replaces_the_item_and_tells_the_old_one(db):
    put(db, "things", pk="old", a="1", b="2")
    answer = db.put_item(TableName="things", Item=item(pk="old", c="3"), ReturnValues="ALL_OLD")
    assert answer["Attributes"] == item(pk="old", a="1", b="2")
    assert get(db, "things", pk="old") == item(pk="old", c="3")
    assert "Attributes" not in db.put_item(TableName="things", Item=item(pk="fresh"), ReturnValues="ALL_OLD")


def test_a_delete_tells_the_old_item_and_forgives_a_missing_one(db):
    put(db, "things", pk="bye", a="1")
    assert db.delete_item(TableName="things", Key=item(pk="bye"), ReturnValues="ALL_OLD")["Attributes"]["a"]["S"] == "1"
    assert "Attributes" not in db.delete_item(TableName="things", Key=item(pk="bye"), ReturnValues="ALL_OLD")


def test_a_condition_guards_a_put(db):
    request = {"TableName": "things", "Item": item(pk="once"), "ConditionExpression": "attribute_not_exists(pk)"}
    db.put_item(**request)
    assert refused(db.put_item, **request) == ("ConditionalCheckFailedException", "The conditional request failed")


def test_a_failed_condition_can_show_the_item(db):
    put(db, "things", pk="shown", a="1")
    with pytest.raises(db.exceptions.ConditionalCheckFailedException) as caught:
        db.delete_item(
            TableName="things",
            Key=item(pk="shown"),
            ConditionExpression="a = :a",
            ExpressionAttributeValues={":a": {"S": "2"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert caught.value.response["Item"] == item(pk="shown", a="1")
    assert get(db, "things", pk="shown") is not None


def test_an_update_makes_and_changes_an_item(db):
    update = {"TableName": "things", "Key": item(pk="up")}
    add = {"UpdateExpression": "ADD hits :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    assert db.update_item(**update, **add, ReturnValues="UPDATED_NEW")["Attributes"] == item(hits=1)
    assert db.update_item(**update, **add, ReturnValues="UPDATED_OLD")["Attributes"] == item(hits=1)
    answer = db.update_item(
        **update,
        UpdateExpression="SET a = :v, hits = hits - :one REMOVE gone",
        ExpressionAttributeValues={":v": {"M": {"b": {"S": "x"}}}, ":one": {"N": "1"}},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == {"pk": {"S": "up"}, "hits": {"N": "1"}, "a": {"M": {"b": {"S": "x"}}}}


def test_an_update_cannot_touch_the_key(db):
    code, message = refused(
        db.update_item,
        TableName="things",
        Key=item(pk="up2"),
        UpdateExpression="SET pk = :v",
        ExpressionAttributeValues={":v": {"S": "x"}},
    )
    assert code == "ValidationException"
    assert message.endswith("Cannot update attribute pk. This attribute is part of the key")
    assert get(db, "things", pk="up2") is None


def test_a_projection_shows_parts(db):
    put(db, "things", pk="parts", a={"M": {"b": {"L": [{"N": "1"}, {"N": "2"}]}, "c": {"S": "x"}}}, d="no")
    found = db.get_item(TableName="things", Key=item(pk="parts"), ProjectionExpression="pk, a.b[1]")["Item"]
    assert found == {"pk": {"S": "parts"}, "a": {"M": {"b": {"L": [{"N": "2"}]}}}}


def test_the_old_parameters_still_work(db):
    put(db, "things", pk="legacy", a="1", n=1)
    db.update_item(
        TableName="things",
        Key=item(pk="legacy"),
        AttributeUpdates={"a": {"Action": "DELETE"}, "n": {"Action": "ADD", "Value": {"N": "2"}}},
        Expected={"a": {"Value": {"S": "1"}}},
    )
    found = db.get_item(TableName="things", Key=item(pk="legacy"), AttributesToGet=["n", "a"])["Item"]
    assert found == item(n=3)
    code, message = refused(
        db.get_item, TableName="things", Key=item(pk="1"), AttributesToGet=["a"], ProjectionExpression="a"
    )
    assert code == "ValidationException"
    assert message.startswith("Can not use both expression and non-expression parameters in the same request")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (item(other="1"), "Missing the key pk in the item"),
        (item(pk=1), "Type mismatch for key pk expected: S actual: N"),
        (item(pk=""), "cannot contain an empty string value. Key: pk"),
        (item(pk="x" * 2049), "Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        (item(pk="x", v="y" * 409_600), "Item size has exceeded the maximum allowed size"),
        (item(pk="x", v={"N": "abc"}), "cannot be converted to a numeric value: abc"),
        (item(pk="x", v={"SS": []}), "set  may not be empty"),
        (item(pk="x", v={"S": "a", "N": "1"}), "must contain exactly one of the supported datatypes"),
    ],
)
def test_what_an_item_may_not_be(db, wrong, message):
    code, said = refused(db.put_item, TableName="things", Item=wrong)
    assert code == "ValidationException"
    assert message in said
    assert get(db, "things", pk="x") is None


@pytest.mark.parametrize("key", [item(pk=1), item(other="1"), item(pk="1", sk="2"), {}])
def test_a_key_fits_the_schema(db, key):
    code, message = refused(db.get_item, TableName="things", Key=key)
    assert (code, message) == ("ValidationException", "The provided key element does not match the schema")


def test_an_item_of_400_kib_is_kept_whatever_is_in_it(db):
    for text in ("\u0001" * 409_590, "ž" * 204_795):
        put(db, "things", pk="big", v=text)
        assert get(db, "things", pk="big")["v"]["S"] == text
    db.put_item(TableName="things", Item={"pk": {"S": "big"}, "v": {"L": [{"NULL": True}] * 200_000}})
    assert len(get(db, "things", pk="big")["v"]["L"]) == 200_000


def test_consumed_capacity_is_told(db):
    put(db, "things", pk="4k", v="x" * 4_090)
    request = {"TableName": "things", "Key": item(pk="4k"), "ReturnConsumedCapacity": "TOTAL"}
    assert db.get_item(**request)["ConsumedCapacity"] == {"TableName": "things", "CapacityUnits": 0.5 * 1}
    assert db.get_item(**request, ConsistentRead=True)["ConsumedCapacity"]["CapacityUnits"] == 1.0
    answer = db.put_item(TableName="things", Item=item(pk="4k", v="y"), ReturnConsumedCapacity="INDEXES")
    assert answer["ConsumedCapacity"]["Table"] == {"CapacityUnits": 4.0}


def test_binary_keys_are_bytes(db):
    db.put_item(TableName="binary", Item={"pk": {"B": b"\xff\x00"}, "v": {"S": "x"}})
    assert db.get_item(TableName="binary", Key={"pk": {"B": b"\xff\x00"}})["Item"]["v"] == {"S": "x"}


def test_items_are_sealed_at_rest(cloud):
    db = cloud.client("dynamodb")
    make(db, "secret")
    put(db, "secret", pk="needle-in-a-haystack", v="needle-in-a-haystack")
    cloud.stop()
    files = [file for file in cloud.settings.data_dir.rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if b"needle-in-a-haystack" in file.read_bytes()]
    cloud._start()


def test_items_survive_a_restart(cloud):
    db = cloud.client("dynamodb")
    make(db, "kept")
    put(db, "kept", pk="1", v="x")
    cloud.restart()
    assert get(cloud.client("dynamodb"), "kept", pk="1") == item(pk="1", v="x")
