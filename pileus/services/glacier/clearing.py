"""Multipart uploads that are over, or that nobody touched for a day, are cleared away.

Source: Amazon Glacier Developer Guide, "Initiate Multipart Upload" (24 hours), "Complete Multipart Upload" and "Abort
Multipart Upload" (idempotent for a short time: here, a day).
"""

from typing import Any, NamedTuple

from msgspec.structs import replace

from pileus.control import RequeueAt
from pileus.store import Transaction

from .pieces import let_go
from .tables import parts, uploads, vaults

KEPT_S = 24 * 3_600.0
BATCH = 200


class ClearUploads:
    watches = uploads.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> RequeueAt | None:
        now = world.clock.now()
        found = await world.store.transact(lambda tx: _decide(tx, key, now))
        if found is None:
            return None
        if found.aborted:
            while await world.store.transact(lambda tx: _drop_parts(tx, key[1])):
                continue
        if found.touched + KEPT_S > now and not found.orphan:
            return RequeueAt(found.touched + KEPT_S)
        await world.store.transact(lambda tx: uploads.delete(tx, *key))
        return None


class Decided(NamedTuple):
    aborted: bool
    touched: float
    orphan: bool


def _decide(tx: Transaction, key: tuple[Any, ...], now: float) -> Decided | None:
    """Aborts what nobody may go on with, before its parts go: an upload left alone, or one whose vault is gone."""
    upload = uploads.get(tx, *key)
    if upload is None:
        return None
    vault = vaults.get(tx, *upload.vault)
    orphan = vault is None or vault.uid != key[0]
    aborted = upload.aborted
    if not upload.over and (orphan or upload.touched + KEPT_S <= now):
        uploads.put(tx, *key, record=replace(upload, aborted=True))
        aborted = True
    return Decided(aborted, upload.touched, orphan)


def _drop_parts(tx: Transaction, serial: int) -> bool:
    found = list(parts.scan(tx, serial, limit=BATCH))
    for key, part in found:
        let_go(tx, part.piece)
        parts.delete(tx, serial, *key)
    return len(found) == BATCH
