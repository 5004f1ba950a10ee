"""The background of message move tasks: a few messages a transaction, each moved and counted in the same one.

Source: Amazon SQS Developer Guide, "Learn how to configure a dead-letter queue redrive in Amazon SQS".
"""

import asyncio
from typing import Any

import msgspec

from pileus.base import ids
from pileus.base.arns import parse
from pileus.control import Done, Outcome, RequeueAt
from pileus.keyring import Keyring
from pileus.store import Transaction

from . import fifo, standard
from .move_tasks import CANCELLED, CANCELLING, COMPLETED, FAILED, RUNNING
from .standard import SECOND
from .tables import Message, MoveTask, Queue, State, move_tasks, queues

CHUNK = 50
TASK_LIFE_S = 36 * 3600
NO_SOURCE = "CouldNotDetermineMessageSource"
NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"
_NEW = State()


class RunMoveTasks:
    """Moves messages until nothing visible is left, the task is cancelled, or a destination is gone."""

    watches = move_tasks.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        def step(tx: Transaction) -> Outcome:
            task = move_tasks.get(tx, *key)
            if task is None or task.status not in (RUNNING, CANCELLING):
                return Done
            now: float = world.clock.now()
            changed, again = _step(tx, world.keyring, key, task, now)
            if changed != task:
                move_tasks.put(tx, *key, record=changed)
            return again

        await asyncio.sleep(0)  # callers go first
        return await world.store.transact(step)


def _step(
    tx: Transaction, keyring: Keyring, key: tuple[Any, ...], task: MoveTask, now: float
) -> tuple[MoveTask, Outcome]:
    if task.status == CANCELLING:
        return msgspec.structs.replace(task, status=CANCELLED), Done
    source = queues.get(tx, *key[:3])
    if source is None:
        return _failed(task, NO_QUEUE), Done
    if now >= task.started + TASK_LIFE_S:
        return _failed(task, "The task ran for longer than 36 hours."), Done
    allowed = CHUNK
    if task.rate:
        allowed = min(CHUNK, int((now - task.started) * task.rate) + 1 - task.moved)
        if allowed <= 0:
            return task, RequeueAt(task.started + task.moved / task.rate)
    moved, failure, empty = _move(tx, keyring, source, task, int(now * 1e6), allowed)
    task = msgspec.structs.replace(task, moved=task.moved + moved)
    if failure:
        return _failed(task, failure), Done
    if empty:
        return msgspec.structs.replace(task, status=COMPLETED), Done
    return task, RequeueAt(task.started + task.moved / task.rate if task.rate else now)


def _failed(task: MoveTask, reason: str) -> MoveTask:
    return msgspec.structs.replace(task, status=FAILED, failure=reason)


def _move(
    tx: Transaction, keyring: Keyring, source: Queue, task: MoveTask, now: int, limit: int
) -> tuple[int, str, bool]:
    """How many were moved, why it cannot go on, and whether nothing visible is left."""
    moved = 0
    ready = _visible_fifo if source.fifo else _visible_standard
    rows = ready(tx, keyring, source, now, limit)
    for row in rows:
        message, state, remove = row
        target = task.destination or state.source
        if not target:
            return moved, NO_SOURCE, False
        arn = parse(target)
        destination = queues.get(tx, arn.account, arn.region, arn.resource)
        if destination is None:
            return moved, NO_QUEUE, False
        remove()
        _send_anew(tx, keyring, destination, message, now + moved)
        moved += 1
    return moved, "", len(rows) < limit


def _send_anew(tx: Transaction, keyring: Keyring, destination: Queue, message: Message, now: int) -> None:
    """A redriven message is a new one: its id, its moment, its counts."""
    fresh = msgspec.structs.replace(message, id=ids.request_id(), sequence=0)
    available = now + destination.delay * SECOND
    if destination.fifo:
        fifo.put(tx, keyring, destination, fresh, now, available, _NEW)
    else:
        standard.put(tx, keyring, destination, fresh, now, available, _NEW)


def _visible_standard(tx: Transaction, keyring: Keyring, queue: Queue, now: int, limit: int) -> list[Any]:
    found = []
    for (position, sent, serial), state in standard.candidates(tx, queue, now, limit):
        if standard.expired(queue, sent, now):
            standard.remove(tx, queue, position, sent, serial, state)
            continue
        message = standard.message_of(tx, keyring, queue, sent, serial, state)
        place = (tx, queue, position, sent, serial, state)
        found.append((message, state, lambda place=place: standard.remove(*place)))
        if len(found) == limit:
            break
    return found


def _visible_fifo(tx: Transaction, keyring: Keyring, queue: Queue, now: int, limit: int) -> list[Any]:
    found = []
    for message, place in fifo.waiting(tx, keyring, queue, now, limit):
        found.append((message, place.state, lambda message=message: fifo.drop(tx, queue, message, now)))
    return found
