"""Tables: made, described, listed, changed, tagged, protected, deleted."""

import pytest

from .dynamodb_asking import get, index, item, make, put, refused, whole

KEY = [{"AttributeName": "pk", "KeyType": "HASH"}]
TYPES = [{"AttributeName": "pk", "AttributeType": "S"}]


@pytest.fixture
def db(shared_cloud):
    return shared_cloud.client("dynamodb")


def test_a_new_table_becomes_active_and_is_described(db):
    made = db.create_table(
        TableName="new",
        KeySchema=KEY,
        AttributeDefinitions=TYPES,
        ProvisionedThroughput={"ReadCapacityUnits": 3, "WriteCapacityUnits": 4},
    )["TableDescription"]
    assert made["TableStatus"] == "CREATING"
    assert made["TableArn"] == "arn:aws:dynamodb:us-east-1:000000000000:table/new"
    db.get_waiter("table_exists").wait(TableName="new", WaiterConfig={"Delay": 1})
    found = db.describe_table(TableName=made["TableArn"])["Table"]
    assert found["TableStatus"] == "ACTIVE"
    assert found["ProvisionedThroughput"]["WriteCapacityUnits"] == 4
    assert (found["ItemCount"], found["TableSizeBytes"]) == (0, 0)
    assert "BillingModeSummary" not in found


def test_an_on_demand_table_says_so(db):
    make(db, "on-demand")
    found = db.describe_table(TableName="on-demand")["Table"]
    assert found["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert found["ProvisionedThroughput"]["ReadCapacityUnits"] == 0


def test_counts_follow_the_items(db):
    make(db, "counted", GlobalSecondaryIndexes=[index("by-a", "a:S")])
    put(db, "counted", pk="1", a="x")
    put(db, "counted", pk="2")
    put(db, "counted", pk="1", a="xyz")
    found = db.describe_table(TableName="counted")["Table"]
    assert (found["ItemCount"], found["TableSizeBytes"]) == (2, 7 + 3)
    assert found["GlobalSecondaryIndexes"][0]["ItemCount"] == 1
    db.delete_item(TableName="counted", Key=item(pk="1"))
    found = db.describe_table(TableName="counted")["Table"]
    assert (found["ItemCount"], found["GlobalSecondaryIndexes"][0]["IndexSizeBytes"]) == (1, 0)


def test_a_name_is_taken_once(db):
    make(db, "taken")
    code, message = refused(db.create_table, TableName="taken", KeySchema=KEY, AttributeDefinitions=TYPES,
                            BillingMode="PAY_PER_REQUEST")  # fmt: skip
    assert (code, message) == ("ResourceInUseException", "Table already exists: taken")


def test_a_table_that_is_not_there(db):
    assert refused(db.describe_table, TableName="nothing") == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: nothing not found",
    )
    assert refused(db.get_item, TableName="nothing", Key=item(pk="1")) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )


def test_a_deleted_table_is_gone_with_its_items(db):
    make(db, "gone")
    put(db, "gone", pk="1")
    assert db.delete_table(TableName="gone")["TableDescription"]["TableStatus"] == "DELETING"
    db.get_waiter("table_not_exists").wait(TableName="gone", WaiterConfig={"Delay": 1})
    make(db, "gone")
    assert get(db, "gone", pk="1") is None


def test_a_protected_table_is_not_deleted(db):
    make(db, "kept", DeletionProtectionEnabled=True)
    code, message = refused(db.delete_table, TableName="kept")
    assert code == "ValidationException"
    assert "protected against deletion" in message
    db.update_table(TableName="kept", DeletionProtectionEnabled=False)
    db.get_waiter("table_exists").wait(TableName="kept", WaiterConfig={"Delay": 1})
    db.delete_table(TableName="kept")


def test_tables_are_listed_in_order_page_by_page(shared_cloud):
    db = shared_cloud.client("dynamodb", region_name="eu-central-1")
    for name in ("ccc", "aaa", "bbb"):
        make(db, name)
    first = db.list_tables(Limit=2)
    assert first == {**first, "TableNames": ["aaa", "bbb"], "LastEvaluatedTableName": "bbb"}
    assert db.list_tables(ExclusiveStartTableName="bbb")["TableNames"] == ["ccc"]


def test_tables_carry_tags(db):
    make(db, "tagged", Tags=[{"Key": "team", "Value": "a"}])
    arn = db.describe_table(TableName="tagged")["Table"]["TableArn"]
    db.tag_resource(ResourceArn=arn, Tags=[{"Key": f"k{n:02}", "Value": "v"} for n in range(12)])
    first = db.list_tags_of_resource(ResourceArn=arn)
    assert len(first["Tags"]) == 10
    rest = db.list_tags_of_resource(ResourceArn=arn, NextToken=first["NextToken"])
    assert len(rest["Tags"]) == 3
    db.untag_resource(ResourceArn=arn, TagKeys=["team", "k01"])
    assert len(db.list_tags_of_resource(ResourceArn=arn)["Tags"]) == 10
    assert refused(db.tag_resource, ResourceArn=arn, Tags=[{"Key": "aws:x", "Value": "1"}])[0] == "ValidationException"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"KeySchema": [{"AttributeName": "pk", "KeyType": "RANGE"}]}, "first KeySchemaElement is not a HASH key type"),
        ({"KeySchema": [*KEY, {"AttributeName": "pk", "KeyType": "RANGE"}]}, "have the same name"),
        ({"AttributeDefinitions": [*TYPES, {"AttributeName": "x", "AttributeType": "S"}]}, "does not exactly match"),
        ({"AttributeDefinitions": [{"AttributeName": "x", "AttributeType": "S"}]}, "not defined in AttributeDef"),
        ({"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}, "PAY_PER_REQUEST"),
        ({"BillingMode": "PROVISIONED"}, "must both be specified when BillingMode is PROVISIONED"),
        ({"TableName": "ab"}, "at least 3 characters long and at most 255 characters long"),
        ({"LocalSecondaryIndexes": []}, "List of LocalSecondaryIndexes is empty"),
        ({"StreamSpecification": {"StreamEnabled": True}}, "StreamViewType is not specified"),
    ],
)  # fmt: skip
def test_what_a_new_table_may_not_be(db, changes, message):
    request = {"TableName": "wrong", "KeySchema": KEY, "AttributeDefinitions": TYPES, "BillingMode": "PAY_PER_REQUEST"}
    code, said = refused(db.create_table, **{**request, **changes})
    assert code == "ValidationException"
    assert message in said
    assert "wrong" not in db.list_tables()["TableNames"]


def test_what_is_not_there_yet_is_refused_by_name(db):
    request = {"TableName": "vec", "KeySchema": KEY, "AttributeDefinitions": TYPES, "BillingMode": "PAY_PER_REQUEST"}
    code, message = refused(db.create_table, **request, GlobalTableSourceArn="arn:aws:dynamodb:eu-west-1:1:table/x")
    assert code == "NotImplemented"
    assert "GlobalTableSourceArn" in message


def test_throughput_and_billing_change(db):
    make(db, "changing", ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5})
    same = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    assert "will not change" in refused(db.update_table, TableName="changing", ProvisionedThroughput=same)[1]
    lower = {"ReadCapacityUnits": 4, "WriteCapacityUnits": 6}
    changed = db.update_table(TableName="changing", ProvisionedThroughput=lower)["TableDescription"]
    assert changed["TableStatus"] == "UPDATING"
    db.get_waiter("table_exists").wait(TableName="changing", WaiterConfig={"Delay": 1})
    found = db.describe_table(TableName="changing")["Table"]["ProvisionedThroughput"]
    assert (found["ReadCapacityUnits"], found["NumberOfDecreasesToday"]) == (4, 1)
    db.update_table(TableName="changing", BillingMode="PAY_PER_REQUEST")
    db.get_waiter("table_exists").wait(TableName="changing", WaiterConfig={"Delay": 1})
    found = db.describe_table(TableName="changing")["Table"]
    assert found["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert refused(db.update_table, TableName="changing")[1].startswith("At least one of ProvisionedThroughput")


def test_a_global_index_is_filled_while_it_is_made_and_goes_when_it_is_deleted(shared_cloud, db):
    make(db, "growing")
    for n in range(120):
        put(db, "growing", pk=str(n), group="even" if n % 2 == 0 else "odd")
    put(db, "growing", pk="wrong", group=7)
    made = index("by-group", "group:S")
    made.pop("Types")
    db.update_table(
        TableName="growing",
        AttributeDefinitions=[*TYPES, {"AttributeName": "group", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": made}],
    )
    put(db, "growing", pk="later", group="odd")
    shared_cloud.settle()
    found = db.describe_table(TableName="growing")["Table"]["GlobalSecondaryIndexes"][0]
    assert (found["IndexStatus"], found["ItemCount"]) == ("ACTIVE", 121)
    odd = whole(
        db.query,
        TableName="growing",
        IndexName="by-group",
        KeyConditionExpression="#g = :g",
        ExpressionAttributeNames={"#g": "group"},
        ExpressionAttributeValues={":g": {"S": "odd"}},
    )
    assert len(odd) == 61
    db.update_table(TableName="growing", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-group"}}])
    shared_cloud.settle()
    found = db.describe_table(TableName="growing")["Table"]
    assert "GlobalSecondaryIndexes" not in found
    assert found["AttributeDefinitions"] == TYPES
