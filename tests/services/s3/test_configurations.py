"""Configurations of buckets: put, shown, deleted, and refused when they break a rule."""

import hashlib
import uuid
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import TestCloud


@pytest.fixture(scope="module")
def s3(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("s3", config=Config(parameter_validation=False))


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"b-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    return name


def refused(call: Any, **request: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


def test_a_bucket_s_versions_are_enabled_and_suspended_but_never_off_again(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"null")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["VersionId"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"two")["VersionId"] == "null"
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"one"
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"two"
    code = refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Off"})
    assert code[0] == "MalformedXML"
    code = refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={})
    assert code[0] == "IllegalVersioningConfigurationException"
    wanted = {"Status": "Enabled", "MFADelete": "Enabled"}
    code = refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=wanted, MFA="x 1")
    assert code[0] == "NotImplemented"


def test_a_bucket_with_object_lock_keeps_its_versions(s3: Any) -> None:
    name = f"b-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    code = refused(s3.put_bucket_versioning, Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    assert (code[0], code[2]) == ("InvalidBucketState", 409)


def test_every_bucket_encrypts_and_says_how(s3: Any, bucket: str) -> None:
    def rules() -> Any:
        return s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]

    default = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
    assert rules() == default
    kms = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/mine"}
    wanted = [{"ApplyServerSideEncryptionByDefault": kms, "BucketKeyEnabled": True}]
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": wanted})
    assert rules() == wanted
    s3.delete_bucket_encryption(Bucket=bucket)
    assert rules() == default
    bad = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "k"}}]}
    assert refused(s3.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration=bad)[0] == (
        "InvalidArgument"
    )
    bad = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "rot13"}}]}
    assert refused(s3.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration=bad)[0] == "MalformedXML"


def test_a_bucket_may_block_keys_that_customers_bring(s3: Any, bucket: str) -> None:
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
    }
    customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", **customer)
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", **customer)[0] == "AccessDenied"


def test_tags_of_a_bucket(s3: Any, bucket: str) -> None:
    assert refused(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", "The TagSet does not exist", 404)
    tags = [{"Key": "team", "Value": "ünïcode"}, {"Key": "cost:center", "Value": ""}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    twice = {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}
    assert refused(s3.put_bucket_tagging, Bucket=bucket, Tagging=twice)[:2] == (
        "InvalidTag",
        "Cannot provide multiple Tags with the same key",
    )
    many = {"TagSet": [{"Key": f"k{n}", "Value": ""} for n in range(51)]}
    assert refused(s3.put_bucket_tagging, Bucket=bucket, Tagging=many)[0] == "BadRequest"
    system = {"TagSet": [{"Key": "aws:x", "Value": ""}]}
    assert refused(s3.put_bucket_tagging, Bucket=bucket, Tagging=system)[0] == "InvalidTag"
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=bucket)
    assert refused(s3.get_bucket_tagging, Bucket=bucket)[0] == "NoSuchTagSet"


def test_a_bucket_is_made_with_tags(s3: Any) -> None:
    name = f"b-{uuid.uuid4().hex[:20]}"
    tags = [{"Key": "a", "Value": "b"}]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": tags})
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == tags


def test_cors_rules_are_kept_as_they_are_put(s3: Any, bucket: str) -> None:
    code, message, status = refused(s3.get_bucket_cors, Bucket=bucket)
    assert (code, message, status) == ("NoSuchCORSConfiguration", "The CORS configuration does not exist", 404)
    rule = {
        "ID": "r", "AllowedHeaders": ["x-*"], "AllowedMethods": ["PUT", "GET"],
        "AllowedOrigins": ["https://*.example.com"],
        "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 3000,
    }  # fmt: skip
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [rule]
    for wrong, code, text in (
        ({"AllowedMethods": ["PATCH"]}, "InvalidRequest", "Unsupported method is PATCH"),
        ({"AllowedOrigins": ["*x*"]}, "InvalidRequest", 'AllowedOrigin "*x*" can not have more than one wildcard.'),
        ({"AllowedHeaders": ["**"]}, "InvalidRequest", 'AllowedHeader "**" can not have more than one wildcard.'),
        ({"ExposeHeaders": ["x-*"]}, "InvalidRequest", "do not support wildcard for ExposeHeader"),
    ):
        found = refused(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration={"CORSRules": [{**rule, **wrong}]})
        assert (found[0], text in found[1]) == (code, True), found
    many = {"CORSRules": [rule] * 101}
    assert "limit of 100 rules" in refused(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration=many)[1]
    s3.delete_bucket_cors(Bucket=bucket)
    s3.delete_bucket_cors(Bucket=bucket)
    assert refused(s3.get_bucket_cors, Bucket=bucket)[0] == "NoSuchCORSConfiguration"


def test_a_website_is_configured_and_a_wrong_one_refused(s3: Any, bucket: str) -> None:
    assert refused(s3.get_bucket_website, Bucket=bucket)[0] == "NoSuchWebsiteConfiguration"
    site = {
        "IndexDocument": {"Suffix": "index.html"},
        "ErrorDocument": {"Key": "error.html"},
        "RoutingRules": [
            {"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "documents/"}},
            {"Condition": {"HttpErrorCodeReturnedEquals": "404"}, "Redirect": {"HostName": "x.y", "Protocol": "https"}},
        ],
    }  # fmt: skip
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=site)
    found = s3.get_bucket_website(Bucket=bucket)
    assert {name: found[name] for name in site} == site
    for wrong, code in (
        ({}, "InvalidArgument"),
        ({"IndexDocument": {"Suffix": "a/b"}}, "InvalidArgument"),
        ({"IndexDocument": {"Suffix": ""}}, "InvalidArgument"),
        ({**site, "ErrorDocument": {"Key": ""}}, "InvalidArgument"),
        ({**site, "RedirectAllRequestsTo": {"HostName": "x"}}, "InvalidArgument"),
        ({"RedirectAllRequestsTo": {"HostName": "x", "Protocol": "gopher"}}, "InvalidRequest"),
        (
            {**site, "RoutingRules": [{"Redirect": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}}]},
            "InvalidRequest",
        ),
        ({**site, "RoutingRules": [{"Redirect": {"HttpRedirectCode": "200"}}]}, "InvalidRequest"),
        ({**site, "RoutingRules": [{"Condition": {}, "Redirect": {"HostName": "x"}}]}, "InvalidRequest"),
        ({**site, "RoutingRules": [{"Redirect": {"HostName": "x"}}] * 51}, "InvalidRequest"),
    ):
        assert refused(s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration=wrong)[0] == code, wrong
    s3.delete_bucket_website(Bucket=bucket)
    assert refused(s3.get_bucket_website, Bucket=bucket)[:2] == (
        "NoSuchWebsiteConfiguration",
        "The specified bucket does not have a website configuration",
    )


def test_logs_go_to_a_bucket_of_the_same_owner_and_region(shared_cloud: TestCloud, s3: Any, bucket: str) -> None:
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    wanted = {"TargetBucket": bucket, "TargetPrefix": "logs/"}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": wanted})
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == wanted
    away, foreign = f"b-{uuid.uuid4().hex[:20]}", f"b-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=away, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    shared_cloud.client("s3", key="111111111111").create_bucket(Bucket=foreign)
    for target, code in (
        ("not-there-" + away, "InvalidTargetBucketForLogging"),
        (foreign, "InvalidTargetBucketForLogging"),
        (away, "CrossLocationLoggingProhibitted"),
    ):
        status = {"LoggingEnabled": {**wanted, "TargetBucket": target}}
        assert refused(s3.put_bucket_logging, Bucket=bucket, BucketLoggingStatus=status)[0] == code
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)


def test_no_bucket_is_accelerated(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    call = s3.put_bucket_accelerate_configuration
    assert refused(call, Bucket=bucket, AccelerateConfiguration={"Status": "Enabled"})[0] == "NotImplemented"


NAMED = {
    "inventory": lambda bucket, id: {
        "Id": id, "IsEnabled": True, "IncludedObjectVersions": "All", "Schedule": {"Frequency": "Daily"},
        "OptionalFields": ["Size", "ETag"],
        "Destination": {"S3BucketDestination": {"Bucket": f"arn:aws:s3:::{bucket}", "Format": "CSV", "Prefix": "inv"}},
    },
    "analytics": lambda bucket, id: {"Id": id, "Filter": {"Prefix": "a/"}, "StorageClassAnalysis": {}},
    "metrics": lambda bucket, id: {"Id": id, "Filter": {"And": {"Prefix": "a", "Tags": [{"Key": "k", "Value": "v"}]}}},
    "intelligent_tiering": lambda bucket, id: {
        "Id": id, "Status": "Disabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}],
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMED)
def test_configurations_by_name_are_put_listed_in_pages_and_deleted(s3: Any, bucket: str, kind: str) -> None:
    member = "".join(word.capitalize() for word in kind.split("_")) + "Configuration"

    def put(id: str, **more: Any) -> None:
        document = {**NAMED[kind](bucket, id), **more.pop("document", {})}
        getattr(s3, f"put_bucket_{kind}_configuration")(**{"Bucket": bucket, "Id": id, member: document, **more})

    get, delete = (getattr(s3, f"{verb}_bucket_{kind}_configuration") for verb in ("get", "delete"))
    listing = getattr(s3, f"list_bucket_{kind}_configurations")
    assert refused(get, Bucket=bucket, Id="x")[:2] == (
        "NoSuchConfiguration",
        "The specified configuration does not exist.",
    )
    for number in range(101):
        put(f"c-{number:03}")
    assert get(Bucket=bucket, Id="c-007")[member] == NAMED[kind](bucket, "c-007")
    page = listing(Bucket=bucket)
    assert (len(page[f"{member}List"]), page["IsTruncated"]) == (100, True)
    rest = listing(Bucket=bucket, ContinuationToken=page["NextContinuationToken"])
    assert [one["Id"] for one in rest[f"{member}List"]] == ["c-100"]
    assert not rest["IsTruncated"]
    assert refused(listing, Bucket=bucket, ContinuationToken="nonsense")[0] == "InvalidArgument"
    delete(Bucket=bucket, Id="c-100")
    assert refused(delete, Bucket=bucket, Id="c-100")[0] == "NoSuchConfiguration"
    assert refused(put, id="bad id")[0] == "InvalidConfigurationId"
    assert refused(put, id="other", document={"Id": "differs"})[0] == "InvalidArgument"


def test_named_configurations_that_break_a_rule_are_refused(s3: Any, bucket: str) -> None:
    def metrics(found: dict[str, Any]) -> str:
        request = {"Bucket": bucket, "Id": "m", "MetricsConfiguration": {"Id": "m", "Filter": found}}
        return refused(s3.put_bucket_metrics_configuration, **request)[0]

    assert metrics({"And": {"Prefix": "only"}}) == "MalformedXML"
    assert metrics({"AccessPointArn": "arn:aws:s3:us-east-1:000000000000:accesspoint/x"}) == "NotImplemented"
    tiering = {"Id": "t", "Status": "Enabled", "Tierings": [{"Days": 30, "AccessTier": "ARCHIVE_ACCESS"}]}
    call = s3.put_bucket_intelligent_tiering_configuration
    assert refused(call, Bucket=bucket, Id="t", IntelligentTieringConfiguration=tiering)[0] == "InvalidArgument"
    inventory = NAMED["inventory"]("no-such-bucket-anywhere", "i")
    call = s3.put_bucket_inventory_configuration
    assert refused(call, Bucket=bucket, Id="i", InventoryConfiguration=inventory)[0] == "InvalidS3DestinationBucket"


MIDNIGHT = datetime(2030, 1, 1, tzinfo=UTC)
WHOLE = {"Status": "Enabled", "Filter": {}}


def test_a_lifecycle_is_kept_with_names_for_rules_that_have_none(s3: Any, bucket: str) -> None:
    call = s3.get_bucket_lifecycle_configuration
    assert refused(call, Bucket=bucket)[:2] == (
        "NoSuchLifecycleConfiguration",
        "The lifecycle configuration does not exist",
    )
    rules = [
        {
            "ID": "all", "Status": "Enabled",
            "Filter": {"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeGreaterThan": 5}},
            "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 60, "StorageClass": "GLACIER"}],
            "Expiration": {"Days": 90},
            "NoncurrentVersionTransitions": [
                {"NoncurrentDays": 1, "StorageClass": "GLACIER", "NewerNoncurrentVersions": 3}
            ],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 10, "NewerNoncurrentVersions": 2},
        },
        {"Status": "Disabled", "Filter": {"Prefix": ""}, "Expiration": {"Date": MIDNIGHT}},
        {**WHOLE, "ID": "c", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
    ]  # fmt: skip
    answer = s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    assert answer["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    found = call(Bucket=bucket)["Rules"]
    assert found[0] == rules[0]
    assert found[1].pop("ID")
    assert found[1:] == rules[1:]
    s3.delete_bucket_lifecycle(Bucket=bucket)
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert refused(call, Bucket=bucket)[0] == "NoSuchLifecycleConfiguration"


def test_the_old_form_of_a_lifecycle_rule_is_taken_at_the_same_address(s3: Any, bucket: str) -> None:
    rule = {"ID": "o", "Prefix": "logs/", "Status": "Enabled", "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle(Bucket=bucket)["Rules"] == [rule]


@pytest.mark.parametrize(
    ("rule", "code", "text"),
    [
        ({}, "InvalidRequest", "At least one action needs to be specified in a rule"),
        ({"Expiration": {"Days": 0}}, "InvalidArgument", "'Days' for Expiration action must be a positive integer"),
        ({"Expiration": {"Date": datetime(2030, 1, 1, 5, tzinfo=UTC)}}, "InvalidArgument",
         "'Date' must be at midnight GMT"),
        ({"Expiration": {"Days": 1, "Date": MIDNIGHT}}, "MalformedXML", ""),
        ({"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}, "MalformedXML", ""),
        ({"Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}]}, "InvalidArgument",
         "greater than or equal to 30"),
        ({"Transitions": [{"Days": 1, "StorageClass": "STANDARD"}]}, "MalformedXML", ""),
        ({"Transitions": [{"StorageClass": "GLACIER"}]}, "MalformedXML", ""),
        ({"Transitions": [{"Days": 9, "StorageClass": "GLACIER"}], "Expiration": {"Days": 9}}, "InvalidArgument",
         "must be greater than 'Days' in the Transition action"),
        ({"Transitions": [{"Days": 9, "StorageClass": "GLACIER"}], "Expiration": {"Date": MIDNIGHT}}, "InvalidRequest",
         "Found mixed 'Date' and 'Days'"),
        ({"Transitions": [{"Days": 9, "StorageClass": "GLACIER"}] * 2}, "InvalidRequest", "must be different"),
        ({"Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 40, "StorageClass": "GLACIER"}]},
         "InvalidArgument", "30 days more than"),
        ({"NoncurrentVersionExpiration": {"NoncurrentDays": 0}}, "InvalidArgument", "must be a positive integer"),
        ({"NoncurrentVersionExpiration": {"NewerNoncurrentVersions": 1}}, "MalformedXML", ""),
        ({"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 101}}, "InvalidArgument", ""),
        ({"Filter": {"Tag": {"Key": "k", "Value": "v"}}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
         "InvalidRequest", "cannot be specified with Tags"),
        ({"Filter": {"Tag": {"Key": "k", "Value": "v"}}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
         "InvalidRequest", "cannot be specified with Tags"),
        ({"Filter": {"And": {"Prefix": "a"}}, "Expiration": {"Days": 1}}, "MalformedXML", ""),
        ({"Filter": {"Prefix": "a", "ObjectSizeLessThan": 9}, "Expiration": {"Days": 1}}, "MalformedXML", ""),
        ({"Prefix": "a", "Expiration": {"Days": 1}}, "MalformedXML", ""),
        ({"ID": "x" * 256, "Expiration": {"Days": 1}}, "InvalidArgument", "ID length"),
        ({"Status": "On", "Expiration": {"Days": 1}}, "MalformedXML", ""),
    ],
)  # fmt: skip
def test_a_lifecycle_rule_that_breaks_a_rule_is_refused(
    s3: Any, bucket: str, rule: dict[str, Any], code: str, text: str
) -> None:
    call = s3.put_bucket_lifecycle_configuration
    found = refused(call, Bucket=bucket, LifecycleConfiguration={"Rules": [{**WHOLE, **rule}]})
    assert found[0] == code, found
    assert text in found[1]


def test_two_rules_of_one_name_are_refused(s3: Any, bucket: str) -> None:
    rules = [{**WHOLE, "ID": "x", "Expiration": {"Days": 1}}] * 2
    found = refused(s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    assert found[:2] == ("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule")


def test_a_document_that_is_not_the_one_its_checksum_tells_of_is_refused(s3: Any, bucket: str) -> None:
    wrong = b64encode(hashlib.md5(b"another").digest()).decode()
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    found = refused(s3.put_bucket_tagging, Bucket=bucket, Tagging=tags, ContentMD5=wrong)
    assert found[0] == "BadDigest"
    assert refused(s3.get_bucket_tagging, Bucket=bucket)[0] == "NoSuchTagSet"


def test_configurations_go_with_their_bucket(s3: Any, bucket: str) -> None:
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    assert refused(s3.get_bucket_tagging, Bucket=bucket)[0] == "NoSuchTagSet"
