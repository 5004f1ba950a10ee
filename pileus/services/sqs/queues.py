"""Queues: create, find, describe, change, purge and delete them.

Source: Amazon SQS API Reference, the pages of these actions; Amazon SQS Developer Guide, "Amazon SQS standard queue
quotas".
"""

import re
from typing import Any

import msgspec

from pileus.base import ids
from pileus.base.arns import arn
from pileus.service import Call, paginate
from pileus.service.authorize import must_allow
from pileus.service.paginate import BadToken

from . import attributes, redrive
from .address import (
    name_arn,
    own_queue,
    policy_by_name,
    queue_of,
    queue_operation,
    tags_by_name,
    url_of,
)
from .attributes import bad_value
from .errors import (
    InvalidParameterValue,
    PurgeQueueInProgress,
    QueueDeletedRecently,
    QueueNameExists,
    invalid,
    missing,
    no_such_queue,
)
from .sealing import with_key
from .service import sqs
from .standard import wait_key
from .tables import Deleted, Doomed, Queue, dead_letter_sources, deleted_names, doomed, move_tasks, queues
from .tags import check_tags

NAME_FREE_AFTER_S = 60
PURGE_EVERY_S = 60
PAGE = 1_000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}\.fifo")
_NAME_RULE = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
_FIFO_NAME_RULE = (
    "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
    "must end with .fifo suffix and be 1 to 80 in length."
)


@sqs.operation("CreateQueue", resource=name_arn, partial=attributes.NO_QUOTA)
def create_queue(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Idempotent: the same name with the same attributes answers with the queue that is there."""
    name, given, tags = request.get("QueueName"), request.get("Attributes", {}), request.get("tags", {})
    if not name:
        raise missing("QueueName")
    fifo = _is_fifo(name, given)
    wanted = attributes.checked(given, fifo)
    check_tags({}, tags, name)
    if tags:
        must_allow(call, "sqs:TagQueue", name_arn(call, request))
    there = queues.get(call.tx, call.account, call.region, name)
    if there is not None:
        different = attributes.same(there, wanted)
        if different is not None:
            raise QueueNameExists(
                f"A queue already exists with the same name and a different value for attribute {different}"
            )
        return {"QueueUrl": url_of(call, there)}
    gone = deleted_names.get(call.tx, call.account, call.region, name)
    if gone is not None and call.now < gone.at + NAME_FREE_AFTER_S:
        raise QueueDeletedRecently(
            "You must wait 60 seconds after deleting a queue before you can create another with the same name."
        )
    uid = ids.secret_int()
    queue = Queue(
        call.account, call.region, name, arn("sqs", call.region, call.account, name), uid, uid, call.now, call.now
    )
    queue = attributes.trusting(call, msgspec.structs.replace(queue, fifo=fifo, tags=tags), wanted)
    queue = attributes.applied(queue, wanted)
    queue = with_key(call.cloud.keyring, queue)
    _check_documents(call, queue, given)
    queues.put(call.tx, call.account, call.region, name, record=queue)
    return {"QueueUrl": url_of(call, queue)}


def _is_fifo(name: str, given: dict[str, str]) -> bool:
    text = given.get("FifoQueue")
    if text is not None and text.lower() not in ("true", "false"):
        raise bad_value("FifoQueue")
    if text is not None and text.lower() == "true":
        if not _FIFO_NAME.fullmatch(name):
            raise InvalidParameterValue(_FIFO_NAME_RULE)
        return True
    if not _NAME.fullmatch(name):
        raise InvalidParameterValue(_NAME_RULE)
    return False


def _check_documents(call: Call, queue: Queue, given: dict[str, str]) -> None:
    if given.get("RedrivePolicy"):
        redrive.check_target(call.tx, queue, given["RedrivePolicy"])


@sqs.operation("GetQueueUrl", resource=name_arn, context=tags_by_name, resource_policy=policy_by_name, unsigned=True)
def get_queue_url(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    name = request.get("QueueName")
    if not name:
        raise missing("QueueName")
    queue = queues.get(call.tx, request.get("QueueOwnerAWSAccountId") or call.account, call.region, name)
    if queue is None:
        raise no_such_queue()
    return {"QueueUrl": url_of(call, queue)}


def _page_size(request: dict[str, Any]) -> int | None:
    size = request.get("MaxResults")
    if size is not None and not 1 <= size <= PAGE:
        raise invalid(size, "MaxResults", "MaxResults must be an integer between 1 and 1000.")
    return size


@sqs.operation("ListQueues", resource=lambda call, request: "*")
def list_queues(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Names in order. Without MaxResults one page of a thousand and no token (API Reference, "ListQueues")."""
    size, prefix = _page_size(request), request.get("QueueNamePrefix") or None

    def rows(after: tuple[Any, ...] | None, limit: int) -> Any:
        return queues.scan(call.tx, call.account, call.region, after=after, begins=prefix, limit=limit)

    try:
        page = paginate(
            rows,
            purpose=f"sqs.ListQueues/{call.account}/{call.region}/{prefix or ''}",
            token=request.get("NextToken"),
            limit=size or PAGE,
        )
    except BadToken:
        raise InvalidParameterValue("Invalid or expired next token.") from None
    answer: dict[str, Any] = {}
    if page.items:
        answer["QueueUrls"] = [url_of(call, queue) for queue in page.items]
    if page.next_token is not None and size is not None:
        answer["NextToken"] = page.next_token
    return answer


@queue_operation("ListDeadLetterSourceQueues", shared=True)
def list_dead_letter_source_queues(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    queue, size = queue_of(call, request), _page_size(request)
    sources = list(queues.find(call.tx, dead_letter_sources, queue.arn, limit=100_000))

    def rows(after: tuple[Any, ...] | None, limit: int) -> Any:
        return [row for row in sources if after is None or row[0] > after][:limit]

    try:
        page = paginate(rows, purpose=f"sqs.sources/{queue.arn}", token=request.get("NextToken"), limit=size or PAGE)
    except BadToken:
        raise InvalidParameterValue("Invalid or expired next token.") from None
    answer: dict[str, Any] = {"queueUrls": [url_of(call, source) for source in page.items]}
    if page.next_token is not None and size is not None:
        answer["NextToken"] = page.next_token
    return answer


@queue_operation("GetQueueAttributes", shared=True)
def get_queue_attributes(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    queue = queue_of(call, request)
    found = attributes.answered(call, queue, request.get("AttributeNames", []))
    return {"Attributes": found} if found else {}


@queue_operation("SetQueueAttributes", partial=attributes.NO_QUOTA)
def set_queue_attributes(call: Call, request: dict[str, Any]) -> None:
    """At once: AWS takes up to 60 seconds to propagate."""
    queue, given = own_queue(call, request), request.get("Attributes")
    if not given:
        raise missing("Attribute.Name")
    if given.get("FifoQueue", "true" if queue.fifo else "false").lower() != str(queue.fifo).lower():
        raise bad_value("FifoQueue")
    changes = attributes.checked(given, queue.fifo)
    queue = attributes.applied(attributes.trusting(call, queue, changes), changes)
    queue = msgspec.structs.replace(queue, modified=call.now)
    queue = with_key(call.cloud.keyring, queue)
    _check_documents(call, queue, given)
    queues.put(call.tx, queue.account, queue.region, queue.name, record=queue)


@queue_operation("PurgeQueue", shared=True)
def purge_queue(call: Call, request: dict[str, Any]) -> None:
    """Every message there is now, those in flight too, is gone at once: AWS takes up to 60 seconds."""
    queue = queue_of(call, request)
    if queue.purged and call.now < queue.purged + PURGE_EVERY_S:
        raise PurgeQueueInProgress(f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds.")
    doomed.put(call.tx, queue.space, record=Doomed())
    queue = msgspec.structs.replace(queue, space=ids.secret_int(), purged=call.now)
    queues.put(call.tx, queue.account, queue.region, queue.name, record=queue)


@queue_operation("DeleteQueue")
def delete_queue(call: Call, request: dict[str, Any]) -> None:
    queue = own_queue(call, request)
    queues.delete(call.tx, queue.account, queue.region, queue.name)
    deleted_names.put(call.tx, queue.account, queue.region, queue.name, record=Deleted(call.now))
    doomed.put(call.tx, queue.space, record=Doomed(queue.uid))
    call.tx.signal(wait_key(queue))  # whoever waits for a message hears that there will be none
    for rest, _ in list(move_tasks.scan(call.tx, queue.account, queue.region, queue.name)):
        move_tasks.delete(call.tx, queue.account, queue.region, queue.name, *rest)
