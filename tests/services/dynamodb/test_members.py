"""A parameter that is accepted and does nothing would be a lie: every member of every request is read, however deep."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

import pileus.services
from pileus.services.dynamodb import dynamodb
from pileus.services.dynamodb.streams import dynamodbstreams

from .dynamodb_asking import make, refused

SERVICES = [dynamodb, dynamodbstreams]
READ_ELSEWHERE = {"AttributeValue"}  # values/: each of its types is told there
# Structures whose members are refused together (test_what_is_inside_is_refused_too).
REFUSED = {
    ("ImportTable", "TableCreationParameters", "VectorIndexes"),
    ("UpdateTable", "ReplicaUpdates", "Create"),
    ("UpdateTable", "ReplicaUpdates", "Update"),
    ("UpdateTable", "ReplicaUpdates", "Disassociate"),
}


def words() -> set[str]:
    folder = Path(pileus.services.__path__[0]) / "dynamodb"
    return {word for file in folder.rglob("*.py") for word in re.findall(r'"(\w+)"', file.read_text())}


def members_of(
    shape: Any, path: tuple[str, ...] = (), around: frozenset[str] = frozenset()
) -> Iterator[tuple[str, ...]]:
    """The path of each member, down to the simple ones."""
    if shape.name in READ_ELSEWHERE or shape.name in around:
        return
    if shape.type == "structure":
        for name, member in shape.members.items():
            yield (*path, name)
            yield from members_of(member.shape, (*path, name), around | {shape.name})
    elif shape.type == "list":
        yield from members_of(shape.member.shape, path, around)
    elif shape.type == "map":
        yield from members_of(shape.value.shape, path, around)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_member_of_a_request_is_read_or_refused(service: Any) -> None:
    known = words()
    unread = {
        f"{name}: {'.'.join(path)}"
        for name, operation in service.operations.items()
        if operation.model.input is not None
        for path in members_of(operation.model.input)
        if path[0] not in operation.without and path[-1] not in known and (name, *path[:2]) not in REFUSED
    }
    assert unread == set()


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_what_is_refused_by_name_is_a_member_of_the_request(service: Any) -> None:
    for operation in service.operations.values():
        if operation.without:
            assert operation.without <= operation.model.input.members.keys(), operation.name


def test_what_is_inside_is_refused_too(shared_cloud: Any) -> None:
    db = shared_cloud.client("dynamodb")
    make(db, "insides")
    for update in (
        {"Create": {"RegionName": "eu-west-1", "TableClassOverride": "STANDARD"}},
        {"Create": {"RegionName": "eu-west-1", "KMSMasterKeyId": "alias/mine"}},
        {"Update": {"RegionName": "eu-west-1", "OnDemandThroughputOverride": {"MaxReadRequestUnits": 1}}},
    ):
        code, said = refused(db.update_table, TableName="insides", ReplicaUpdates=[update])
        assert code == "ValidationException", said
        assert "only RegionName can be given" in said, said
    vector = {"IndexName": "near", "Dimensions": 3, "DistanceFunction": "COSINE",
              "VectorAttribute": {"AttributeName": "v"},
              "Projection": {"ProjectionType": "ALL"}}  # fmt: skip
    given = {"TableName": "imported", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
             "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
             "BillingMode": "PAY_PER_REQUEST", "VectorIndexes": [vector]}  # fmt: skip
    asked = {"S3BucketSource": {"S3Bucket": "bucket"}, "InputFormat": "CSV", "TableCreationParameters": given}
    code, said = refused(plain(shared_cloud).import_table, **asked)
    assert (code, "without VectorIndexes" in said) == ("ValidationException", True), said


def plain(cloud: Any) -> Any:
    """A client that sends what its own checks would keep."""
    return cloud.client("dynamodb", config=Config(parameter_validation=False))
