"""Replication: versions carried to other buckets."""

import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from botocore.config import Config

from pileus.services.s3.replication import carrying
from tests.services.s3.events_asking import put_policy, queue_for, tell, told
from tests.services.s3.events_asking import rule as notification
from tests.services.s3.s3_asking import read, refused

MIB = 1024 * 1024
OTHER = "111111111111"
ROLE = "arn:aws:iam::000000000000:role/replicator"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
MAY = {
    "source": [
        "s3:GetReplicationConfiguration",
        "s3:ListBucket",
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionTagging",
    ],
    "target": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
}


def make_role(cloud, name="replicator", actions=None, trust=TRUST):
    iam = cloud.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    allow(iam, name, [*MAY["source"], *MAY["target"]] if actions is None else actions)
    return f"arn:aws:iam::000000000000:role/{name}"


def allow(iam, name, actions):
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))


def make_bucket(s3, name, region=None):
    options = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region else {}
    s3.create_bucket(Bucket=name, **options)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def newer(target, **parts):
    return {
        "ID": "r",
        "Priority": 1,
        "Filter": {},
        "Status": "Enabled",
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{target}"},
        **parts,
    }


def replicate(s3, source, *rules, role=ROLE):
    configuration = {"Role": role, "Rules": list(rules)}
    s3.put_bucket_replication(Bucket=source, ReplicationConfiguration=configuration)


@pytest.fixture
def s3(cloud):
    return cloud.client("s3", config=Config(s3={"addressing_style": "path"}))


@pytest.fixture
def pair(cloud, s3):
    """Two buckets with versions, and the role."""
    make_role(cloud)
    return make_bucket(s3, "source"), make_bucket(s3, "target")


def status(s3, key, bucket="source", **more):
    return s3.head_object(Bucket=bucket, Key=key, **more).get("ReplicationStatus")


@pytest.mark.parametrize("size", [0, 5, 16 * 1024 + 1, MIB + 3])
def test_a_version_is_carried_whole(cloud, s3, pair, size):
    replicate(s3, "source", newer("target"))
    body = os.urandom(size)
    given = {"Metadata": {"a": "b"}, "ContentType": "text/plain", "StorageClass": "STANDARD_IA", "Tagging": "x=y"}
    made = s3.put_object(Bucket="source", Key="k", Body=body, ChecksumAlgorithm="SHA256", **given)
    cloud.settle()
    assert status(s3, "k") == "COMPLETED"
    found = s3.get_object(Bucket="target", Key="k", ChecksumMode="ENABLED")
    assert found["Body"].read() == body
    assert (found["VersionId"], found["ETag"]) == (made["VersionId"], made["ETag"])
    assert (found["Metadata"], found["ContentType"], found["StorageClass"]) == ({"a": "b"}, "text/plain", "STANDARD_IA")
    assert found["ChecksumSHA256"] == made["ChecksumSHA256"]
    assert (found["ReplicationStatus"], found["TagCount"]) == ("REPLICA", 1)
    assert found["LastModified"] == s3.head_object(Bucket="source", Key="k")["LastModified"]


def test_parts_stay_parts(cloud, s3, pair):
    replicate(s3, "source", newer("target"))
    upload = s3.create_multipart_upload(Bucket="source", Key="big")["UploadId"]
    bodies = [os.urandom(5 * MIB), b"the end"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(Bucket="source", Key="big", UploadId=upload, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in enumerate(bodies, 1)
    ]
    made = s3.complete_multipart_upload(Bucket="source", Key="big", UploadId=upload, MultipartUpload={"Parts": parts})
    cloud.settle()
    found = s3.get_object(Bucket="target", Key="big")
    assert found["Body"].read() == b"".join(bodies)
    assert found["ETag"] == made["ETag"]
    assert s3.get_object(Bucket="target", Key="big", PartNumber=2)["Body"].read() == b"the end"


def test_many_parts_are_carried(cloud, s3, pair):
    replicate(s3, "source", newer("target"))
    upload = s3.create_multipart_upload(Bucket="source", Key="big")["UploadId"]
    body, parts = os.urandom(5 * MIB), []
    for number in range(1, 11):
        made = s3.upload_part(
            Bucket="source", Key="big", UploadId=upload, PartNumber=number, Body=body if number < 10 else b"z"
        )
        parts.append({"PartNumber": number, "ETag": made["ETag"]})
    s3.complete_multipart_upload(Bucket="source", Key="big", UploadId=upload, MultipartUpload={"Parts": parts})
    cloud.settle()
    s3.delete_object(Bucket="source", Key="big", VersionId=s3.head_object(Bucket="source", Key="big")["VersionId"])
    cloud.settle()
    assert read(s3, "target", "big") == body * 9 + b"z"


def test_versions_keep_their_order(cloud, s3, pair):
    replicate(s3, "source", newer("target"))
    made = [s3.put_object(Bucket="source", Key="k", Body=b"%d" % number)["VersionId"] for number in range(4)]
    cloud.settle()
    listed = s3.list_object_versions(Bucket="target")["Versions"]
    assert [one["VersionId"] for one in listed] == made[::-1]
    assert [one["IsLatest"] for one in listed] == [True, False, False, False]
    assert read(s3, "target", "k") == b"3"
    assert read(s3, "target", "k", VersionId=made[1]) == b"1"


def test_an_older_version_does_not_cover_what_the_destination_got_since(cloud, s3, pair):
    replicate(s3, "source", newer("target"), role=ROLE)
    cloud.client("iam").delete_role_policy(RoleName="replicator", PolicyName="p")
    old = s3.put_object(Bucket="source", Key="k", Body=b"old")["VersionId"]
    cloud.settle()
    assert status(s3, "k") == "FAILED"
    allow(cloud.client("iam"), "replicator", [*MAY["source"], *MAY["target"]])
    s3.put_object(Bucket="target", Key="k", Body=b"theirs")
    s3.put_object_tagging(Bucket="source", Key="k", Tagging={"TagSet": [{"Key": "try", "Value": "again"}]})
    cloud.settle()
    assert status(s3, "k") == "COMPLETED"
    assert read(s3, "target", "k") == b"theirs"
    assert read(s3, "target", "k", VersionId=old) == b"old"


def test_it_is_pending_until_it_is_carried(cloud, s3, pair):
    replicate(s3, "source", newer("target"))
    cloud.run(_hold(cloud))
    try:
        s3.put_object(Bucket="source", Key="k", Body=b"x")
        assert status(s3, "k") == "PENDING"
    finally:
        cloud.run(_go_on(cloud))
    cloud.settle()
    assert status(s3, "k") == "COMPLETED"


async def _hold(cloud):
    cloud.held, cloud.app.loop._watching["outbox"] = cloud.app.loop._watching["outbox"], [_Later(cloud)]


async def _go_on(cloud):
    cloud.app.loop._watching["outbox"] = cloud.held
    await cloud.app.store.transact(lambda tx: [_wake(tx, key) for key in cloud.later])


def _wake(tx, key):
    from pileus.store import wake

    wake(tx, "outbox", *key)


class _Later:
    watches = "outbox"

    def __init__(self, cloud):
        self.cloud = cloud
        cloud.later = []

    async def reconcile(self, world, key):
        self.cloud.later.append(key)


def test_other_regions_and_storage_classes(cloud, s3, pair):
    far = cloud.client("s3", region_name="eu-west-1", config=Config(s3={"addressing_style": "path"}))
    make_bucket(far, "far", "eu-west-1")
    rule = newer("far")
    rule["Destination"]["StorageClass"] = "STANDARD_IA"
    replicate(s3, "source", rule)
    s3.put_object(Bucket="source", Key="k", Body=b"x")
    cloud.settle()
    found = far.get_object(Bucket="far", Key="k")
    assert (found["Body"].read(), found["StorageClass"]) == (b"x", "STANDARD_IA")


def test_filters_choose_by_prefix_and_tags(cloud, s3, pair):
    both = {"And": {"Prefix": "in/", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}}
    replicate(s3, "source", newer("target", Filter=both))
    s3.put_object(Bucket="source", Key="in/yes", Body=b"x", Tagging="a=1&b=2&c=3")
    s3.put_object(Bucket="source", Key="in/no", Body=b"x", Tagging="a=1")
    s3.put_object(Bucket="source", Key="out/no", Body=b"x", Tagging="a=1&b=2")
    cloud.settle()
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="target")["Contents"]] == ["in/yes"]
    assert status(s3, "in/no") is None


def test_of_two_rules_for_one_destination_the_higher_priority_counts(cloud, s3, pair):
    low, high = (
        newer("target", ID="low", Priority=1),
        newer("target", ID="high", Priority=2, Filter={"Prefix": "cold/"}),
    )
    high["Destination"] = {**high["Destination"], "StorageClass": "GLACIER_IR"}
    replicate(s3, "source", low, high)
    s3.put_object(Bucket="source", Key="cold/k", Body=b"x")
    s3.put_object(Bucket="source", Key="k", Body=b"x")
    cloud.settle()
    classes = {one["Key"]: one["StorageClass"] for one in s3.list_objects_v2(Bucket="target")["Contents"]}
    assert classes == {"cold/k": "GLACIER_IR", "k": "STANDARD"}


def test_several_destinations(cloud, s3, pair):
    make_bucket(s3, "second")
    replicate(s3, "source", newer("target", ID="one"), newer("second", ID="two", Priority=2))
    s3.put_object(Bucket="source", Key="k", Body=b"x")
    cloud.settle()
    assert read(s3, "target", "k") == read(s3, "second", "k") == b"x"
    s3.delete_bucket_replication(Bucket="source")
    s3.delete_object(Bucket="second", Key="k")


def test_delete_markers_go_along_only_if_asked(cloud, s3, pair):
    replicate(s3, "source", newer("target"))
    s3.put_object(Bucket="source", Key="k", Body=b"x")
    s3.delete_object(Bucket="source", Key="k")
    cloud.settle()
    assert read(s3, "target", "k") == b"x"
    replicate(s3, "source", newer("target", DeleteMarkerReplication={"Status": "Enabled"}))
    s3.put_object(Bucket="source", Key="k", Body=b"y")
    marker = s3.delete_object(Bucket="source", Key="k")["VersionId"]
    cloud.settle()
    refused("NoSuchKey", s3.get_object, Bucket="target", Key="k")
    assert s3.list_object_versions(Bucket="target")["DeleteMarkers"][0]["VersionId"] == marker


def test_the_older_form_of_rules_carries_markers_too(cloud, s3, pair):
    rule = {"Status": "Enabled", "Prefix": "in/", "Destination": {"Bucket": "arn:aws:s3:::target"}}
    replicate(s3, "source", rule)
    for key in ("in/k", "out/k"):
        s3.put_object(Bucket="source", Key=key, Body=b"x")
    s3.delete_object(Bucket="source", Key="in/k")
    cloud.settle()
    listed = s3.list_object_versions(Bucket="target")
    assert [one["Key"] for one in listed["Versions"]] == ["in/k"]
    assert [one["Key"] for one in listed["DeleteMarkers"]] == ["in/k"]


def test_deletions_of_versions_stay_at_home(cloud, s3, pair):
    replicate(s3, "source", newer("target", DeleteMarkerReplication={"Status": "Enabled"}))
    version = s3.put_object(Bucket="source", Key="k", Body=b"x")["VersionId"]
    cloud.settle()
    s3.delete_object(Bucket="source", Key="k", VersionId=version)
    cloud.settle()
    assert read(s3, "target", "k", VersionId=version) == b"x"


def test_tags_follow_their_version(cloud, s3, pair):
    replicate(s3, "source", newer("target"))
    s3.put_object(Bucket="source", Key="k", Body=b"x", Tagging="a=1")
    cloud.settle()
    s3.put_object_tagging(Bucket="source", Key="k", Tagging={"TagSet": [{"Key": "b", "Value": "2"}]})
    cloud.settle()
    assert s3.get_object_tagging(Bucket="target", Key="k")["TagSet"] == [{"Key": "b", "Value": "2"}]
    s3.delete_object_tagging(Bucket="source", Key="k")
    cloud.settle()
    assert s3.get_object_tagging(Bucket="target", Key="k")["TagSet"] == []
    assert status(s3, "k") == "COMPLETED"


def test_two_buckets_that_replicate_each_other_do_not_go_round(cloud, s3, pair):
    sync = {"SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Enabled"}}}
    replicate(s3, "source", newer("target", **sync))
    replicate(s3, "target", newer("source", **sync))
    s3.put_object(Bucket="source", Key="k", Body=b"x")
    s3.put_object(Bucket="target", Key="other", Body=b"y")
    cloud.settle()
    assert read(s3, "target", "k") == b"x"
    assert read(s3, "source", "other") == b"y"
    for bucket in pair:
        assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 2
    s3.put_object_tagging(Bucket="target", Key="k", Tagging={"TagSet": [{"Key": "from", "Value": "target"}]})
    cloud.settle()
    assert s3.get_object_tagging(Bucket="source", Key="k")["TagSet"] == [{"Key": "from", "Value": "target"}]


def test_changes_of_replicas_stay_unless_asked(cloud, s3, pair):
    replicate(s3, "source", newer("target"))
    replicate(s3, "target", newer("source"))
    s3.put_object(Bucket="source", Key="k", Body=b"x")
    cloud.settle()
    s3.put_object_tagging(Bucket="target", Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    cloud.settle()
    assert s3.get_object_tagging(Bucket="source", Key="k")["TagSet"] == []


def test_what_was_there_before_and_disabled_rules_stay(cloud, s3, pair):
    s3.put_object(Bucket="source", Key="before", Body=b"x")
    replicate(s3, "source", newer("target"))
    s3.put_object_tagging(Bucket="source", Key="before", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    cloud.settle()
    replicate(s3, "source", newer("target", Status="Disabled"))
    s3.put_object(Bucket="source", Key="k", Body=b"x")
    cloud.settle()
    assert "Contents" not in s3.list_objects_v2(Bucket="target")
    assert status(s3, "k") is None


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("s3:GetObjectVersionForReplication", "SrcGetObjNotPermitted"),
        ("s3:ReplicateObject", "DstPutObjNotPermitted"),
        ("s3:ReplicateTags", "DstPutTagsNotPermitted"),
    ],
)
def test_the_role_must_be_allowed_and_its_failures_are_told(cloud, s3, pair, missing, reason):
    sqs = cloud.client("sqs")
    url, arn = queue_for(sqs, "failures", "source")
    tell(s3, "source", {"Id": "n", **notification(arn, "s3:Replication:OperationFailedReplication")})
    replicate(s3, "source", newer("target"))
    allow(cloud.client("iam"), "replicator", [one for one in MAY["source"] + MAY["target"] if one != missing])
    version = s3.put_object(Bucket="source", Key="k", Body=b"x", Tagging="a=b")["VersionId"]
    cloud.settle()
    assert status(s3, "k") == "FAILED"
    refused("404", s3.head_object, Bucket="target", Key="k")
    [record] = told(cloud, sqs, url)
    assert (record["eventVersion"], record["eventName"]) == ("2.2", "Replication:OperationFailedReplication")
    assert record["userIdentity"] == {"principalId": "s3.amazonaws.com"}
    assert record["s3"]["object"]["versionId"] == version
    data = record["replicationEventData"]
    assert data.pop("requestTime").endswith("Z")
    assert data == {
        "replicationRuleId": "r",
        "destinationBucket": "arn:aws:s3:::target",
        "s3Operation": "OBJECT_PUT",
        "failureReason": reason,
    }


def test_a_role_that_does_not_trust_s3_fails(cloud, s3, pair):
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = make_role(cloud, "wrong", trust={"Version": "2012-10-17", "Statement": [statement]})
    replicate(s3, "source", newer("target"), role=role)
    s3.put_object(Bucket="source", Key="k", Body=b"x")
    cloud.settle()
    assert status(s3, "k") == "FAILED"


def test_another_account_s_bucket_must_let_the_role_in(cloud, s3, pair):
    theirs = cloud.client("s3", key=OTHER)
    make_bucket(theirs, "theirs")
    replicate(s3, "source", newer("theirs"))
    s3.put_object(Bucket="source", Key="denied", Body=b"x")
    cloud.settle()
    assert status(s3, "denied") == "FAILED"
    let_role_in(theirs, "theirs")
    s3.put_object(Bucket="source", Key="allowed", Body=b"x")
    cloud.settle()
    assert status(s3, "allowed") == "COMPLETED"
    assert read(theirs, "theirs", "allowed") == b"x"


def let_role_in(theirs, bucket, *more):
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": ROLE},
        "Action": [*MAY["target"], *more],
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    put_policy(theirs, bucket, statement)


def owner(s3, bucket):
    listed = s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"]
    return {one["Key"]: one["Owner"]["ID"] for one in listed}


def test_a_replica_keeps_its_owner_unless_the_rule_gives_it_away(cloud, s3, pair):
    theirs = cloud.client("s3", key=OTHER)
    make_bucket(theirs, "theirs")
    rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    theirs.put_bucket_ownership_controls(Bucket="theirs", OwnershipControls=rules)
    let_role_in(theirs, "theirs")
    mine, other = (client.list_buckets()["Owner"]["ID"] for client in (s3, theirs))
    replicate(s3, "source", newer("theirs"))
    s3.put_object(Bucket="source", Key="kept", Body=b"x")
    cloud.settle()
    rule = newer("theirs")
    rule["Destination"] |= {"Account": OTHER, "AccessControlTranslation": {"Owner": "Destination"}}
    replicate(s3, "source", rule)
    s3.put_object(Bucket="source", Key="denied", Body=b"x")
    cloud.settle()
    assert status(s3, "denied") == "FAILED"
    let_role_in(theirs, "theirs", "s3:ObjectOwnerOverrideToBucketOwner")
    allow(cloud.client("iam"), "replicator", ["s3:*"])
    s3.put_object(Bucket="source", Key="given", Body=b"x")
    cloud.settle()
    assert owner(theirs, "theirs") == {"kept": mine, "given": other}
    assert read(theirs, "theirs", "given") == b"x"


def test_acls_follow_their_version(cloud, s3, pair):
    for name in pair:
        s3.put_bucket_ownership_controls(
            Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        )
        s3.delete_public_access_block(Bucket=name)
    replicate(s3, "source", newer("target"))
    s3.put_object(Bucket="source", Key="k", Body=b"x")
    cloud.settle()
    s3.put_object_acl(Bucket="source", Key="k", ACL="public-read")
    cloud.settle()
    grants = s3.get_object_acl(Bucket="target", Key="k")["Grants"]
    assert grants == s3.get_object_acl(Bucket="source", Key="k")["Grants"]
    assert len(grants) == 2


def test_locks_go_along(cloud, s3):
    make_role(cloud)
    for name in ("source", "target"):
        s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    replicate(s3, "source", newer("target"))
    s3.put_object(Bucket="source", Key="k", Body=b"x")
    cloud.settle()
    s3.put_object_legal_hold(Bucket="source", Key="k", LegalHold={"Status": "ON"})
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    s3.put_object_retention(Bucket="source", Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
    cloud.settle()
    assert s3.get_object_legal_hold(Bucket="target", Key="k")["LegalHold"] == {"Status": "ON"}
    assert s3.get_object_retention(Bucket="target", Key="k")["Retention"]["RetainUntilDate"] == until


def test_whoever_configures_must_be_allowed_to_pass_the_role(cloud, s3, pair):
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    statements = [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]
    policy = {"Version": "2012-10-17", "Statement": statements}
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    configuration = {"Role": ROLE, "Rules": [newer("target")]}
    error = refused("AccessDenied", ann.put_bucket_replication, Bucket="source", ReplicationConfiguration=configuration)
    assert "iam:PassRole" in error["Error"]["Message"]
    passes = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": ROLE}
    passes["Condition"] = {"StringEquals": {"iam:PassedToService": "s3.amazonaws.com"}}
    policy["Statement"] = [*statements, passes]
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(policy))
    ann.put_bucket_replication(Bucket="source", ReplicationConfiguration=configuration)


def test_objects_under_kms_go_only_where_a_rule_names_a_key(cloud, s3, pair):
    kms = cloud.client("kms")
    one, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    replicate(s3, "source", newer("target"))
    s3.put_object(Bucket="source", Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=one)
    cloud.settle()
    assert status(s3, "k") is None
    rule = newer("target", SourceSelectionCriteria={"SseKmsEncryptedObjects": {"Status": "Enabled"}})
    rule["Destination"]["EncryptionConfiguration"] = {"ReplicaKmsKeyID": other}
    replicate(s3, "source", rule)
    s3.put_object(Bucket="source", Key="k", Body=b"secret", ServerSideEncryption="aws:kms", SSEKMSKeyId=one)
    cloud.settle()
    assert status(s3, "k") == "FAILED"
    allow(cloud.client("iam"), "replicator", [*MAY["source"], *MAY["target"], "kms:Decrypt", "kms:GenerateDataKey"])
    s3.put_object(Bucket="source", Key="k", Body=b"secret", ServerSideEncryption="aws:kms", SSEKMSKeyId=one)
    cloud.settle()
    found = s3.get_object(Bucket="target", Key="k")
    assert (found["Body"].read(), found["SSEKMSKeyId"]) == (b"secret", other)


def test_replicas_are_told_where_they_arrive(cloud, s3, pair):
    sqs = cloud.client("sqs")
    url, arn = queue_for(sqs, "arrivals", "target")
    tell(s3, "target", notification(arn, "s3:ObjectCreated:*"))
    replicate(s3, "source", newer("target"))
    version = s3.put_object(Bucket="source", Key="k", Body=b"x")["VersionId"]
    [record] = told(cloud, sqs, url)
    assert record["s3"]["object"]["versionId"] == version


def test_it_goes_on_after_a_restart(cloud, s3, pair):
    replicate(s3, "source", newer("target"))
    cloud.run(_hold(cloud))
    s3.put_object(Bucket="source", Key="k", Body=b"x" * 100_000)
    cloud.run(_go_on(cloud))
    cloud.restart()
    s3 = cloud.client("s3")
    cloud.settle()
    assert read(s3, "target", "k") == b"x" * 100_000
    assert status(s3, "k") == "COMPLETED"


@pytest.mark.parametrize("line", ["_insert", "_settle"])
def test_a_crash_on_the_way_costs_a_second_try_and_nothing_more(cloud, s3, pair, monkeypatch, line):
    replicate(s3, "source", newer("target"))
    whole, crashes = getattr(carrying, line), [RuntimeError("crashed")]

    def crash(*arguments):
        done = whole(*arguments)
        if crashes:
            raise crashes.pop()
        return done

    monkeypatch.setattr(carrying, line, crash)
    version = s3.put_object(Bucket="source", Key="k", Body=b"x" * 50_000)["VersionId"]
    cloud.settle()
    cloud.advance(6)
    assert not crashes
    assert status(s3, "k") == "COMPLETED"
    assert [one["VersionId"] for one in s3.list_object_versions(Bucket="target")["Versions"]] == [version]
    assert read(s3, "target", "k") == b"x" * 50_000
    assert len(list((cloud.settings.data_dir / "blobs").rglob("*/*"))) == 2


def test_a_configuration_is_shown_and_taken_away(s3, pair):
    refused("ReplicationConfigurationNotFoundError", s3.get_bucket_replication, Bucket="source", status=404)
    rule = newer("target")
    replicate(s3, "source", rule)
    shown = s3.get_bucket_replication(Bucket="source")["ReplicationConfiguration"]
    assert shown["Role"] == ROLE
    assert shown["Rules"] == [rule]
    s3.delete_bucket_replication(Bucket="source")
    refused("ReplicationConfigurationNotFoundError", s3.get_bucket_replication, Bucket="source")


def without(rule, name):
    return {key: value for key, value in rule.items() if key != name}


def with_destination(**parts):
    rule = newer("target")
    rule["Destination"] = {**rule["Destination"], **parts}
    return rule


@pytest.mark.parametrize(
    ("rule", "code", "text"),
    [
        (newer("no-such-bucket"), "InvalidRequest", "Destination bucket must exist."),
        (newer("plain"), "InvalidRequest", "Destination bucket must have versioning enabled."),
        (newer("source"), "InvalidRequest", "same as the source"),
        (without(newer("target"), "Priority"), "InvalidRequest", "Priority must be specified"),
        (without(newer("target"), "DeleteMarkerReplication"), "InvalidRequest", "DeleteMarkerReplication must be"),
        ({**without(newer("target"), "Filter"), "Prefix": ""}, "InvalidRequest", "cannot be used for this version"),
        (newer("target", Prefix=""), "MalformedXML", ""),
        (newer("target", Status="Sometimes"), "MalformedXML", ""),
        (
            newer(
                "target",
                Filter={"Tag": {"Key": "a", "Value": "b"}},
                DeleteMarkerReplication={"Status": "Enabled"},
            ),
            "InvalidRequest",
            "not supported if any Tag filter",
        ),
        (newer("target", ExistingObjectReplication={"Status": "Enabled"}), "NotImplemented", "ExistingObject"),
        (with_destination(Metrics={"Status": "Enabled"}), "NotImplemented", "Metrics"),
        (
            with_destination(ReplicationTime={"Status": "Enabled", "Time": {"Minutes": 15}}),
            "NotImplemented",
            "ReplicationTime",
        ),
        (with_destination(Account=OTHER), "InvalidRequest", "owner of the destination"),
        (with_destination(AccessControlTranslation={"Owner": "Destination"}), "InvalidRequest", "Account"),
        (
            newer("target", SourceSelectionCriteria={"SseKmsEncryptedObjects": {"Status": "Enabled"}}),
            "InvalidRequest",
            "ReplicaKmsKeyID must be specified",
        ),
    ],
)
def test_bad_rules_are_refused(s3, pair, rule, code, text):
    s3.create_bucket(Bucket="plain")
    configuration = {"Role": ROLE, "Rules": [rule]}
    error = refused(code, s3.put_bucket_replication, Bucket="source", ReplicationConfiguration=configuration)
    assert text in error["Error"]["Message"]
    refused("ReplicationConfigurationNotFoundError", s3.get_bucket_replication, Bucket="source")


def test_rules_must_be_told_apart(s3, pair):
    for rules in (
        [newer("target", ID="a"), newer("target", ID="b")],
        [newer("target", ID="a"), newer("target", ID="a", Priority=2)],
    ):
        configuration = {"Role": ROLE, "Rules": rules}
        refused("InvalidArgument", s3.put_bucket_replication, Bucket="source", ReplicationConfiguration=configuration)


def test_a_bucket_without_versions_is_refused(s3, pair):
    s3.create_bucket(Bucket="plain")
    error = refused(
        "InvalidRequest",
        s3.put_bucket_replication,
        Bucket="plain",
        ReplicationConfiguration={"Role": ROLE, "Rules": [newer("target")]},
    )
    assert error["Error"]["Message"].startswith("Versioning must be 'Enabled' on the bucket")
