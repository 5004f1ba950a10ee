"""Many items at once: batches, each for itself, and transactions, all or nothing."""

import threading

import pytest

from .dynamodb_asking import get, item, make, put, refused


@pytest.fixture(scope="module")
def db(shared_cloud):
    client = shared_cloud.client("dynamodb")
    make(client, "things")
    make(client, "ranged", "pk:S", "sk:N")
    return client


def test_a_batch_puts_deletes_and_gets(db):
    put(db, "things", pk="old")
    db.batch_write_item(
        RequestItems={
            "things": [{"PutRequest": {"Item": item(pk="new", v=1)}}, {"DeleteRequest": {"Key": item(pk="old")}}],
            "ranged": [{"PutRequest": {"Item": item(pk="a", sk=n)}} for n in range(5)],
        }
    )
    answer = db.batch_get_item(
        RequestItems={
            "things": {"Keys": [item(pk="new"), item(pk="old")]},
            "ranged": {"Keys": [item(pk="a", sk=3)], "ProjectionExpression": "sk"},
        }
    )
    assert answer["Responses"] == {"things": [item(pk="new", v=1)], "ranged": [item(sk=3)]}
    assert answer["UnprocessedKeys"] == {}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"PutRequest": {"Item": item(pk="1")}}] * 2, "Provided list of item keys contains duplicates"),
        ([{"PutRequest": {"Item": item(pk=str(n))}} for n in range(26)], "length less than or equal to 25"),
        ([{"PutRequest": {"Item": item(pk=1)}}], "The provided key element does not match the schema"),
        ([{"PutRequest": {"Item": item(pk="1", v="x" * 500_000)}}], "Item size has exceeded the maximum allowed size"),
    ],
)
def test_a_wrong_batch_changes_nothing(db, entries, message):
    code, said = refused(
        db.batch_write_item,
        RequestItems={"ranged": [{"PutRequest": {"Item": item(pk="innocent", sk=1)}}], "things": entries[:26]},
    )
    assert code == "ValidationException"
    assert message in said
    assert get(db, "ranged", pk="innocent", sk=1) is None


def test_a_transaction_is_all_or_nothing(db):
    put(db, "things", pk="guard", v=1)
    steps = [
        {"Put": {"TableName": "things", "Item": item(pk="made")}},
        {
            "Update": {
                "TableName": "things",
                "Key": item(pk="guard"),
                "UpdateExpression": "SET v = v + :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }
        },
        {
            "ConditionCheck": {
                "TableName": "ranged",
                "Key": item(pk="none", sk=1),
                "ConditionExpression": "attribute_exists(pk)",
            }
        },
    ]
    with pytest.raises(db.exceptions.TransactionCanceledException) as caught:
        db.transact_write_items(TransactItems=steps)
    error = caught.value.response
    assert error["Error"]["Message"] == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, None, ConditionalCheckFailed]"
    )
    assert [reason["Code"] for reason in error["CancellationReasons"]] == ["None", "None", "ConditionalCheckFailed"]
    assert get(db, "things", pk="made") is None
    assert get(db, "things", pk="guard") == item(pk="guard", v=1)
    db.transact_write_items(TransactItems=steps[:2])
    assert get(db, "things", pk="guard") == item(pk="guard", v=2)


def test_a_cancelled_transaction_shows_the_item_that_was_in_the_way(db):
    put(db, "things", pk="there", v="x")
    with pytest.raises(db.exceptions.TransactionCanceledException) as caught:
        db.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": "things",
                        "Item": item(pk="there"),
                        "ConditionExpression": "attribute_not_exists(pk)",
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }
                }
            ]
        )
    assert caught.value.response["CancellationReasons"][0]["Item"] == item(pk="there", v="x")


def test_a_token_makes_a_transaction_happen_once(cloud):
    db = cloud.client("dynamodb")
    make(db, "counted")
    add = {
        "Update": {
            "TableName": "counted",
            "Key": item(pk="n"),
            "UpdateExpression": "ADD v :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }
    first = db.transact_write_items(TransactItems=[add], ClientRequestToken="t1", ReturnConsumedCapacity="TOTAL")
    again = db.transact_write_items(TransactItems=[add], ClientRequestToken="t1", ReturnConsumedCapacity="TOTAL")
    assert first["ConsumedCapacity"][0]["WriteCapacityUnits"] == 2.0
    assert again["ConsumedCapacity"][0]["ReadCapacityUnits"] == 2.0
    assert get(db, "counted", pk="n") == item(pk="n", v=1)
    other = [{"Delete": {"TableName": "counted", "Key": item(pk="n")}}]
    code, _ = refused(db.transact_write_items, TransactItems=other, ClientRequestToken="t1")
    assert code == "IdempotentParameterMismatchException"
    cloud.advance(601)
    db.transact_write_items(TransactItems=[add], ClientRequestToken="t1")
    assert get(db, "counted", pk="n") == item(pk="n", v=2)


def test_one_item_takes_part_once(db):
    code, message = refused(
        db.transact_write_items,
        TransactItems=[
            {"Put": {"TableName": "things", "Item": item(pk="twice")}},
            {"Delete": {"TableName": "things", "Key": item(pk="twice")}},
        ],
    )
    assert (code, message) == (
        "ValidationException",
        "Transaction request cannot include multiple operations on one item",
    )


def test_a_transaction_reads_many_items_at_once(db):
    put(db, "things", pk="r1", v=1)
    answer = db.transact_get_items(
        TransactItems=[
            {"Get": {"TableName": "things", "Key": item(pk="r1"), "ProjectionExpression": "v"}},
            {"Get": {"TableName": "things", "Key": item(pk="nobody")}},
        ]
    )
    assert answer["Responses"] == [{"Item": item(v=1)}, {}]


def test_one_of_many_conditional_writes_wins(db, shared_cloud):
    put(db, "things", pk="race", version=0)
    won = []

    def run(number):
        client = shared_cloud.client("dynamodb")
        try:
            client.update_item(
                TableName="things",
                Key=item(pk="race"),
                UpdateExpression="SET version = :next, winner = :me",
                ConditionExpression="version = :zero",
                ExpressionAttributeValues={":next": {"N": "1"}, ":zero": {"N": "0"}, ":me": {"N": str(number)}},
            )
            won.append(number)
        except client.exceptions.ConditionalCheckFailedException:
            return

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert get(db, "things", pk="race") == item(pk="race", version=1, winner=won[0])
