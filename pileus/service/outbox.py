"""The outbox: what happened, in order per subject (a queue, an account's trail), for whoever must hear of it.

Rows are written in the transaction of the change, so an event exists if and only if its change does. Consumers keep a
cursor per subject and are delivered at least once.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from pileus.store import Table, Transaction, pack, prefix_range, unpack, wake


class Event(msgspec.Struct, frozen=True):
    at: float
    body: dict[str, Any]


EVENTS = "outbox"
events = Table(EVENTS, Event)  # subject, position


def append(tx: Transaction, subject: str, at: float, body: dict[str, Any]) -> int:
    """Returns the event's position within its subject, counted from 1."""
    start, stop = prefix_range((EVENTS, subject))
    last = tx.scan(start, stop, 1, True)
    position = int(unpack(last[0][0])[-1]) + 1 if last else 1
    position = max(position, _floor(tx, subject) + 1)
    events.put(tx, subject, position, record=Event(at, body))
    wake(tx, EVENTS, subject)
    return position


def read(tx: Transaction, subject: str, after: int = 0, limit: int = 100) -> Iterator[tuple[int, Event]]:
    """Begins behind what was trimmed, so that nothing steps over all that was ever removed."""
    for key, event in events.scan(tx, subject, after=(max(after, _floor(tx, subject)),), limit=limit):
        yield int(key[0]), event


def trim(tx: Transaction, subject: str, up_to: int, limit: int = 1_000) -> None:
    """Removes events everybody has read; positions are never given out again."""
    for position, _ in list(read(tx, subject, 0, limit)):
        if position <= up_to:
            events.delete(tx, subject, position)
    tx.put(pack(("outbox.floor", subject)), up_to.to_bytes(8, "big"))


def _floor(tx: Transaction, subject: str) -> int:
    return int.from_bytes(tx.get(pack(("outbox.floor", subject))) or b"", "big")
