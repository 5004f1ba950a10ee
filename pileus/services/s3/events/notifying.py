"""A bucket's notifications on their way: written with the change, delivered in order by a reconciler.

Each pair of bucket and destination is a subject of its own in the outbox, so that a queue which is gone or forbids
holds up nobody else. Source: Amazon S3 User Guide, "Amazon S3 Event Notifications".
"""

import logging
from typing import Any

from pileus.base.arns import parse
from pileus.base.errors import ApiError
from pileus.control import Done, Outcome, RequeueAt
from pileus.service import AccessDenied, Actor, Call, Caller, outbox, service_caller
from pileus.store import Transaction

from ..tables import Bucket, Version, configs
from .matching import means
from .messages import message

S3 = "s3.amazonaws.com"
SUBJECT = "s3.notifications "
BATCH, BATCHES = 50, 20
GIVEN_UP_AFTER_S = 24 * 3600.0
RETRY_S = (5.0, 300.0)
"""Between tries: as long as the oldest event has waited, within these bounds."""

_LATER = ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")

log = logging.getLogger("pileus.s3")


def notify(call: Call, bucket: Bucket, event: str, key: str, version: Version, details: dict[str, Any] | None) -> None:
    """In the transaction of the change."""
    found = configs.get(call.tx, bucket.id, "notification", "") or {}
    for rule in found.get("QueueConfigurations", ()):
        if means(rule, f"s3:{event}", key):
            body = message(call, bucket, rule["Id"], event, key, version, details)
            subject = f"{SUBJECT}{bucket.id} {rule['QueueArn']}"
            call.emit(subject, {"message": body, "bucket": bucket.arn, "account": bucket.account})


def send(call: Call, queue: str, body: str, as_: Caller) -> None:
    """As S3 itself on the bucket's behalf, so that the queue's own policy decides. Raises SQS's errors."""
    arn = parse(queue)
    url = f"https://sqs.{arn.region}.amazonaws.com/{arn.account}/{arn.resource}"
    call.invoke("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": body}, as_=as_)


class Notify:
    """Hands a destination's events over. What it hands over and what it takes from the outbox is one transaction."""

    watches = outbox.EVENTS

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        subject = str(key[0])
        if not subject.startswith(SUBJECT):
            return Done
        queue = subject.removeprefix(SUBJECT).partition(" ")[2]
        for _ in range(BATCHES):
            left, again = await world.store.transact(lambda tx: _hand_over(world, tx, subject, queue))
            if again is not None:
                return RequeueAt(again)
            if not left:
                return Done
        return RequeueAt(world.clock.now())  # others have their turn


def _hand_over(world: Any, tx: Transaction, subject: str, queue: str) -> tuple[bool, float | None]:
    """(whether there may be more, when to try again after a failure)."""
    actor = Actor(world, service_caller(S3), parse(queue).region)
    call = actor.call(tx, "s3", "PutBucketNotificationConfiguration")
    last, count = 0, 0
    again: float | None = None
    for position, event in outbox.read(tx, subject, limit=BATCH):
        try:
            send(call, queue, event.body["message"], service_caller(S3, event.body["bucket"], event.body["account"]))
        except ApiError as error:
            waited = call.now - event.at
            # A queue may come back, and a policy may be mended; a message it does not take, it never takes.
            if _passing(error) and waited < GIVEN_UP_AFTER_S:
                again = call.now + min(max(waited, RETRY_S[0]), RETRY_S[1])
                break
            log.warning("an event of %s was not delivered to %s: %s", event.body["bucket"], queue, error.message)
        last, count = position, count + 1
        call.now += 2e-6  # so that a standard queue too hands them out in this order
    if last:
        outbox.trim(tx, subject, last)
    return count == BATCH, again


def _passing(error: ApiError) -> bool:
    return isinstance(error, AccessDenied) or error.status >= 500 or error.code in _LATER or "KMS" in error.code.upper()
