"""What is given up piece by piece: large objects, abandoned uploads, the uploads of deleted buckets.

A reconciler, so that no request waits for ten thousand parts to be released. A crash at any line leaves the row that
says what is left to do.
"""

from typing import Any

from pileus.control import RequeueAt
from pileus.store import Transaction

from ..objects.storing import release_piece
from ..tables import Layout, completed, discarded, layouts, parts, uploads

BATCH = 200
REPEATABLE_S = 24 * 3600.0


class Clear:
    """Clears what a row of `s3.discarded` names, a batch a transaction."""

    watches = discarded.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> None:
        kind, name = key
        step = {"layout": _layout, "upload": _upload, "bucket": _bucket}[kind]
        while await world.store.transact(lambda tx: _step(tx, step, kind, name)):
            continue


def _step(tx: Transaction, step: Any, kind: str, name: Any) -> bool:
    """One batch. False when nothing is left."""
    if discarded.get(tx, kind, name) is None:
        return False
    if step(tx, name):
        return True
    discarded.delete(tx, kind, name)
    return False


def _layout(tx: Transaction, number: int) -> bool:
    layout = layouts.get(tx, number)
    if layout is None:
        return False
    for piece in layout.pieces[:BATCH]:
        release_piece(tx, piece)
    left = layout.pieces[BATCH:]
    if left:
        layouts.put(tx, number, record=Layout(left, ()))
    else:
        layouts.delete(tx, number)
    return bool(left)


def _upload(tx: Transaction, upload_id: str) -> bool:
    found = list(parts.scan(tx, upload_id, limit=BATCH))
    for key, part in found:
        release_piece(tx, part.piece)
        parts.delete(tx, upload_id, *key)
    return len(found) == BATCH


def _bucket(tx: Transaction, bucket: int) -> bool:
    found = list(uploads.scan(tx, bucket, limit=BATCH))
    for key, upload in found:
        uploads.delete(tx, bucket, *key)
        discarded.put(tx, "upload", upload.id, record=upload.begun)
    return len(found) == BATCH


class Forget:
    """Forgets completed uploads after a day: until then completing again gives the same answer."""

    watches = completed.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> RequeueAt | None:
        def look(tx: Transaction) -> float | None:
            done = completed.get(tx, *key)
            if done is None:
                return None
            due = float(done.at + REPEATABLE_S)
            if due > world.clock.now():
                return due
            completed.delete(tx, *key)
            return None

        due = await world.store.transact(look)
        return RequeueAt(due) if due is not None else None
