"""The lifecycle at work: what expires, moves and goes, and on which midnight."""

import pytest
from botocore.config import Config

from tests.services.s3.events_asking import queue_for, rule, tell, told
from tests.services.s3.lifecycle_asking import (
    DAY,
    classes,
    give_rules,
    history,
    keys,
    midnight,
    now,
    to_midnight,
    to_noon,
)
from tests.services.s3.s3_asking import read, refused

ANY_SIZE = {"ObjectSizeGreaterThan": 0}


@pytest.fixture
def s3(cloud):
    to_noon(cloud)
    return cloud.client("s3", config=Config(s3={"addressing_style": "path"}))


@pytest.fixture
def plain(s3):
    s3.create_bucket(Bucket="plain")
    return "plain"


@pytest.fixture
def versioned(s3):
    s3.create_bucket(Bucket="versioned")
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    return "versioned"


def put(s3, bucket, key="k", body=b"x", **more):
    return s3.put_object(Bucket=bucket, Key=key, Body=body, **more).get("VersionId")


def test_an_object_expires_at_the_midnight_after_its_days(cloud, s3, plain):
    give_rules(s3, plain, {"Filter": {"Prefix": "old/"}, "Expiration": {"Days": 1}})
    put(s3, plain, "old/a", b"x" * 20_000)
    put(s3, plain, "new")
    to_midnight(cloud)
    assert keys(s3, plain) == ["new", "old/a"]  # half a day old
    to_midnight(cloud)
    assert keys(s3, plain) == ["new"]
    refused("NoSuchKey", s3.get_object, 404, Bucket=plain, Key="old/a")


def test_rules_are_applied_first_at_the_midnight_after_they_were_made(cloud, s3, plain):
    put(s3, plain)
    cloud.advance(10 * DAY)
    give_rules(s3, plain, {"Expiration": {"Days": 1}})
    cloud.settle()
    assert keys(s3, plain) == ["k"]
    to_midnight(cloud)
    assert keys(s3, plain) == []


def test_a_date_ends_what_was_there_before_and_goes_on_doing_so(cloud, s3, plain):
    give_rules(s3, plain, {"Expiration": {"Date": midnight(cloud, 2)}})
    put(s3, plain, "before")
    to_midnight(cloud)
    assert keys(s3, plain) == ["before"]
    to_midnight(cloud)
    assert keys(s3, plain) == []
    put(s3, plain, "after")
    to_midnight(cloud)
    assert keys(s3, plain) == []


@pytest.mark.parametrize(
    ("found", "gone"),
    [
        ({"Tag": {"Key": "a", "Value": "1"}}, {"tagged", "both"}),
        ({"And": {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}}, {"both"}),
        ({"And": {"Prefix": "t", "Tags": [{"Key": "a", "Value": "1"}]}}, {"tagged"}),
        ({"ObjectSizeGreaterThan": 5}, {"large"}),
        ({"ObjectSizeLessThan": 1}, {"empty"}),
        ({"And": {"ObjectSizeGreaterThan": 0, "ObjectSizeLessThan": 6, "Prefix": "b"}}, {"both"}),
    ],
)
def test_filters_choose_by_prefix_tags_and_size(cloud, s3, plain, found, gone):
    put(s3, plain, "tagged", Tagging="a=1&c=3")
    put(s3, plain, "both", Tagging="a=1&b=2")
    put(s3, plain, "large", b"x" * 6)
    put(s3, plain, "empty", b"")
    give_rules(s3, plain, {"Filter": found, "Expiration": {"Days": 1}})
    to_midnight(cloud, 2)
    assert {"tagged", "both", "large", "empty"} - set(keys(s3, plain)) == gone


def test_a_rule_that_is_disabled_or_gone_does_nothing(cloud, s3, plain):
    put(s3, plain)
    give_rules(s3, plain, {"Status": "Disabled", "Expiration": {"Days": 1}})
    to_midnight(cloud, 3)
    give_rules(s3, plain, {"Expiration": {"Days": 1}})
    s3.delete_bucket_lifecycle(Bucket=plain)
    to_midnight(cloud, 3)
    assert keys(s3, plain) == ["k"]


def test_objects_move_down_the_classes_and_stay_readable_until_the_archive(cloud, s3, plain):
    steps = [("STANDARD_IA", 30), ("GLACIER_IR", 60), ("GLACIER", 90), ("DEEP_ARCHIVE", 180)]
    moves = [{"Days": days, "StorageClass": name} for name, days in steps]
    give_rules(s3, plain, {"Filter": ANY_SIZE, "Transitions": moves, "Expiration": {"Days": 365}})
    put(s3, plain)
    before = s3.head_object(Bucket=plain, Key="k")
    assert "StorageClass" not in before
    for name, days in steps:
        to_midnight(cloud, days - (now(cloud) - before["LastModified"].timestamp()) // DAY + 1)
        found = s3.head_object(Bucket=plain, Key="k")
        assert found["StorageClass"] == classes(s3, plain)["k"] == name
        assert (found["LastModified"], found["ETag"]) == (before["LastModified"], before["ETag"])
        if name in ("GLACIER", "DEEP_ARCHIVE"):
            refused("InvalidObjectState", s3.get_object, 403, Bucket=plain, Key="k")
        else:
            assert read(s3, plain, "k") == b"x"
    to_midnight(cloud, 200)
    assert keys(s3, plain) == []


def test_small_objects_do_not_move_unless_a_rule_says_a_size_or_the_bucket_varies(cloud, s3, plain):
    give_rules(s3, plain, {"Transitions": [{"Days": 0, "StorageClass": "GLACIER"}]})
    put(s3, plain, "small")
    put(s3, plain, "large", b"x" * 128 * 1024)
    to_midnight(cloud)
    assert classes(s3, plain) == {"small": "STANDARD", "large": "GLACIER"}
    give_rules(
        s3,
        plain,
        {"Transitions": [{"Days": 0, "StorageClass": "GLACIER"}]},
        TransitionDefaultMinimumObjectSize="varies_by_storage_class",
    )
    to_midnight(cloud)
    assert classes(s3, plain)["small"] == "GLACIER"


def test_of_two_classes_at_once_the_archive_wins_and_deletion_before_both(cloud, s3, plain):
    def moves(name):
        return {"Filter": ANY_SIZE, "Transitions": [{"Days": 30, "StorageClass": name}]}

    give_rules(
        s3,
        plain,
        moves("GLACIER"),
        moves("STANDARD_IA"),
        {"Filter": {"Prefix": "gone"}, "Expiration": {"Days": 30}},
    )
    url, arn = queue_for(cloud.client("sqs"), "q", plain)
    tell(s3, plain, rule(arn, "s3:LifecycleTransition", "s3:LifecycleExpiration:*"))
    put(s3, plain, "gone")
    put(s3, plain, "stays")
    to_midnight(cloud, 31)
    assert classes(s3, plain) == {"stays": "GLACIER"}
    found = [(one["eventName"], one["s3"]["object"]["key"]) for one in told(cloud, cloud.client("sqs"), url)]
    assert found == [("LifecycleExpiration:Delete", "gone"), ("LifecycleTransition", "stays")]


def test_expiry_in_a_bucket_with_versions_puts_a_delete_marker(cloud, s3, versioned):
    give_rules(s3, versioned, {"Expiration": {"Days": 1}})
    first, second = put(s3, versioned), put(s3, versioned)
    to_midnight(cloud, 2)
    refused("NoSuchKey", s3.get_object, 404, Bucket=versioned, Key="k")
    kept, markers = history(s3, versioned)
    assert kept == [("k", second), ("k", first)]
    assert len(markers) == 1
    to_midnight(cloud, 5)
    assert history(s3, versioned) == (kept, markers)  # it puts no second one
    s3.delete_object(Bucket=versioned, Key="k", VersionId=markers[0][1])
    assert read(s3, versioned, "k") == b"x"


def test_a_move_comes_before_a_delete_marker_of_the_same_day(cloud, s3, versioned):
    give_rules(
        s3,
        versioned,
        {"Filter": ANY_SIZE, "Transitions": [{"Days": 5, "StorageClass": "GLACIER"}]},
        {"Expiration": {"Days": 5}},
    )
    version = put(s3, versioned)
    to_midnight(cloud, 6)
    assert classes(s3, versioned) == {"k": "GLACIER"}
    to_midnight(cloud)
    assert classes(s3, versioned) == {}
    assert s3.head_object(Bucket=versioned, Key="k", VersionId=version)["StorageClass"] == "GLACIER"


def test_where_versions_are_suspended_the_null_version_makes_way_for_its_marker(cloud, s3, versioned):
    kept = put(s3, versioned, "other")
    s3.put_bucket_versioning(Bucket=versioned, VersioningConfiguration={"Status": "Suspended"})
    put(s3, versioned, "null")
    give_rules(s3, versioned, {"Expiration": {"Days": 1}})
    to_midnight(cloud, 2)
    assert history(s3, versioned) == ([("other", kept)], [("null", "null"), ("other", "null")])


def test_noncurrent_versions_go_after_their_days_but_for_the_newest(cloud, s3, versioned):
    old = {"NoncurrentDays": 2, "NewerNoncurrentVersions": 2}
    give_rules(s3, versioned, {"NoncurrentVersionExpiration": old})
    made = [put(s3, versioned) for _ in range(5)]
    to_midnight(cloud, 2)
    assert len(history(s3, versioned)[0]) == 5
    to_midnight(cloud)
    assert history(s3, versioned) == ([("k", made[n]) for n in (4, 3, 2)], [])
    give_rules(s3, versioned, {"NoncurrentVersionExpiration": {"NoncurrentDays": 2}})
    to_midnight(cloud)
    assert history(s3, versioned) == ([("k", made[4])], [])


def test_noncurrent_versions_move_too(cloud, s3, versioned):
    moves = [{"NoncurrentDays": 30, "StorageClass": "STANDARD_IA"}, {"NoncurrentDays": 60, "StorageClass": "GLACIER"}]
    give_rules(s3, versioned, {"Filter": ANY_SIZE, "NoncurrentVersionTransitions": moves})
    first, second = put(s3, versioned), put(s3, versioned)
    to_midnight(cloud, 31)
    assert s3.head_object(Bucket=versioned, Key="k", VersionId=first)["StorageClass"] == "STANDARD_IA"
    to_midnight(cloud, 30)
    assert s3.head_object(Bucket=versioned, Key="k", VersionId=first)["StorageClass"] == "GLACIER"
    assert "StorageClass" not in s3.head_object(Bucket=versioned, Key="k", VersionId=second)


def test_a_delete_marker_with_nothing_below_goes(cloud, s3, versioned):
    give_rules(s3, versioned, {"Expiration": {"ExpiredObjectDeleteMarker": True}})
    version = put(s3, versioned)
    s3.delete_object(Bucket=versioned, Key="k")
    s3.delete_object(Bucket=versioned, Key="lonely")
    to_midnight(cloud, 3)
    assert [key for key, _ in history(s3, versioned)[1]] == ["k"]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=version)
    to_midnight(cloud)
    assert history(s3, versioned) == ([], [])


def test_days_of_expiry_count_for_lonely_delete_markers(cloud, s3, versioned):
    give_rules(s3, versioned, {"Expiration": {"Days": 3}})
    s3.delete_object(Bucket=versioned, Key="k")
    to_midnight(cloud, 3)
    assert len(history(s3, versioned)[1]) == 1
    to_midnight(cloud)
    assert history(s3, versioned) == ([], [])


def test_all_that_would_have_happened_has_happened_when_the_clock_leaps(cloud, s3, versioned):
    url, arn = queue_for(cloud.client("sqs"), "q", versioned)
    tell(s3, versioned, rule(arn, "s3:LifecycleExpiration:*", "s3:LifecycleTransition"))
    give_rules(
        s3,
        versioned,
        {
            "Filter": {"Prefix": ""},
            "Expiration": {"Days": 10},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 5},
        },
        {"Filter": ANY_SIZE, "Transitions": [{"Days": 3, "StorageClass": "GLACIER"}]},
    )
    put(s3, versioned)
    start = midnight(cloud, 0)
    cloud.advance(10 * 365 * DAY)
    assert history(s3, versioned) == ([], [])
    records = told(cloud, cloud.client("sqs"), url)
    days = [(one["eventName"].partition("Lifecycle")[2], one["eventTime"][:10]) for one in records]

    def day(number):
        return (start.fromtimestamp(start.timestamp() + number * DAY, start.tzinfo)).strftime("%Y-%m-%d")

    assert days == [
        ("Transition", day(4)),
        ("Expiration:DeleteMarkerCreated", day(11)),
        ("Expiration:Delete", day(16)),
        ("Expiration:Delete", day(21)),
    ]


def test_the_lifecycle_respects_locks(cloud, s3):
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    rules = {"Expiration": {"Days": 1}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}
    give_rules(s3, "locked", rules)
    until = midnight(cloud, 20)
    kept = put(s3, "locked", "kept", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
    held = put(s3, "locked", "held", ObjectLockLegalHoldStatus="ON")
    put(s3, "locked", "free")
    to_midnight(cloud, 6)
    assert keys(s3, "locked") == []  # a delete marker harms nothing
    assert history(s3, "locked")[0] == [("held", held), ("kept", kept)]
    to_midnight(cloud, 15)
    assert history(s3, "locked")[0] == [("held", held)]
    s3.put_object_legal_hold(Bucket="locked", Key="held", VersionId=held, LegalHold={"Status": "OFF"})
    to_midnight(cloud)
    assert history(s3, "locked")[0] == []


def test_uploads_that_nobody_completes_are_given_up(cloud, s3, plain):
    give_rules(s3, plain, {"Filter": {"Prefix": "up/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}})
    begun = s3.create_multipart_upload(Bucket=plain, Key="up/a")
    assert begun["AbortRuleId"] == "rule-0"
    assert begun["AbortDate"] == midnight(cloud, 3)
    other = s3.create_multipart_upload(Bucket=plain, Key="other")
    assert "AbortDate" not in other
    ask = {"Bucket": plain, "Key": "up/a", "UploadId": begun["UploadId"]}
    s3.upload_part(PartNumber=1, Body=b"x" * 20_000, **ask)
    to_midnight(cloud, 2)
    assert s3.list_parts(**ask)["AbortRuleId"] == "rule-0"
    to_midnight(cloud)
    refused("NoSuchUpload", s3.list_parts, 404, **ask)
    assert [one["Key"] for one in s3.list_multipart_uploads(Bucket=plain)["Uploads"]] == ["other"]


def test_headers_tell_when_an_object_expires(cloud, s3, plain):
    give_rules(s3, plain, {"ID": "a rule/ü", "Filter": {"Prefix": "e/"}, "Expiration": {"Days": 3}})
    date = midnight(cloud, 4).strftime("%a, %d %b %Y %H:%M:%S GMT")
    shown = f'expiry-date="{date}", rule-id="a%20rule%2F%C3%BC"'
    assert s3.put_object(Bucket=plain, Key="e/1", Body=b"")["Expiration"] == shown
    assert "Expiration" not in s3.put_object(Bucket=plain, Key="1", Body=b"")
    assert s3.head_object(Bucket=plain, Key="e/1")["Expiration"] == shown
    assert s3.get_object(Bucket=plain, Key="e/1")["Expiration"] == shown
    assert s3.copy_object(Bucket=plain, Key="e/2", CopySource=f"{plain}/1")["Expiration"] == shown
    upload = {"Bucket": plain, "Key": "e/3"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etag = s3.upload_part(PartNumber=1, Body=b"x", **upload)["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    assert s3.complete_multipart_upload(MultipartUpload=parts, **upload)["Expiration"] == shown


def test_a_bucket_of_many_keys_and_a_key_of_many_versions_is_walked_to_its_end(cloud, s3, versioned):
    give_rules(s3, versioned, {"Filter": {"Prefix": "k"}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}})
    many = [put(s3, versioned, "k-many") for _ in range(450)]
    for number in range(230):
        put(s3, versioned, f"k{number:03}")
        s3.delete_object(Bucket=versioned, Key=f"k{number:03}")
    put(s3, versioned, "other")
    to_midnight(cloud, 2)
    kept, markers = history(s3, versioned)
    assert kept == [("k-many", many[-1]), ("other", kept[-1][1])]
    assert len(markers) == 230


def test_what_waits_for_its_replication_is_left_alone(cloud, s3, versioned):
    from msgspec.structs import replace

    from pileus.services.s3.tables import buckets, current

    put(s3, versioned)
    give_rules(s3, versioned, {"Expiration": {"Days": 1}})

    def mark(status):
        def work(tx):
            place = (buckets.get(tx, "aws", versioned).id, "k")
            current.put(tx, *place, record=replace(current.get(tx, *place), replication=status))

        cloud.run(cloud.app.store.transact(work))

    mark("PENDING")
    to_midnight(cloud, 3)
    assert keys(s3, versioned) == ["k"]
    mark("COMPLETED")
    to_midnight(cloud)
    assert keys(s3, versioned) == []
