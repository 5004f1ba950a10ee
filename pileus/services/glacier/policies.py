"""Vault access policies and the vault lock.

Source: Amazon Glacier Developer Guide, "Access Control with Vault Access Policies", "Amazon Glacier Vault Lock",
"Initiate Vault Lock", "Complete Vault Lock", "Abort Vault Lock", "Get Vault Lock". A lock's policy is in force from the
moment it is initiated; after 24 hours without completion it is as if it had never been.
"""

from typing import Any

from msgspec.structs import replace

from pileus.base import ids
from pileus.identity.trust import resolve, shown
from pileus.policy import MalformedPolicy, validate
from pileus.service import Call

from .address import standing_lock, vault_operation
from .errors import denied, invalid, missing, not_found
from .names import OCTETS, new_id, stamp
from .tables import Lock, Vault, vaults

POLICY_BYTES_MAX = 20 * 1024
LOCK_WITHIN_S = 24 * 3600.0


def _checked(call: Call, request: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The policy's text, and the unique ids of those it names."""
    text = request.get("policy", {}).get("Policy")
    if not text:
        raise missing("Policy")
    if len(text.encode()) > POLICY_BYTES_MAX:
        raise invalid(f"Invalid policy: it is larger than {POLICY_BYTES_MAX} bytes.")
    try:
        validate(text, "resource")
        return text, resolve(call.tx, text)
    except MalformedPolicy as error:
        raise invalid(f"Invalid policy: {error}") from None


@vault_operation("SetVaultAccessPolicy")
def set_vault_access_policy(call: Call, vault: Vault, request: dict[str, Any]) -> None:
    text, trusted = _checked(call, request)
    vaults.put(call.tx, *vault.key, record=replace(vault, policy=text, trusted=trusted))


@vault_operation("GetVaultAccessPolicy")
def get_vault_access_policy(call: Call, vault: Vault, request: dict[str, Any]) -> dict[str, Any]:
    if not vault.policy:
        raise not_found(f"No vault access policy is set for: {vault.arn}")
    return {"policy": {"Policy": shown(call.tx, vault.policy, vault.trusted, call.partition)}}


@vault_operation("DeleteVaultAccessPolicy")
def delete_vault_access_policy(call: Call, vault: Vault, request: dict[str, Any]) -> None:
    """Idempotent."""
    vaults.put(call.tx, *vault.key, record=replace(vault, policy="", trusted={}))


@vault_operation("InitiateVaultLock")
def initiate_vault_lock(call: Call, vault: Vault, request: dict[str, Any]) -> dict[str, Any]:
    standing = standing_lock(vault, call.now)
    if standing is not None:
        raise denied("The vault is locked." if standing.locked else "A vault lock is already in progress.")
    text, trusted = _checked(call, request)
    lock = Lock(new_id(ids.rising(call.now), OCTETS), text, trusted, call.now, call.now + LOCK_WITHIN_S)
    vaults.put(call.tx, *vault.key, record=replace(vault, lock=lock))
    return {"lockId": lock.id}


@vault_operation("CompleteVaultLock")
def complete_vault_lock(call: Call, vault: Vault, request: dict[str, Any]) -> None:
    """Idempotent for the same lock id."""
    lock = _standing(call, vault)
    if lock.id != request["lockId"]:
        raise denied("The vault is locked.") if lock.locked else invalid(f"Invalid lock ID: {request['lockId']}")
    if not lock.locked:
        vaults.put(call.tx, *vault.key, record=replace(vault, lock=replace(lock, locked=True)))


@vault_operation("AbortVaultLock")
def abort_vault_lock(call: Call, vault: Vault, request: dict[str, Any]) -> None:
    """Idempotent, until the lock is complete."""
    lock = standing_lock(vault, call.now)
    if lock is not None and lock.locked:
        raise denied("The vault is locked.")
    vaults.put(call.tx, *vault.key, record=replace(vault, lock=None))


@vault_operation("GetVaultLock")
def get_vault_lock(call: Call, vault: Vault, request: dict[str, Any]) -> dict[str, Any]:
    lock = _standing(call, vault)
    found = {
        "Policy": shown(call.tx, lock.policy, lock.trusted, call.partition),
        "State": "Locked" if lock.locked else "InProgress",
        "CreationDate": stamp(lock.created),
    }
    if not lock.locked:
        found["ExpirationDate"] = stamp(lock.expires)
    return found


def _standing(call: Call, vault: Vault) -> Lock:
    lock = standing_lock(vault, call.now)
    if lock is None:
        raise not_found(f"No vault lock policy is set for: {vault.arn}")
    return lock
