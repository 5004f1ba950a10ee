"""Versions: kept, listed, brought back, deleted; delete markers and the null version."""

import os

import pytest

from tests.services.s3.s3_asking import read, refused


def suspend(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def story(s3, bucket, **arguments):
    """What ListObjectVersions shows: (key, version id, latest, is it a marker) in its order."""
    raw = s3.list_object_versions(Bucket=bucket, **arguments)
    found = [(e["Key"], e["VersionId"], e["IsLatest"], False) for e in raw.get("Versions", [])]
    found += [(e["Key"], e["VersionId"], e["IsLatest"], True) for e in raw.get("DeleteMarkers", [])]
    return sorted(found, key=lambda entry: entry[0])


def put(s3, bucket, key, body):
    return s3.put_object(Bucket=bucket, Key=key, Body=body).get("VersionId")


def test_every_version_stays_readable(s3, versioned):
    bodies = [b"one", os.urandom(100_000), b"three"]
    ids = [put(s3, versioned, "k", body) for body in bodies]
    assert len(set(ids)) == 3
    assert read(s3, versioned, "k") == b"three"
    assert [read(s3, versioned, "k", VersionId=identity) for identity in ids] == bodies
    assert s3.head_object(Bucket=versioned, Key="k", VersionId=ids[0])["VersionId"] == ids[0]


def test_a_delete_hides_the_object_behind_a_marker(s3, versioned):
    first = put(s3, versioned, "k", b"one")
    gone = s3.delete_object(Bucket=versioned, Key="k")
    assert gone["DeleteMarker"] is True
    error = refused("NoSuchKey", s3.get_object, 404, Bucket=versioned, Key="k")
    assert error["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    refused("MethodNotAllowed", s3.get_object, 405, Bucket=versioned, Key="k", VersionId=gone["VersionId"])
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)
    assert read(s3, versioned, "k", VersionId=first) == b"one"
    assert story(s3, versioned) == [("k", first, False, False), ("k", gone["VersionId"], True, True)]


def test_deleting_the_marker_brings_the_object_back(s3, versioned):
    put(s3, versioned, "k", b"one")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    back = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker)
    assert (back["DeleteMarker"], back["VersionId"]) == (True, marker)
    assert read(s3, versioned, "k") == b"one"


def test_deleting_the_current_version_uncovers_the_one_before(s3, versioned):
    first, second = put(s3, versioned, "k", b"one"), put(s3, versioned, "k", b"two")
    s3.delete_object(Bucket=versioned, Key="k", VersionId=second)
    assert read(s3, versioned, "k") == b"one"
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == first
    assert story(s3, versioned) == [("k", first, True, False)]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=first)
    refused("NoSuchKey", s3.get_object, 404, Bucket=versioned, Key="k")


def test_what_was_there_before_versioning_is_the_null_version(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    after = put(s3, bucket, "k", b"after")
    assert read(s3, bucket, "k", VersionId="null") == b"before"
    assert story(s3, bucket) == [("k", after, True, False), ("k", "null", False, False)]
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    refused("NoSuchVersion", s3.get_object, 404, Bucket=bucket, Key="k", VersionId="null")


def test_a_suspended_bucket_writes_the_null_version_only(s3, versioned):
    first = put(s3, versioned, "k", b"one")
    suspend(s3, versioned)
    assert put(s3, versioned, "k", b"two") == "null"
    assert put(s3, versioned, "k", b"three") == "null"
    assert story(s3, versioned) == [("k", "null", True, False), ("k", first, False, False)]
    gone = s3.delete_object(Bucket=versioned, Key="k")
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, "null")
    assert story(s3, versioned) == [("k", first, False, False), ("k", "null", True, True)]
    s3.delete_object(Bucket=versioned, Key="k", VersionId="null")
    assert read(s3, versioned, "k") == b"one"


def test_many_deletes_tell_of_their_markers(s3, versioned):
    identity = put(s3, versioned, "k", b"one")
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "k"}]})["Deleted"][0]
    assert answer["DeleteMarker"] is True
    both = [{"Key": "k", "VersionId": identity}, {"Key": "k", "VersionId": answer["DeleteMarkerVersionId"]}]
    told = s3.delete_objects(Bucket=versioned, Delete={"Objects": both})["Deleted"]
    assert [entry.get("DeleteMarker", False) for entry in told] == [False, True]
    assert story(s3, versioned) == []
    s3.delete_bucket(Bucket=versioned)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_of_versions_neither_repeat_nor_skip(s3, versioned, size):
    for key in ("a", "b/1", "b/2", "c"):
        put(s3, versioned, key, b"one")
        put(s3, versioned, key, b"two")
    s3.delete_object(Bucket=versioned, Key="c")
    whole = story(s3, versioned)
    assert len(whole) == 9
    found, markers = [], {}
    while True:
        answer = s3.list_object_versions(Bucket=versioned, MaxKeys=size, **markers)
        page = [(e["Key"], e["VersionId"], e["IsLatest"], False) for e in answer.get("Versions", [])]
        page += [(e["Key"], e["VersionId"], e["IsLatest"], True) for e in answer.get("DeleteMarkers", [])]
        assert len(page) <= size
        found += page
        if not answer["IsTruncated"]:
            break
        markers = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}
    assert sorted(found) == sorted(whole)


def test_versions_are_rolled_up_too(s3, versioned):
    for key in ("a", "b/1", "b/2", "c/1"):
        put(s3, versioned, key, b"one")
        put(s3, versioned, key, b"two")
    names, markers = [], {}
    while True:
        answer = s3.list_object_versions(Bucket=versioned, Delimiter="/", MaxKeys=1, **markers)
        names += [e["Key"] for e in answer.get("Versions", [])] + [
            e["Prefix"] for e in answer.get("CommonPrefixes", [])
        ]
        if not answer["IsTruncated"]:
            break
        markers = {"KeyMarker": answer["NextKeyMarker"]}
        if "NextVersionIdMarker" in answer:
            markers["VersionIdMarker"] = answer["NextVersionIdMarker"]
    assert names == ["a", "a", "b/", "c/"]


def test_a_version_id_that_is_none_is_refused(s3, versioned):
    put(s3, versioned, "k", b"one")
    refused("InvalidArgument", s3.get_object, 400, Bucket=versioned, Key="k", VersionId="nonsense")
    refused("NoSuchVersion", s3.get_object, 404, Bucket=versioned, Key="k", VersionId="A" * 32)
    refused("InvalidArgument", s3.list_object_versions, 400, Bucket=versioned, VersionIdMarker="A" * 32)


def test_versions_have_tags_of_their_own(s3, versioned):
    first = put(s3, versioned, "k", b"one")
    put(s3, versioned, "k", b"two")
    tags = {"TagSet": [{"Key": "n", "Value": "1"}]}
    s3.put_object_tagging(Bucket=versioned, Key="k", VersionId=first, Tagging=tags)
    assert s3.get_object_tagging(Bucket=versioned, Key="k")["TagSet"] == []
    assert s3.get_object_tagging(Bucket=versioned, Key="k", VersionId=first)["TagSet"] == tags["TagSet"]


def test_the_newest_stays_on_top_whatever_the_clock_does(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="clock")
    s3.put_bucket_versioning(Bucket="clock", VersioningConfiguration={"Status": "Enabled"})
    cloud.advance(3600)
    put(s3, "clock", "k", b"one")
    cloud.app.clock.offset -= 7200
    put(s3, "clock", "k", b"two")
    assert read(s3, "clock", "k") == b"two"
    latest = [entry for entry in s3.list_object_versions(Bucket="clock")["Versions"] if entry["IsLatest"]]
    assert len(latest) == 1
    assert latest[0]["VersionId"] == s3.head_object(Bucket="clock", Key="k")["VersionId"]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_bucket_is_emptied_page_by_page(s3, versioned, size):
    """As every tool does: each page is deleted before the next is asked for, so what a page ended with is gone."""
    s3.put_bucket_versioning(Bucket=versioned, VersioningConfiguration={"Status": "Suspended"})
    for status in ("Suspended", "Enabled", "Suspended", "Enabled"):
        s3.put_bucket_versioning(Bucket=versioned, VersioningConfiguration={"Status": status})
        for number in range(3):
            s3.put_object(Bucket=versioned, Key="k", Body=bytes([number]))
            s3.put_object(Bucket=versioned, Key="other", Body=b"x")
        s3.delete_object(Bucket=versioned, Key="k")
    marker = {}
    while True:
        page = s3.list_object_versions(Bucket=versioned, MaxKeys=size, **marker)
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if found:
            objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
            assert "Errors" not in s3.delete_objects(Bucket=versioned, Delete={"Objects": objects})
        if not page["IsTruncated"]:
            break
        marker = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    s3.delete_bucket(Bucket=versioned)


def test_a_list_goes_on_behind_a_version_that_is_gone(s3, versioned):
    ids = [s3.put_object(Bucket=versioned, Key="k", Body=b"x")["VersionId"] for _ in range(5)][::-1]

    def behind(marker):
        page = s3.list_object_versions(Bucket=versioned, KeyMarker="k", VersionIdMarker=marker)
        return [(ids.index(one["VersionId"]), one["IsLatest"]) for one in page.get("Versions", ())]

    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[2])
    assert behind(ids[2]) == [(3, False), (4, False)]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[0])
    assert behind(ids[0]) == [(1, True), (3, False), (4, False)]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[1])
    assert behind(ids[0]) == behind(ids[1]) == behind(ids[2]) == [(3, True), (4, False)]
    assert behind(ids[3]) == [(4, False)]
    refused("InvalidArgument", s3.list_object_versions, 400, Bucket=versioned, KeyMarker="k", VersionIdMarker="x" * 31)
