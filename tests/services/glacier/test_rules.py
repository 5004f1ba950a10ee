"""What guards vaults: policies, locks, tags, and how much may be retrieved."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pileus.services.glacier import retrieval as limits
from tests.conftest import TestCloud

from .vault_asking import DAY, HOUR, MIB, code_of, retrieval, some_bytes, upload

ACCOUNT = "000000000000"
ARN = f"arn:aws:glacier:us-east-1:{ACCOUNT}:vaults/attic"


@pytest.fixture
def client(cloud: TestCloud) -> Any:
    client = cloud.client("glacier")
    client.create_vault(vaultName="attic")
    return client


def statement(effect: str, principal: Any, actions: Any, **more: Any) -> dict[str, Any]:
    return {
        "Sid": "one",
        "Effect": effect,
        "Principal": principal,
        "Action": actions,
        "Resource": ARN,
        **more,
    }


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> dict[str, str]:
    return {"Policy": json.dumps({"Version": version, "Statement": list(statements)})}


def user(cloud: TestCloud, name: str, *actions: str) -> Any:
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    if actions:
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
        }
        iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return cloud.client("glacier", key["AccessKeyId"], key["SecretAccessKey"])


def denied(call: Any, **options: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**options)
    assert code_of(caught.value) == "AccessDeniedException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_users_may_what_their_policies_say(cloud: TestCloud, client: Any) -> None:
    reader = user(cloud, "reader", "glacier:DescribeVault")
    assert reader.describe_vault(vaultName="attic")["VaultName"] == "attic"
    denied(reader.upload_archive, vaultName="attic", body=b"x")
    denied(reader.list_vaults)


def test_another_account_may_what_the_vault_policy_grants(cloud: TestCloud, client: Any) -> None:
    other = cloud.client("glacier", "111111111111", "test")
    denied(other.describe_vault, accountId=ACCOUNT, vaultName="attic")
    grant = statement("Allow", {"AWS": "111111111111"}, ["glacier:DescribeVault", "glacier:UploadArchive"])
    client.set_vault_access_policy(vaultName="attic", policy=document(grant))
    assert other.describe_vault(accountId=ACCOUNT, vaultName="attic")["VaultARN"] == ARN
    other.upload_archive(accountId=ACCOUNT, vaultName="attic", body=b"a gift")
    denied(other.list_jobs, accountId=ACCOUNT, vaultName="attic")
    denied(other.list_vaults, accountId=ACCOUNT)
    with pytest.raises(other.exceptions.ResourceNotFoundException):
        other.describe_vault(vaultName="attic")
    assert json.loads(client.get_vault_access_policy(vaultName="attic")["policy"]["Policy"])["Statement"]
    client.delete_vault_access_policy(vaultName="attic")
    denied(other.describe_vault, accountId=ACCOUNT, vaultName="attic")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_vault_access_policy(vaultName="attic")


def test_a_policy_that_does_not_parse_is_refused(client: Any) -> None:
    nobody = document(statement("Allow", {"AWS": f"arn:aws:iam::{ACCOUNT}:user/nobody"}, "glacier:*"))
    for text in ("not json", "{}", nobody["Policy"], " " * 21_000):
        with pytest.raises(client.exceptions.InvalidParameterValueException):
            client.set_vault_access_policy(vaultName="attic", policy={"Policy": text})
    with pytest.raises(client.exceptions.MissingParameterValueException):
        client.set_vault_access_policy(vaultName="attic", policy={})


def lock_policy(days: int = 365) -> dict[str, str]:
    young = {"NumericLessThan": {"glacier:ArchiveAgeInDays": str(days)}}
    return document(statement("Deny", "*", "glacier:DeleteArchive", Condition=young))


def test_a_locked_vault_keeps_its_young_archives_even_from_root(cloud: TestCloud, client: Any) -> None:
    archive = upload(client, "attic", b"books of account")
    lock = client.initiate_vault_lock(vaultName="attic", policy=lock_policy(days=30))["lockId"]
    denied(client.delete_archive, vaultName="attic", archiveId=archive)
    client.complete_vault_lock(vaultName="attic", lockId=lock)
    client.complete_vault_lock(vaultName="attic", lockId=lock)
    cloud.restart()
    again = cloud.client("glacier")
    assert again.get_vault_lock(vaultName="attic")["State"] == "Locked"
    denied(again.abort_vault_lock, vaultName="attic")
    denied(again.initiate_vault_lock, vaultName="attic", policy=lock_policy(days=0))
    denied(again.complete_vault_lock, vaultName="attic", lockId="x")
    cloud.advance(29 * DAY)
    denied(again.delete_archive, vaultName="attic", archiveId=archive)
    cloud.advance(1 * DAY)
    again.delete_archive(vaultName="attic", archiveId=archive)


def test_a_lock_that_is_not_completed_in_a_day_is_gone(cloud: TestCloud, client: Any) -> None:
    archive = upload(client, "attic", b"books of account")
    lock = client.initiate_vault_lock(vaultName="attic", policy=lock_policy())["lockId"]
    found = client.get_vault_lock(vaultName="attic")
    assert found["State"] == "InProgress"
    assert found["ExpirationDate"] > found["CreationDate"]
    denied(client.initiate_vault_lock, vaultName="attic", policy=lock_policy())
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.complete_vault_lock(vaultName="attic", lockId="x")
    cloud.advance(DAY)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.complete_vault_lock(vaultName="attic", lockId=lock)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_vault_lock(vaultName="attic")
    client.delete_archive(vaultName="attic", archiveId=archive)


def test_an_aborted_lock_denies_nothing(client: Any) -> None:
    archive = upload(client, "attic", b"books of account")
    client.initiate_vault_lock(vaultName="attic", policy=lock_policy())
    client.abort_vault_lock(vaultName="attic")
    client.abort_vault_lock(vaultName="attic")
    client.delete_archive(vaultName="attic", archiveId=archive)


def test_lock_and_access_policy_hold_together(cloud: TestCloud, client: Any) -> None:
    """In the older document `${aws:username}` is plain text and denies nobody, though the lock's is a newer one."""
    named = {"StringEquals": {"aws:username": "${aws:username}"}}
    grant = statement("Allow", {"AWS": "111111111111"}, "glacier:*")
    text = statement("Deny", "*", "glacier:DescribeVault", Condition=named)
    client.set_vault_access_policy(
        vaultName="attic", policy=document(grant, text | {"Sid": "two"}, version="2008-10-17")
    )
    client.initiate_vault_lock(vaultName="attic", policy=lock_policy())
    other = cloud.client("glacier", "111111111111", "test")
    archive = other.upload_archive(accountId=ACCOUNT, vaultName="attic", body=b"a gift")["archiveId"]
    denied(other.delete_archive, accountId=ACCOUNT, vaultName="attic", archiveId=archive)
    reader = user(cloud, "reader", "glacier:*")
    assert reader.describe_vault(vaultName="attic")["VaultName"] == "attic"
    client.set_vault_access_policy(vaultName="attic", policy=document(text))
    denied(reader.describe_vault, vaultName="attic")


def test_tags_are_kept_counted_and_asked_for_by_policies(cloud: TestCloud, client: Any) -> None:
    client.add_tags_to_vault(vaultName="attic", Tags={"house": "old", "floor": "3"})
    client.remove_tags_from_vault(vaultName="attic", TagKeys=["floor", "none"])
    assert client.list_tags_for_vault(vaultName="attic")["Tags"] == {"house": "old"}
    with pytest.raises(client.exceptions.LimitExceededException):
        client.add_tags_to_vault(vaultName="attic", Tags={f"k{n}": "v" for n in range(50)})
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.add_tags_to_vault(vaultName="attic", Tags={"aws:mine": "v"})
    old = {"StringEquals": {"glacier:ResourceTag/house": "old"}}
    client.set_vault_access_policy(
        vaultName="attic", policy=document(statement("Deny", "*", "glacier:ListJobs", Condition=old))
    )
    denied(client.list_jobs, vaultName="attic")
    client.remove_tags_from_vault(vaultName="attic", TagKeys=["house"])
    assert client.list_jobs(vaultName="attic")["JobList"] == []


def test_a_rate_of_retrieval_is_enforced_on_standard_jobs_alone(cloud: TestCloud, client: Any) -> None:
    assert client.get_data_retrieval_policy()["Policy"]["Rules"] == [{"Strategy": "None"}]
    archive = upload(client, "attic", some_bytes(MIB))
    rule = {"Strategy": "BytesPerHour", "BytesPerHour": 2 * MIB}
    client.set_data_retrieval_policy(Policy={"Rules": [rule]})
    assert client.get_data_retrieval_policy()["Policy"]["Rules"] == [rule]
    retrieval(client, "attic", archive)
    retrieval(client, "attic", archive)
    with pytest.raises(client.exceptions.PolicyEnforcedException) as caught:
        retrieval(client, "attic", archive)
    words = "InitiateJob request denied by current data retrieval policy."
    assert caught.value.response["Error"]["Message"] == words
    retrieval(client, "attic", archive, Tier="Bulk")
    cloud.advance(HOUR)
    retrieval(client, "attic", archive)
    client.set_data_retrieval_policy(Policy={"Rules": [{"Strategy": "None"}]})
    for _ in range(3):
        retrieval(client, "attic", archive)


def test_the_free_tier_is_a_daily_allowance(cloud: TestCloud, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FREE_BYTES_A_DAY", MIB)
    client.set_data_retrieval_policy(Policy={"Rules": [{"Strategy": "FreeTier"}]})
    archive = upload(client, "attic", some_bytes(MIB))
    retrieval(client, "attic", archive)
    cloud.advance(2 * HOUR)
    with pytest.raises(client.exceptions.PolicyEnforcedException):
        retrieval(client, "attic", archive)
    cloud.advance(22 * HOUR)
    retrieval(client, "attic", archive)


def test_a_retrieval_policy_that_makes_no_sense_is_refused(client: Any) -> None:
    wrong: list[dict[str, Any]] = [
        {"Strategy": "All"},
        {"Strategy": "BytesPerHour"},
        {"Strategy": "None", "BytesPerHour": 5},
    ]
    for rule in wrong:
        with pytest.raises(client.exceptions.InvalidParameterValueException):
            client.set_data_retrieval_policy(Policy={"Rules": [rule]})
    client.set_data_retrieval_policy(Policy={"Rules": [{"Strategy": "FreeTier"}]})
    retrieval(client, "attic", upload(client, "attic", b"wool"))


def test_capacity_is_bought_by_two_and_for_a_month(cloud: TestCloud, client: Any) -> None:
    bought = [client.purchase_provisioned_capacity()["capacityId"] for _ in range(2)]
    with pytest.raises(client.exceptions.LimitExceededException):
        client.purchase_provisioned_capacity()
    units = client.list_provisioned_capacity()["ProvisionedCapacityList"]
    assert [unit["CapacityId"] for unit in units] == bought
    assert units[0]["StartDate"] < units[0]["ExpirationDate"]
    cloud.advance(31 * DAY)
    assert client.list_provisioned_capacity()["ProvisionedCapacityList"] == []


def test_vaults_of_two_regions_and_accounts_are_apart(cloud: TestCloud, client: Any) -> None:
    there = cloud.client("glacier", region_name="eu-west-1")
    assert there.list_vaults()["VaultList"] == []
    assert cloud.client("glacier", "111111111111", "test").list_vaults()["VaultList"] == []
    assert client.list_vaults(accountId=ACCOUNT)["VaultList"][0]["VaultARN"] == ARN
