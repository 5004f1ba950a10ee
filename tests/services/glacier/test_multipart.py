"""Archives in parts: any order, replaced parts, what is refused, and what is left of those never finished."""

from typing import Any

import pytest

from tests.conftest import TestCloud

from .vault_asking import DAY, MIB, blobs_of, multipart, output, put_part, retrieval, some_bytes, tree_hash


@pytest.fixture
def client(cloud: TestCloud) -> Any:
    client = cloud.client("glacier")
    client.create_vault(vaultName="attic")
    return client


def begin(client: Any, part_size: int = MIB) -> str:
    return str(client.initiate_multipart_upload(vaultName="attic", partSize=str(part_size))["uploadId"])


def complete(client: Any, upload: str, data: bytes, checksum: str = "", size: int | None = None) -> Any:
    return client.complete_multipart_upload(
        vaultName="attic",
        uploadId=upload,
        archiveSize=str(len(data) if size is None else size),
        checksum=checksum or tree_hash(data),
    )


def test_parts_in_any_order_make_one_archive(cloud: TestCloud, client: Any) -> None:
    data = some_bytes(5 * MIB + 321)
    upload = begin(client, 2 * MIB)
    for start in (4 * MIB, 0, 2 * MIB):
        answer = put_part(client, "attic", upload, data, start, 2 * MIB)
        assert answer["checksum"] == tree_hash(data[start : start + 2 * MIB])
    done = complete(client, upload, data)
    job = retrieval(client, "attic", done["archiveId"], Tier="Expedited")
    inner = retrieval(
        client, "attic", done["archiveId"], Tier="Expedited", RetrievalByteRange=f"{3 * MIB}-{5 * MIB - 1}"
    )
    cloud.advance(300)
    assert output(client, "attic", job) == data
    part = client.get_job_output(vaultName="attic", jobId=job, range=f"bytes={MIB}-{3 * MIB - 1}")
    assert part["body"].read() == data[MIB : 3 * MIB]
    assert part["checksum"] == tree_hash(data[MIB : 3 * MIB])
    assert output(client, "attic", inner) == data[3 * MIB : 5 * MIB]
    last = client.get_job_output(vaultName="attic", jobId=inner, range=f"bytes={MIB}-{2 * MIB - 1}")
    assert last["body"].read() == data[4 * MIB : 5 * MIB]
    assert last["checksum"] == tree_hash(data[4 * MIB : 5 * MIB])


def test_a_part_uploaded_again_replaces_the_first(cloud: TestCloud, client: Any) -> None:
    old, new = some_bytes(MIB, b"old"), some_bytes(MIB, b"new")
    upload = begin(client)
    put_part(client, "attic", upload, old, 0)
    put_part(client, "attic", upload, new, 0)
    listed = client.list_parts(vaultName="attic", uploadId=upload)
    assert listed["Parts"] == [{"RangeInBytes": f"0-{MIB - 1}", "SHA256TreeHash": tree_hash(new)}]
    assert listed["PartSizeInBytes"] == MIB
    done = complete(client, upload, new)
    job = retrieval(client, "attic", done["archiveId"], Tier="Expedited")
    cloud.advance(300)
    assert output(client, "attic", job) == new
    assert blobs_of(cloud) == 1


def test_completing_again_answers_the_same_archive(client: Any) -> None:
    data = some_bytes(MIB + 9)
    upload = begin(client)
    for start in (0, MIB):
        put_part(client, "attic", upload, data, start)
    first = complete(client, upload, data)
    assert complete(client, upload, data)["archiveId"] == first["archiveId"]
    assert client.list_multipart_uploads(vaultName="attic")["UploadsList"] == []
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_parts(vaultName="attic", uploadId=upload)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.abort_multipart_upload(vaultName="attic", uploadId=upload)


def test_an_archive_with_a_gap_or_a_wrong_hash_is_refused(client: Any) -> None:
    data = some_bytes(3 * MIB)
    upload = begin(client)
    put_part(client, "attic", upload, data, 0)
    put_part(client, "attic", upload, data, 2 * MIB)
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="byte ranges"):
        complete(client, upload, data)
    put_part(client, "attic", upload, data, MIB)
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Invalid x-amz-sha256-tree-hash"):
        complete(client, upload, data, checksum="0" * 64)
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="x-amz-archive-size"):
        complete(client, upload, data, size=5)
    assert complete(client, upload, data)["checksum"] == tree_hash(data)


def test_a_short_part_in_the_middle_is_refused_at_the_end(client: Any) -> None:
    data = some_bytes(MIB + MIB // 2)
    upload = begin(client)
    client.upload_multipart_part(vaultName="attic", uploadId=upload, range="bytes 0-9/*", body=data[:10])
    put_part(client, "attic", upload, data, MIB)
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        complete(client, upload, data)


@pytest.mark.parametrize("size", ["0", "1000000", str(3 * MIB), str(8 * 1024**3), "many"])
def test_part_sizes_are_powers_of_two_of_a_mebibyte(client: Any, size: str) -> None:
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=f"Invalid part size: {size}. Part size"):
        client.initiate_multipart_upload(vaultName="attic", partSize=size)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        ("bytes 0-99/*", "is incompatible with Content-Length: 50"),
        ("bytes 5-54/*", "Invalid Content-Range"),
        ("bytes 54-5/*", "Invalid Content-Range"),
        ("lines 0-49/*", "Invalid Content-Range"),
    ],
)
def test_a_range_that_does_not_fit_is_refused(client: Any, span: str, words: str) -> None:
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=words):
        client.upload_multipart_part(vaultName="attic", uploadId=begin(client), range=span, body=b"x" * 50)


def test_an_aborted_upload_takes_nothing_more_and_leaves_nothing(cloud: TestCloud, client: Any) -> None:
    data = some_bytes(MIB)
    upload = begin(client)
    put_part(client, "attic", upload, data, 0)
    client.abort_multipart_upload(vaultName="attic", uploadId=upload)
    client.abort_multipart_upload(vaultName="attic", uploadId=upload)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        put_part(client, "attic", upload, data, 0)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        complete(client, upload, data)
    cloud.settle()
    assert blobs_of(cloud) == 0


def test_an_upload_nobody_touches_for_a_day_is_removed(cloud: TestCloud, client: Any) -> None:
    upload = begin(client)
    put_part(client, "attic", upload, some_bytes(MIB), 0)
    cloud.advance(DAY - 60)
    assert [one["MultipartUploadId"] for one in client.list_multipart_uploads(vaultName="attic")["UploadsList"]] == [
        upload
    ]
    cloud.advance(60)
    cloud.settle()
    assert client.list_multipart_uploads(vaultName="attic")["UploadsList"] == []
    assert blobs_of(cloud) == 0


def test_parts_are_listed_page_by_page(client: Any) -> None:
    data = some_bytes(3 * MIB)
    upload = begin(client)
    for start in (0, MIB, 2 * MIB):
        put_part(client, "attic", upload, data, start)
    first = client.list_parts(vaultName="attic", uploadId=upload, limit="2")
    rest = client.list_parts(vaultName="attic", uploadId=upload, limit="2", marker=first["Marker"])
    ranges = [part["RangeInBytes"] for part in first["Parts"] + rest["Parts"]]
    assert ranges == [f"{at * MIB}-{(at + 1) * MIB - 1}" for at in range(3)]


def test_uploads_of_a_deleted_vault_go_with_it(cloud: TestCloud, client: Any) -> None:
    put_part(client, "attic", begin(client), some_bytes(MIB), 0)
    client.delete_vault(vaultName="attic")
    cloud.settle()
    assert blobs_of(cloud) == 0
    client.create_vault(vaultName="attic")
    assert client.list_multipart_uploads(vaultName="attic")["UploadsList"] == []


def test_an_upload_goes_on_after_a_restart(cloud: TestCloud, client: Any) -> None:
    data = some_bytes(2 * MIB)
    upload = begin(client)
    put_part(client, "attic", upload, data, 0)
    cloud.restart()
    again = cloud.client("glacier")
    put_part(again, "attic", upload, data, MIB)
    done = complete(again, upload, data)
    job = retrieval(again, "attic", done["archiveId"], Tier="Expedited")
    cloud.advance(300)
    assert output(again, "attic", job) == data


def test_an_archive_of_parts_is_deleted_whole(cloud: TestCloud, client: Any) -> None:
    archive = multipart(client, "attic", some_bytes(3 * MIB))
    assert blobs_of(cloud) == 3
    client.delete_archive(vaultName="attic", archiveId=archive)
    cloud.settle()
    assert blobs_of(cloud) == 0
