"""Tables under KMS keys: whoever has no right to the key has none to the items, and a disabled key closes the table."""

import json

import pytest

from .dynamodb_asking import get, item, make, put, refused, whole


@pytest.fixture
def db(cloud):
    return cloud.client("dynamodb")


@pytest.fixture
def kms(cloud):
    return cloud.client("kms")


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


def under(key=""):
    return {"Enabled": True, "SSEType": "KMS", **({"KMSMasterKeyId": key} if key else {})}


def test_a_table_is_under_the_accounts_key_for_dynamodb(cloud, db, kms):
    make(db, "sealed", SSESpecification=under())
    put(db, "sealed", pk="1", v="x")
    found = db.describe_table(TableName="sealed")["Table"]["SSEDescription"]
    own = kms.describe_key(KeyId="alias/aws/dynamodb")["KeyMetadata"]["Arn"]
    assert found == {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": own}
    cloud.restart()
    assert get(cloud.client("dynamodb"), "sealed", pk="1") == item(pk="1", v="x")


def test_who_may_not_use_the_key_may_not_read_the_items(cloud, db, kms, key):
    make(db, "sealed", SSESpecification=under(key))
    put(db, "sealed", pk="1")
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    access = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = cloud.client("dynamodb", access["AccessKeyId"], access["SecretAccessKey"])

    def allow(*actions):
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(policy))

    allow("dynamodb:*")
    code, message = refused(ann.get_item, TableName="sealed", Key=item(pk="1"))
    assert code == "AccessDeniedException"
    assert message.startswith("KMS key access denied error: ")
    allow("dynamodb:*", "kms:Decrypt")
    assert get(ann, "sealed", pk="1") == item(pk="1")
    code, message = refused(make, client=ann, name="hers", SSESpecification=under(key))
    assert (code, "kms:DescribeKey" in message) == ("AccessDeniedException", True)


def test_a_disabled_key_closes_the_table_until_it_is_enabled_again(cloud, db, kms, key):
    make(db, "sealed", SSESpecification=under(key))
    put(db, "sealed", pk="1")
    kms.disable_key(KeyId=key)
    cloud.advance(301)
    assert refused(db.get_item, TableName="sealed", Key=item(pk="1"))[0] == "AccessDeniedException"
    assert refused(db.put_item, TableName="sealed", Item=item(pk="2"))[0] == "AccessDeniedException"
    found = db.describe_table(TableName="sealed")["Table"]
    assert found["TableStatus"] == "INACCESSIBLE_ENCRYPTION_CREDENTIALS"
    assert "InaccessibleEncryptionDateTime" in found["SSEDescription"]
    kms.enable_key(KeyId=key)
    assert get(db, "sealed", pk="1") == item(pk="1")
    assert db.describe_table(TableName="sealed")["Table"]["TableStatus"] == "ACTIVE"


def test_dynamodb_itself_works_by_a_grant(cloud, db, kms, key):
    make(db, "sealed", SSESpecification=under(key),
         StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})  # fmt: skip
    assert kms.list_grants(KeyId=key)["Grants"][0]["GranteePrincipal"] == "dynamodb.amazonaws.com"
    now = int(cloud.app.cloud.clock.now())
    put(db, "sealed", pk="soon", until=now + 10)
    put(db, "sealed", pk="stays")
    db.update_time_to_live(TableName="sealed", TimeToLiveSpecification={"AttributeName": "until", "Enabled": True})
    arn = db.create_backup(TableName="sealed", BackupName="backup")["BackupDetails"]["BackupArn"]
    cloud.settle()  # the timer stands before the clock is moved on
    cloud.advance(1_800)
    assert [one["pk"]["S"] for one in whole(db.scan, TableName="sealed")] == ["stays"]
    db.restore_table_from_backup(TargetTableName="again", BackupArn=arn)
    cloud.settle()
    found = db.describe_table(TableName="again")["Table"]
    assert (found["TableStatus"], found["SSEDescription"]["KMSMasterKeyArn"]) == ("ACTIVE", key)
    assert {one["pk"]["S"] for one in whole(db.scan, TableName="again")} == {"soon", "stays"}


def test_a_table_changes_its_key_and_keeps_its_items(cloud, db, kms, key):
    make(db, "sealed")
    put(db, "sealed", pk="1")
    for specification in (under(key), under(), {"Enabled": False}):
        db.update_table(TableName="sealed", SSESpecification=specification)
        cloud.settle()
        put(db, "sealed", pk="2")
        assert get(db, "sealed", pk="1") == item(pk="1")
    assert "SSEDescription" not in db.describe_table(TableName="sealed")["Table"]
    kms.disable_key(KeyId=key)
    cloud.advance(301)
    assert get(db, "sealed", pk="1") == item(pk="1")


def test_what_a_tables_key_may_not_be(db, kms):
    signing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    assert "not an enabled symmetric" in refused(make, client=db, name="wrong", SSESpecification=under(signing))[1]
    nobody = signing.rpartition("/")[0] + "/00000000-0000-0000-0000-000000000000"
    assert refused(make, client=db, name="wrong", SSESpecification=under(nobody))[0] == "AccessDeniedException"
    code, message = refused(make, client=db, name="wrong", SSESpecification={"Enabled": True, "SSEType": "AES256"})
    assert (code, "AES256 is not supported" in message) == ("ValidationException", True)
    assert db.list_tables()["TableNames"] == []
