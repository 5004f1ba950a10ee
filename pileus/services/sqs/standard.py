"""How a standard queue keeps its messages: one row in the order of visibility, and one for a body that is not small.

    send      + (message), + visible          receive   visible moves to now + timeout
    delete    - (message), - visible          change    visible moves, and a forwarding row tells the receipt where

Source: Amazon SQS Developer Guide, "Amazon SQS standard queues" and "Amazon SQS visibility timeout".
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from pileus.base import ids
from pileus.keyring import Keyring
from pileus.store import Transaction

from . import fair
from .counting import count
from .errors import MessageNotInflight, invalid
from .hints import hints
from .receipts import Receipt
from .sealing import seal, unseal
from .tables import Counts, Message, Moved, Queue, State, messages, moved, tenants, visible

SECOND = 1_000_000
INLINE_MAX = 1_200  # bytes: rewriting so few on a receive costs less than reading a row of their own
PAGE_MAX = 100
_NONE = Counts()
Row = tuple[tuple[int, ...], State]


class Taken(NamedTuple):
    """A message on its way to a receiver."""

    message: Message
    state: State
    receipt: Receipt


class Grave(NamedTuple):
    """Where dead letters go: `bury(message, sent, state)` takes one that was received `most` times in its queue."""

    most: int
    bury: Callable[[Message, int, State], None]

    def awaits(self, state: State) -> bool:
        return state.receives - state.base >= self.most


def wait_key(queue: Queue) -> bytes:
    """What receivers of an empty queue wait on."""
    return b"sqs\0" + queue.uid.to_bytes(8, "big")


def put(
    tx: Transaction, keyring: Keyring, queue: Queue, message: Message, sent: int, available: int, state: State
) -> int:
    """Adds a message; 0, since standard queues number nothing."""
    space, serial = queue.space, ids.secret_int()
    kept = seal(keyring, queue, message, sent, serial)
    inline = len(kept) <= INLINE_MAX
    if not inline:
        messages.put(tx, space, sent, serial, record=kept)
    group = message.group
    state = State(state.receives, state.first, state.base, state.source, False, kept if inline else b"", group)
    if group:
        tenants.put(tx, space, group, available, sent, serial, record=True)
        fair.count(tx, space, group, 1, 0)
    visible.put(tx, space, available, sent, serial, record=state)
    hints.written(space, available)
    count(tx, space, 1, 0)
    tx.signal(wait_key(queue))
    return 0


def candidates(tx: Transaction, queue: Queue, now: int, limit: int) -> Iterator[Row]:
    """What may be received now, in the order in which it became visible: ((visible from, sent, serial), state)."""
    space = queue.space
    page = visible.page(tx, space, (hints.start(space, now),), now + 1, limit)
    hints.empty_before(space, page[0][0][0] if page else now, now)
    while page:
        yield from page
        if len(page) < limit:
            return
        limit = min(4 * limit, PAGE_MAX)  # whoever asks for more is passing many by
        page = visible.page(tx, space, page[-1][0], now + 1, limit)


def message_of(tx: Transaction, keyring: Keyring, queue: Queue, sent: int, serial: int, state: State) -> Message:
    kept = state.message or messages.get(tx, queue.space, sent, serial)
    if kept is None:
        raise RuntimeError(f"{queue.arn}: a message without a body")
    return unseal(keyring, queue, kept, sent, serial)


def expired(queue: Queue, sent: int, now: int) -> bool:
    return sent + queue.retention * SECOND <= now


def take(
    tx: Transaction,
    keyring: Keyring,
    queue: Queue,
    now: int,
    timeout: int,
    limit: int,
    grave: Grave | None = None,
    totals: Counts = _NONE,
) -> list[Taken]:
    """Hands out at most `limit` messages, each hidden for `timeout` seconds; moves dead letters out of the way."""
    taken: list[Taken] = []
    space, until, oldest = queue.space, now + timeout * SECOND, now - queue.retention * SECOND
    seen: set[int] = set()
    received = 0
    rows = candidates(tx, queue, now, limit)
    if totals.received >= fair.NOISY_FLYING:
        rows = fair.ordered(tx, space, rows, totals, now, limit)
    for (position, sent, serial), state in rows:
        if serial in seen:
            continue
        seen.add(serial)
        if sent <= oldest:
            remove(tx, queue, position, sent, serial, state)
            continue
        message = message_of(tx, keyring, queue, sent, serial, state)
        if grave is not None and grave.awaits(state):
            remove(tx, queue, position, sent, serial, state)
            grave.bury(message, sent, state)
            continue
        receives = state.receives + 1
        first = receives == state.base + 1
        received += first
        group = state.group
        fresh = State(receives, state.first or now, state.base, state.source, state.moved, state.message, group)
        if group:
            fair.move(tx, space, group, position, until, sent, serial)
            if first:
                fair.count(tx, space, group, 0, 1)
        visible.shift(tx, space, position, until, sent, serial, record=fresh)
        taken.append(Taken(message, fresh, Receipt(space, sent, serial, until, now, receives)))
        if len(taken) == limit:
            break
    if received:
        count(tx, space, 0, received)
    return taken


def next_visible(tx: Transaction, queue: Queue, now: int) -> int | None:
    """When the next hidden message will be seen."""
    page = visible.page(tx, queue.space, (now + 1,), None, 1)
    return page[0][0][0] if page else None


def find(tx: Transaction, receipt: Receipt) -> tuple[int, State] | None:
    """Where the receipt's message stands now, if it was not received again since."""
    space, sent, serial, position = receipt.space, receipt.sent, receipt.serial, receipt.visible
    state = visible.get(tx, space, position, sent, serial)
    if state is None or state.receives != receipt.receives:
        forward = moved.get(tx, space, sent, serial)
        if forward is None or forward.receives != receipt.receives:
            return None
        position = forward.visible
        state = visible.get(tx, space, position, sent, serial)
    if state is None or state.receives != receipt.receives:
        return None
    return position, state


def delete(tx: Transaction, queue: Queue, receipt: Receipt, now: int, handle: str) -> None:
    """A receipt older than the last one succeeds and deletes nothing (Amazon SQS API Reference, "DeleteMessage")."""
    found = find(tx, receipt)
    if found is not None and receipt.space == queue.space:
        remove(tx, queue, found[0], receipt.sent, receipt.serial, found[1])


def change(tx: Transaction, queue: Queue, receipt: Receipt, now: int, until: int, handle: str) -> None:
    """Moves a message in flight to `until`."""
    found = find(tx, receipt) if receipt.space == queue.space else None
    if found is None:
        raise not_there(handle)
    position, state = found
    if position <= now:
        raise MessageNotInflight("The message referred to isn't in flight.")
    space, sent, serial = receipt.space, receipt.sent, receipt.serial
    visible.shift(tx, space, position, until, sent, serial, record=msgspec.structs.replace(state, moved=True))
    moved.put(tx, space, sent, serial, record=Moved(state.receives, until))
    if state.group:
        fair.move(tx, space, state.group, position, until, sent, serial)
    hints.written(space, until)
    tx.signal(wait_key(queue))


def not_there(handle: str) -> Exception:
    return invalid(handle, "ReceiptHandle", "Message does not exist or is not available for visibility timeout change.")


def remove(tx: Transaction, queue: Queue, position: int, sent: int, serial: int, state: State) -> None:
    space = queue.space
    visible.delete(tx, space, position, sent, serial)
    if not state.message:
        messages.delete(tx, space, sent, serial)
    if state.moved:
        moved.delete(tx, space, sent, serial)
    received = -1 if state.receives > state.base else 0
    if state.group:
        tenants.delete(tx, space, state.group, position, sent, serial)
        fair.count(tx, space, state.group, -1, received)
    count(tx, space, -1, received)
