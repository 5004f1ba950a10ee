"""How a FIFO queue keeps its messages: a line for each group, and a turn for each group that has a line.

A group's turn is when its next message may go out: never while one of its messages is in flight. The order within a
line is that of the sequence numbers. Source: Amazon SQS Developer Guide, "FIFO queue delivery logic" and "Exactly-once
processing in Amazon SQS".
"""

from collections.abc import Iterator

import msgspec

from pileus.base import ids
from pileus.keyring import Keyring
from pileus.store import Transaction
from pileus.store.tuples import Part

from .counting import IN_FLIGHT_PER_GROUP, count
from .errors import invalid
from .hints import hints
from .receipts import Receipt
from .sealing import seal, unseal
from .standard import SECOND, Grave, Taken, expired, not_there, wait_key
from .tables import (
    Attempt,
    Counts,
    Group,
    Message,
    Place,
    Queue,
    State,
    attempts,
    counts,
    groups,
    lines,
    messages,
    turns,
)

SEQUENCES_PER_US = 256
SEQUENCE_BASE = 10**19  # twenty digits
ATTEMPT_S = 300


def sequence_text(sequence: int) -> str:
    return str(SEQUENCE_BASE + sequence)


def put(
    tx: Transaction, keyring: Keyring, queue: Queue, message: Message, sent: int, available: int, state: State
) -> int:
    """Adds a message at the end of its group's line; answers its sequence number."""
    space, group, serial = queue.space, message.group, ids.secret_int()
    totals = counts.get(tx, space) or Counts()
    # Numbers follow the clock, so that they keep rising over a purge.
    sequence = max(totals.sequence + 1, sent * SEQUENCES_PER_US)
    counts.put(tx, space, record=Counts(totals.total + 1, totals.received, sequence))
    numbered = msgspec.structs.replace(message, sequence=sequence)
    messages.put(tx, space, sent, serial, record=seal(keyring, queue, numbered, sent, serial))
    lines.put(tx, space, group, sequence, record=Place(sent, serial, available, state))
    if groups.get(tx, space, group) is None:
        _set_turn(tx, space, group, None, Group(available, sequence))
    tx.signal(wait_key(queue))
    return sequence


def message_of(tx: Transaction, keyring: Keyring, queue: Queue, place: Place) -> Message:
    kept = messages.get(tx, queue.space, place.sent, place.serial)
    if kept is None:
        raise RuntimeError(f"{queue.arn}: a place in line without a message")
    return unseal(keyring, queue, kept, place.sent, place.serial)


def take(
    tx: Transaction, keyring: Keyring, queue: Queue, now: int, timeout: int, limit: int, grave: Grave | None = None
) -> list[Taken]:
    """Hands out at most `limit` messages, as many as possible of one group, each hidden for `timeout` seconds."""
    taken: list[Taken] = []
    for group in _ready(tx, queue, now, limit):
        taken += _take_of_group(tx, keyring, queue, group, now, timeout, limit - len(taken), grave)
        if len(taken) == limit:
            break
    received = sum(one.state.receives == one.state.base + 1 for one in taken)
    if received:
        count(tx, queue.space, 0, received)
    return taken


def _ready(tx: Transaction, queue: Queue, now: int, limit: int) -> Iterator[str]:
    """The groups whose turn it is, in the order in which it came, each once though turns may be set meanwhile."""
    space = queue.space
    start: tuple[Part, ...] = (hints.start(space, now),)
    page = list(turns.scan(tx, space, after=start, before=(now + 1,), limit=limit))
    hints.empty_before(space, int(page[0][0][0]) if page else now, now)
    seen: set[str] = set()
    while page:
        for key, _ in page:
            group = str(key[1])
            if group not in seen:
                seen.add(group)
                yield group
        if len(page) < limit:
            return
        page = list(turns.scan(tx, space, after=page[-1][0], before=(now + 1,), limit=limit))


def _line(tx: Transaction, space: int, group: str, head: int) -> Iterator[tuple[int, Place]]:
    after = head - 1
    while True:
        page = list(lines.scan(tx, space, group, after=(after,), limit=IN_FLIGHT_PER_GROUP + 1))
        for key, place in page:
            yield int(key[0]), place
        if len(page) <= IN_FLIGHT_PER_GROUP:
            return
        after = int(page[-1][0][0])


def _take_of_group(
    tx: Transaction,
    keyring: Keyring,
    queue: Queue,
    group: str,
    now: int,
    timeout: int,
    limit: int,
    grave: Grave | None,
) -> list[Taken]:
    space, until = queue.space, now + timeout * SECOND
    known = groups.get(tx, space, group)
    if known is None:
        raise RuntimeError(f"{queue.arn}: a turn without a group")
    taken: list[Taken] = []
    for sequence, place in _line(tx, space, group, known.head):
        if len(taken) == limit or place.visible > now:
            break
        if expired(queue, place.sent, now):
            _remove(tx, queue, group, sequence, place)
            continue
        message = message_of(tx, keyring, queue, place)
        state = place.state
        if grave is not None and grave.awaits(state):
            _remove(tx, queue, group, sequence, place)
            grave.bury(message, place.sent, state)
            continue
        fresh = State(state.receives + 1, state.first or now, state.base, state.source)
        lines.put(tx, space, group, sequence, record=Place(place.sent, place.serial, until, fresh))
        receipt = Receipt(space, place.sent, place.serial, until, now, fresh.receives, group, sequence)
        taken.append(Taken(message, fresh, receipt))
    settle(tx, queue, group, now)
    return taken


def settle(tx: Transaction, queue: Queue, group: str, now: int) -> None:
    """Sets the group's turn from its line: after the last of those in flight, or when its first becomes visible."""
    space = queue.space
    known = groups.get(tx, space, group)
    if known is None:
        return
    places = list(lines.scan(tx, space, group, after=(known.head - 1,), limit=IN_FLIGHT_PER_GROUP))
    if not places:
        turns.delete(tx, space, known.available, group)
        groups.delete(tx, space, group)
        return
    flying = [p.visible for _, p in places if p.visible > now and p.state.receives > p.state.base]
    available = max(now, max(flying) if flying else places[0][1].visible)
    _set_turn(tx, space, group, known, Group(available, int(places[0][0][0])))


def _set_turn(tx: Transaction, space: int, group: str, old: Group | None, new: Group) -> None:
    if old == new:
        return
    if old is not None:
        turns.delete(tx, space, old.available, group)
    turns.put(tx, space, new.available, group, record=True)
    groups.put(tx, space, group, record=new)
    hints.written(space, new.available)


def next_visible(tx: Transaction, queue: Queue, now: int) -> int | None:
    for key, _ in turns.scan(tx, queue.space, after=(now + 1,), limit=1):
        return int(key[0])
    return None


def delete(tx: Transaction, queue: Queue, receipt: Receipt, now: int, handle: str) -> None:
    """A message that is gone is no error; one that is not this receipt's any more is."""
    place = _of(tx, queue, receipt)
    if place is None:
        return
    if place.state.receives != receipt.receives or place.visible <= now:
        raise _expired(handle)
    _remove(tx, queue, receipt.group, receipt.sequence, place)
    settle(tx, queue, receipt.group, now)
    tx.signal(wait_key(queue))


def change(tx: Transaction, queue: Queue, receipt: Receipt, now: int, until: int, handle: str) -> None:
    place = _of(tx, queue, receipt)
    if place is None:
        raise not_there(handle)
    if place.state.receives != receipt.receives or place.visible <= now:
        raise _expired(handle)
    lines.put(tx, queue.space, receipt.group, receipt.sequence, record=msgspec.structs.replace(place, visible=until))
    settle(tx, queue, receipt.group, now)
    tx.signal(wait_key(queue))


def _of(tx: Transaction, queue: Queue, receipt: Receipt) -> Place | None:
    if receipt.space != queue.space:
        return None
    place = lines.get(tx, queue.space, receipt.group, receipt.sequence)
    return place if place is not None and place.serial == receipt.serial else None


def _expired(handle: str) -> Exception:
    return invalid(handle, "ReceiptHandle", "The receipt handle has expired.")


def _remove(tx: Transaction, queue: Queue, group: str, sequence: int, place: Place) -> None:
    space = queue.space
    lines.delete(tx, space, group, sequence)
    messages.delete(tx, space, place.sent, place.serial)
    count(tx, space, -1, -1 if place.state.receives > place.state.base else 0)


def drop(tx: Transaction, queue: Queue, message: Message, now: int) -> Place | None:
    """Takes a message out of its line, wherever it stands in it."""
    place = lines.get(tx, queue.space, message.group, message.sequence)
    if place is not None:
        _remove(tx, queue, message.group, message.sequence, place)
        settle(tx, queue, message.group, now)
    return place


def remember(tx: Transaction, queue: Queue, attempt_id: str, now: int, taken: list[Taken]) -> None:
    until = taken[0].receipt.visible
    listed = [(one.receipt.group, one.receipt.sequence) for one in taken]
    attempts.put(tx, queue.uid, attempt_id, record=Attempt(now, until, until, listed))


def again(tx: Transaction, keyring: Keyring, queue: Queue, attempt_id: str, now: int, timeout: int) -> list[Taken]:
    """What an attempt was given, hidden anew; nothing once five minutes are over or any of it was touched since."""
    attempt = attempts.get(tx, queue.uid, attempt_id)
    if attempt is None or attempt.at + ATTEMPT_S * SECOND <= now or attempt.current <= now:
        return []
    found: list[tuple[str, int, Place]] = []
    for group, sequence in attempt.taken:
        place = lines.get(tx, queue.space, group, sequence)
        if place is None or place.visible != attempt.current:
            return []
        found.append((group, sequence, place))
    until = now + timeout * SECOND
    taken = []
    for group, sequence, place in found:
        message = message_of(tx, keyring, queue, place)
        lines.put(tx, queue.space, group, sequence, record=msgspec.structs.replace(place, visible=until))
        receives = place.state.receives
        receipt = Receipt(queue.space, place.sent, place.serial, attempt.until, attempt.at, receives, group, sequence)
        taken.append(Taken(message, place.state, receipt))
    for group in {group for group, _, _ in found}:
        settle(tx, queue, group, now)
    attempts.put(tx, queue.uid, attempt_id, record=msgspec.structs.replace(attempt, current=until))
    return taken


def waiting(tx: Transaction, keyring: Keyring, queue: Queue, now: int, limit: int) -> list[tuple[Message, Place]]:
    """At most `limit` messages that could be received now, without handing them out; the expired ones go."""
    found: list[tuple[Message, Place]] = []
    for group in _ready(tx, queue, now, limit):
        known = groups.get(tx, queue.space, group)
        for sequence, place in _line(tx, queue.space, group, known.head if known is not None else 0):
            if len(found) == limit or place.visible > now:
                break
            if expired(queue, place.sent, now):
                _remove(tx, queue, group, sequence, place)
                settle(tx, queue, group, now)
            else:
                found.append((message_of(tx, keyring, queue, place), place))
        if len(found) == limit:
            break
    return found
