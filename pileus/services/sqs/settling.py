"""What a receiver does with a message it holds: delete it, or change how long it stays hidden.

Source: Amazon SQS API Reference, "DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility" and
"ChangeMessageVisibilityBatch".
"""

from typing import Any

from pileus.service import Call

from . import fifo, receipts, standard
from .address import queue_of, queue_operation
from .batches import check_entries, each
from .errors import invalid, missing
from .receiving import VISIBILITY_MAX
from .standard import SECOND
from .tables import Queue


@queue_operation("DeleteMessage", shared=True)
def delete_message(call: Call, request: dict[str, Any]) -> None:
    _delete(call, queue_of(call, request), request)


@queue_operation("DeleteMessageBatch", action="DeleteMessage", shared=True)
def delete_message_batch(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    queue, entries = queue_of(call, request), check_entries("DeleteMessageBatch", request)
    return each(entries, lambda entry: _delete(call, queue, entry))


def _delete(call: Call, queue: Queue, entry: dict[str, Any]) -> None:
    handle = entry.get("ReceiptHandle") or ""
    receipt = receipts.read(queue, handle)
    engine = fifo if queue.fifo else standard
    engine.delete(call.tx, queue, receipt, int(call.now * 1e6), handle)


@queue_operation("ChangeMessageVisibility", shared=True)
def change_message_visibility(call: Call, request: dict[str, Any]) -> None:
    _change(call, queue_of(call, request), request)


@queue_operation("ChangeMessageVisibilityBatch", action="ChangeMessageVisibility", shared=True)
def change_message_visibility_batch(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    queue, entries = queue_of(call, request), check_entries("ChangeMessageVisibilityBatch", request)
    return each(entries, lambda entry: _change(call, queue, entry))


def _change(call: Call, queue: Queue, entry: dict[str, Any]) -> None:
    """The new timeout counts from now; the time since the receive and it together may not pass twelve hours."""
    handle, timeout = entry.get("ReceiptHandle") or "", entry.get("VisibilityTimeout")
    receipt = receipts.read(queue, handle)
    if timeout is None:
        raise missing("VisibilityTimeout")
    if not 0 <= timeout <= VISIBILITY_MAX:
        raise invalid(timeout, "VisibilityTimeout", "VisibilityTimeout must be an integer between 0 and 43200.")
    now = int(call.now * 1e6)
    until = now + timeout * SECOND
    if until > receipt.at + VISIBILITY_MAX * SECOND:
        raise invalid(
            timeout,
            "VisibilityTimeout",
            "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
        )
    engine = fifo if queue.fifo else standard
    engine.change(call.tx, queue, receipt, now, until, handle)
