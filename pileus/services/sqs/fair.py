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
from pileus.store.table import END

from .hints import hints
from .tables import Counts, Share, State, shares, tenants, visible

NOISY_FLYING = 30
NOISY_PART = 10  # more than one in ten
LOOK = 20  # rows behind a noisy tenant's first that are searched for messages of no group
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


def ordered(tx: Transaction, space: int, rows: Iterator[Row], totals: Counts, now: int, limit: int) -> Iterator[Row]:
    """`rows` of a queue, those of noisy tenants last."""
    quiet: set[str] = set()
    for row in rows:
        group = row[1].group
        if group and group not in quiet:
            share = shares.get(tx, space, group) or _NONE
            # Who is alone in the queue stands in nobody's way.
            if share.total < totals.total and _is_noisy(tx, space, group, share, totals, now):
                yield from _by_tenant(tx, space, rows, totals, now, limit)
                return
            quiet.add(group)
        yield row


def _is_noisy(tx: Transaction, space: int, group: str, share: Share, totals: Counts, now: int) -> bool:
    """What was received at least once is more than what flies: the rest has become visible again."""
    if share.received < NOISY_FLYING or share.received * NOISY_PART <= totals.received:
        return False
    hidden = tx.scan(tenants.key(space, group, now + 1), tenants.key(space, group) + END, NOISY_FLYING)
    return len(hidden) >= NOISY_FLYING


def _by_tenant(tx: Transaction, space: int, rows: Iterator[Row], totals: Counts, now: int, limit: int) -> Iterator[Row]:
    """The quiet tenants' lines first, then messages of no group, then the noisy ones' by what they have in flight."""
    known = [(str(key[0]), share) for key, share in shares.scan(tx, space, limit=TENANTS_MAX)]
    noisy: dict[str, int] = {}
    for group, share in known:
        if _is_noisy(tx, space, group, share, totals, now):
            noisy[group] = share.received
        elif share.total > share.received:
            yield from _line(tx, space, group, now, limit)
    if sum(share.total for _, share in known) < totals.total:
        yield from (row for row in islice(rows, LOOK) if not row[1].group)
    for group in sorted(noisy, key=lambda one: noisy[one]):
        yield from _line(tx, space, group, now, limit)
    yield from rows


def _line(tx: Transaction, space: int, group: str, now: int, limit: int) -> Iterator[Row]:
    start = (hints.start(space, now),)  # where the queue has nothing, no tenant of it has
    for key, _ in list(tenants.scan(tx, space, group, after=start, before=(now + 1,), limit=limit)):
        position, sent, serial = (int(part) for part in key)
        state = visible.get(tx, space, position, sent, serial)
        if state is not None:
            yield (position, sent, serial), state
