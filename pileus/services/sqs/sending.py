"""SendMessage and SendMessageBatch.

Sources: Amazon SQS API Reference, "SendMessage" and "SendMessageBatch"; Amazon SQS Developer Guide, "Exactly-once
processing in Amazon SQS" and "Amazon SQS fair queues".
"""

from hashlib import sha256
from typing import Any

from pileus.base import ids
from pileus.keyring import Keyring
from pileus.service import Call
from pileus.store import Transaction

from . import contents, fifo, standard
from .address import queue_of, queue_operation
from .batches import check_entries, each
from .errors import BatchRequestTooLong, InvalidParameterValue, invalid, missing
from .standard import SECOND
from .tables import Attribute, Deduplication, Message, Queue, State, deduplications

DEDUPLICATION_S = 300
DELAY_MAX = 900
BATCH_BYTES_MAX = 1_048_576
FAIR = "fair queues know a noisy tenant by its share of what is in flight, not yet by its share of processing time"
_NEW = State()


@queue_operation("SendMessage", shared=True, partial=FAIR)
def send_message(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return send(call, queue_of(call, request), request)


@queue_operation("SendMessageBatch", action="SendMessage", shared=True, partial=FAIR)
def send_message_batch(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    queue, entries = queue_of(call, request), check_entries("SendMessageBatch", request)
    size = sum(_size(entry) for entry in entries)
    if size > BATCH_BYTES_MAX:
        raise BatchRequestTooLong(
            f"Batch requests cannot be longer than {BATCH_BYTES_MAX} bytes. You have sent {size} bytes."
        )
    # A microsecond apart, so that a standard queue too hands them out in the order of the batch.
    return each(entries, lambda entry: send(call, queue, entry, entries.index(entry)))


def _size(entry: dict[str, Any]) -> int:
    """What an entry counts towards the batch, whether its attributes are in order or not."""
    size = len((entry.get("MessageBody") or "").encode("utf-8", "replace"))
    for name, value in entry.get("MessageAttributes", {}).items():
        size += len(name) + len(value.get("DataType") or "") + len(value.get("BinaryValue") or b"")
        size += len((value.get("StringValue") or "").encode("utf-8", "replace"))
    return size


def send(call: Call, queue: Queue, entry: dict[str, Any], after: int = 0) -> dict[str, Any]:
    """Adds one message. Everything that can fail does so before the first write."""
    raw = contents.body_bytes(entry.get("MessageBody"))
    size, md5 = len(raw), contents.digest(raw)
    answer: dict[str, Any] = {"MD5OfMessageBody": md5}
    attributes: dict[str, Attribute] | None = None
    md5_attributes = trace = ""
    if given := entry.get("MessageAttributes"):
        attributes = contents.read_attributes(given)
        size += contents.attributes_size(attributes)
        answer["MD5OfMessageAttributes"] = md5_attributes = contents.attributes_digest(attributes)
    if given := entry.get("MessageSystemAttributes"):
        trace, system = contents.read_trace(given)
        answer["MD5OfMessageSystemAttributes"] = contents.attributes_digest(system)
    if size > queue.max_size:
        raise InvalidParameterValue(
            f"One or more parameters are invalid. Reason: Message must be shorter than {queue.max_size} bytes."
        )
    group = entry.get("MessageGroupId") or ""
    if group:
        contents.check_id(group, "MessageGroupId")
    now = int(call.now * 1e6) + after
    available = now + _delay(queue, entry) * SECOND
    sender = call.caller.user_id or "anonymous"
    id_ = ids.request_id()
    if queue.fifo:
        dedup = _deduplication_id(queue, entry, raw, group)
        message = Message(id_, entry["MessageBody"], md5, sender, attributes, md5_attributes, trace, group, dedup)
        id_, sequence = _send_once(call.tx, call.cloud.keyring, queue, message, now, available)
        answer["SequenceNumber"] = fifo.sequence_text(sequence)
    else:
        if entry.get("MessageDeduplicationId"):
            raise _wrong_type(entry["MessageDeduplicationId"], "MessageDeduplicationId")
        message = Message(id_, entry["MessageBody"], md5, sender, attributes, md5_attributes, trace, group)
        standard.put(call.tx, call.cloud.keyring, queue, message, now, available, _NEW)
    answer["MessageId"] = id_
    return answer


def _delay(queue: Queue, entry: dict[str, Any]) -> int:
    delay: int | None = entry.get("DelaySeconds")
    if delay is None:
        return queue.delay
    if not 0 <= delay <= DELAY_MAX:
        raise invalid(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
    if queue.fifo:
        if delay:
            raise _wrong_type(delay, "DelaySeconds")
        return queue.delay
    return delay


def _wrong_type(value: object, parameter: str) -> InvalidParameterValue:
    return invalid(value, parameter, "The request include parameter that is not valid for this queue type.")


def _deduplication_id(queue: Queue, entry: dict[str, Any], raw: bytes, group: str) -> str:
    if not group:
        raise missing("MessageGroupId")
    given = entry.get("MessageDeduplicationId")
    if given:
        return contents.check_id(given, "MessageDeduplicationId")
    if not queue.content_dedup:
        raise InvalidParameterValue(
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )
    return sha256(raw).hexdigest()


def _send_once(
    tx: Transaction, keyring: Keyring, queue: Queue, message: Message, now: int, available: int
) -> tuple[str, int]:
    """Within five minutes, a deduplication id's message is accepted but added once only; the scope is the queue or the
    group.
    """
    scope = message.group if queue.dedup_by_group else ""
    known = deduplications.get(tx, queue.uid, scope, message.dedup)
    if known is not None and now < known.at + DEDUPLICATION_S * SECOND:
        return known.id, known.sequence
    sequence = fifo.put(tx, keyring, queue, message, now, available, _NEW)
    deduplications.put(tx, queue.uid, scope, message.dedup, record=Deduplication(now, message.id, sequence))
    return message.id, sequence
