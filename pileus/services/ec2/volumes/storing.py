"""A snapshot's blocks on their way from the pool to the blob store: only those that changed since its parent.

Blocks are blobs, sealed at rest, each pointed at by every snapshot that has it. A snapshot has a row for each of its
blocks that is not all zeros, so that any snapshot can be deleted without a look at another. What is interrupted goes on
where it was: rows that are there are not made again. Source: Amazon EBS User Guide, "How Amazon EBS snapshots work".
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from pileus.blobs import records as blob_records
from pileus.blobs.api import Blobs
from pileus.blobs.sealing import SEGMENT_BYTES, read_range, seal
from pileus.control import Done, Outcome, RequeueAt
from pileus.control.outside import outside
from pileus.drivers import Unable
from pileus.drivers.volumes.api import BLOCK
from pileus.keyring import Cipher, Keyring, derived
from pileus.service.call import Cloud
from pileus.store import Transaction, wake

from ..images.records import images, images_of_snapshot
from . import encrypting, moments
from .records import Block, Snapshot, being_made_of, blocks, by_snapshot_id, removed, restored, snapshots, volumes

PURPOSE = "ec2.snapshot"
AT_ONCE = 16
ROWS_AT_ONCE = 500
AGAIN_SECONDS = 1.0
ZEROS = bytes(BLOCK)
Key = tuple[Any, ...]
replace = msgspec.structs.replace


def write_block(blobs: Blobs, keyring: Keyring, wrapped: bytes, content: bytes, data_key: bytes = b"") -> Block:
    """In a thread. `data_key`: of an encrypted snapshot, instead of the cloud's own, `wrapped`."""
    writer = blobs.create()
    wrapped = b"" if data_key else wrapped
    cipher = _cipher(keyring, wrapped, data_key, writer.id)
    for segment, at in enumerate(range(0, BLOCK, SEGMENT_BYTES)):
        writer.write(seal(cipher, segment, content[at : at + SEGMENT_BYTES]))
    writer.finish()
    return Block(writer.id, wrapped, hashlib.sha256(content).digest())


def _cipher(keyring: Keyring, wrapped: bytes, data_key: bytes, blob: int) -> Cipher:
    label = blob.to_bytes(8, "big")
    if wrapped:
        return keyring.derived(wrapped, PURPOSE, label)
    if not data_key:
        raise ValueError("a block of an encrypted snapshot is opened with its data key")
    return derived(data_key, b"ec2.snapshot.encrypted" + label)


def read_block(blobs: Blobs, keyring: Keyring, block: Block | None, data_key: bytes = b"") -> bytes:
    """In a thread. A block without a row is all zeros. `data_key`: of an encrypted snapshot."""
    if block is None:
        return ZEROS
    cipher = _cipher(keyring, block.key, data_key, block.blob)
    blob = blobs.open(block.blob)
    try:
        return b"".join(read_range(blob, cipher, BLOCK, 0, BLOCK))
    finally:
        blob.close()


def put_block(tx: Transaction, snapshot: str, number: int, block: Block | None) -> None:
    """In place of the one it had."""
    old = blocks.get(tx, snapshot, number)
    if old is not None:
        blob_records.release(tx, old.blob)
        blocks.delete(tx, snapshot, number)
    if block is not None:
        blob_records.adopt(tx, block.blob)
        blocks.put(tx, snapshot, number, record=block)


def rows_of(tx: Transaction, snapshot: str, after: int = -1, limit: int = ROWS_AT_ONCE) -> list[tuple[int, Block]]:
    found = blocks.scan(tx, snapshot, after=(after,), limit=limit)
    return [(int(key[0]), block) for key, block in found]


async def every_row(cloud: Cloud, snapshot: str) -> list[tuple[int, Block]]:
    found: list[tuple[int, Block]] = []
    while True:
        last = found[-1][0] if found else -1
        some = await cloud.store.transact(lambda tx, last=last: rows_of(tx, snapshot, last))  # type: ignore[misc]
        found += some
        if len(some) < ROWS_AT_ONCE:
            return found


class StoreSnapshots:
    """Watches the table of snapshots."""

    watches = "ec2.snapshots"
    outside = True

    async def reconcile(self, cloud: Cloud, key: Key) -> Outcome:
        snapshot = await cloud.store.transact(lambda tx: snapshots.get(tx, *key))
        if snapshot is None or snapshot.state != "pending" or snapshot.held:
            return Done
        if snapshot.external:
            return await _waited(cloud, snapshot)
        if not snapshot.copy and cloud.drivers.volumes.lacking():
            return Done
        if snapshot.parent and not await _usable(cloud, snapshot.parent):
            return RequeueAt(cloud.clock.now() + AGAIN_SECONDS)
        try:
            if snapshot.copy:
                await _copy(cloud, snapshot)
            else:
                if snapshot.origin:
                    await outside(cloud.drivers.volumes.ensure_image, snapshot.origin)
                elif not await moments.frozen(cloud, snapshot):
                    return RequeueAt(cloud.clock.now() + AGAIN_SECONDS)
                await _store(cloud, snapshot)
        except Unable as error:
            why = str(error)
            await _write(cloud, snapshot, lambda now: replace(now, state="error", message=why))
        return Done


async def _waited(cloud: Cloud, snapshot: Snapshot) -> Outcome:
    """Of a snapshot whose maker puts its blocks: for how long it is waited for the next."""
    if cloud.clock.now() < snapshot.expires:
        return RequeueAt(snapshot.expires)

    def work(tx: Transaction) -> None:
        now = snapshots.get(tx, snapshot.account, snapshot.region, snapshot.id)
        if now is not None and now.external and now.state == "pending" and now.expires == snapshot.expires:
            failed = replace(now, state="error", message="No block was put for too long.")
            snapshots.put(tx, now.account, now.region, now.id, record=failed)

    await cloud.store.transact(work)
    return Done


async def _usable(cloud: Cloud, parent: str) -> bool:
    """Whether the parent has all its blocks. One that failed or went is no parent: then all blocks are stored."""
    found = await cloud.store.transact(lambda tx: list(snapshots.find(tx, by_snapshot_id, parent, limit=1)))
    return not found or found[0][1].state != "pending"


async def _store(cloud: Cloud, snapshot: Snapshot) -> None:
    driver = cloud.drivers.volumes
    inherited: dict[int, Block] = {}
    data_key = await encrypting.key_of(cloud, snapshot.data_key)
    parent = snapshot.parent if await _same_key(cloud, snapshot) else ""
    if parent and await _completed(cloud, parent) and parent in await outside(driver.frozen):
        inherited = dict(await every_row(cloud, parent))
    else:
        parent = ""
    name = snapshot.origin or snapshot.id
    differing = set(await outside(driver.changed, parent, name, data_key))
    there = {number for number, _ in await every_row(cloud, snapshot.id)}
    kept = [(number, block) for number, block in inherited.items() if number not in differing and number not in there]
    for some in _parts(kept, ROWS_AT_ONCE):
        differing |= await _inherit(cloud, snapshot, some)
    wanted = sorted(differing - there)
    key = cloud.keyring.new_key(PURPOSE)
    stored, done = snapshot.stored, 0
    for numbers in _parts(wanted, AT_ONCE):
        made = await outside(_blocks, cloud, name, key, numbers, data_key)
        stored += len(made) * BLOCK
        done += len(numbers)
        progress = min(99, 100 * done // len(wanted))
        await _keep(cloud, snapshot, made, progress, stored)
    await _complete(cloud, snapshot)


async def _complete(cloud: Cloud, snapshot: Snapshot, stored: int | None = None) -> None:
    """All its blocks are there."""
    now, full = cloud.clock.now(), len(await every_row(cloud, snapshot.id)) * BLOCK

    def change(one: Snapshot) -> Snapshot:
        added = one.stored if stored is None else stored
        return replace(one, state="completed", progress=100, completed=now, full=full, stored=added)

    await _write(cloud, snapshot, change)


async def _same_key(cloud: Cloud, snapshot: Snapshot) -> bool:
    """Whether the parent's blocks are sealed as this one's are, so that they can be shared."""
    found = await cloud.store.transact(lambda tx: list(snapshots.find(tx, by_snapshot_id, snapshot.parent, limit=1)))
    return not found or found[0][1].data_key == snapshot.data_key


async def _copy(cloud: Cloud, snapshot: Snapshot) -> None:
    if not await _same_key(cloud, snapshot):
        await _seal_anew(cloud, snapshot)
        return
    there = {number for number, _ in await every_row(cloud, snapshot.id)}
    rows = [row for row in await every_row(cloud, snapshot.parent) if row[0] not in there]
    for some in _parts(rows, ROWS_AT_ONCE):
        if await _inherit(cloud, snapshot, some):
            raise Unable(f"the snapshot {snapshot.parent} was deleted while it was copied")
    if not await _completed(cloud, snapshot.parent):
        raise Unable(f"the snapshot {snapshot.parent} was deleted while it was copied")
    # A copy that the caller ordered holds bytes of its own; one that was begun block by block added some.
    await _complete(cloud, snapshot, snapshot.stored or (len(there) + len(rows)) * BLOCK)


async def _seal_anew(cloud: Cloud, snapshot: Snapshot) -> None:
    """A copy under another key has blocks of its own."""
    found = await cloud.store.transact(lambda tx: list(snapshots.find(tx, by_snapshot_id, snapshot.parent, limit=1)))
    old = await encrypting.key_of(cloud, found[0][1].data_key if found else None)
    new, own = await encrypting.key_of(cloud, snapshot.data_key), cloud.keyring.new_key(PURPOSE)
    rows = await every_row(cloud, snapshot.parent)
    there = {number for number, _ in await every_row(cloud, snapshot.id)}

    def work(some: list[tuple[int, Block]]) -> list[tuple[int, Block]]:
        read = ((number, read_block(cloud.blobs, cloud.keyring, block, old)) for number, block in some)
        return [(number, write_block(cloud.blobs, cloud.keyring, own, content, new)) for number, content in read]

    for some in _parts([row for row in rows if row[0] not in there], AT_ONCE):
        try:
            made = await outside(work, some)
        except FileNotFoundError:
            break
        await _keep(cloud, snapshot, made, snapshot.progress, 0)
    if not await _completed(cloud, snapshot.parent):
        raise Unable(f"the snapshot {snapshot.parent} was deleted while it was copied")
    await _complete(cloud, snapshot, snapshot.stored or len(rows) * BLOCK)


def _blocks(cloud: Cloud, name: str, key: bytes, numbers: list[int], data_key: bytes) -> list[tuple[int, Block]]:
    """In a thread: those that are not all zeros."""
    found = []
    for number in numbers:
        content = cloud.drivers.volumes.read(name, number, data_key)
        if content != ZEROS:
            found.append((number, write_block(cloud.blobs, cloud.keyring, key, content, data_key)))
    return found


async def _completed(cloud: Cloud, snapshot: str) -> bool:
    found = await cloud.store.transact(lambda tx: list(snapshots.find(tx, by_snapshot_id, snapshot, limit=1)))
    return bool(found) and found[0][1].state == "completed"


async def _inherit(cloud: Cloud, snapshot: Snapshot, rows: list[tuple[int, Block]]) -> set[int]:
    """Blocks of the parent. Which of them it does not have any more, because it was deleted meanwhile."""

    def work(tx: Transaction) -> set[int]:
        if snapshots.get(tx, snapshot.account, snapshot.region, snapshot.id) is None:
            return set()
        lost = set()
        for number, block in rows:
            if blocks.get(tx, snapshot.parent, number) == block:
                put_block(tx, snapshot.id, number, block)
            else:
                lost.add(number)
        return lost

    return await cloud.store.transact(work)


async def _keep(cloud: Cloud, snapshot: Snapshot, made: list[tuple[int, Block]], progress: int, stored: int) -> None:
    def work(tx: Transaction) -> None:
        now = snapshots.get(tx, snapshot.account, snapshot.region, snapshot.id)
        if now is None:
            return  # it was deleted meanwhile: what was written is nobody's
        for number, block in made:
            put_block(tx, snapshot.id, number, block)
        if progress > now.progress:
            changed = replace(now, progress=progress, stored=stored)
            snapshots.put(tx, now.account, now.region, now.id, record=changed)

    await cloud.store.transact(work)


async def _write(cloud: Cloud, snapshot: Snapshot, change: Any) -> None:
    def work(tx: Transaction) -> None:
        now = snapshots.get(tx, snapshot.account, snapshot.region, snapshot.id)
        if now is not None:
            snapshots.put(tx, now.account, now.region, now.id, record=change(now))
            for _, image in images.find(tx, images_of_snapshot, now.id, limit=1_000):
                wake(tx, images.name, image.owner, image.region, image.id)

    await cloud.store.transact(work)


def _parts(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    whole = list(items)
    for at in range(0, len(whole), size):
        yield whole[at : at + size]


class RemoveSnapshots:
    """Lets go of a deleted snapshot's blocks, and of what the pool has of it."""

    watches = "ec2.snapshots.removed"
    outside = True

    async def reconcile(self, cloud: Cloud, key: Key) -> Outcome:
        snapshot = str(key[0])
        if await cloud.store.transact(lambda tx: removed.get(tx, snapshot)) is None:
            return Done
        if await cloud.store.transact(lambda tx: list(volumes.find(tx, being_made_of, snapshot, limit=1))):
            return RequeueAt(cloud.clock.now() + AGAIN_SECONDS)  # a volume that was ordered before still needs it
        if not cloud.drivers.volumes.lacking():
            for name in (snapshot, pool_name(snapshot)):
                await outside(cloud.drivers.volumes.forget, name)
        while await cloud.store.transact(lambda tx: _let_go(tx, snapshot)):
            pass
        return Done


def _let_go(tx: Transaction, snapshot: str) -> bool:
    """Some of its blocks. Whether there are more."""
    some = rows_of(tx, snapshot)
    for number, _ in some:
        put_block(tx, snapshot, number, None)
    if len(some) == ROWS_AT_ONCE:
        return True
    restored.delete(tx, snapshot)
    removed.delete(tx, snapshot)
    return False


def pool_name(snapshot: str) -> str:
    """What a snapshot is called in the pool that was read back into it."""
    return f"{snapshot}-restored"


def last_of(tx: Transaction, account: str, region: str, volume: str) -> str:
    """The snapshot that the next one of the volume adds to: its latest, or the one it was made of."""
    latest, moment = "", -1.0
    for _, snapshot in snapshots.scan(tx, account, region, limit=100_000):
        if snapshot.volume == volume and snapshot.state != "error" and snapshot.started > moment:
            latest, moment = snapshot.id, snapshot.started
    if latest:
        return latest
    record = volumes.get(tx, account, region, volume)
    return record.snapshot if record is not None and record.origin == record.snapshot else ""
