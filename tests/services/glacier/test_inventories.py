"""Inventories: made once a day, retrieved after hours, as JSON or CSV, whole or in ranges."""

import csv
import io
import json
from typing import Any

import pytest

from tests.conftest import TestCloud

from .vault_asking import DAY, HOUR, blobs_of, output, start, tree_hash, upload


@pytest.fixture
def client(cloud: TestCloud) -> Any:
    client = cloud.client("glacier")
    client.create_vault(vaultName="attic")
    return client


def inventory(cloud: TestCloud, client: Any, **parameters: Any) -> Any:
    job = start(client, "attic", Type="inventory-retrieval", **parameters)
    cloud.advance(5 * HOUR)
    return json.loads(output(client, "attic", job))


def test_a_vault_without_an_inventory_has_none_to_retrieve(client: Any) -> None:
    upload(client, "attic", b"wool")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        start(client, "attic", Type="inventory-retrieval")


def test_the_inventory_lists_what_was_there_a_day_ago(cloud: TestCloud, client: Any) -> None:
    first = upload(client, "attic", b"wool", "winter")
    cloud.advance(DAY)
    second = upload(client, "attic", b"linen")
    found = client.describe_vault(vaultName="attic")
    assert (found["NumberOfArchives"], found["SizeInBytes"]) == (1, 4)
    listed = inventory(cloud, client)
    assert listed["VaultARN"] == found["VaultARN"]
    assert listed["InventoryDate"][:19] == found["LastInventoryDate"][:19]
    assert [one["ArchiveId"] for one in listed["ArchiveList"]] == [first]
    one = listed["ArchiveList"][0]
    assert (one["ArchiveDescription"], one["Size"]) == ("winter", 4)
    assert one["SHA256TreeHash"] == tree_hash(b"wool")
    cloud.advance(DAY)
    assert [one["ArchiveId"] for one in inventory(cloud, client)["ArchiveList"]] == [first, second]


def test_a_deleted_archive_stays_in_the_last_inventory(cloud: TestCloud, client: Any) -> None:
    archive = upload(client, "attic", b"wool")
    cloud.advance(DAY)
    client.delete_archive(vaultName="attic", archiveId=archive)
    assert [one["ArchiveId"] for one in inventory(cloud, client)["ArchiveList"]] == [archive]
    cloud.advance(DAY)
    assert inventory(cloud, client)["ArchiveList"] == []
    assert client.describe_vault(vaultName="attic")["NumberOfArchives"] == 0


def test_an_inventory_is_not_made_anew_without_a_write(cloud: TestCloud, client: Any) -> None:
    upload(client, "attic", b"wool")
    cloud.advance(DAY)
    before = client.describe_vault(vaultName="attic")["LastInventoryDate"]
    cloud.advance(3 * DAY)
    assert client.describe_vault(vaultName="attic")["LastInventoryDate"] == before


def test_an_inventory_as_csv(cloud: TestCloud, client: Any) -> None:
    archive = upload(client, "attic", b"wool", 'the "good", warm one')
    cloud.advance(DAY)
    job = start(client, "attic", Type="inventory-retrieval", Format="CSV")
    cloud.advance(5 * HOUR)
    answer = client.get_job_output(vaultName="attic", jobId=job)
    assert answer["contentType"] == "text/csv"
    assert "checksum" not in answer
    rows = list(csv.reader(io.StringIO(answer["body"].read().decode())))
    assert rows[0] == ["ArchiveId", "ArchiveDescription", "CreationDate", "Size", "SHA256TreeHash"]
    assert rows[1][:2] == [archive, 'the "good", warm one']
    assert rows[1][3:] == ["4", tree_hash(b"wool")]
    described = client.describe_job(vaultName="attic", jobId=job)
    assert described["InventoryRetrievalParameters"] == {"Format": "CSV"}
    assert "Tier" not in described
    whole = output(client, "attic", job)
    assert described["InventorySizeInBytes"] == len(whole)
    assert output(client, "attic", job, range="bytes=3-9") == whole[3:10]


def test_an_inventory_is_retrieved_in_pages(cloud: TestCloud, client: Any) -> None:
    archives = [upload(client, "attic", bytes([65 + number])) for number in range(5)]
    cloud.advance(DAY)
    found: list[str] = []
    parameters: dict[str, str] = {"Limit": "2"}
    for _ in range(3):
        job = start(client, "attic", Type="inventory-retrieval", InventoryRetrievalParameters=parameters)
        cloud.advance(5 * HOUR)
        found += [one["ArchiveId"] for one in json.loads(output(client, "attic", job))["ArchiveList"]]
        described = client.describe_job(vaultName="attic", jobId=job)["InventoryRetrievalParameters"]
        parameters = {"Limit": "2", "Marker": described.get("Marker", "")}
    assert found == archives
    assert parameters["Marker"] == ""


def test_an_inventory_is_cut_by_dates(cloud: TestCloud, client: Any) -> None:
    early = upload(client, "attic", b"wool")
    cloud.advance(2 * HOUR)
    late = upload(client, "attic", b"linen")
    cloud.advance(DAY)
    made = {one["ArchiveId"]: one["CreationDate"] for one in inventory(cloud, client)["ArchiveList"]}

    def between(**dates: str) -> list[str]:
        listed = inventory(cloud, client, InventoryRetrievalParameters=dates)
        return [one["ArchiveId"] for one in listed["ArchiveList"]]

    assert between(StartDate=made[late]) == [late]
    assert between(EndDate=made[late]) == [early]
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        between(StartDate="yesterday")


def test_an_inventory_job_takes_no_tier_and_no_archive(cloud: TestCloud, client: Any) -> None:
    upload(client, "attic", b"wool")
    cloud.advance(DAY)
    for wrong in ({"Tier": "Bulk"}, {"ArchiveId": "x"}, {"Format": "XML"}):
        with pytest.raises(client.exceptions.InvalidParameterValueException):
            start(client, "attic", Type="inventory-retrieval", **wrong)
    bad = {"InventoryRetrievalParameters": {"Limit": "0"}}
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        start(client, "attic", Type="inventory-retrieval", **bad)


def test_an_inventory_survives_a_restart_in_its_hours(cloud: TestCloud, client: Any) -> None:
    archive = upload(client, "attic", b"wool")
    cloud.advance(DAY)
    job = start(client, "attic", Type="inventory-retrieval")
    cloud.restart()
    cloud.advance(5 * HOUR)
    listed = json.loads(output(cloud.client("glacier"), "attic", job))
    assert [one["ArchiveId"] for one in listed["ArchiveList"]] == [archive]


def test_the_output_of_a_deleted_vault_goes_with_it(cloud: TestCloud, client: Any) -> None:
    archive = upload(client, "attic", b"wool")
    client.delete_archive(vaultName="attic", archiveId=archive)
    cloud.advance(DAY)
    inventory(cloud, client)
    cloud.settle()
    assert blobs_of(cloud) == 1
    client.delete_vault(vaultName="attic")
    client.create_vault(vaultName="attic")
    cloud.settle()
    assert blobs_of(cloud) == 0
    assert client.list_jobs(vaultName="attic")["JobList"] == []


def test_a_vault_made_again_under_its_name_is_another(cloud: TestCloud, client: Any) -> None:
    client.add_tags_to_vault(vaultName="attic", Tags={"house": "old"})
    client.delete_vault(vaultName="attic")
    client.create_vault(vaultName="attic")
    assert client.list_tags_for_vault(vaultName="attic")["Tags"] == {}
