"""Who may: actions on tables and indexes, single items and attributes, other accounts."""

import json

import pytest

from .dynamodb_asking import get, index, item, make, put, refused

OTHER = "111111111111"
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table"


@pytest.fixture(scope="module")
def db(shared_cloud):
    client = shared_cloud.client("dynamodb")
    make(client, "notes", "owner:S", "id:S", GlobalSecondaryIndexes=[index("by-kind", "kind:S")])
    put(client, "notes", owner="ann", id="1", text="hers", secret="s", kind="k")
    put(client, "notes", owner="bob", id="1", text="his", secret="s", kind="k")
    return client


@pytest.fixture
def user(shared_cloud, request):
    """A client of a user who has these statements."""

    def make_user(*statements):
        iam = shared_cloud.client("iam")
        name = f"user-{abs(hash(request.node.name)) % 10**8}"
        iam.create_user(UserName=name)
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return shared_cloud.client("dynamodb", key["AccessKeyId"], key["SecretAccessKey"])

    return make_user


def allow(actions, *resources, **condition):
    given = {"Effect": "Allow", "Action": actions, "Resource": [f"{ARN}/{name}" for name in resources]}
    return {**given, "Condition": condition} if condition else given


def test_an_index_is_a_resource_of_its_own(db, user):
    client = user(allow("dynamodb:Query", "notes"))
    request = {"TableName": "notes", "ExpressionAttributeValues": {":v": {"S": "ann"}}}
    assert (
        client.query(**request, KeyConditionExpression="#o = :v", ExpressionAttributeNames={"#o": "owner"})["Count"]
        == 1
    )
    code, message = refused(client.query, **request, IndexName="by-kind", KeyConditionExpression="kind = :v")
    assert code == "AccessDeniedException"
    assert f"{ARN}/notes/index/by-kind" in message


def test_a_policy_for_leading_keys_lets_everybody_have_their_own_items(db, user):
    mine = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["ann"]}}
    client = user(allow(["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:BatchGetItem",
                         "dynamodb:BatchWriteItem"], "notes", **mine))  # fmt: skip
    assert get(client, "notes", owner="ann", id="1")["text"] == {"S": "hers"}
    assert refused(client.get_item, TableName="notes", Key=item(owner="bob", id="1"))[0] == "AccessDeniedException"
    assert refused(client.put_item, TableName="notes", Item=item(owner="bob", id="2"))[0] == "AccessDeniedException"
    query = {
        "TableName": "notes",
        "KeyConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "owner"},
    }
    assert client.query(**query, ExpressionAttributeValues={":o": {"S": "ann"}})["Count"] >= 1
    assert refused(client.query, **query, ExpressionAttributeValues={":o": {"S": "bob"}})[0] == "AccessDeniedException"
    both = {"notes": {"Keys": [item(owner="ann", id="1"), item(owner="bob", id="1")]}}
    assert refused(client.batch_get_item, RequestItems=both)[0] == "AccessDeniedException"
    write = {"notes": [{"DeleteRequest": {"Key": item(owner="bob", id="1")}}]}
    assert refused(client.batch_write_item, RequestItems=write)[0] == "AccessDeniedException"
    step = {"Put": {"TableName": "notes", "Item": item(owner="bob", id="3")}}
    assert refused(client.transact_write_items, TransactItems=[step])[0] == "AccessDeniedException"
    assert get(db, "notes", owner="bob", id="1") is not None
    assert get(db, "notes", owner="bob", id="3") is None


def test_a_policy_for_attributes_hides_the_others(db, user):
    only = {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["owner", "id", "text"]},
        "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
    }
    client = user(allow(["dynamodb:GetItem", "dynamodb:Query", "dynamodb:BatchGetItem"], "notes", **only))
    request = {"TableName": "notes", "Key": item(owner="ann", id="1")}
    assert client.get_item(**request, ProjectionExpression="#t", ExpressionAttributeNames={"#t": "text"})["Item"]
    code, _ = refused(client.get_item, **request, ProjectionExpression="secret")
    assert code == "AccessDeniedException"
    assert refused(client.get_item, **request)[0] == "AccessDeniedException"
    batch = {"notes": {"Keys": [item(owner="ann", id="1")], "ProjectionExpression": "secret"}}
    assert refused(client.batch_get_item, RequestItems=batch)[0] == "AccessDeniedException"


def test_a_transaction_needs_each_items_own_permission(db, user):
    client = user(allow(["dynamodb:PutItem", "dynamodb:ConditionCheckItem"], "notes"))
    put_ = {"Put": {"TableName": "notes", "Item": item(owner="t", id="1")}}
    delete = {"Delete": {"TableName": "notes", "Key": item(owner="ann", id="1")}}
    code, message = refused(client.transact_write_items, TransactItems=[put_, delete])
    assert code == "AccessDeniedException"
    assert "dynamodb:DeleteItem" in message
    assert get(db, "notes", owner="t", id="1") is None
    client.transact_write_items(TransactItems=[put_])


def test_a_tables_policy_lets_another_account_in(shared_cloud, db):
    make(db, "shared")
    put(db, "shared", pk="1", v="x")
    arn = f"{ARN}/shared"
    other = shared_cloud.client("dynamodb", OTHER)
    assert refused(other.get_item, TableName=arn, Key=item(pk="1"))[0] == "AccessDeniedException"
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
                "Action": ["dynamodb:GetItem", "dynamodb:BatchGetItem"],
                "Resource": arn,
            }
        ],
    }
    revision = db.put_resource_policy(ResourceArn=arn, Policy=json.dumps(policy))["RevisionId"]
    assert get(other, arn, pk="1") == item(pk="1", v="x")
    assert other.batch_get_item(RequestItems={arn: {"Keys": [item(pk="1")]}})["Responses"][arn] == [item(pk="1", v="x")]
    assert refused(other.put_item, TableName=arn, Item=item(pk="2"))[0] == "AccessDeniedException"
    assert refused(other.get_item, TableName="shared", Key=item(pk="1"))[0] == "ResourceNotFoundException"
    kept = db.get_resource_policy(ResourceArn=arn)
    assert (json.loads(kept["Policy"]), kept["RevisionId"]) == (policy, revision)
    assert refused(db.delete_resource_policy, ResourceArn=arn, ExpectedRevisionId="1")[0] == "PolicyNotFoundException"
    db.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId=revision)
    assert refused(other.get_item, TableName=arn, Key=item(pk="1"))[0] == "AccessDeniedException"
    assert refused(db.get_resource_policy, ResourceArn=arn)[0] == "PolicyNotFoundException"


def test_a_wrong_policy_is_not_put(db):
    make(db, "guarded")
    code, message = refused(db.put_resource_policy, ResourceArn=f"{ARN}/guarded", Policy="{}")
    assert code == "ValidationException"
    assert message.startswith("Invalid policy document")


def test_tables_of_two_accounts_and_regions_are_apart(shared_cloud, db):
    make(db, "apart")
    put(db, "apart", pk="1")
    for client in (shared_cloud.client("dynamodb", OTHER), shared_cloud.client("dynamodb", region_name="eu-west-1")):
        assert refused(client.get_item, TableName="apart", Key=item(pk="1"))[0] == "ResourceNotFoundException"
        make(client, "apart")
        assert get(client, "apart", pk="1") is None
