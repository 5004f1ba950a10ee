"""Storage classes: what each answers, and which are refused."""

import pytest

from tests.services.s3.s3_asking import read, refused

AT_ONCE = ["STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"]
ARCHIVES = ["GLACIER", "DEEP_ARCHIVE"]


@pytest.mark.parametrize("storage", AT_ONCE + ARCHIVES)
def test_a_class_is_told_by_headers_and_lists(s3, bucket, storage):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass=storage)
    found = s3.head_object(Bucket=bucket, Key="k")
    assert found.get("StorageClass") == (storage if storage != "STANDARD" else None)
    assert [one["StorageClass"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [storage]
    assert s3.list_object_versions(Bucket=bucket)["Versions"][0]["StorageClass"] == storage
    asked = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["StorageClass", "ObjectSize"])
    assert (asked["StorageClass"], asked["ObjectSize"]) == (storage, 1)


@pytest.mark.parametrize("storage", AT_ONCE)
def test_all_but_the_archives_are_readable_at_once(s3, bucket, storage):
    s3.put_object(Bucket=bucket, Key="k", Body=b"warm", StorageClass=storage)
    assert read(s3, bucket, "k") == b"warm"
    assert read(s3, bucket, "k", Range="bytes=1-2") == b"ar"


@pytest.mark.parametrize("storage", ARCHIVES)
def test_an_archived_object_is_known_but_not_read(s3, bucket, storage):
    s3.put_object(Bucket=bucket, Key="k", Body=b"cold", StorageClass=storage, Tagging="a=b", Metadata={"m": "n"})
    error = refused("InvalidObjectState", s3.get_object, 403, Bucket=bucket, Key="k")["Error"]
    assert error["Message"] == "The operation is not valid for the object's storage class"
    assert error["StorageClass"] == storage
    refused("InvalidObjectState", s3.get_object, 403, Bucket=bucket, Key="k", Range="bytes=0-0")
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"m": "n"}
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": []})
    s3.delete_object(Bucket=bucket, Key="k")
    refused("NoSuchKey", s3.get_object, 404, Bucket=bucket, Key="k")


@pytest.mark.parametrize("storage", ["OUTPOSTS", "SNOW", "EXPRESS_ONEZONE", "COLD"])
def test_other_classes_are_refused(s3, bucket, storage):
    refused("InvalidStorageClass", s3.put_object, 400, Bucket=bucket, Key="k", Body=b"", StorageClass=storage)
    refused("InvalidStorageClass", s3.create_multipart_upload, 400, Bucket=bucket, Key="k", StorageClass=storage)


def test_a_copy_goes_to_another_class(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="STANDARD_IA")
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", StorageClass="GLACIER_IR")
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == "GLACIER_IR"
    s3.copy_object(Bucket=bucket, Key="plain", CopySource=f"{bucket}/k")
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="plain")


def test_tiers_that_objects_do_not_move_to_are_refused(s3, bucket):
    tiering = {"Id": "t", "Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]}
    ask = {"Bucket": bucket, "Id": "t", "IntelligentTieringConfiguration": tiering}
    error = refused("NotImplemented", s3.put_bucket_intelligent_tiering_configuration, 501, **ask)["Error"]
    assert "ARCHIVE_ACCESS" in error["Message"]
    tiering["Status"] = "Disabled"
    s3.put_bucket_intelligent_tiering_configuration(**ask)
