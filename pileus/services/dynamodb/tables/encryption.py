"""Which key a table's rows are under: AWS's own, the account's `aws/dynamodb`, or one of the customer's.

Source: DynamoDB API Reference, "SSESpecification", "SSEDescription"; DynamoDB Developer Guide, "Managing encrypted
tables in DynamoDB". A change wraps the table's key anew; no row is written again.
"""

from typing import Any

import msgspec

from pileus.base.errors import ApiError
from pileus.service import Call

from ..errors import Invalid
from ..items.locks import (
    DYNAMODB,
    as_service,
    ask_kms,
    context_of,
    opened_key,
    purpose_of,
    unlocked,
)
from ..records import Lock, TableRecord

DEFAULT = "alias/aws/dynamodb"
OPERATIONS = ["Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "RetireGrant", "DescribeKey"]
WRONG = "One or more parameter values were invalid: "


def wanted(specification: dict[str, Any] | None) -> str:
    """The KMS key that is asked for, as it is named; '' for AWS's own."""
    if specification is None or not specification.get("Enabled"):
        if specification is not None and ("KMSMasterKeyId" in specification or "SSEType" in specification):
            raise Invalid(f"{WRONG}SSEType and KMSMasterKeyId can only be specified when Enabled is true")
        return ""
    if specification.get("SSEType", "KMS") != "KMS":
        raise Invalid(f"{WRONG}SSEType {specification['SSEType']} is not supported: the only one is KMS")
    return str(specification.get("KMSMasterKeyId", DEFAULT))


def locked(call: Call, table: TableRecord, key_id: str, key: bytes | None = None) -> TableRecord:
    """The table under another key. `key`: the table's own key, if it has one yet. Raises KeyInaccessible, Invalid."""
    if not key_id:
        keyring, purpose = call.cloud.keyring, purpose_of(table.id)
        data_key = keyring.new_key(purpose) if key is None else keyring.wrapped(key, purpose)
        return msgspec.structs.replace(table, data_key=data_key, kms_key="")
    described = ask_kms(call, "DescribeKey", {"KeyId": key_id})["KeyMetadata"]
    if described["KeySpec"] != "SYMMETRIC_DEFAULT" or described["KeyState"] != "Enabled":
        raise Invalid(f"{WRONG}KMS validation error: the key {key_id} is not an enabled symmetric encryption key")
    arn = described["Arn"]
    lock = Lock(b"", table.id, arn, table.name, table.account)
    asked = {"KeyId": arn, "EncryptionContext": context_of(lock)}
    if key is None:
        made = ask_kms(call, "GenerateDataKey", {**asked, "KeySpec": "AES_256"})
    else:
        made = ask_kms(call, "Encrypt", {**asked, "Plaintext": key})
    grant = {
        "KeyId": arn,
        "GranteePrincipal": DYNAMODB,
        "RetiringPrincipal": DYNAMODB,
        "Operations": OPERATIONS,
        "Constraints": {"EncryptionContextSubset": context_of(lock)},
        "Name": f"dynamodb-{table.id}",
    }
    ask_kms(call, "CreateGrant", grant)
    return msgspec.structs.replace(table, data_key=made["CiphertextBlob"], kms_key=arn)


def changed(call: Call, table: TableRecord, specification: dict[str, Any]) -> TableRecord:
    key_id = wanted(specification)
    if not key_id and not table.kms_key:
        raise Invalid(f"{WRONG}Table is already encrypted by default")
    if table.replicas:
        raise Invalid(f"{WRONG}Pileus does not change the key of a replicated table")
    return locked(call, table, key_id, opened_key(call, table.lock))


def description(call: Call, table: TableRecord) -> dict[str, Any]:
    """SSEDescription, for a table under a KMS key; with when it was found to be inaccessible."""
    found: dict[str, Any] = {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": table.kms_key}
    if not accessible(call, table):
        found["InaccessibleEncryptionDateTime"] = call.now
    return found


def accessible(call: Call, table: TableRecord) -> bool:
    """Whether DynamoDB itself can open the table."""
    try:
        unlocked(as_service(call.cloud, call.tx, table.region), table.lock)
    except ApiError:
        return False
    return True
