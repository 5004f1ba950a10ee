"""Whole tables to and from S3."""

import gzip
import json

import pytest

from pileus.services.dynamodb.transfers.records import Gone, signer_of

from .dynamodb_asking import get, index, item, make, put, refused, whole


@pytest.fixture
def db(cloud):
    return cloud.client("dynamodb")


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="warehouse")
    return client


def body(s3, key):
    return s3.get_object(Bucket="warehouse", Key=key)["Body"].read()


def test_a_table_is_exported_as_it_was_and_imported_again(cloud, db, s3):
    make(db, "books")
    db.update_continuous_backups(
        TableName="books", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    for number in range(230):
        put(db, "books", pk=str(number), n=number, info={"M": {"x": {"SS": ["a"]}}})
    expected = sorted(whole(db.scan, TableName="books"), key=str)
    arn = db.describe_table(TableName="books")["Table"]["TableArn"]
    made = db.export_table_to_point_in_time(TableArn=arn, S3Bucket="warehouse", S3Prefix="out", ClientToken="t")
    again = db.export_table_to_point_in_time(TableArn=arn, S3Bucket="warehouse", S3Prefix="out", ClientToken="t")
    assert again["ExportDescription"]["ExportArn"] == made["ExportDescription"]["ExportArn"]
    put(db, "books", pk="later")
    cloud.settle()
    found = db.describe_export(ExportArn=made["ExportDescription"]["ExportArn"])["ExportDescription"]
    assert (found["ExportStatus"], found["ItemCount"]) == ("COMPLETED", 230)
    summary = json.loads(body(s3, found["ExportManifest"]))
    files = [json.loads(line) for line in body(s3, summary["manifestFilesS3Key"]).splitlines()]
    lines = [line for file in files for line in gzip.decompress(body(s3, file["dataFileS3Key"])).splitlines()]
    assert sorted((json.loads(line)["Item"] for line in lines), key=str) == expected
    made = db.import_table(
        S3BucketSource={"S3Bucket": "warehouse", "S3KeyPrefix": found["ExportManifest"].rpartition("/")[0] + "/data/"},
        InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP",
        TableCreationParameters={
            "TableName": "copy",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "n", "AttributeType": "N"},
            ],
            "BillingMode": "PAY_PER_REQUEST",
            "GlobalSecondaryIndexes": [{k: v for k, v in index("by-n", "n:N").items() if k != "Types"}],
        },
    )["ImportTableDescription"]
    cloud.settle()
    found = db.describe_import(ImportArn=made["ImportArn"])["ImportTableDescription"]
    assert (found["ImportStatus"], found["ImportedItemCount"], found["ErrorCount"]) == ("COMPLETED", 230, 0)
    assert sorted(whole(db.scan, TableName="copy"), key=str) == expected
    assert len(whole(db.scan, TableName="copy", IndexName="by-n")) == 230
    assert db.list_exports()["ExportSummaries"][0]["ExportStatus"] == "COMPLETED"
    assert db.list_imports()["ImportSummaryList"][0]["ImportStatus"] == "COMPLETED"


def test_a_csv_becomes_a_table_and_what_is_no_item_is_counted(cloud, db, s3):
    text = 'id,name,age\n1,Ann,30\n2,"Bob, the second",\nx,no number,1\n3,too,many,columns\n4,Cid,40\n'
    s3.put_object(Bucket="warehouse", Key="in/people.csv", Body=text.encode())
    made = db.import_table(
        S3BucketSource={"S3Bucket": "warehouse", "S3KeyPrefix": "in/"},
        InputFormat="CSV",
        TableCreationParameters={
            "TableName": "people",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )["ImportTableDescription"]
    cloud.settle()
    found = db.describe_import(ImportArn=made["ImportArn"])["ImportTableDescription"]
    assert (found["ImportedItemCount"], found["ErrorCount"], found["ProcessedItemCount"]) == (3, 2, 5)
    assert get(db, "people", id=1) == item(id=1, name="Ann", age="30")
    assert get(db, "people", id=2) == item(id=2, name="Bob, the second")


def test_an_export_has_the_permissions_of_who_asked(cloud, db, s3):
    make(db, "books")
    db.update_continuous_backups(
        TableName="books", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    put(db, "books", pk="1")
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = cloud.client("dynamodb", key["AccessKeyId"], key["SecretAccessKey"])
    arn = db.describe_table(TableName="books")["Table"]["TableArn"]
    made = ann.export_table_to_point_in_time(TableArn=arn, S3Bucket="warehouse")["ExportDescription"]
    cloud.settle()
    found = ann.describe_export(ExportArn=made["ExportArn"])["ExportDescription"]
    assert (found["ExportStatus"], found["FailureCode"]) == ("FAILED", "AccessDenied")
    assert "Contents" not in s3.list_objects_v2(Bucket="warehouse")


def test_nothing_is_done_for_a_key_that_was_switched_off(cloud):
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]

    def acts():
        world = cloud.app.cloud
        return cloud.run(world.store.transact(lambda tx: signer_of(world, tx, key, "us-east-1")))

    assert acts().caller.arn.endswith(":user/ann")
    iam.update_access_key(UserName="ann", AccessKeyId=key, Status="Inactive")
    with pytest.raises(Gone):
        acts()


def test_an_export_needs_point_in_time_recovery(db, s3):
    make(db, "books")
    arn = db.describe_table(TableName="books")["Table"]["TableArn"]
    code, _ = refused(db.export_table_to_point_in_time, TableArn=arn, S3Bucket="warehouse")
    assert code == "PointInTimeRecoveryUnavailableException"
