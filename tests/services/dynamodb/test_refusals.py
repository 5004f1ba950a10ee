"""What requests are refused with, and what is looked at first: facts found by asking DynamoDB Local the same."""

import pytest

from .dynamodb_asking import index, item, make, put, refused

INVALID = "ValidationException"
CHANGED = "One or more parameter values were invalid: "
UNFIT = "One or more parameter values are not valid. "


@pytest.fixture(scope="module")
def db(shared_cloud):
    client = shared_cloud.client("dynamodb")
    make(client, "plain")
    make(client, "ranged", "pk:S", "sk:S")
    make(
        client,
        "indexed",
        "pk:S",
        "sk:S",
        LocalSecondaryIndexes=[index("local", "pk:S", "at:S", "KEYS_ONLY")],
        GlobalSecondaryIndexes=[
            index("global", "colour:S", "size:N", "INCLUDE", "shown"),
            index("whole", "colour:S", "at:S"),
        ],
    )
    return client


def test_names_and_values_need_an_expression(db):
    put_names = {"TableName": "plain", "Item": item(pk="a"), "ExpressionAttributeNames": {"#a": "a"}}
    assert (
        refused(db.put_item, **put_names)[1] == "ExpressionAttributeNames can only be specified when using expressions"
    )
    values = {"ExpressionAttributeValues": {":a": {"S": "a"}}}
    said = "ExpressionAttributeValues can only be specified when using expressions: "
    assert (
        refused(db.put_item, TableName="plain", Item=item(pk="a"), **values)[1] == f"{said}ConditionExpression is null"
    )
    assert (
        refused(db.update_item, TableName="plain", Key=item(pk="a"), **values)[1]
        == f"{said}UpdateExpression and ConditionExpression are null"
    )
    assert (
        refused(db.scan, TableName="plain", ProjectionExpression="a", **values)[1] == f"{said}FilterExpression is null"
    )


def test_an_operator_without_conditions_is_refused(db):
    said = (INVALID, "ConditionalOperator cannot be used without Filter or Expected")
    assert refused(db.put_item, TableName="plain", Item=item(pk="a"), ConditionalOperator="AND") == said
    assert refused(db.scan, TableName="plain", ConditionalOperator="OR") == said
    only_key = {"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]}}
    assert refused(db.query, TableName="plain", KeyConditions=only_key, ConditionalOperator="OR") == said


def test_values_are_looked_at_before_expressions_and_tables(db):
    wrong = {"Item": {"pk": {"S": "a"}, "n": {"N": "one"}}, "ConditionExpression": "((("}
    assert refused(db.put_item, TableName="absent", **wrong)[1] == (
        "The parameter cannot be converted to a numeric value: one"
    )
    assert refused(db.delete_item, TableName="absent", Key={"pk": {"N": "one"}}, ConditionExpression="(((")[1] == (
        "The parameter cannot be converted to a numeric value: one"
    )


def test_a_large_item_is_refused_before_its_condition_fails(db):
    request = {"TableName": "plain", "ConditionExpression": "attribute_exists(pk)"}
    item_ = item(pk="large", v="x" * (400 * 1024 - len("pklargev") + 1))
    assert refused(db.put_item, Item=item_, **request) == (INVALID, "Item size has exceeded the maximum allowed size")
    item_["v"]["S"] = item_["v"]["S"][1:]
    assert refused(db.put_item, Item=item_, **request)[0] == "ConditionalCheckFailedException"
    db.put_item(TableName="plain", Item=item_)
    more = {"UpdateExpression": "SET w = :w", "ExpressionAttributeValues": {":w": {"S": ""}}}
    assert refused(db.update_item, TableName="plain", Key=item(pk="large"), **more) == (
        INVALID,
        "Item size to update has exceeded the maximum allowed size",
    )


def test_puts_and_deletes_tell_the_old_item_or_nothing(db):
    said = (INVALID, "ReturnValues can only be ALL_OLD or NONE")
    assert refused(db.put_item, TableName="plain", Item=item(pk="a"), ReturnValues="ALL_NEW") == said
    assert refused(db.delete_item, TableName="plain", Key=item(pk="a"), ReturnValues="UPDATED_OLD") == said


def test_an_update_cannot_make_an_index_key_unfit(db):
    key = item(pk="a", sk="b")
    request = {"TableName": "indexed", "Key": key, "UpdateExpression": "SET colour = :v"}
    assert refused(db.update_item, ExpressionAttributeValues={":v": {"N": "1"}}, **request)[1] == (
        "The update expression attempted to update the secondary index key to unsupported type"
    )
    assert refused(db.update_item, ExpressionAttributeValues={":v": {"S": ""}}, **request)[1] == (
        f"{UNFIT}The update expression attempted to update a secondary index key to a value that is not supported. "
        "The AttributeValue for a key attribute cannot contain an empty string value."
    )


def test_key_conditions_have_no_empty_values(db):
    ask = {"KeyConditionExpression": "pk = :p AND sk = :s", "ExpressionAttributeValues": item(**{":p": "a", ":s": ""})}
    assert refused(db.query, TableName="ranged", **ask)[1] == (
        f"{UNFIT}The AttributeValue for a key attribute cannot contain an empty string value. Key: sk"
    )
    ask["KeyConditionExpression"] = "pk = :p AND #at > :s"
    assert refused(db.query, TableName="indexed", IndexName="local", ExpressionAttributeNames={"#at": "at"}, **ask)[
        1
    ] == (
        f"{UNFIT}A value specified for a secondary index key is not supported. The AttributeValue for a key attribute "
        "cannot contain an empty string value. IndexName: local, IndexKey: at"
    )


def test_a_filter_cannot_ask_what_an_index_does_not_show(db):
    ask = {"KeyConditionExpression": "pk = :p", "FilterExpression": "another = :p AND shown = :p",
           "ExpressionAttributeValues": {":p": {"S": "a"}}}  # fmt: skip
    said = f"{CHANGED}Secondary index %s does not project one or more filter attributes: [%s]"
    assert refused(db.query, TableName="indexed", IndexName="local", **ask)[1] == said % ("local", "another, shown")
    ask["KeyConditionExpression"] = "colour = :p"
    assert refused(db.query, TableName="indexed", IndexName="global", **ask)[1] == said % ("global", "another")
    assert db.query(TableName="indexed", IndexName="whole", **ask)["Count"] == 0
    del ask["KeyConditionExpression"]
    assert db.scan(TableName="indexed", IndexName="global", **ask)["Count"] == 0


def test_a_count_has_no_projection(db):
    assert refused(db.scan, TableName="plain", Select="COUNT", ProjectionExpression="a")[1] == (
        "Cannot specify the ProjectionExpression when choosing to get only the Count"
    )
    assert refused(db.scan, TableName="plain", Select="ALL_ATTRIBUTES", ProjectionExpression="a")[1] == (
        "Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES"
    )


def test_a_starting_key_must_be_one_of_what_is_asked(db):
    ask = {"TableName": "ranged", "KeyConditionExpression": "pk = :p AND sk > :s",
           "ExpressionAttributeValues": item(**{":p": "a", ":s": "m"})}  # fmt: skip
    assert refused(db.query, ExclusiveStartKey=item(pk="b", sk="n"), **ask)[1] == (
        "The provided starting key is outside query boundaries based on provided conditions"
    )
    assert refused(db.query, ExclusiveStartKey=item(pk="a", sk="l"), **ask)[1] == (
        "The provided starting key does not match the range key predicate"
    )
    assert refused(db.query, ExclusiveStartKey=item(pk="a", sk=""), **ask)[1] == (
        f"The provided starting key is invalid: {UNFIT}The AttributeValue for a key attribute cannot contain an empty "
        "string value. Key: sk"
    )
    assert db.query(ExclusiveStartKey=item(pk="a", sk="never there"), **ask)["Count"] == 0


def test_a_page_goes_on_to_the_item_that_fills_a_mebibyte(db):
    third = 1024 * 1024 // 3
    for number, more in enumerate((0, 0, 1)):
        put(db, "ranged", pk="full", sk=str(number), v="x" * (third - len("pkfullsk0v") + more))
    ask = {"TableName": "ranged", "KeyConditionExpression": "pk = :p", "ReturnConsumedCapacity": "TOTAL",
           "ExpressionAttributeValues": item(**{":p": "full"})}  # fmt: skip
    page = db.query(**ask)
    assert page["Count"] == 3
    assert "LastEvaluatedKey" not in page
    put(db, "ranged", pk="full", sk="3")
    page = db.query(**ask)
    assert (page["Count"], page["LastEvaluatedKey"]) == (3, item(pk="full", sk="2"))
    assert page["ConsumedCapacity"]["CapacityUnits"] == 128


def test_an_attribute_is_defined_once(db):
    assert refused(
        db.create_table,
        TableName="twice",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}] * 2,
    ) == (INVALID, "Cannot have two attributes with the same name")


def test_a_batch_knows_a_table_by_both_its_names(db):
    arn = db.describe_table(TableName="plain")["Table"]["TableArn"]
    twice = {name: [{"PutRequest": {"Item": item(pk="same")}}] for name in ("plain", arn)}
    said = (INVALID, "Provided list of item keys contains duplicates")
    assert refused(db.batch_write_item, RequestItems=twice) == said
    assert refused(db.batch_get_item, RequestItems={name: {"Keys": [item(pk="same")]} for name in twice}) == said
    other = {name: [{"PutRequest": {"Item": item(pk="same")}}] for name in ("plain",)}
    other["ranged"] = [{"PutRequest": {"Item": item(pk="same", sk="same")}}]
    assert db.batch_write_item(RequestItems=other)["UnprocessedItems"] == {}


def test_a_wrong_key_cancels_a_transaction(db):
    steps = [
        {"Put": {"TableName": "plain", "Item": {"pk": {"N": "1"}}}},
        {"Put": {"TableName": "plain", "Item": item(pk="good")}},
    ]
    with pytest.raises(db.exceptions.TransactionCanceledException) as caught:
        db.transact_write_items(TransactItems=steps)
    reasons = caught.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["ValidationError", "None"]
    assert reasons[0]["Message"] == f"{CHANGED}Type mismatch for key pk expected: S actual: N"
    gets = [
        {"Get": {"TableName": "plain", "Key": item(other="x")}},
        {"Get": {"TableName": "plain", "Key": item(pk="x")}},
    ]
    with pytest.raises(db.exceptions.TransactionCanceledException) as caught:
        db.transact_get_items(TransactItems=gets)
    assert [reason["Code"] for reason in caught.value.response["CancellationReasons"]] == ["ValidationError", "None"]


def test_a_repeated_transaction_costs_what_reading_its_items_costs(db):
    request = {
        "TransactItems": [{"Put": {"TableName": "plain", "Item": item(pk="again", v="x" * 5000)}}],
        "ClientRequestToken": "again",
        "ReturnConsumedCapacity": "TOTAL",
    }
    assert db.transact_write_items(**request)["ConsumedCapacity"][0]["WriteCapacityUnits"] == 10
    assert db.transact_write_items(**request)["ConsumedCapacity"][0]["ReadCapacityUnits"] == 4


def test_each_statement_of_a_batch_fails_for_itself(db):
    statements = ["INSERT INTO plain VALUE {'pk': 'one'}", "((", "DELETE FROM absent WHERE pk = 'a'",
                  "INSERT INTO plain VALUE {'pk': 'one', 'v': 1}"]  # fmt: skip
    found = db.batch_execute_statement(Statements=[{"Statement": text} for text in statements[:3]])["Responses"]
    assert [one.get("Error", {}).get("Code") for one in found] == [None, "ValidationError", "ResourceNotFound"]
    doubled = [{"Statement": statements[at]} for at in (0, 3)]
    assert refused(db.batch_execute_statement, Statements=doubled) == (
        INVALID,
        "Provided list of item keys contains duplicates",
    )


def test_a_repeated_transaction_of_statements_answers_for_each(db):
    request = {
        "TransactStatements": [{"Statement": "INSERT INTO plain VALUE {'pk': 'told'}"}],
        "ClientRequestToken": "t",
    }
    assert db.execute_transaction(**request)["Responses"] == db.execute_transaction(**request)["Responses"] == [{}]
