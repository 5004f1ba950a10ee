"""Amazon SQS: standard and FIFO queues, visibility, dead letters, redrive, and the policies that guard them."""

from . import move_tasks, permissions, queues, receiving, sending, settling, tags
from .redriving import RunMoveTasks
from .service import sqs
from .sweep import ExpireMessages, FreeNames, SweepSpaces


def reconcilers() -> list[ExpireMessages | FreeNames | RunMoveTasks | SweepSpaces]:
    """SQS's background work, for the composition root."""
    return [ExpireMessages(), FreeNames(), SweepSpaces(), RunMoveTasks()]


__all__ = [
    "ExpireMessages",
    "FreeNames",
    "RunMoveTasks",
    "SweepSpaces",
    "move_tasks",
    "permissions",
    "queues",
    "receiving",
    "reconcilers",
    "sending",
    "settling",
    "sqs",
    "tags",
]
