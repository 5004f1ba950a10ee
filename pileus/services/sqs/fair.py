"""Fair queues: on a standard queue, a tenant (MessageGroupId) with too much in flight lets the others go first.

A tenant is noisy while it has at least 30 messages in flight and more than a tenth of the queue's. Messages of others
are handed out before its own, and those of the least noisy first when only noisy ones wait. A message without a group
is a tenant of its own. Source: Amazon SQS Developer Guide, "How Amazon SQS fair queues work"; of its two measures this
is the concurrency share.

    tenant (space, group, visible from, sent, serial)        share (space, group) -> how many messages
"""

from collections.abc import Iterator
from itertools import islice

from pileus.store import Transaction

from .hints import hints
from .tables import Share, State, shares, tenants, visible

NOISY_FLYING = 30
NOISY_PART = 10  # more than one in ten
LOOK = 20  # rows of the queue's own order that are looked at before the tenants are asked one by one
TENANTS_MAX = 1_000
_NONE = Share()
Row = tuple[tuple[int, ...], State]


def count(tx: Transaction, space: int, group: str, total: int, received: int) -> None:
    old = shares.get(tx, space, group) or _NONE
    new = Share(old.total + total, old.received + received)
    if new.total:
        shares.put(tx, space, group, record=new)
    else:
        shares.delete(tx, space, group)


def move(tx: Transaction, space: int, group: str, before: int, after: int, sent: int, serial: int) -> None:
    """Follows a message from one moment of visibility to another."""
    tenants.delete(tx, space, group, before, sent, serial)
    tenants.put(tx, space, group, after, sent, serial, record=True)


def ordered(tx: Transaction, space: int, rows: Iterator[Row], flying: int, now: int, limit: int) -> Iterator[Row]:
    """`rows` of a queue with at most `flying` messages in flight, those of noisy tenants last."""
    noisy: dict[str, int] = {}
    quiet: set[str] = set()
    for row in islice(rows, LOOK):
        group = row[1].group
        if not group or group in quiet:
            yield row
        elif group not in noisy:
            share = shares.get(tx, space, group) or _NONE
            if _is_noisy(tx, space, group, share, flying, now):
                noisy[group] = share.received
            else:
                quiet.add(group)
                yield row
    if noisy:
        yield from _one_by_one(tx, space, noisy, flying, now, limit)
    yield from rows


def _is_noisy(tx: Transaction, space: int, group: str, share: Share, flying: int, now: int) -> bool:
    """What was received at least once is at most what flies: the rest has become visible again."""
    if share.received < NOISY_FLYING or share.received * NOISY_PART <= flying:
        return False
    hidden = tenants.scan(tx, space, group, after=(now + 1,), limit=NOISY_FLYING)
    return sum(1 for _ in hidden) >= NOISY_FLYING


def _one_by_one(tx: Transaction, space: int, noisy: dict[str, int], flying: int, now: int, limit: int) -> Iterator[Row]:
    """The tenants' own lines: the quiet ones' first, then the noisy ones' by what they have in flight."""
    for key, share in list(shares.scan(tx, space, limit=TENANTS_MAX)):
        group = str(key[0])
        if group in noisy or share.total == share.received:
            continue
        if _is_noisy(tx, space, group, share, flying, now):
            noisy[group] = share.received
        else:
            yield from _line(tx, space, group, now, limit)
    for group in sorted(noisy, key=lambda one: noisy[one]):
        yield from _line(tx, space, group, now, limit)


def _line(tx: Transaction, space: int, group: str, now: int, limit: int) -> Iterator[Row]:
    start = (hints.start(space, now),)  # where the queue has nothing, no tenant of it has
    for key, _ in list(tenants.scan(tx, space, group, after=start, before=(now + 1,), limit=limit)):
        position, sent, serial = (int(part) for part in key)
        state = visible.get(tx, space, position, sent, serial)
        if state is not None:
            yield (position, sent, serial), state
