"""Amazon SQS, declared: the API, and how the query protocol names a queue."""

import re
from typing import Any

from pileus.service import Service

_QUEUE_PATH = re.compile(r"/(?:queue/[a-z0-9-]+/)?\d{12}/[^/]+/?$")


def queue_from_path(request: dict[str, Any], path: str, endpoint: str) -> None:
    """Query requests are sent to the queue's own URL (Amazon SQS Developer Guide, "Making Query API requests")."""
    if len(path) > 1 and "QueueUrl" not in request and _QUEUE_PATH.search(path):
        request["QueueUrl"] = endpoint + path


sqs = Service("sqs", validation=None, adjust=queue_from_path)
