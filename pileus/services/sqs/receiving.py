"""ReceiveMessage: what is visible now, or the first thing that becomes so within the wait.

Sources: Amazon SQS API Reference, "ReceiveMessage"; Amazon SQS Developer Guide, "Amazon SQS short and long polling" and
"Amazon SQS visibility timeout" (in flight quotas; a FIFO queue at its quota answers nothing rather than an error).
"""

from typing import Any

from pileus.service import Call, Wait

from . import contents, counting, fifo, redrive, standard
from .address import queue_of, queue_operation
from .errors import InvalidAttributeName, OverLimit, invalid
from .receipts import write
from .standard import SECOND, Taken
from .tables import Queue

IN_FLIGHT_MAX = 120_000
WAIT_MAX = 20
VISIBILITY_MAX = 43_200
BATCH_MAX = 10
SYSTEM_NAMES = (
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
)
# The old AttributeNames also took the names of queue attributes, which say nothing of a message.
_IGNORED = frozenset({"SqsManagedSseEnabled", "Policy", "VisibilityTimeout", "QueueArn", "CreatedTimestamp"})


@queue_operation("ReceiveMessage", shared=True)
def receive_message(call: Call, request: dict[str, Any]) -> dict[str, Any] | Wait:
    queue = queue_of(call, request)
    limit = _number(request, "MaxNumberOfMessages", 1, 1, BATCH_MAX, "Must be between 1 and 10, if provided.")
    timeout = _number(
        request, "VisibilityTimeout", queue.visibility, 0, VISIBILITY_MAX, "Must be between 0 and 43200, if provided."
    )
    wait = _number(request, "WaitTimeSeconds", queue.wait, 0, WAIT_MAX, "Must be >= 0 and <= 20, if provided.")
    system = _system_names(request)
    attempt = request.get("ReceiveRequestAttemptId") or ""
    if attempt:
        contents.check_id(attempt, "ReceiveRequestAttemptId")
        if not queue.fifo:
            raise invalid(
                attempt,
                "ReceiveRequestAttemptId",
                "The request include parameter that is not valid for this queue type.",
            )
    now = int(call.now * 1e6)
    grave = redrive.grave(call.tx, call.cloud.keyring, queue, now)
    taken = _take(call, queue, now, timeout, limit, attempt, grave)
    if taken:
        names = request.get("MessageAttributeNames") or ()
        return {"Messages": [_answered(queue, one, system, names) for one in taken]}
    return _wait(call, queue, now, wait) if wait else {}


def _number(request: dict[str, Any], name: str, default: int, least: int, most: int, rule: str) -> int:
    value: int = request.get(name, default)
    if not least <= value <= most:
        raise invalid(value, name, rule)
    return value


def _system_names(request: dict[str, Any]) -> tuple[str, ...]:
    old, new = request.get("AttributeNames"), request.get("MessageSystemAttributeNames")
    if not old and not new:
        return ()
    asked = [*(old or ()), *(new or ())]
    if "All" in asked:
        return SYSTEM_NAMES
    for name in asked:
        if name not in SYSTEM_NAMES and name not in _IGNORED:
            raise InvalidAttributeName(f"Unknown Attribute {name}.")
    return tuple(asked)


def _take(
    call: Call, queue: Queue, now: int, timeout: int, limit: int, attempt: str, grave: standard.Grave | None
) -> list[Taken]:
    tx, keyring = call.tx, call.cloud.keyring
    totals = counting.totals(tx, queue)
    if totals.received >= IN_FLIGHT_MAX:
        flying = counting.in_flight(tx, queue, now, IN_FLIGHT_MAX)
        if flying >= IN_FLIGHT_MAX:
            if queue.fifo:
                return []
            raise OverLimit(f"Too many messages in flight: at most {IN_FLIGHT_MAX} are allowed in a queue.")
        limit = min(limit, IN_FLIGHT_MAX - flying)
    if not queue.fifo:
        return standard.take(tx, keyring, queue, now, timeout, limit, grave, totals)
    if attempt:
        taken = fifo.again(tx, keyring, queue, attempt, now, timeout)
        if taken:
            return taken
    taken = fifo.take(tx, keyring, queue, now, timeout, limit, grave)
    if taken and attempt:
        fifo.remember(tx, queue, attempt, now, taken)
    return taken


def _wait(call: Call, queue: Queue, now: int, seconds: int) -> dict[str, Any] | Wait:
    """Run again when something is sent, when the next hidden message will be seen, or when the wait is over."""
    deadline = (call.started or call.now) + seconds
    if call.now >= deadline:
        return {}
    engine = fifo if queue.fifo else standard
    upcoming = engine.next_visible(call.tx, queue, now)
    until = deadline if upcoming is None else min(deadline, upcoming / SECOND)
    return Wait(standard.wait_key(queue), until)


def _answered(
    queue: Queue, taken: Taken, system: tuple[str, ...], names: list[str] | tuple[str, ...]
) -> dict[str, Any]:
    message, _, receipt = taken
    answer: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": write(queue.uid, receipt),
        "MD5OfBody": message.md5,
        "Body": message.body,
    }
    if system:
        answer["Attributes"] = _system(taken, system)
    if names and message.attributes:
        wanted = contents.wanted_attributes(message.attributes, list(names))
        if wanted:
            whole = len(wanted) == len(message.attributes)
            answer["MD5OfMessageAttributes"] = message.md5_attributes if whole else contents.attributes_digest(wanted)
            answer["MessageAttributes"] = contents.answered(wanted)
    return answer


def _system(taken: Taken, names: tuple[str, ...]) -> dict[str, str]:
    message, state, receipt = taken
    every = {
        "SenderId": message.sender,
        "SentTimestamp": str(receipt.sent // 1_000),
        "ApproximateReceiveCount": str(state.receives),
        "ApproximateFirstReceiveTimestamp": str(state.first // 1_000),
        "SequenceNumber": fifo.sequence_text(message.sequence) if message.sequence else "",
        "MessageDeduplicationId": message.dedup,
        "MessageGroupId": message.group,
        "AWSTraceHeader": message.trace,
        "DeadLetterQueueSourceArn": state.source,
    }
    return {name: every[name] for name in names if every.get(name)}
