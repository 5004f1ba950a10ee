"""Tags on queues.

Source: Amazon SQS Developer Guide, "Amazon SQS cost allocation tags" and "Amazon SQS standard queue quotas" (queue
tag).
"""

import re
from typing import Any

import msgspec

from pileus.service import Call

from .address import own_queue, queue_operation
from .errors import InvalidParameterValue, missing
from .tables import queues

TAGS_MAX = 50
_ALLOWED = re.compile(r"[\w\s.:/=+\-@]*")


def check_tags(there: dict[str, str], new: dict[str, str], queue_name: str) -> None:
    for key, value in new.items():
        if not 1 <= len(key) <= 128:
            raise InvalidParameterValue("Tag keys must be between 1 and 128 characters in length.")
        if len(value) > 256:
            raise InvalidParameterValue("Tag values must be between 0 and 256 characters in length.")
        if key.lower().startswith("aws:"):
            raise InvalidParameterValue("Tag keys can't start with aws: (it is reserved).")
        if not _ALLOWED.fullmatch(key) or not _ALLOWED.fullmatch(value):
            raise InvalidParameterValue(
                "Tags can only contain Unicode letters, digits, white space, and any of _ . : / = + - @"
            )
    if len(there.keys() | new.keys()) > TAGS_MAX:
        raise InvalidParameterValue(f"Too many tags added for queue {queue_name}.")


@queue_operation("TagQueue")
def tag_queue(call: Call, request: dict[str, Any]) -> None:
    queue, new = own_queue(call, request), request.get("Tags")
    if not new:
        raise missing("Tags")
    check_tags(queue.tags, new, queue.name)
    queue = msgspec.structs.replace(queue, tags={**queue.tags, **new})
    queues.put(call.tx, queue.account, queue.region, queue.name, record=queue)


@queue_operation("UntagQueue")
def untag_queue(call: Call, request: dict[str, Any]) -> None:
    queue, gone = own_queue(call, request), request.get("TagKeys")
    if not gone:
        raise missing("TagKeys")
    left = {key: value for key, value in queue.tags.items() if key not in gone}
    queues.put(call.tx, queue.account, queue.region, queue.name, record=msgspec.structs.replace(queue, tags=left))


@queue_operation("ListQueueTags")
def list_queue_tags(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    tags = own_queue(call, request).tags
    return {"Tags": tags} if tags else {}
