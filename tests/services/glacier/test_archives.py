"""Vaults and archives: made, uploaded, retrieved after their hours, deleted."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import TestCloud

from .vault_asking import DAY, HOUR, MIB, blobs_of, code_of, output, retrieval, some_bytes, start, tree_hash, upload


@pytest.fixture
def client(cloud: TestCloud) -> Any:
    client = cloud.client("glacier")
    client.create_vault(vaultName="attic")
    return client


def test_a_vault_is_made_once_and_described(client: Any) -> None:
    location = client.create_vault(vaultName="attic")["location"]
    assert location == "/000000000000/vaults/attic"
    found = client.describe_vault(vaultName="attic")
    assert found["VaultARN"] == "arn:aws:glacier:us-east-1:000000000000:vaults/attic"
    assert found["NumberOfArchives"] == 0
    assert "LastInventoryDate" not in found
    assert [vault["VaultName"] for vault in client.list_vaults()["VaultList"]] == ["attic"]


def test_vaults_are_listed_ten_by_ten_from_the_marked_one_on(client: Any) -> None:
    for number in range(12):
        client.create_vault(vaultName=f"v{number:02d}")
    first = client.list_vaults()
    assert len(first["VaultList"]) == 10
    assert first["Marker"] == "arn:aws:glacier:us-east-1:000000000000:vaults/v09"
    pages = client.get_paginator("list_vaults").paginate(PaginationConfig={"PageSize": 2})
    names = [vault["VaultName"] for page in pages for vault in page["VaultList"]]
    assert names == ["attic", *(f"v{number:02d}" for number in range(12))]
    client.delete_vault(vaultName="v09")
    rest = client.list_vaults(marker=first["Marker"])
    assert [vault["VaultName"] for vault in rest["VaultList"]] == ["v10", "v11"]
    assert "Marker" not in rest
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.list_vaults(limit="0")
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.list_vaults(marker="nonsense")


def test_an_archive_comes_back_after_its_hours_and_not_before(cloud: TestCloud, client: Any) -> None:
    data = some_bytes(3 * MIB + 17)
    archive = upload(client, "attic", data, "winter clothes")
    assert len(archive) == 138
    job = retrieval(client, "attic", archive, Description="cold outside")
    cloud.advance(4 * HOUR)
    found = client.describe_job(vaultName="attic", jobId=job)
    assert (found["StatusCode"], found["Completed"], found["Tier"]) == ("InProgress", False, "Standard")
    with pytest.raises(ClientError, match=f"The job is not currently available for download: {job}"):
        output(client, "attic", job)
    cloud.advance(1 * HOUR)
    found = client.describe_job(vaultName="attic", jobId=job)
    assert (found["StatusCode"], found["Completed"]) == ("Succeeded", True)
    assert found["SHA256TreeHash"] == found["ArchiveSHA256TreeHash"] == tree_hash(data)
    answer = client.get_job_output(vaultName="attic", jobId=job)
    assert answer["body"].read() == data
    assert answer["checksum"] == tree_hash(data)
    assert (answer["status"], answer["archiveDescription"]) == (200, "winter clothes")
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-length"] == str(len(data))


@pytest.mark.parametrize(("tier", "seconds"), [("Expedited", 300), ("Standard", 5 * HOUR), ("Bulk", 12 * HOUR)])
def test_each_tier_takes_its_documented_time(cloud: TestCloud, client: Any, tier: str, seconds: float) -> None:
    job = retrieval(client, "attic", upload(client, "attic", b"wool"), Tier=tier)
    cloud.advance(seconds - 60)
    assert not client.describe_job(vaultName="attic", jobId=job)["Completed"]
    cloud.advance(60)
    assert client.describe_job(vaultName="attic", jobId=job)["Completed"]


def test_output_is_there_for_a_day_and_survives_a_restart(cloud: TestCloud, client: Any) -> None:
    data = some_bytes(200_000)
    job = retrieval(client, "attic", upload(client, "attic", data))
    cloud.restart()
    cloud.advance(5 * HOUR)
    again = cloud.client("glacier")
    assert output(again, "attic", job) == data
    cloud.advance(23 * HOUR)
    assert output(again, "attic", job) == data
    cloud.advance(1 * HOUR)
    with pytest.raises(again.exceptions.ResourceNotFoundException, match="The job ID was not found"):
        output(again, "attic", job)
    assert again.list_jobs(vaultName="attic")["JobList"] == []


def test_ranges_of_the_output_carry_their_own_tree_hash(cloud: TestCloud, client: Any) -> None:
    data = some_bytes(3 * MIB + 100)
    job = retrieval(client, "attic", upload(client, "attic", data), Tier="Expedited")
    cloud.advance(300)
    middle = client.get_job_output(vaultName="attic", jobId=job, range=f"bytes={MIB}-{2 * MIB - 1}")
    assert middle["body"].read() == data[MIB : 2 * MIB]
    assert middle["checksum"] == tree_hash(data[MIB : 2 * MIB])
    assert (middle["status"], middle["contentRange"]) == (206, f"bytes {MIB}-{2 * MIB - 1}/{len(data)}")
    end = client.get_job_output(vaultName="attic", jobId=job, range=f"bytes={2 * MIB}-{len(data) - 1}")
    assert end["checksum"] == tree_hash(data[2 * MIB :])
    odd = client.get_job_output(vaultName="attic", jobId=job, range="bytes=5-300000")
    assert odd["body"].read() == data[5:300_001]
    assert "checksum" not in odd
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.get_job_output(vaultName="attic", jobId=job, range=f"bytes={len(data)}-")


def test_a_range_of_an_archive_is_retrieved_alone(cloud: TestCloud, client: Any) -> None:
    data = some_bytes(4 * MIB + 5)
    archive = upload(client, "attic", data)
    aligned = retrieval(client, "attic", archive, Tier="Expedited", RetrievalByteRange=f"{2 * MIB}-{4 * MIB - 1}")
    straddling = retrieval(client, "attic", archive, Tier="Expedited", RetrievalByteRange=f"{MIB}-{3 * MIB - 1}")
    cloud.advance(300)
    found = client.describe_job(vaultName="attic", jobId=aligned)
    assert found["RetrievalByteRange"] == f"{2 * MIB}-{4 * MIB - 1}"
    assert found["SHA256TreeHash"] == tree_hash(data[2 * MIB : 4 * MIB])
    assert output(client, "attic", aligned) == data[2 * MIB : 4 * MIB]
    assert "SHA256TreeHash" not in client.describe_job(vaultName="attic", jobId=straddling)
    assert output(client, "attic", straddling) == data[MIB : 3 * MIB]
    for bad in ("1-5", f"0-{MIB}", f"0-{9 * MIB - 1}", "x"):
        with pytest.raises(client.exceptions.InvalidParameterValueException):
            retrieval(client, "attic", archive, RetrievalByteRange=bad)


def test_wrong_hashes_store_nothing(cloud: TestCloud, client: Any) -> None:
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Checksum mismatch"):
        client.upload_archive(vaultName="attic", body=b"wool", checksum="0" * 64)
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Invalid Content-Length: 0"):
        client.upload_archive(vaultName="attic", body=b"")
    client.delete_vault(vaultName="attic")
    assert blobs_of(cloud) == 0


def test_errors_say_code_type_and_message(client: Any) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException) as caught:
        client.describe_vault(vaultName="nowhere")
    answer = caught.value.response
    assert answer["code"] == "ResourceNotFoundException"
    assert answer["type"] == "Client"
    arn = "arn:aws:glacier:us-east-1:000000000000:vaults/nowhere"
    assert answer["Error"]["Message"] == f"Vault not found for ARN: {arn}"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        retrieval(client, "attic", "x" * 138)
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Invalid vault name"):
        client.create_vault(vaultName="no spaces")


def test_an_archive_of_another_vault_is_not_found_here(client: Any) -> None:
    client.create_vault(vaultName="cellar")
    archive = upload(client, "cellar", b"potatoes")
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Invalid vault name"):
        retrieval(client, "attic", archive)
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Invalid vault name"):
        client.delete_archive(vaultName="attic", archiveId=archive)


def test_a_deleted_archive_is_gone_and_its_retrieval_fails(cloud: TestCloud, client: Any) -> None:
    archive = upload(client, "attic", b"moths ate it")
    late = retrieval(client, "attic", archive)
    quick = retrieval(client, "attic", archive, Tier="Expedited")
    cloud.advance(300)
    client.delete_archive(vaultName="attic", archiveId=archive)
    client.delete_archive(vaultName="attic", archiveId=archive)
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="The archive ID was not found"):
        retrieval(client, "attic", archive)
    assert output(client, "attic", quick) == b"moths ate it"
    cloud.advance(5 * HOUR)
    assert client.describe_job(vaultName="attic", jobId=late)["StatusCode"] == "Failed"


def test_the_bytes_of_a_deleted_archive_leave_the_disk_with_the_last_job(cloud: TestCloud, client: Any) -> None:
    archive = upload(client, "attic", b"moths ate it")
    retrieval(client, "attic", archive, Tier="Expedited")
    cloud.advance(300)
    client.delete_archive(vaultName="attic", archiveId=archive)
    cloud.settle()
    assert blobs_of(cloud) == 1
    cloud.advance(DAY)
    cloud.settle()
    assert blobs_of(cloud) == 0


def test_a_vault_goes_only_when_its_last_inventory_was_empty(cloud: TestCloud, client: Any) -> None:
    archive = upload(client, "attic", b"wool")
    arn = "arn:aws:glacier:us-east-1:000000000000:vaults/attic"
    with pytest.raises(ClientError, match=f"Vault not empty or recently written to: {arn}"):
        client.delete_vault(vaultName="attic")
    client.delete_archive(vaultName="attic", archiveId=archive)
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.delete_vault(vaultName="attic")
    cloud.advance(DAY)
    client.delete_vault(vaultName="attic")
    client.delete_vault(vaultName="attic")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_vault(vaultName="attic")


def test_jobs_are_listed_by_their_state(cloud: TestCloud, client: Any) -> None:
    archive = upload(client, "attic", b"wool")
    quick = retrieval(client, "attic", archive, Tier="Expedited")
    slow = retrieval(client, "attic", archive, Tier="Bulk")
    cloud.advance(300)

    def ids(**options: str) -> list[str]:
        return [job["JobId"] for job in client.list_jobs(vaultName="attic", **options)["JobList"]]

    assert ids() == [quick, slow]
    assert ids(completed="true") == ids(statuscode="Succeeded") == [quick]
    assert ids(completed="false") == ids(statuscode="InProgress") == [slow]
    first = client.list_jobs(vaultName="attic", limit="1")
    assert ids(limit="1", marker=first["Marker"]) == [slow]


def test_what_is_not_done_is_refused_by_name(client: Any) -> None:
    topic = "arn:aws:sns:us-east-1:000000000000:t"
    archive = upload(client, "attic", b"wool")
    with pytest.raises(ClientError) as caught:
        retrieval(client, "attic", archive, SNSTopic=topic)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    with pytest.raises(ClientError) as caught:
        start(client, "attic", Type="select", ArchiveId=archive)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    config = {"SNSTopic": topic, "Events": ["ArchiveRetrievalCompleted"]}
    with pytest.raises(ClientError) as caught:
        client.set_vault_notifications(vaultName="attic", vaultNotificationConfig=config)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    client.delete_vault_notifications(vaultName="attic")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_vault_notifications(vaultName="attic")
    with pytest.raises(ClientError) as caught:
        retrieval(client, "attic", archive, Tier="Instant")
    assert code_of(caught.value) == "InvalidParameterValueException"


def test_a_large_archive_streams_in_and_out(cloud: TestCloud, client: Any) -> None:
    data = some_bytes(24 * MIB + 1)
    job = retrieval(client, "attic", upload(client, "attic", data), Tier="Expedited")
    cloud.advance(300)
    assert output(client, "attic", job) == data


def test_bytes_at_rest_are_sealed(cloud: TestCloud, client: Any) -> None:
    upload(client, "attic", b"nobody may read this in the files" * 100)
    cloud.settle()
    files = [path for path in cloud.settings.data_dir.rglob("*") if path.is_file()]
    assert files
    assert all(b"nobody may read this in the files" not in path.read_bytes() for path in files)
