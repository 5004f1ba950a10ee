"""Dead letters: which queue takes them, who may name it, and the move itself.

Sources: Amazon SQS Developer Guide, "Using dead-letter queues in Amazon SQS" and "Learn how to configure a dead-letter
queue redrive in Amazon SQS"; Amazon SQS API Reference, "SetQueueAttributes" (RedrivePolicy, RedriveAllowPolicy).
"""

from functools import partial
from typing import Any

import msgspec
import orjson

from pileus.base.arns import parse
from pileus.keyring import Keyring
from pileus.store import Transaction

from . import fifo, standard
from .errors import InvalidParameterValue, invalid
from .tables import Message, Queue, Redrive, State, queues

MAX_RECEIVES = 1_000
SOURCES_MAX = 10
DEFAULT_RECEIVES = 10


def read_policy(text: str) -> tuple[Redrive, str]:
    """A RedrivePolicy's meaning, and the text that is answered for it."""
    raw = _json_map(text, "RedrivePolicy", "Redrive policy")
    if unknown := sorted(raw.keys() - {"deadLetterTargetArn", "maxReceiveCount"}):
        raise invalid(text, "RedrivePolicy", f"Only following attributes are supported: [deadLetterTargetArn, "
                      f"maxReceiveCount], not {unknown[0]}.")  # fmt: skip
    target = raw.get("deadLetterTargetArn")
    if not target:
        raise invalid(
            text, "RedrivePolicy", "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."
        )
    if "maxReceiveCount" not in raw:
        raise invalid(text, "RedrivePolicy", "Redrive policy does not contain mandatory attribute: maxReceiveCount.")
    count = raw["maxReceiveCount"]
    try:
        receives = int(count) if isinstance(count, int | str) and not isinstance(count, bool) else 0
    except ValueError:
        receives = 0
    if not 1 <= receives <= MAX_RECEIVES:
        raise invalid(
            text,
            "RedrivePolicy",
            f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive.",
        )
    return Redrive(str(target), receives), orjson.dumps(
        {"deadLetterTargetArn": str(target), "maxReceiveCount": receives}
    ).decode()


def check_target(tx: Transaction, queue: Queue, text: str) -> None:
    """The dead-letter queue must be there, of the same account, region and kind, and must let this one name it."""
    redrive = queue.redrive
    if redrive is None:
        return
    try:
        arn = parse(redrive.target)
    except ValueError:
        raise invalid(text, "RedrivePolicy", "Invalid value for deadLetterTargetArn.") from None
    if arn.service != "sqs" or not arn.resource:
        raise invalid(text, "RedrivePolicy", "Invalid value for deadLetterTargetArn.")
    if arn.account != queue.account:
        raise invalid(text, "RedrivePolicy", "Dead letter target owner should be same as the source.")
    if arn.region != queue.region:
        raise invalid(text, "RedrivePolicy", "Dead letter target should be in same region as the source.")
    target = queues.get(tx, arn.account, arn.region, arn.resource)
    if target is None:
        raise invalid(text, "RedrivePolicy", "Dead letter target does not exist.")
    if target.fifo != queue.fifo:
        raise invalid(text, "RedrivePolicy", "Dead-letter queue must be same type of queue as the source.")
    if not permits(target, queue.arn):
        raise invalid(
            text, "RedrivePolicy", f"Queue {target.arn} does not allow {queue.arn} to use it as a dead-letter queue."
        )


def read_allow_policy(text: str) -> str:
    """A RedriveAllowPolicy as it is answered."""
    raw = _json_map(text, "RedriveAllowPolicy", "RedriveAllowPolicy")
    permission = raw.get("redrivePermission")
    if raw.keys() - {"redrivePermission", "sourceQueueArns"} or permission not in ("allowAll", "denyAll", "byQueue"):
        raise invalid(text, "RedriveAllowPolicy", "redrivePermission must be one of allowAll, denyAll or byQueue.")
    sources = raw.get("sourceQueueArns")
    if permission != "byQueue":
        if sources is not None:
            raise invalid(
                text, "RedriveAllowPolicy", "sourceQueueArns can only be given when redrivePermission is byQueue."
            )
        return orjson.dumps({"redrivePermission": permission}).decode()
    if not isinstance(sources, list) or not sources or not all(isinstance(one, str) for one in sources):
        raise invalid(text, "RedriveAllowPolicy", "sourceQueueArns is mandatory when redrivePermission is byQueue.")
    if len(sources) > SOURCES_MAX:
        raise invalid(text, "RedriveAllowPolicy", "sourceQueueArns can have at most 10 queue ARNs.")
    return orjson.dumps({"redrivePermission": permission, "sourceQueueArns": sources}).decode()


def permits(target: Queue, source_arn: str) -> bool:
    text = target.attributes.get("RedriveAllowPolicy")
    if not text:
        return True
    policy = orjson.loads(text)
    if policy["redrivePermission"] == "byQueue":
        return source_arn in policy["sourceQueueArns"]
    return bool(policy["redrivePermission"] == "allowAll")


def _json_map(text: str, parameter: str, called: str) -> dict[str, Any]:
    try:
        raw = orjson.loads(text)
    except ValueError:
        raw = None
    if not isinstance(raw, dict):
        raise InvalidParameterValue(
            f"Value {text} for parameter {parameter} is invalid. Reason: {called} is not a valid JSON map."
        )
    return raw


def grave(tx: Transaction, keyring: Keyring, queue: Queue, now: int) -> standard.Grave | None:
    """Where the queue's dead letters go; None when it names no queue, or one that is gone: then they stay where they
    are.
    """
    if queue.redrive is None:
        return None
    arn = parse(queue.redrive.target)
    target = queues.get(tx, arn.account, arn.region, arn.resource)
    if target is None or not permits(target, queue.arn):
        return None
    return standard.Grave(queue.redrive.max_receives, partial(bury, tx, keyring, queue, target, now))


def bury(
    tx: Transaction,
    keyring: Keyring,
    source: Queue,
    target: Queue,
    now: int,
    message: Message,
    sent: int,
    state: State,
) -> None:
    """Adds a message that was taken out of `source` to its dead-letter queue.

    A standard queue's message keeps the moment it was sent, and so its age; a FIFO queue's begins anew, and its
    deduplication id becomes its message id, so that two letters that shared one are both kept.
    """
    fresh = State(state.receives, state.first, state.receives, source.arn)
    if target.fifo:
        letter = msgspec.structs.replace(message, dedup=message.id)
        fifo.put(tx, keyring, target, letter, now, now, fresh)
    else:
        standard.put(tx, keyring, target, message, sent, now, fresh)
