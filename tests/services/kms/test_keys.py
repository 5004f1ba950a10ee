"""Keys: made, named, described, listed, switched, tagged."""

from typing import Any

import pytest

from tests.conftest import TestCloud
from tests.services.kms.kms_asking import ACCOUNT, make, refused

NOBODY = "12345678-1234-1234-1234-123456789012"


@pytest.fixture
def kms(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("kms")


def test_a_key_is_described_as_it_was_made(kms: Any) -> None:
    made = make(kms, Description="for me")
    assert made["Arn"] == f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{made['KeyId']}"
    assert (made["KeyState"], made["Enabled"], made["KeyManager"], made["Origin"]) == (
        "Enabled",
        True,
        "CUSTOMER",
        "AWS_KMS",
    )
    assert (made["KeyUsage"], made["KeySpec"], made["EncryptionAlgorithms"]) == (
        "ENCRYPT_DECRYPT",
        "SYMMETRIC_DEFAULT",
        ["SYMMETRIC_DEFAULT"],
    )
    assert kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"] == made
    assert kms.describe_key(KeyId=made["Arn"])["KeyMetadata"] == made
    kms.update_key_description(KeyId=made["KeyId"], Description="for you")
    assert kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]["Description"] == "for you"


def test_a_key_that_is_not_there_is_named_in_full(kms: Any) -> None:
    arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{NOBODY}"
    assert refused(kms.describe_key, KeyId=NOBODY) == ("NotFoundException", f"Key '{arn}' does not exist")
    assert refused(kms.enable_key, KeyId=arn) == ("NotFoundException", f"Key '{arn}' does not exist")


def test_what_names_no_key_is_refused(kms: Any) -> None:
    assert refused(kms.describe_key, KeyId="nonsense") == ("NotFoundException", "Invalid keyId 'nonsense'")
    elsewhere = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{NOBODY}"
    assert refused(kms.describe_key, KeyId=elsewhere) == ("NotFoundException", "Invalid arn eu-west-1")
    assert refused(kms.describe_key, KeyId="arn:aws:s3:::bucket")[0] == "InvalidArnException"
    assert refused(kms.describe_key, KeyId="alias/none") == (
        "NotFoundException",
        f"Alias arn:aws:kms:us-east-1:{ACCOUNT}:alias/none is not found.",
    )


def test_regions_are_apart(kms: Any, shared_cloud: TestCloud) -> None:
    made = make(kms)
    there = shared_cloud.client("kms", region_name="eu-west-1")
    assert refused(there.describe_key, KeyId=made["KeyId"])[0] == "NotFoundException"


def test_a_disabled_key_is_not_used_until_it_is_enabled(kms: Any) -> None:
    made = make(kms)
    kms.disable_key(KeyId=made["KeyId"])
    found = kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]
    assert (found["KeyState"], found["Enabled"]) == ("Disabled", False)
    assert refused(kms.encrypt, KeyId=made["KeyId"], Plaintext=b"x") == (
        "DisabledException",
        f"{made['Arn']} is disabled.",
    )
    kms.enable_key(KeyId=made["KeyId"])
    assert kms.encrypt(KeyId=made["KeyId"], Plaintext=b"x")["CiphertextBlob"]


def test_keys_are_listed_by_pages(cloud: TestCloud) -> None:
    kms = cloud.client("kms")
    made = sorted(make(kms)["KeyId"] for _ in range(5))
    first = kms.list_keys(Limit=2)
    assert first["Truncated"]
    assert len(first["Keys"]) == 2
    pages = kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2})
    assert [key["KeyId"] for page in pages for key in page["Keys"]] == made
    assert refused(kms.list_keys, Marker="nonsense")[0] == "InvalidMarkerException"


def test_tags_are_put_on_changed_and_taken_off(kms: Any) -> None:
    made = make(kms, Tags=[{"TagKey": "a", "TagValue": "1"}])["KeyId"]
    kms.tag_resource(KeyId=made, Tags=[{"TagKey": "a", "TagValue": "2"}, {"TagKey": "b", "TagValue": "3"}])
    assert kms.list_resource_tags(KeyId=made)["Tags"] == [
        {"TagKey": "a", "TagValue": "2"},
        {"TagKey": "b", "TagValue": "3"},
    ]
    kms.untag_resource(KeyId=made, TagKeys=["a", "none"])
    assert [tag["TagKey"] for tag in kms.list_resource_tags(KeyId=made)["Tags"]] == ["b"]
    reserved = [{"TagKey": "aws:x", "TagValue": ""}]
    assert refused(kms.tag_resource, KeyId=made, Tags=reserved)[0] == "TagException"
    many = [{"TagKey": f"t{number}", "TagValue": ""} for number in range(50)]
    assert refused(kms.tag_resource, KeyId=made, Tags=many)[0] == "LimitExceededException"


@pytest.mark.parametrize(
    "asked",
    [
        {"MultiRegion": True},
        {"Origin": "EXTERNAL"},
        {"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"},
        {"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": "cks-1234567890abcdef0"},
    ],
)
def test_what_is_not_here_is_refused_by_name(kms: Any, asked: dict[str, Any]) -> None:
    assert refused(kms.create_key, **asked)[0] in ("NotImplemented", "UnsupportedOperationException")


def test_usage_and_spec_must_go_together(kms: Any) -> None:
    assert refused(kms.create_key, KeySpec="RSA_2048") == (
        "ValidationException",
        "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
    )
    assert refused(kms.create_key, KeySpec="HMAC_256", KeyUsage="SIGN_VERIFY")[0] == "ValidationException"


def test_aliases_lead_to_keys_and_can_be_moved(kms: Any) -> None:
    one, two = make(kms), make(kms)
    kms.create_alias(AliasName="alias/moved", TargetKeyId=one["KeyId"])
    full = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/moved"
    assert kms.describe_key(KeyId="alias/moved")["KeyMetadata"]["KeyId"] == one["KeyId"]
    assert refused(kms.create_alias, AliasName="alias/moved", TargetKeyId=two["KeyId"]) == (
        "AlreadyExistsException",
        f"An alias with the name {full} already exists",
    )
    kms.update_alias(AliasName="alias/moved", TargetKeyId=two["Arn"])
    assert kms.describe_key(KeyId=full)["KeyMetadata"]["KeyId"] == two["KeyId"]
    assert [alias["AliasName"] for alias in kms.list_aliases(KeyId=two["KeyId"])["Aliases"]] == ["alias/moved"]
    assert kms.list_aliases(KeyId=one["KeyId"])["Aliases"] == []
    assert "alias/moved" in [alias["AliasName"] for alias in kms.list_aliases()["Aliases"]]
    kms.delete_alias(AliasName="alias/moved")
    assert refused(kms.delete_alias, AliasName="alias/moved") == ("NotFoundException", f"Alias {full} is not found.")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("moved", "ValidationException"),
        ("alias/aws/mine", "NotAuthorizedException"),
        ("alias/a:b", "ValidationException"),
    ],
)
def test_alias_names_keep_to_the_rules(kms: Any, name: str, code: str) -> None:
    assert refused(kms.create_alias, AliasName=name, TargetKeyId=make(kms)["KeyId"])[0] == code


def test_an_alias_does_not_move_between_kinds_of_keys(kms: Any) -> None:
    kms.create_alias(AliasName="alias/kinds", TargetKeyId=make(kms)["KeyId"])
    other = make(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyId"]
    assert refused(kms.update_alias, AliasName="alias/kinds", TargetKeyId=other)[0] == "ValidationException"


def test_operations_that_change_a_key_take_no_alias(kms: Any) -> None:
    made = make(kms)["KeyId"]
    kms.create_alias(AliasName="alias/unchangeable", TargetKeyId=made)
    assert refused(kms.disable_key, KeyId="alias/unchangeable")[0] == "NotFoundException"
