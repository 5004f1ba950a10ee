"""How many messages a queue has, without walking it.

Two counters change with the messages: how many there are, and how many of them were received at least once. Which of
those are hidden at this moment depends on the clock alone, so one side of the visibility order is counted, the shorter
one: exact while either side has at most `WALK_MAX` rows. Source: Amazon SQS API Reference, "GetQueueAttributes" (the
figures are approximate).
"""

from typing import NamedTuple

from pileus.store import Transaction
from pileus.store.tuples import Part

from .tables import Counts, Queue, counts, lines, turns, visible

WALK_MAX = 5_000
IN_FLIGHT_PER_GROUP = 10  # a receive hands out ten at most, and a group with one in flight hands out none
_NONE = Counts()


class Figures(NamedTuple):
    visible: int
    in_flight: int
    delayed: int


def count(tx: Transaction, space: int, total: int, received: int) -> None:
    now = counts.get(tx, space) or _NONE
    counts.put(tx, space, record=Counts(now.total + total, now.received + received, now.sequence))


def totals(tx: Transaction, queue: Queue) -> Counts:
    """`received`: how many messages were received at least once, never less than how many are in flight."""
    return counts.get(tx, queue.space) or _NONE


def figures(tx: Transaction, queue: Queue, now: int) -> Figures:
    known = totals(tx, queue)
    if known.total == 0:
        return Figures(0, 0, 0)
    return _fifo(tx, queue, known, now) if queue.fifo else _standard(tx, queue, known, now)


def in_flight(tx: Transaction, queue: Queue, now: int, limit: int) -> int:
    """Counted one by one, up to `limit`: only asked when `received` is that high."""
    if queue.fifo:
        return _flying(tx, queue, now, limit)
    hidden = visible.page(tx, queue.space, (now + 1,), None, limit)
    return sum(state.receives > state.base for _, state in hidden)


def _standard(tx: Transaction, queue: Queue, totals: Counts, now: int) -> Figures:
    hidden = [state for _, state in visible.page(tx, queue.space, (now + 1,), None, WALK_MAX)]
    if len(hidden) < WALK_MAX:
        flying = sum(state.receives > state.base for state in hidden)
        return Figures(totals.total - len(hidden), flying, len(hidden) - flying)
    shown = [state for _, state in visible.page(tx, queue.space, None, now + 1, WALK_MAX)]
    returned = sum(state.receives > state.base for state in shown)
    flying = totals.received - returned
    if len(shown) < WALK_MAX:
        return Figures(len(shown), flying, totals.total - len(shown) - flying)
    return Figures(totals.total - flying, flying, 0)


def _fifo(tx: Transaction, queue: Queue, totals: Counts, now: int) -> Figures:
    """A group hides at most its ten messages in flight; delayed ones are the last of their line."""
    flying, delayed = _flying(tx, queue, now, WALK_MAX), 0
    if queue.delay:
        for group in {key[1] for key, _ in turns.scan(tx, queue.space, limit=WALK_MAX)}:
            delayed += _delayed(tx, queue, group, now, WALK_MAX - delayed)
    return Figures(totals.total - flying - delayed, flying, delayed)


def _flying(tx: Transaction, queue: Queue, now: int, limit: int) -> int:
    found = 0
    for key, _ in turns.scan(tx, queue.space, after=(now + 1,), limit=limit):
        places = lines.scan(tx, queue.space, key[1], limit=IN_FLIGHT_PER_GROUP)
        found += sum(place.visible > now and place.state.receives > place.state.base for _, place in places)
    return found


def _delayed(tx: Transaction, queue: Queue, group: Part, now: int, limit: int) -> int:
    """Counted from the end of the line, a few at a time."""
    found = 0
    before: tuple[Part, ...] | None = None
    while found < limit:
        page = list(lines.scan(tx, queue.space, group, before=before, limit=50, reverse=True))
        for _, place in page:
            if place.visible <= now or place.state.receives > place.state.base:
                return found
            found += 1
        if len(page) < 50:
            return found
        before = page[-1][0]
    return found
