"""Backups: on demand and to a point in time, made and restored while writes go on."""

import datetime

import pytest

from .dynamodb_asking import get, index, item, make, put, refused, whole


@pytest.fixture
def db(cloud):
    client = cloud.client("dynamodb")
    make(client, "books", "pk:S", "sk:N", GlobalSecondaryIndexes=[index("by-shelf", "shelf:S")])
    return client


def contents(db, table):
    return {(one["pk"]["S"], one["sk"]["N"]): one.get("v", {}).get("S") for one in whole(db.scan, TableName=table)}


def now(cloud):
    return datetime.datetime.fromtimestamp(cloud.app.cloud.clock.now(), datetime.UTC)


def fill(db, count, v="old", start=0):
    for number in range(start, start + count):
        put(db, "books", pk=f"p{number % 5}", sk=number, v=v, shelf=f"s{number % 3}")


def test_a_backup_is_the_table_as_it_was_when_it_was_asked_for(cloud, db):
    fill(db, 250)
    before = contents(db, "books")
    made = db.create_backup(TableName="books", BackupName="first")["BackupDetails"]
    # The copy is still being made, or about to be: none of this is in it.
    fill(db, 20, v="new")
    put(db, "books", pk="later", sk=1)
    db.delete_item(TableName="books", Key=item(pk="p1", sk=101))
    cloud.settle()
    found = db.describe_backup(BackupArn=made["BackupArn"])["BackupDescription"]
    assert found["BackupDetails"]["BackupStatus"] == "AVAILABLE"
    assert found["SourceTableDetails"]["ItemCount"] == 250
    assert found["SourceTableFeatureDetails"]["GlobalSecondaryIndexes"][0]["IndexName"] == "by-shelf"
    db.delete_table(TableName="books")
    cloud.settle()
    db.restore_table_from_backup(TargetTableName="again", BackupArn=made["BackupArn"])
    cloud.settle()
    table = db.describe_table(TableName="again")["Table"]
    assert table["TableStatus"] == "ACTIVE"
    assert table["RestoreSummary"]["RestoreInProgress"] is False
    assert (table["ItemCount"], table["GlobalSecondaryIndexes"][0]["ItemCount"]) == (250, 250)
    assert contents(db, "again") == before
    shelf = whole(
        db.query,
        TableName="again",
        IndexName="by-shelf",
        KeyConditionExpression="shelf = :s",
        ExpressionAttributeValues={":s": {"S": "s1"}},
    )
    assert len(shelf) == 83


def test_a_table_goes_back_to_any_moment(cloud, db):
    db.update_continuous_backups(
        TableName="books", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    moments = []
    for version in ("one", "two", "three"):
        fill(db, 130, v=version)
        put(db, "books", pk=version, sk=1)
        cloud.advance(10)
        moments.append((now(cloud), contents(db, "books")))
        cloud.advance(10)
    db.delete_item(TableName="books", Key=item(pk="p0", sk=0))
    for number, (moment, expected) in enumerate(moments):
        db.restore_table_to_point_in_time(
            SourceTableName="books", TargetTableName=f"back-{number}", RestoreDateTime=moment
        )
        cloud.settle()
        assert contents(db, f"back-{number}") == expected
    db.restore_table_to_point_in_time(
        SourceTableName="books", TargetTableName="latest", UseLatestRestorableTime=True,
        GlobalSecondaryIndexOverride=[],
    )  # fmt: skip
    cloud.settle()
    assert contents(db, "latest") == contents(db, "books")
    assert "GlobalSecondaryIndexes" not in db.describe_table(TableName="latest")["Table"]


def test_the_window_of_recovery(cloud, db):
    code, _ = refused(
        db.restore_table_to_point_in_time,
        SourceTableName="books",
        TargetTableName="back",
        UseLatestRestorableTime=True,
    )
    assert code == "PointInTimeRecoveryUnavailableException"
    db.update_continuous_backups(
        TableName="books",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 1},
    )
    early = now(cloud)
    fill(db, 10)
    cloud.advance(25 * 3600)
    found = db.describe_continuous_backups(TableName="books")["ContinuousBackupsDescription"]
    window = found["PointInTimeRecoveryDescription"]
    assert (now(cloud) - window["EarliestRestorableDateTime"]).total_seconds() == pytest.approx(86_400, abs=60)
    code, _ = refused(
        db.restore_table_to_point_in_time, SourceTableName="books", TargetTableName="back", RestoreDateTime=early
    )
    assert code == "InvalidRestoreTimeException"


def test_a_deleted_table_that_could_be_recovered_leaves_a_backup_of_35_days(cloud, db):
    db.update_continuous_backups(
        TableName="books", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    fill(db, 30)
    expected = contents(db, "books")
    db.delete_table(TableName="books")
    cloud.settle()
    assert db.list_backups()["BackupSummaries"] == []
    left = db.list_backups(BackupType="ALL")["BackupSummaries"][0]
    assert (left["BackupName"], left["BackupType"]) == ("books$DeletedTableBackup", "SYSTEM")
    db.restore_table_from_backup(TargetTableName="books", BackupArn=left["BackupArn"])
    cloud.settle()
    assert contents(db, "books") == expected
    cloud.advance(36 * 86_400)
    assert db.list_backups(BackupType="ALL")["BackupSummaries"] == []


def test_backups_are_listed_and_deleted(cloud, db):
    arns = []
    for number in range(3):
        cloud.advance(1)
        arns.append(db.create_backup(TableName="books", BackupName=f"backup-{number}")["BackupDetails"]["BackupArn"])
        cloud.settle()
    first = db.list_backups(TableName="books", Limit=2)
    assert len(first["BackupSummaries"]) == 2
    rest = db.list_backups(TableName="books", ExclusiveStartBackupArn=first["LastEvaluatedBackupArn"])
    assert [one["BackupArn"] for one in first["BackupSummaries"] + rest["BackupSummaries"]] == arns
    gone = db.delete_backup(BackupArn=arns[0])["BackupDescription"]
    assert gone["BackupDetails"]["BackupStatus"] == "DELETED"
    assert refused(db.describe_backup, BackupArn=arns[0])[0] == "BackupNotFoundException"


def test_a_restore_makes_a_new_table(cloud, db):
    arn = db.create_backup(TableName="books", BackupName="backup")["BackupDetails"]["BackupArn"]
    cloud.settle()
    code, _ = refused(db.restore_table_from_backup, TargetTableName="books", BackupArn=arn)
    assert code == "TableAlreadyExistsException"


def test_a_copy_goes_on_after_a_restart(cloud, db):
    fill(db, 300)
    expected = contents(db, "books")
    arn = db.create_backup(TableName="books", BackupName="backup")["BackupDetails"]["BackupArn"]
    cloud.restart()
    db = cloud.client("dynamodb")
    fill(db, 5, v="new")
    cloud.settle()
    db.restore_table_from_backup(TargetTableName="again", BackupArn=arn)
    cloud.restart()
    cloud.settle()
    db = cloud.client("dynamodb")
    assert contents(db, "again") == expected
    assert get(db, "books", pk="p0", sk=0)["v"] == {"S": "new"}
