"""Message move tasks: redriving what lies in a dead-letter queue.

Sources: Amazon SQS API Reference, "StartMessageMoveTask", "CancelMessageMoveTask" and "ListMessageMoveTasks"; Amazon
SQS Developer Guide, "Learn how to configure a dead-letter queue redrive in Amazon SQS" (permissions; redriven messages
are new messages). The moving itself is `redriving.py`'s, in the background.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from pileus.base.arns import arn, parse
from pileus.service import Call
from pileus.service.authorize import must_allow
from pileus.service.kit import Handler
from pileus.service.paginate import BadToken, seal, unseal

from .address import carried, queue_by_arn, tagged
from .counting import figures
from .errors import AccessDenied, InvalidParameterValue, ResourceNotFound, UnsupportedOperation, invalid, missing
from .service import sqs
from .tables import MoveTask, Queue, dead_letter_sources, move_tasks, queues

RATE_MAX = 500
KEPT = 10
RUNNING, CANCELLING, CANCELLED, COMPLETED, FAILED = "RUNNING", "CANCELLING", "CANCELLED", "COMPLETED", "FAILED"
ACTIVE = (RUNNING, CANCELLING)
_PURPOSE = "sqs.MoveTask"


def _source_arn(call: Call, request: dict[str, Any]) -> str:
    """The queue the request is about: it names the queue, or a task of the queue."""
    if request.get("SourceArn"):
        return str(request["SourceArn"])
    try:
        account, region, name, _ = unseal(_PURPOSE, request.get("TaskHandle") or "")
    except ValueError:
        return "*"
    return arn("sqs", str(region), str(account), str(name))


def _source(call: Call, request: dict[str, Any]) -> Queue | None:
    try:
        return queue_by_arn(call, _source_arn(call, request))
    except ValueError:
        return None


def _task_operation(name: str) -> Callable[[Handler], Handler]:
    return sqs.operation(
        name,
        resource=_source_arn,
        context=lambda call, request: tagged(_source(call, request)),
        resource_policy=lambda call, request: carried(_source(call, request)),
    )


def _named_queue(call: Call, request: dict[str, Any], parameter: str) -> Queue:
    """The caller's own queue that an ARN names."""
    text = request.get(parameter)
    if not text:
        raise missing(parameter)
    try:
        queue = queue_by_arn(call, text)
    except ValueError:
        raise InvalidParameterValue(
            f"You must use this format to specify the {parameter}: "
            "arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        ) from None
    if parse(text).account != call.account or parse(text).region != call.region:
        raise AccessDenied(f"Access to the resource {text} is denied.")
    if queue is None:
        raise ResourceNotFound(f"The resource that you specified for the {parameter} parameter doesn't exist.")
    return queue


@_task_operation("StartMessageMoveTask")
def start_message_move_task(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    source = _named_queue(call, request, "SourceArn")
    origins = [queue for _, queue in queues.find(call.tx, dead_letter_sources, source.arn)]
    if not origins:
        raise InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.")
    destinations = origins
    if request.get("DestinationArn"):
        destinations = [_named_queue(call, request, "DestinationArn")]
        if destinations[0].fifo != source.fifo:
            raise InvalidParameterValue("Source queue and destination queue must be of the same type.")
        if destinations[0].arn == source.arn:
            raise InvalidParameterValue("Source queue arn can't be the same as the destination queue arn.")
    rate = request.get("MaxNumberOfMessagesPerSecond")
    if rate is not None and not 1 <= rate <= RATE_MAX:
        raise invalid(
            rate,
            "MaxNumberOfMessagesPerSecond",
            "You must enter a number that's greater than 0 and less than or equal to 500.",
        )
    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        must_allow(call, f"sqs:{action}", source.arn, context=tagged(source), own=carried(source))
    for queue in destinations:
        must_allow(call, "sqs:SendMessage", queue.arn, context=tagged(queue), own=carried(queue))
    key = (source.account, source.region, source.name)
    tasks = list(move_tasks.scan(call.tx, *key))
    if any(task.status in ACTIVE for _, task in tasks):
        raise UnsupportedOperation(
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
        )
    for old, _ in tasks[: max(0, len(tasks) - KEPT + 1)]:
        move_tasks.delete(call.tx, *key, *old)
    started = int(call.now * 1e6)
    if tasks:
        started = max(started, int(tasks[-1][0][0]) + 1)
    to_move = figures(call.tx, source, started).visible
    task = MoveTask(source.arn, request.get("DestinationArn") or "", rate or 0, call.now, to_move)
    move_tasks.put(call.tx, *key, started, record=task)
    return {"TaskHandle": seal(_PURPOSE, (*key, started))}


@_task_operation("CancelMessageMoveTask")
def cancel_message_move_task(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """What was moved stays moved."""
    handle = request.get("TaskHandle")
    if not handle:
        raise missing("TaskHandle")
    try:
        key = unseal(_PURPOSE, handle)
    except BadToken:
        raise InvalidParameterValue("Value for parameter TaskHandle is invalid.") from None
    task = move_tasks.get(call.tx, *key)
    if task is None or key[0] != call.account:
        raise ResourceNotFound("Task does not exist.")
    if task.status != RUNNING:
        raise UnsupportedOperation("Only active tasks can be cancelled.")
    move_tasks.put(call.tx, *key, record=msgspec.structs.replace(task, status=CANCELLING))
    return {"ApproximateNumberOfMessagesMoved": task.moved}


@_task_operation("ListMessageMoveTasks")
def list_message_move_tasks(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The most recent first."""
    source = _named_queue(call, request, "SourceArn")
    limit = request.get("MaxResults")
    if limit is not None and not 1 <= limit <= KEPT:
        raise invalid(limit, "MaxResults", "MaxResults must be an integer between 1 and 10.")
    key = (source.account, source.region, source.name)
    tasks = move_tasks.scan(call.tx, *key, limit=limit or 1, reverse=True)
    return {"Results": [_described((*key, *rest), task) for rest, task in tasks]}


def _described(key: tuple[Any, ...], task: MoveTask) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Status": task.status,
        "SourceArn": task.source,
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "StartedTimestamp": int(task.started * 1e3),
    }
    if task.status == RUNNING:
        found["TaskHandle"] = seal(_PURPOSE, key)
    if task.destination:
        found["DestinationArn"] = task.destination
    if task.rate:
        found["MaxNumberOfMessagesPerSecond"] = task.rate
    if task.failure:
        found["FailureReason"] = task.failure
    return found
