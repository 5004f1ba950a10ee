"""Where SQS's state lives: the records and the tables they stand in.

A queue's messages live in a *space*, a number of its own: a purge or a deletion gives the space up whole, and the
background removes its rows (`sweep.py`). Moments are whole microseconds in keys. Messages are kept as `sealing.py`
says; a large one is written once and never again.

    standard   message (space, sent, serial) -> body        visible (space, visible from, sent, serial) -> state
               (a small message stands in its state row)
               tenant (space, group, visible from, sent, serial), share (space, group): of messages with a group
    FIFO       message (space, sent, serial) -> body        line (space, group, sequence) -> place and state
               group (space, group) -> when its turn is     turn (space, available from, group)
"""

import msgspec

from pileus.store import Table
from pileus.store.table import Index

from .rows import NamedTable, NumberTable


class Redrive(msgspec.Struct, frozen=True):
    """Where messages go that were received too often."""

    target: str
    max_receives: int


class Queue(msgspec.Struct, frozen=True):
    """`attributes` holds what was set explicitly, as AWS spells it; the typed fields beside it are what the hot paths
    read. `trusted` maps the ARNs of users and roles in the policy to their unique ids, which `policy` has in their
    place.
    """

    account: str
    region: str
    name: str
    arn: str
    uid: int
    space: int
    created: float
    modified: float
    attributes: dict[str, str] = {}
    tags: dict[str, str] = {}
    fifo: bool = False
    delay: int = 0
    visibility: int = 30
    retention: int = 345_600
    max_size: int = 1_048_576
    wait: int = 0
    content_dedup: bool = False
    dedup_by_group: bool = False
    redrive: Redrive | None = None
    policy: str = ""
    trusted: dict[str, str] = {}
    purged: float = 0.0
    sse: bool = False
    data_key: bytes = b""


class Attribute(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message attribute: exactly one of text and binary."""

    type: str
    text: str | None = None
    binary: bytes | None = None


class Message(msgspec.Struct, frozen=True, array_like=True):
    """What was sent. Kept as `sealing.py` says, and never rewritten on a receive."""

    id: str
    body: str
    md5: str
    sender: str
    attributes: dict[str, Attribute] | None = None
    md5_attributes: str = ""
    trace: str = ""
    group: str = ""
    dedup: str = ""
    sequence: int = 0


class State(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a receive changes. `receives` counts across queues, `base` is what it was on arrival in this one;
    `source` is the queue a dead letter came from; `moved`: a forwarding row says where a receipt's row went.
    `message` is a standard queue's message, as it is kept, if it is small: then it has no row of its own; `group` is
    its tenant (fair queues)."""

    receives: int = 0
    first: int = 0
    base: int = 0
    source: str = ""
    moved: bool = False
    message: bytes = b""
    group: str = ""


class Moved(msgspec.Struct, frozen=True, array_like=True):
    """A receipt's row was moved by a change of its visibility."""

    receives: int
    visible: int


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A message's place in its group's line."""

    sent: int
    serial: int
    visible: int
    state: State


class Group(msgspec.Struct, frozen=True, array_like=True):
    """`available` is when the group's next message may go out; nothing of the line is before `head`."""

    available: int
    head: int


class Counts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`total` messages, `received` of them at least once in this queue, `sequence` the last number given out."""

    total: int = 0
    received: int = 0
    sequence: int = 0


class Share(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a tenant of a standard queue has in it: messages, and those of them received at least once."""

    total: int = 0
    received: int = 0


class Deduplication(msgspec.Struct, frozen=True, array_like=True):
    at: int
    id: str
    sequence: int


class Attempt(msgspec.Struct, frozen=True, array_like=True):
    """What a ReceiveMessage with an attempt id handed out: (group, sequence) each. Its receipts were written with
    `until`; the messages are hidden until `current`."""

    at: int
    until: int
    current: int
    taken: list[tuple[str, int]]


class Deleted(msgspec.Struct, frozen=True):
    """A name that is not free yet."""

    at: float


class Doomed(msgspec.Struct, frozen=True):
    """A space whose rows nobody can reach any more. `uid` is the queue's, if its deduplication rows go too."""

    uid: int = 0


class MoveTask(msgspec.Struct, frozen=True):
    """A redrive of a dead-letter queue. `destination` is empty for the original sources."""

    source: str
    destination: str
    rate: int
    started: float
    to_move: int
    status: str = "RUNNING"
    moved: int = 0
    failure: str = ""


def _dead_letter_sources(key: tuple[str | int | bytes, ...], queue: Queue) -> list[tuple[str | int | bytes, ...]]:
    return [(queue.redrive.target, *key)] if queue.redrive is not None else []


def _by_age(key: tuple[str | int | bytes, ...], record: Deduplication | Attempt) -> list[tuple[str | int | bytes, ...]]:
    return [(key[0], record.at, *key[1:])]


dead_letter_sources: Index[Queue] = Index("sqs.queue.target", _dead_letter_sources)
deduplication_age: Index[Deduplication] = Index("sqs.dedup.age", _by_age)
attempt_age: Index[Attempt] = Index("sqs.attempt.age", _by_age)

queues = NamedTable("sqs.queue", Queue, hot=True, watched=True, indexes=(dead_letter_sources,))  # account, region, name
deleted_names = Table("sqs.deleted", Deleted, watched=True)  # account, region, name
doomed = Table("sqs.doomed", Doomed, watched=True)  # space
counts = NumberTable("sqs.n", Counts, hot=True)  # space
messages = NumberTable("sqs.m", bytes)  # space, sent, serial
visible = NumberTable("sqs.v", State)  # space, visible from, sent, serial
moved = NumberTable("sqs.f", Moved)  # space, sent, serial
tenants = Table("sqs.tenant", bool)  # space, group, visible from, sent, serial
shares = Table("sqs.share", Share)  # space, group
lines = Table("sqs.l", Place)  # space, group, sequence
groups = Table("sqs.g", Group)  # space, group
turns = Table("sqs.t", bool)  # space, available from, group
deduplications = Table("sqs.dedup", Deduplication, indexes=(deduplication_age,))  # uid, group or "", id
attempts = Table("sqs.attempt", Attempt, indexes=(attempt_age,))  # uid, attempt id
move_tasks = Table("sqs.task", MoveTask, watched=True)  # source's account, region, name, started (us)
