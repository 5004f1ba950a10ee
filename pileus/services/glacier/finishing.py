"""Jobs are finished when their hours are over, and forgotten a day later.

Source: Amazon Glacier Developer Guide, "Get Job Output" (24 hours), "Delete Archive" (what a deletion does to a
retrieval in progress: here it fails; one that is finished can be downloaded to the end of its day).
"""

from functools import partial
from typing import Any

from msgspec.structs import replace

from pileus.base.threads import threaded
from pileus.blobs import records
from pileus.blobs.sealing import SegmentWriter
from pileus.control import RequeueAt
from pileus.store import Transaction

from .inventories import foot, head, lists, row
from .names import serial_of
from .pieces import cipher_of, cut, drop, let_go
from .tables import Archive, Job, Listing, Piece, Vault, archives, contents, jobs, vaults

KEPT_S = 24 * 3_600.0
CHUNK = 500


class FinishJobs:
    watches = jobs.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> RequeueAt | None:
        now = world.clock.now()
        job, vault = await world.store.transact(lambda tx: _look(tx, key))
        if job is None:
            return None
        if vault is None or (job.completed and now >= job.completed + KEPT_S):
            await world.store.transact(lambda tx: _forget(tx, key))
            return None
        if job.completed:
            return RequeueAt(job.completed + KEPT_S)
        if now < job.due:
            return RequeueAt(job.due)
        if job.listing is None:
            await world.store.transact(lambda tx: _retrieve(tx, key, now))
        else:
            await _list(world, key, job.listing, vault, now)
        return RequeueAt(now + KEPT_S)


def _look(tx: Transaction, key: tuple[Any, ...]) -> tuple[Job | None, Vault | None]:
    """The job and its vault, if that is still the one it was started in."""
    job = jobs.get(tx, *key)
    vault = vaults.get(tx, *job.vault) if job is not None else None
    return job, vault if vault is not None and vault.uid == key[0] else None


def _forget(tx: Transaction, key: tuple[Any, ...]) -> None:
    job = jobs.get(tx, *key)
    if job is None:
        return
    for piece in (*job.held, *((job.output,) if job.output is not None else ())):
        let_go(tx, piece)
    jobs.delete(tx, *key)


def _retrieve(tx: Transaction, key: tuple[Any, ...], now: float) -> None:
    """From now on the job holds the bytes, whatever becomes of the archive."""
    job = jobs.get(tx, *key)
    if job is None or job.completed:
        return
    archive = archives.get(tx, key[0], job.archive)
    pieces = contents.get(tx, job.archive)
    if archive is None or archive.deleted or pieces is None:
        jobs.put(tx, *key, record=replace(job, completed=now, failure="ResourceNotFound"))
        return
    held, held_at = cut(pieces, job.start, job.stop)
    for piece in held:
        records.adopt(tx, piece.blob)
    jobs.put(tx, *key, record=replace(job, completed=now, held=held, held_at=held_at))


async def _list(world: Any, key: tuple[Any, ...], listing: Listing, vault: Vault, now: float) -> None:
    """Writes the last inventory to a blob, then makes it the job's."""
    out = SegmentWriter(world.blobs, lambda blob: cipher_of(world.keyring, vault, blob))
    try:
        marker = await _write(world, out, listing, vault)
        piece = Piece(await threaded(out.finish), out.size)
    except BaseException:
        out.abort()
        raise
    try:
        await world.store.transact(lambda tx: _keep(tx, key, piece, now, marker))
    finally:
        await drop(world, piece)


async def _write(world: Any, out: SegmentWriter, listing: Listing, vault: Vault) -> str:
    """Returns the marker of the rest, '' if nothing is left."""
    await threaded(out.write, head(vault, listing.format).encode())
    after = serial_of(listing.after) if listing.after else None
    key: tuple[Any, ...] | None = (after,) if after is not None else None
    count, last = 0, ""
    while True:
        page = await world.store.transact(partial(_page, vault=vault.uid, after=key))
        text: list[str] = []
        for _, archive in page:
            if not lists(vault, listing, archive):
                continue
            if count == listing.limit:
                await threaded(out.write, ("".join(text) + foot(listing.format)).encode())
                return last
            text.append(row(archive, listing.format, not count))
            count, last = count + 1, archive.id
        if len(page) < CHUNK:
            await threaded(out.write, ("".join(text) + foot(listing.format)).encode())
            return ""
        await threaded(out.write, "".join(text).encode())
        key = page[-1][0]


def _page(tx: Transaction, vault: int, after: tuple[Any, ...] | None) -> list[tuple[tuple[Any, ...], Archive]]:
    return list(archives.scan(tx, vault, after=after, limit=CHUNK))


def _keep(tx: Transaction, key: tuple[Any, ...], piece: Piece, now: float, marker: str) -> None:
    job = jobs.get(tx, *key)
    if job is None or job.completed or job.listing is None:
        return
    records.adopt(tx, piece.blob)
    listing = replace(job.listing, marker=marker)
    jobs.put(tx, *key, record=replace(job, completed=now, output=piece, listing=listing))
