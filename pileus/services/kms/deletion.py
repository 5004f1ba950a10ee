"""Deleting a key: announced, waited for, and then really gone, its aliases and grants too.

Source: AWS KMS Developer Guide, "Deleting AWS KMS keys"; AWS KMS API Reference, "ScheduleKeyDeletion".
"""

from typing import Any

import msgspec

from pileus.control import Done, Outcome, RequeueAt
from pileus.service import Call
from pileus.store import Transaction

from .errors import Invalid, InvalidState
from .identify import changeable, key_of, key_operation
from .managed import DAY
from .tables import Key, aliases, grants, keys

DAYS_MIN, DAYS_MAX = 7, 30
CHUNK = 500


@key_operation("ScheduleKeyDeletion")
def schedule_key_deletion(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = changeable(call)
    days = request.get("PendingWindowInDays", DAYS_MAX)
    if not DAYS_MIN <= days <= DAYS_MAX:
        raise Invalid(f"PendingWindowInDays must be between {DAYS_MIN} and {DAYS_MAX}.")
    changed = msgspec.structs.replace(key, deletion=call.now + days * DAY, deletion_days=days)
    keys.put(call.tx, key.account, key.region, key.id, record=changed)
    return {
        "KeyId": key.arn,
        "DeletionDate": changed.deletion,
        "KeyState": changed.state,
        "PendingWindowInDays": days,
    }


@key_operation("CancelKeyDeletion")
def cancel_key_deletion(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The key is disabled then."""
    key = key_of(call)
    if not key.deletion:
        raise InvalidState(f"{key.arn} is not pending deletion.")
    changed = msgspec.structs.replace(key, deletion=0.0, deletion_days=0, enabled=False)
    keys.put(call.tx, key.account, key.region, key.id, record=changed)
    return {"KeyId": key.arn}


class RemoveKeys:
    """Removes a key whose waiting period is over. Nobody could use it any more since the moment it ended."""

    watches = keys.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        def work(tx: Transaction) -> "Outcome | bool":
            found = keys.get(tx, *key)
            if found is None or not found.deletion:
                return Done
            if world.clock.now() < found.deletion:
                return RequeueAt(found.deletion)
            return _removed_some(tx, found)

        outcome = await world.store.transact(work)
        while outcome is True:
            outcome = await world.store.transact(work)
        return outcome if isinstance(outcome, RequeueAt) else Done


def _removed_some(tx: Transaction, key: Key) -> bool:
    """Grants first, a chunk at a time; whether there is more to do."""
    left = list(grants.scan(tx, key.account, key.region, key.id, limit=CHUNK))
    for rest, _ in left:
        grants.delete(tx, key.account, key.region, key.id, *rest)
    if len(left) == CHUNK:
        return True
    for name in key.aliases:
        alias = aliases.get(tx, key.account, key.region, name)
        if alias is not None and alias.target == key.id:  # the name may be another key's by now
            aliases.delete(tx, key.account, key.region, name)
    keys.delete(tx, key.account, key.region, key.id)
    return False
