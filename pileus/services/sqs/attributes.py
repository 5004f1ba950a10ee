"""A queue's attributes: what may be set, within which bounds, and what is answered.

Sources: Amazon SQS API Reference, "CreateQueue", "SetQueueAttributes" and "GetQueueAttributes"; Amazon SQS Developer
Guide, "High throughput for FIFO queues in Amazon SQS" (which attributes go together).
"""

from typing import Any

import msgspec
import orjson

from pileus.base.errors import ApiError
from pileus.identity.trust import bound, resolve, shown
from pileus.policy import MalformedPolicy
from pileus.policy.validate import validate
from pileus.service import Call

from . import redrive
from .counting import figures
from .errors import InvalidAttributeName, InvalidAttributeValue, OverLimit, UnsupportedOperation
from .tables import Queue

# Name -> (least, most, default), whole numbers.
NUMBERS = {
    "DelaySeconds": (0, 900, 0),
    "MaximumMessageSize": (1_024, 1_048_576, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600, 345_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20, 0),
    "VisibilityTimeout": (0, 43_200, 30),
}
FIFO_ONLY = ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
ENCRYPTION = ("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds")
SETTABLE = frozenset(
    {*NUMBERS, *FIFO_ONLY, *ENCRYPTION, "Policy", "RedrivePolicy", "RedriveAllowPolicy", "SqsManagedSseEnabled"}
)
READABLE = frozenset(
    SETTABLE
    | {
        "QueueArn",
        "CreatedTimestamp",
        "LastModifiedTimestamp",
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    }
)
FIGURES = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
POLICY_BYTES_MAX = 8_192
ACTIONS_MAX = 7
PRINCIPALS_MAX = 50
STATEMENTS_MAX = 20
NO_QUOTA = "FifoThroughputLimit is kept and checked, but no throughput quota is enforced; KMS keys are refused"
_CHOICES = {
    "DeduplicationScope": ("messageGroup", "queue"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}


def bad_value(name: str) -> ApiError:
    return InvalidAttributeValue(f"Invalid value for the parameter {name}.")


def unknown(name: str) -> ApiError:
    return InvalidAttributeName(f"Unknown Attribute {name}.")


def checked(given: dict[str, str], fifo: bool) -> dict[str, str]:
    """The attributes as they are kept: each in bounds, documents in their normal form."""
    found = {}
    for name, text in given.items():
        if name not in SETTABLE or (name in FIFO_ONLY and not fifo):
            raise unknown(name)
        found[name] = _checked(name, text.strip())
    return found


def _checked(name: str, text: str) -> str:
    if name in NUMBERS:
        return _number(name, text)
    if name in _CHOICES:
        if text not in _CHOICES[name]:
            raise bad_value(name)
        return text
    if name in ("FifoQueue", "ContentBasedDeduplication", "SqsManagedSseEnabled"):
        return _boolean(name, text)
    if name in ENCRYPTION:
        return _refuse_kms(name, text)
    if not text:
        return ""
    if name == "RedrivePolicy":
        return redrive.read_policy(text)[1]
    if name == "RedriveAllowPolicy":
        return redrive.read_allow_policy(text)
    return _policy(text)


def _number(name: str, text: str) -> str:
    least, most, _ = NUMBERS[name]
    if not text.isascii() or not text.isdigit() or not least <= int(text[:12]) <= most:
        raise bad_value(name)
    return str(int(text))


def _boolean(name: str, text: str) -> str:
    if text.lower() not in ("true", "false"):
        raise bad_value(name)
    return text.lower()


def _refuse_kms(name: str, text: str) -> str:
    if not text:
        return ""  # an empty key id names no key
    raise UnsupportedOperation(
        f"{name} is refused: Pileus has no KMS yet. SqsManagedSseEnabled encrypts messages at rest without one."
    )


def _policy(text: str) -> str:
    try:
        validate(text, "resource", service="sqs")
    except MalformedPolicy:
        raise bad_value("Policy") from None
    check_quotas(text)
    return text


def check_quotas(text: str) -> None:
    """Source: Amazon SQS Developer Guide, "Amazon SQS policy quotas"."""
    if len(text.encode()) > POLICY_BYTES_MAX:
        raise OverLimit(f"A policy of {len(text.encode())} bytes was given, maximum allowed is {POLICY_BYTES_MAX}.")
    listed = _list(orjson.loads(text)["Statement"])
    principals = [
        _list(p) for one in listed if isinstance(one.get("Principal"), dict) for p in one["Principal"].values()
    ]
    counts = {
        "Statements": (len(listed), STATEMENTS_MAX),
        "Principals": (sum(map(len, principals)), PRINCIPALS_MAX),
        "Actions": (max(len(_list(one.get("Action", []))) for one in listed), ACTIONS_MAX),
    }
    for what, (found, most) in counts.items():
        if found > most:
            raise OverLimit(f"{found} {what} were found, maximum allowed is {most}.")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def applied(queue: Queue, changes: dict[str, str]) -> Queue:
    """The queue with these attributes set; an empty document takes one away."""
    kept = {name: text for name, text in {**queue.attributes, **changes}.items() if text}
    if queue.fifo:
        check_throughput(kept)
    numbers = {name: int(kept.get(name, default)) for name, (_, _, default) in NUMBERS.items()}
    return msgspec.structs.replace(
        queue,
        attributes=kept,
        delay=numbers["DelaySeconds"],
        visibility=numbers["VisibilityTimeout"],
        retention=numbers["MessageRetentionPeriod"],
        max_size=numbers["MaximumMessageSize"],
        wait=numbers["ReceiveMessageWaitTimeSeconds"],
        content_dedup=kept.get("ContentBasedDeduplication") == "true",
        dedup_by_group=kept.get("DeduplicationScope") == "messageGroup",
        redrive=redrive.read_policy(kept["RedrivePolicy"])[0] if "RedrivePolicy" in kept else None,
        policy=bound(kept.get("Policy", ""), queue.trusted),
        sse=kept.get("SqsManagedSseEnabled", "true") == "true",
    )


def trusting(call: Call, queue: Queue, changes: dict[str, str]) -> Queue:
    """The queue with the ids of those its new policy names: somebody made again under an old name is somebody else (IAM
    User Guide, "AWS JSON policy elements: Principal"). Who does not exist cannot be named."""
    text = changes.get("Policy")
    if text is None:
        return queue
    try:
        return msgspec.structs.replace(queue, trusted=resolve(call.tx, text) if text else {})
    except MalformedPolicy:
        raise bad_value("Policy") from None


def check_throughput(attributes: dict[str, str]) -> None:
    """Throughput per message group goes only with deduplication per message group."""
    scope = attributes.get("DeduplicationScope", "queue")
    if attributes.get("FifoThroughputLimit") == "perMessageGroupId" and scope != "messageGroup":
        raise InvalidAttributeValue(
            "The FifoThroughputLimit can be set to perMessageGroupId only when the DeduplicationScope is messageGroup."
        )


def answered(call: Call, queue: Queue, names: list[str]) -> dict[str, str]:
    """The attributes that were asked for. Empty documents are left out, as AWS does."""
    for name in names:
        if name != "All" and name not in READABLE:
            raise unknown(name)
    wanted = READABLE if "All" in names else frozenset(names)
    every = _described(queue)
    if queue.trusted and "Policy" in wanted:
        every["Policy"] = shown(call.tx, every["Policy"], queue.trusted, call.partition)
    if wanted & set(FIGURES):
        numbers = figures(call.tx, queue, int(call.now * 1e6))
        every.update(zip(FIGURES, map(str, numbers), strict=True))
    return {name: text for name, text in every.items() if name in wanted}


def _described(queue: Queue) -> dict[str, str]:
    found: dict[str, Any] = {
        "QueueArn": queue.arn,
        "CreatedTimestamp": str(int(queue.created)),
        "LastModifiedTimestamp": str(int(queue.modified)),
        **{name: str(default) for name, (_, _, default) in NUMBERS.items()},
        "SqsManagedSseEnabled": "true" if queue.sse else "false",
    }
    if queue.fifo:
        found |= {
            "FifoQueue": "true",
            "ContentBasedDeduplication": "false",
            "DeduplicationScope": "queue",
            "FifoThroughputLimit": "perQueue",
        }
    return found | queue.attributes


def same(queue: Queue, wanted: dict[str, str]) -> str | None:
    """The first attribute in which a CreateQueue differs from the queue that is there."""
    there = _described(queue)
    return next((name for name, text in wanted.items() if text and there.get(name) != text), None)
