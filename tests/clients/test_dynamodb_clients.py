"""Other people's clients of DynamoDB, unmodified: the aws command, boto3's resource, PynamoDB."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError
from pynamodb.attributes import ListAttribute, NumberAttribute, UnicodeAttribute, UnicodeSetAttribute, VersionAttribute
from pynamodb.connection import Connection
from pynamodb.exceptions import PutError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

AWS = str(Path(sys.executable).parent / "aws")


@pytest.fixture
def resource(shared_cloud):
    return boto3.resource(
        "dynamodb",
        endpoint_url=shared_cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def test_the_aws_command_makes_fills_and_queries_a_table(shared_cloud, tmp_path):
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": shared_cloud.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_PAGER": "",
        "HOME": str(tmp_path),
    }

    def aws(*words):
        done = subprocess.run([AWS, "dynamodb", *words], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    aws("create-table", "--table-name", "music", "--billing-mode", "PAY_PER_REQUEST",
        "--attribute-definitions", "AttributeName=artist,AttributeType=S", "AttributeName=song,AttributeType=S",
        "--key-schema", "AttributeName=artist,KeyType=HASH", "AttributeName=song,KeyType=RANGE")  # fmt: skip
    aws("wait", "table-exists", "--table-name", "music")
    for song in ("one", "two"):
        aws("put-item", "--table-name", "music", "--item", json.dumps({"artist": {"S": "a"}, "song": {"S": song}}))
    found = aws("query", "--table-name", "music", "--key-condition-expression", "artist = :a",
                "--expression-attribute-values", '{":a": {"S": "a"}}')  # fmt: skip
    assert [item["song"]["S"] for item in found["Items"]] == ["one", "two"]
    assert aws("scan", "--table-name", "music", "--page-size", "1")["Count"] == 2


def test_boto3s_table_resource(resource):
    table = resource.create_table(
        TableName="films",
        KeySchema=[{"AttributeName": "title", "KeyType": "HASH"}, {"AttributeName": "year", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "title", "AttributeType": "S"},
            {"AttributeName": "year", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    table.wait_until_exists()
    with table.batch_writer() as batch:
        for year in range(1960, 2020):
            batch.put_item({"title": "t", "year": year, "rating": Decimal("7.25"), "tags": {"a", "b"}, "raw": b"\0"})
    found = table.query(
        KeyConditionExpression=Key("title").eq("t") & Key("year").between(1970, 1979),
        FilterExpression=Attr("tags").contains("a") & Attr("rating").gt(7),
    )
    assert [item["year"] for item in found["Items"]] == list(range(1970, 1980))
    assert found["Items"][0]["tags"] == {"a", "b"}
    changed = table.update_item(
        Key={"title": "t", "year": 1960},
        UpdateExpression="SET rating = rating + :x, info = :m",
        ExpressionAttributeValues={":x": Decimal("0.5"), ":m": {"list": [1, None, True]}},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    assert (changed["rating"], changed["info"]) == (Decimal("7.75"), {"list": [1, None, True]})
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        table.delete_item(Key={"title": "t", "year": 1960}, ConditionExpression=Attr("rating").lt(1))
    table.delete()
    table.wait_until_not_exists()


def test_pynamodbs_models(shared_cloud):
    class ByAuthor(GlobalSecondaryIndex):
        class Meta:
            index_name = "by-author"
            projection = AllProjection()
            read_capacity_units = write_capacity_units = 5

        author = UnicodeAttribute(hash_key=True)
        pages = NumberAttribute(range_key=True)

    class Book(Model):
        class Meta:
            table_name = "pynamo-books"
            host = shared_cloud.endpoint
            region = "us-east-1"
            aws_access_key_id = aws_secret_access_key = "test"
            read_capacity_units = write_capacity_units = 50

        isbn = UnicodeAttribute(hash_key=True)
        author = UnicodeAttribute()
        pages = NumberAttribute()
        tags = UnicodeSetAttribute(null=True)
        chapters = ListAttribute(null=True)
        version = VersionAttribute()
        by_author = ByAuthor()

    Book.create_table(wait=True)
    for number in range(10):
        Book(f"i{number}", author="ann" if number % 2 else "bob", pages=number * 10, tags={"x", "y"}).save()
    assert [book.pages for book in Book.by_author.query("ann", Book.pages > 20)] == [30, 50, 70, 90]
    book = Book.get("i3")
    book.update(actions=[Book.pages.set(Book.pages + 1), Book.chapters.set(["one", "two"])])
    assert Book.get("i3").pages == 31
    stale = Book.get("i3")
    Book.get("i3").save()
    with pytest.raises(PutError, match="conditional request failed"):
        stale.save()
    connection = Connection(region="us-east-1", host=shared_cloud.endpoint, extra_headers=None)
    connection.session.set_credentials("test", "test")
    with TransactWrite(connection=connection) as transaction:
        transaction.delete(Book.get("i1"))
        transaction.save(Book("i11", author="cid", pages=1))
    assert {book.isbn for book in Book.scan()} == {f"i{n}" for n in (0, *range(2, 10), 11)}
    Book.delete_table()
