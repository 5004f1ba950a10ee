"""What time does to keys: deletion and rotation, on the cloud's clock."""

from typing import Any

import pytest

from pileus.services.kms import RemoveKeys
from pileus.services.kms.tables import aliases, grants, keys
from tests.conftest import TestCloud
from tests.services.kms.kms_asking import ACCOUNT, ROOT, make, refused

DAY = 86_400


@pytest.fixture
def kms(cloud: TestCloud) -> Any:
    return cloud.client("kms")


def rows(cloud: TestCloud) -> int:
    """How much there is in the store of keys, aliases and grants."""

    async def count() -> int:
        return await cloud.app.store.transact(
            lambda tx: sum(len(list(table.scan(tx))) for table in (keys, aliases, grants))
        )

    return int(cloud.run(count()))


def test_a_key_waits_for_its_deletion_and_is_gone_then(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)
    kms.create_alias(AliasName="alias/doomed", TargetKeyId=made["KeyId"])
    kms.create_grant(KeyId=made["KeyId"], GranteePrincipal=ROOT, Operations=["Decrypt"])
    blob = kms.encrypt(KeyId=made["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    told = kms.schedule_key_deletion(KeyId=made["KeyId"], PendingWindowInDays=7)
    assert (told["KeyId"], told["KeyState"], told["PendingWindowInDays"]) == (made["Arn"], "PendingDeletion", 7)
    assert kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]["DeletionDate"] == told["DeletionDate"]
    pending = ("KMSInvalidStateException", f"{made['Arn']} is pending deletion.")
    assert refused(kms.encrypt, KeyId=made["KeyId"], Plaintext=b"x") == pending
    assert refused(kms.decrypt, CiphertextBlob=blob) == pending
    assert refused(kms.schedule_key_deletion, KeyId=made["KeyId"]) == pending
    cloud.advance(7 * DAY - 60)
    assert kms.describe_key(KeyId="alias/doomed")["KeyMetadata"]["KeyState"] == "PendingDeletion"
    cloud.advance(61)
    assert refused(kms.describe_key, KeyId=made["KeyId"])[0] == "NotFoundException"
    assert refused(kms.describe_key, KeyId="alias/doomed")[0] == "NotFoundException"
    assert refused(kms.decrypt, CiphertextBlob=blob)[0] == "AccessDeniedException"
    assert rows(cloud) == 0


def test_a_deletion_that_is_cancelled_leaves_the_key_disabled(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)["KeyId"]
    blob = kms.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]
    assert refused(kms.cancel_key_deletion, KeyId=made)[0] == "KMSInvalidStateException"
    kms.schedule_key_deletion(KeyId=made)
    kms.cancel_key_deletion(KeyId=made)
    cloud.advance(31 * DAY)
    assert kms.describe_key(KeyId=made)["KeyMetadata"]["KeyState"] == "Disabled"
    kms.enable_key(KeyId=made)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_a_key_is_gone_by_the_clock_and_its_alias_free_even_before_it_is_removed(kms: Any, cloud: TestCloud) -> None:
    gone, new = make(kms)["KeyId"], make(kms)["KeyId"]
    kms.create_alias(AliasName="alias/name", TargetKeyId=gone)
    kms.schedule_key_deletion(KeyId=gone, PendingWindowInDays=7)

    async def hold_the_background() -> None:
        cloud.app.loop._watching.clear()
        await cloud.app.store.transact(lambda tx: cloud.app.advance(tx, 8 * DAY))

    watching = dict(cloud.app.loop._watching)
    cloud.run(hold_the_background())
    assert refused(kms.describe_key, KeyId=gone)[0] == "NotFoundException"
    assert refused(kms.describe_key, KeyId="alias/name")[0] == "NotFoundException"
    assert [key["KeyId"] for key in kms.list_keys()["Keys"]] == [new]
    kms.create_alias(AliasName="alias/name", TargetKeyId=new)
    cloud.app.loop._watching.update(watching)
    cloud.run(RemoveKeys().reconcile(cloud.app, (ACCOUNT, "us-east-1", gone)))
    assert kms.describe_key(KeyId="alias/name")["KeyMetadata"]["KeyId"] == new
    assert rows(cloud) == 2


@pytest.mark.parametrize("days", [6, 31])
def test_the_waiting_period_is_seven_to_thirty_days(kms: Any, days: int) -> None:
    made = make(kms)["KeyId"]
    assert refused(kms.schedule_key_deletion, KeyId=made, PendingWindowInDays=days)[0] == "ValidationException"


def test_a_key_rotates_by_itself_and_opens_what_it_sealed_before(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)
    name = made["KeyId"]
    assert not kms.get_key_rotation_status(KeyId=name)["KeyRotationEnabled"]
    kms.enable_key_rotation(KeyId=name, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=name)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)
    old = kms.encrypt(KeyId=name, Plaintext=b"x")["CiphertextBlob"]
    cloud.advance(91 * DAY)
    found = kms.describe_key(KeyId=name)["KeyMetadata"]
    assert found["CurrentKeyMaterialId"] != made["CurrentKeyMaterialId"]
    assert kms.decrypt(CiphertextBlob=old)["KeyMaterialId"] == made["CurrentKeyMaterialId"]
    new = kms.encrypt(KeyId=name, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=new)["KeyMaterialId"] == found["CurrentKeyMaterialId"]
    [rotation] = kms.list_key_rotations(KeyId=name)["Rotations"]
    assert (rotation["RotationType"], rotation["KeyMaterialId"]) == ("AUTOMATIC", found["CurrentKeyMaterialId"])
    everything = kms.list_key_rotations(KeyId=name, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert [one["KeyMaterialState"] for one in everything] == ["NON_CURRENT", "CURRENT"]


def test_a_disabled_key_rotates_once_it_is_enabled(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)["KeyId"]
    kms.enable_key_rotation(KeyId=made)
    kms.disable_key(KeyId=made)
    cloud.advance(400 * DAY)
    assert kms.list_key_rotations(KeyId=made)["Rotations"] == []
    kms.enable_key(KeyId=made)
    cloud.settle()
    assert len(kms.list_key_rotations(KeyId=made)["Rotations"]) == 1


def test_rotation_that_is_disabled_does_not_happen(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)["KeyId"]
    kms.enable_key_rotation(KeyId=made)
    kms.disable_key_rotation(KeyId=made)
    cloud.advance(400 * DAY)
    assert kms.list_key_rotations(KeyId=made)["Rotations"] == []


def test_rotation_on_demand_has_an_end(kms: Any) -> None:
    made = make(kms)["KeyId"]
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=made)
    assert refused(kms.rotate_key_on_demand, KeyId=made)[0] == "LimitExceededException"
    found = [one for page in _pages(kms, made) for one in page["Rotations"]]
    assert {one["RotationType"] for one in found} == {"ON_DEMAND"}
    assert len({one["KeyMaterialId"] for one in found}) == 25


def _pages(kms: Any, name: str) -> Any:
    return kms.get_paginator("list_key_rotations").paginate(KeyId=name, PaginationConfig={"PageSize": 10})


def test_only_symmetric_keys_rotate(kms: Any) -> None:
    made = make(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyId"]
    assert refused(kms.enable_key_rotation, KeyId=made)[0] == "UnsupportedOperationException"
    assert refused(kms.rotate_key_on_demand, KeyId=made)[0] == "UnsupportedOperationException"
