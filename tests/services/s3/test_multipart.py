"""Multipart uploads: parts in any order, rules of size, completion, abortion, lists."""

import hashlib
import os
from base64 import b64encode

import pytest

from pileus.base.checksums import base64_of
from tests.services.s3.s3_asking import read, refused

MIB = 1024 * 1024
FIVE = 5 * MIB


def begin(s3, bucket, key="k", **arguments):
    return s3.create_multipart_upload(Bucket=bucket, Key=key, **arguments)["UploadId"]


def part(s3, bucket, upload, number, body, key="k", **arguments):
    return s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=body, **arguments)["ETag"]


def complete(s3, bucket, upload, parts, key="k", **arguments):
    listed = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
    return s3.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": listed}, **arguments
    )


@pytest.fixture(scope="module")
def big():
    return os.urandom(FIVE)


def test_parts_come_in_any_order_and_may_be_replaced(s3, bucket, big):
    upload = begin(s3, bucket, Metadata={"m": "1"}, ContentType="text/plain")
    third = part(s3, bucket, upload, 7, b"the end")
    part(s3, bucket, upload, 1, b"wrong")
    first = part(s3, bucket, upload, 1, big)
    second = part(s3, bucket, upload, 2, big[::-1])
    done = complete(s3, bucket, upload, [(1, first), (2, second), (7, third)])
    whole = big + big[::-1] + b"the end"
    digests = b"".join(hashlib.md5(p).digest() for p in (big, big[::-1], b"the end"))
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    found = s3.get_object(Bucket=bucket, Key="k")
    assert found["Body"].read() == whole
    assert (found["Metadata"], found["ContentType"], found["ETag"]) == ({"m": "1"}, "text/plain", done["ETag"])
    assert read(s3, bucket, "k", Range=f"bytes={FIVE - 3}-{FIVE + 2}") == whole[FIVE - 3 : FIVE + 3]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_a_part_of_an_object_is_read_by_its_number(s3, bucket, big):
    upload = begin(s3, bucket)
    parts = [(1, part(s3, bucket, upload, 1, big)), (5, part(s3, bucket, upload, 5, b"last"))]
    complete(s3, bucket, upload, parts)
    found = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert (found["Body"].read(), found["PartsCount"]) == (b"last", 2)
    assert found["ContentRange"] == f"bytes {FIVE}-{FIVE + 3}/{FIVE + 4}"
    assert s3.head_object(Bucket=bucket, Key="k", PartNumber=1)["ContentLength"] == FIVE
    refused("InvalidPartNumber", s3.get_object, 416, Bucket=bucket, Key="k", PartNumber=3)


def test_all_but_the_last_part_have_five_mebibytes(s3, bucket, big):
    upload = begin(s3, bucket)
    parts = [(1, part(s3, bucket, upload, 1, big[:-1])), (2, part(s3, bucket, upload, 2, b"x"))]
    with pytest.raises(s3.exceptions.ClientError, match="EntityTooSmall"):
        complete(s3, bucket, upload, parts)
    refused("NoSuchKey", s3.get_object, 404, Bucket=bucket, Key="k")
    assert len(s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"]) == 2


def test_what_is_completed_must_be_there_and_in_order(s3, bucket, big):
    upload = begin(s3, bucket)
    one, two = part(s3, bucket, upload, 1, big), part(s3, bucket, upload, 2, b"x")
    for wrong, code in [
        ([(2, two), (1, one)], "InvalidPartOrder"),
        ([(1, one), (1, one)], "InvalidPartOrder"),
        ([(1, two)], "InvalidPart"),
        ([(3, one)], "InvalidPart"),
        ([], "MalformedXML"),
    ]:
        with pytest.raises(s3.exceptions.ClientError, match=code):
            complete(s3, bucket, upload, wrong)
    complete(s3, bucket, upload, [(1, one)])
    assert read(s3, bucket, "k") == big


def test_completing_again_gives_the_same_answer(s3, bucket):
    upload = begin(s3, bucket)
    parts = [(1, part(s3, bucket, upload, 1, b"x"))]
    first, again = complete(s3, bucket, upload, parts), complete(s3, bucket, upload, parts)
    assert first["ETag"] == again["ETag"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"newer")
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchUpload"):
        complete(s3, bucket, upload, parts)
    assert read(s3, bucket, "k") == b"newer"


def test_an_aborted_upload_is_gone(s3, bucket):
    upload = begin(s3, bucket)
    etag = part(s3, bucket, upload, 1, b"x")
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    ask = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    refused("NoSuchUpload", s3.upload_part, 404, PartNumber=2, Body=b"y", **ask)
    refused("NoSuchUpload", s3.list_parts, 404, **ask)
    refused("NoSuchUpload", s3.abort_multipart_upload, 404, **ask)
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchUpload"):
        complete(s3, bucket, upload, [(1, etag)])


def test_bytes_of_aborted_and_replaced_parts_are_reaped(cloud, big):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="parts")

    def blobs():
        cloud.settle()
        return sum(path.is_file() for path in (cloud.settings.data_dir / "blobs").rglob("*"))

    upload = begin(s3, "parts")
    for _ in range(2):
        part(s3, "parts", upload, 1, big)
    part(s3, "parts", upload, 2, big)
    assert blobs() == 2
    s3.abort_multipart_upload(Bucket="parts", Key="k", UploadId=upload)
    assert blobs() == 0
    upload = begin(s3, "parts")
    keep = part(s3, "parts", upload, 1, big)
    part(s3, "parts", upload, 2, big)
    complete(s3, "parts", upload, [(1, keep)])
    assert blobs() == 1
    begin(s3, "parts", key="forgotten")
    s3.delete_object(Bucket="parts", Key="k")
    s3.delete_bucket(Bucket="parts")
    assert blobs() == 0


def test_an_object_of_many_parts_is_whole_and_goes_whole(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="many")
    bodies = [os.urandom(FIVE) for _ in range(2)] * 6 + [b"end"]
    upload = begin(s3, "many")
    parts = [(n, part(s3, "many", upload, n, body)) for n, body in enumerate(bodies, 1)]
    complete(s3, "many", upload, parts)
    cloud.restart()
    s3 = cloud.client("s3")
    assert hashlib.sha256(read(s3, "many", "k")).digest() == hashlib.sha256(b"".join(bodies)).digest()
    assert s3.head_object(Bucket="many", Key="k", PartNumber=13)["ContentLength"] == 3
    s3.delete_object(Bucket="many", Key="k")
    cloud.settle()
    assert not [path for path in (cloud.settings.data_dir / "blobs").rglob("*") if path.is_file()]


def test_uploads_are_listed_by_key_and_age(s3, bucket):
    ids = [begin(s3, bucket, key) for key in ("b", "a", "a", "c/1", "c/2")]
    found = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [(e["Key"], e["UploadId"]) for e in found] == [
        ("a", ids[1]), ("a", ids[2]), ("b", ids[0]), ("c/1", ids[3]), ("c/2", ids[4])
    ]  # fmt: skip
    rolled = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [e["Prefix"] for e in rolled["CommonPrefixes"]] == ["c/"]
    names, markers = [], {}
    while True:
        answer = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=1, **markers)
        names += [(e["Key"], e["UploadId"]) for e in answer["Uploads"]]
        if not answer["IsTruncated"]:
            break
        markers = {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}
    assert names == [(e["Key"], e["UploadId"]) for e in found]
    assert [e["Key"] for e in s3.list_multipart_uploads(Bucket=bucket, Prefix="c/")["Uploads"]] == ["c/1", "c/2"]
    assert [e["Key"] for e in s3.list_multipart_uploads(Bucket=bucket, KeyMarker="a")["Uploads"]] == ["b", "c/1", "c/2"]


def test_parts_are_listed_in_pages(s3, bucket):
    upload = begin(s3, bucket, StorageClass="STANDARD_IA")
    for number in (3, 1, 2):
        part(s3, bucket, upload, number, b"x" * number)
    first = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload, MaxParts=2)
    assert [(e["PartNumber"], e["Size"]) for e in first["Parts"]] == [(1, 1), (2, 2)]
    assert (first["IsTruncated"], first["NextPartNumberMarker"], first["StorageClass"]) == (True, 2, "STANDARD_IA")
    rest = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload, PartNumberMarker=2)
    assert [e["PartNumber"] for e in rest["Parts"]] == [3]


def test_a_part_is_copied_from_another_object(s3, bucket, big):
    s3.put_object(Bucket=bucket, Key="source", Body=big + b"tail")
    upload = begin(s3, bucket)
    ask = {"Bucket": bucket, "Key": "k", "UploadId": upload, "CopySource": f"{bucket}/source"}
    one = s3.upload_part_copy(PartNumber=1, CopySourceRange=f"bytes=0-{FIVE - 1}", **ask)["CopyPartResult"]["ETag"]
    two = s3.upload_part_copy(PartNumber=2, CopySourceRange=f"bytes={FIVE}-{FIVE + 3}", **ask)["CopyPartResult"]["ETag"]
    complete(s3, bucket, upload, [(1, one), (2, two)])
    assert read(s3, bucket, "k") == big + b"tail"
    upload = begin(s3, bucket)
    ask["UploadId"] = upload
    refused("InvalidArgument", s3.upload_part_copy, 400, PartNumber=1, CopySourceRange=f"bytes=0-{FIVE + 4}", **ask)
    refused("InvalidArgument", s3.upload_part_copy, 400, PartNumber=1, CopySourceRange="bytes=4-", **ask)


@pytest.mark.parametrize("number", [0, 10_001])
def test_part_numbers_have_bounds(s3, bucket, number):
    upload = begin(s3, bucket)
    refused(
        "InvalidArgument", s3.upload_part, 400, Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=b""
    )


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_a_composite_checksum_is_that_of_the_parts_checksums(s3, bucket, big, algorithm):
    upload = begin(s3, bucket, ChecksumAlgorithm=algorithm)
    name = f"Checksum{algorithm}"
    parts = []
    for number, body in ((1, big), (2, b"end")):
        answer = s3.upload_part(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm
        )
        assert answer[name] == base64_of(algorithm, body)
        parts.append({"PartNumber": number, "ETag": answer["ETag"], name: answer[name]})
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    from base64 import b64decode

    raw = b"".join(b64decode(entry[name]) for entry in parts)
    found = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (found[name], found["ChecksumType"]) == (f"{base64_of(algorithm, raw)}-2", "COMPOSITE")
    told = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts", "Checksum"])
    assert [entry[name] for entry in told["ObjectParts"]["Parts"]] == [entry[name] for entry in parts]
    assert told["ObjectParts"]["TotalPartsCount"] == 2


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_a_full_object_checksum_is_that_of_the_whole(s3, bucket, big, algorithm):
    upload = begin(s3, bucket, ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")
    parts = [(n, part(s3, bucket, upload, n, body, ChecksumAlgorithm=algorithm)) for n, body in ((1, big), (2, b"end"))]
    name, wrong = f"Checksum{algorithm}", b64encode(bytes(8 if algorithm == "CRC64NVME" else 4)).decode()
    with pytest.raises(s3.exceptions.ClientError, match="BadDigest"):
        complete(s3, bucket, upload, parts, **{name: wrong})
    complete(s3, bucket, upload, parts)
    found = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (found[name], found["ChecksumType"]) == (base64_of(algorithm, big + b"end"), "FULL_OBJECT")


def test_a_completion_can_insist_that_nothing_is_there(s3, bucket):
    upload = begin(s3, bucket)
    parts = [(1, part(s3, bucket, upload, 1, b"x"))]
    s3.put_object(Bucket=bucket, Key="k", Body=b"first")
    with pytest.raises(s3.exceptions.ClientError, match="PreconditionFailed"):
        complete(s3, bucket, upload, parts, IfNoneMatch="*")
    assert read(s3, bucket, "k") == b"first"


def test_managed_transfers_work_both_ways(s3, bucket, tmp_path, big):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(big * 4 + b"tail")
    s3.upload_file(str(source), bucket, "k")
    s3.download_file(bucket, "k", str(target))
    assert target.read_bytes() == source.read_bytes()
    s3.copy({"Bucket": bucket, "Key": "k"}, bucket, "copied")
    assert read(s3, bucket, "copied") == source.read_bytes()
