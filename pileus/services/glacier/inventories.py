"""Vault inventories: once a day, counted and made ready to be listed.

Source: Amazon Glacier Developer Guide, "Downloading a Vault Inventory in Amazon Glacier": made about once a day, and
only when something was added or deleted since the last. Here: at the hour at which the vault was made. What was deleted
is listed until the next one.
"""

import asyncio
from functools import partial
from typing import Any, NamedTuple

import orjson
from msgspec.structs import replace

from pileus.base.clock import iso
from pileus.control import RequeueAt
from pileus.store import Transaction

from .tables import Archive, Listing, Vault, Writes, archives, vaults, writes

DAY_S = 86_400.0
CHUNK = 500
CSV_HEAD = "ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash\r\n"


class Count(NamedTuple):
    """So far; `after` is where to go on, None at the end."""

    archives: int
    bytes: int
    after: tuple[Any, ...] | None


class TakeInventory:
    """Counts a vault's archives when its daily hour comes after a write."""

    watches = writes.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> RequeueAt | None:
        now = world.clock.now()
        due = await world.store.transact(lambda tx: _due(tx, key))
        if due is None:
            return None
        if due > now:
            return RequeueAt(due)
        vault: Vault | None = await world.store.transact(lambda tx: vaults.get(tx, *key))
        if vault is None:
            return None
        count = Count(0, 0, ())
        while count.after is not None:
            count = await world.store.transact(partial(_count, vault=vault, now=now, count=count))
            await asyncio.sleep(0)  # callers go first
        await world.store.transact(lambda tx: _keep(tx, vault, now, count))
        return None


def _due(tx: Transaction, key: tuple[Any, ...]) -> float | None:
    written, vault = writes.get(tx, *key), vaults.get(tx, *key)
    if vault is None:
        writes.delete(tx, *key)
        return None
    if written is None:
        return None
    return vault.created + ((written.first - vault.created) // DAY_S + 1) * DAY_S


def _count(tx: Transaction, vault: Vault, now: float, count: Count) -> Count:
    """Counts some archives more, and forgets those that were deleted before."""
    number, size, after = count
    seen = list(archives.scan(tx, vault.uid, after=after or None, limit=CHUNK))
    for key, archive in seen:
        if 0 < archive.deleted < now:
            archives.delete(tx, vault.uid, *key)
        elif archive.created < now:
            number, size = number + 1, size + archive.size
    return Count(number, size, seen[-1][0] if len(seen) == CHUNK else None)


def _keep(tx: Transaction, vault: Vault, now: float, count: Count) -> None:
    """What was written while it was counted is for the next one."""
    found = vaults.get(tx, *vault.key)
    if found is None or found.uid != vault.uid:
        return
    counted = replace(found, inventoried=now, archives=count.archives, bytes=count.bytes)
    vaults.put(tx, *vault.key, record=counted)
    written = writes.get(tx, *vault.key)
    if written is not None and written.last >= now:
        writes.put(tx, *vault.key, record=Writes(written.last, written.last))
    else:
        writes.delete(tx, *vault.key)


def lists(vault: Vault, listing: Listing, archive: Archive) -> bool:
    """Whether the last inventory has the archive, and the dates asked for cover it."""
    if archive.created >= vault.inventoried or 0 < archive.deleted < vault.inventoried:
        return False
    begun = listing.start is None or archive.created >= listing.start
    return begun and (listing.end is None or archive.created < listing.end)


def head(vault: Vault, form: str) -> str:
    if form == "CSV":
        return CSV_HEAD
    return f'{{"VaultARN":"{vault.arn}","InventoryDate":"{iso(vault.inventoried)}","ArchiveList":['


def row(archive: Archive, form: str, first: bool) -> str:
    if form == "CSV":
        description = archive.description.replace('"', '""')
        created = iso(archive.created)
        return f'{archive.id},"{description}",{created},{archive.size},{archive.tree_hash}\r\n'
    shown = {
        "ArchiveId": archive.id,
        "ArchiveDescription": archive.description,
        "CreationDate": iso(archive.created),
        "Size": archive.size,
        "SHA256TreeHash": archive.tree_hash,
    }
    return ("" if first else ",") + orjson.dumps(shown).decode()


def foot(form: str) -> str:
    return "" if form == "CSV" else "]}"
