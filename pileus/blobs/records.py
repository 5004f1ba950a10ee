"""Which blobs count: adopted by a transaction, released by another, and then really removed.

A blob goes to its engine first, its id into the transaction that makes it visible. What is released is removed by the
reaper, a reconciler (pileus/control/reaper.py): a crash in between costs nothing but a second try. What was never
adopted, because the process was killed in the middle of an upload, is found by its sweep after the start.
"""

from pileus.base import ids
from pileus.base.clock import SystemClock
from pileus.store import Table, Transaction, wake

RELEASED = "blobs.released"

_clock = SystemClock()
adopted = Table("blobs", int)  # blob -> how many records point at it
released = Table(RELEASED, float)  # position, blob -> when it may go (0: not yet settled)


def adopt(tx: Transaction, blob: int) -> None:
    """One more record points at the blob."""
    adopted.put(tx, blob, record=(adopted.get(tx, blob) or 0) + 1)


def release(tx: Transaction, blob: int) -> None:
    """One record less points at it; after the last one it is removed."""
    left = (adopted.get(tx, blob) or 0) - 1
    if left > 0:
        adopted.put(tx, blob, record=left)
        return
    adopted.delete(tx, blob)
    released.put(tx, ids.rising(_clock.machine()), blob, record=0.0)
    wake(tx, RELEASED)
