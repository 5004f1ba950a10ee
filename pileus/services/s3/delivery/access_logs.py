"""The reconciler that delivers access logs: every few minutes of the cloud's clock, one object for what came together.

Source: Amazon S3 User Guide, "Logging requests with server access logging", "Permissions for log delivery"; Amazon S3
API Reference, PartitionedPrefix. What is delivered and what is taken from the waiting lines is one transaction.
"""

import logging
from time import gmtime, strftime
from typing import Any

from pileus.base import ids
from pileus.base.errors import ApiError
from pileus.control import Done, Outcome, RequeueAt
from pileus.service import Actor, service_caller
from pileus.store import Transaction

from ..tables import Bucket, LoggingDue, accesses, buckets, configs, logging_due
from .access_lines import EVERY_S, KIND

DELIVERY = "logging.s3.amazonaws.com"
LINES_MAX = 5_000
GIVEN_UP_AFTER_S = 24 * 3600.0
DAY_S = 86_400

Lines = list[tuple[tuple[Any, ...], str]]

log = logging.getLogger("pileus.s3")


class DeliverAccessLogs:
    watches = logging_due.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        while True:
            found = await world.store.transact(lambda tx: _due(tx, key, world.clock.now()))
            if found is None or isinstance(found, RequeueAt):
                return found
            bucket, wanted, lines = found
            try:
                await _deliver(world, key, bucket, wanted, lines)
            except ApiError as error:
                log.warning("the access log of %s was not delivered: %s", bucket.name, error.message)
                return await world.store.transact(lambda tx: _later(tx, key, bucket, lines, world.clock.now()))  # noqa: B023


def _due(
    tx: Transaction, key: tuple[Any, ...], now: float
) -> "tuple[Bucket, dict[str, Any], Lines] | RequeueAt | None":
    """The lines to deliver next."""
    due = logging_due.get(tx, *key)
    if due is None:
        return Done
    if now < due.at:
        return RequeueAt(due.at)
    bucket = buckets.get(tx, *key)
    wanted = configs.get(tx, due.bucket, KIND, "")
    lines = list(accesses.scan(tx, due.bucket, limit=LINES_MAX))
    if bucket is None or bucket.id != due.bucket or wanted is None:
        # Nobody wants them any more.
        return _drop(tx, key, due.bucket, lines, now)
    if not lines:
        logging_due.delete(tx, *key)
        return Done
    return bucket, wanted, _of_one_object(wanted, lines)


def _of_one_object(wanted: dict[str, Any], lines: Lines) -> Lines:
    """With keys by the time of the event, an object holds the lines of one day."""
    if not _by_event(wanted):
        return lines
    day = lines[0][0][0] // (DAY_S * 1_000_000)
    return [line for line in lines if line[0][0] // (DAY_S * 1_000_000) == day]


def _by_event(wanted: dict[str, Any]) -> bool:
    partitioned = wanted.get("TargetObjectKeyFormat", {}).get("PartitionedPrefix")
    return partitioned is not None and partitioned.get("PartitionDateSource", "EventTime") == "EventTime"


async def _deliver(world: Any, key: tuple[Any, ...], bucket: Bucket, wanted: dict[str, Any], lines: Lines) -> None:
    body = "".join(f"{text}\n" for _, text in lines).encode()
    request = {
        "Bucket": wanted["TargetBucket"],
        "Key": _object_key(bucket, wanted, lines, world.clock.now()),
        "Body": body,
        "ContentLength": len(body),
        "ContentType": "text/plain",
    }

    def delivered(tx: Transaction, answer: Any) -> None:
        for rest, _ in lines:
            accesses.delete(tx, bucket.id, *rest)
        if next(accesses.scan(tx, bucket.id, limit=1), None) is None:
            logging_due.delete(tx, *key)

    actor = Actor(world, service_caller(DELIVERY, bucket.arn, bucket.account), bucket.region)
    await actor.perform("s3", "PutObject", request, delivered)


def _object_key(bucket: Bucket, wanted: dict[str, Any], lines: Lines, now: float) -> str:
    prefix, unique = wanted.get("TargetPrefix", ""), ids.unique_hex(16).upper()
    when = gmtime(now)
    if wanted.get("TargetObjectKeyFormat", {}).get("PartitionedPrefix") is not None:
        if _by_event(wanted):
            when = gmtime(lines[0][0][0] // 1_000_000 // DAY_S * DAY_S)
        prefix += f"{bucket.account}/{bucket.region}/{bucket.name}/{strftime('%Y/%m/%d/', when)}"
    return f"{prefix}{strftime('%Y-%m-%d-%H-%M-%S', when)}-{unique}"


def _later(tx: Transaction, key: tuple[Any, ...], bucket: Bucket, lines: Lines, now: float) -> RequeueAt:
    """What nobody takes for a day is given up."""
    for rest, _ in lines:
        if rest[0] < (now - GIVEN_UP_AFTER_S) * 1e6:
            accesses.delete(tx, bucket.id, *rest)
    logging_due.put(tx, *key, record=LoggingDue(now + EVERY_S, bucket.id))
    return RequeueAt(now + EVERY_S)


def _drop(tx: Transaction, key: tuple[Any, ...], bucket: int, lines: Lines, now: float) -> RequeueAt | None:
    for rest, _ in lines:
        accesses.delete(tx, bucket, *rest)
    if len(lines) == LINES_MAX:
        return RequeueAt(now)
    logging_due.delete(tx, *key)
    return Done
