"""Rotation: new material for new ciphertexts, the old kept for the old ones.

Source: AWS KMS Developer Guide, "Rotate AWS KMS keys"; AWS KMS API Reference, "EnableKeyRotation", "RotateKeyOnDemand",
"ListKeyRotations".
"""

from typing import Any

import msgspec

from pileus.control import Done, Outcome, RequeueAt
from pileus.keyring import Keyring
from pileus.service import Call
from pileus.store import Transaction

from .errors import Invalid, LimitExceeded, UnsupportedOperation
from .identify import key_of, key_operation, usable
from .managed import DAY
from .material import new_material
from .pages import page
from .tables import AWS, Key, Material, keys

DAYS, DAYS_MIN, DAYS_MAX = 365, 90, 2_560
ON_DEMAND_MAX = 25
AUTOMATIC, ON_DEMAND = "AUTOMATIC", "ON_DEMAND"


def _rotatable(key: Key) -> Key:
    if not key.symmetric or key.manager == AWS:
        raise UnsupportedOperation(f"{key.arn} cannot be rotated: only symmetric customer managed keys can.")
    return key


@key_operation("EnableKeyRotation")
def enable_key_rotation(call: Call, request: dict[str, Any]) -> None:
    key = _rotatable(usable(call))
    days = request.get("RotationPeriodInDays", DAYS)
    if not DAYS_MIN <= days <= DAYS_MAX:
        raise Invalid(f"RotationPeriodInDays must be between {DAYS_MIN} and {DAYS_MAX}.")
    if key.rotation_days == days:
        return
    changed = msgspec.structs.replace(key, rotation_days=days, rotation_due=call.now + days * DAY)
    keys.put(call.tx, key.account, key.region, key.id, record=changed)


@key_operation("DisableKeyRotation")
def disable_key_rotation(call: Call, request: dict[str, Any]) -> None:
    key = _rotatable(usable(call))
    changed = msgspec.structs.replace(key, rotation_days=0, rotation_due=0.0)
    keys.put(call.tx, key.account, key.region, key.id, record=changed)


@key_operation("GetKeyRotationStatus", shared=True)
def get_key_rotation_status(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = key_of(call)
    found: dict[str, Any] = {"KeyId": key.arn, "KeyRotationEnabled": bool(key.rotation_days) and not key.deletion}
    if found["KeyRotationEnabled"]:
        found["RotationPeriodInDays"] = key.rotation_days
        found["NextRotationDate"] = key.rotation_due
    return found


@key_operation("RotateKeyOnDemand")
def rotate_key_on_demand(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """At once: AWS takes a while."""
    key = _rotatable(usable(call))
    if sum(one.by == ON_DEMAND for one in key.materials) >= ON_DEMAND_MAX:
        raise LimitExceeded(f"A KMS key can be rotated on demand at most {ON_DEMAND_MAX} times.")
    _rotate(call.tx, call.cloud.keyring, key, call.now, ON_DEMAND)
    return {"KeyId": key.arn}


@key_operation("ListKeyRotations")
def list_key_rotations(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = key_of(call)
    if not key.symmetric:
        raise UnsupportedOperation(f"{key.arn} has no rotations: only symmetric keys have.")
    everything = request.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL"
    rows = [((number,), one) for number, one in enumerate(key.materials) if one.by or everything]

    def show(one: Material) -> dict[str, Any]:
        shown: dict[str, Any] = {"KeyId": key.arn, "KeyMaterialId": one.id}
        shown["KeyMaterialState"] = "CURRENT" if one is key.materials[-1] else "NON_CURRENT"
        if one.by:
            shown |= {"RotationDate": one.made, "RotationType": one.by}
        return shown

    return page(request, f"kms.rotations/{key.arn}/{everything}", "Rotations", rows, show, 1_000)


def _rotate(tx: Transaction, keyring: Keyring, key: Key, now: float, by: str) -> None:
    fresh, _ = new_material(keyring, key.arn, key.spec, now, by)
    changed = msgspec.structs.replace(key, materials=[*key.materials, fresh])
    if by == AUTOMATIC:
        changed = msgspec.structs.replace(changed, rotation_due=now + key.rotation_days * DAY)
    keys.put(tx, key.account, key.region, key.id, record=changed)


class RotateKeys:
    """Rotates what is due. A disabled key waits until it is enabled, one that is to be deleted until that is
    cancelled: both writes bring the key here again."""

    watches = keys.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        def work(tx: Transaction) -> Outcome:
            found, now = keys.get(tx, *key), world.clock.now()
            if found is None or not found.rotation_days or found.state != "Enabled":
                return Done
            if now < found.rotation_due:
                return RequeueAt(found.rotation_due)
            _rotate(tx, world.keyring, found, now, AUTOMATIC)
            return RequeueAt(now + found.rotation_days * DAY)

        return await world.store.transact(work)
