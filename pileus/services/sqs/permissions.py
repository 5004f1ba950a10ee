"""AddPermission and RemovePermission: statements of the queue's policy, by label.

Sources: Amazon SQS API Reference, "AddPermission" and "RemovePermission"; Amazon SQS Developer Guide, "Amazon SQS
policy quotas".
"""

import re
from typing import Any

import msgspec
import orjson

from pileus.identity.trust import bound
from pileus.service import Call

from .address import own_queue, queue_operation
from .attributes import ACTIONS_MAX, check_quotas
from .errors import InvalidParameterValue, OverLimit, invalid, missing
from .tables import Queue, queues

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ACCOUNT = re.compile(r"\d{12}")
SHARED = frozenset(
    {
        "*",
        "SendMessage",
        "ReceiveMessage",
        "DeleteMessage",
        "ChangeMessageVisibility",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ListDeadLetterSourceQueues",
        "PurgeQueue",
    }
)
OWNERS_ONLY = frozenset(
    {
        "AddPermission",
        "CreateQueue",
        "DeleteQueue",
        "ListQueues",
        "ListQueueTags",
        "RemovePermission",
        "SetQueueAttributes",
        "TagQueue",
        "UntagQueue",
        "StartMessageMoveTask",
        "CancelMessageMoveTask",
        "ListMessageMoveTasks",
    }
)


@queue_operation("AddPermission")
def add_permission(call: Call, request: dict[str, Any]) -> None:
    queue, label = own_queue(call, request), _label(request)
    accounts, actions = request.get("AWSAccountIds"), request.get("Actions")
    if not accounts:
        raise missing("AWSAccountId")
    if not actions:
        raise missing("ActionName")
    _check_actions(actions)
    if not all(_ACCOUNT.fullmatch(account) for account in accounts):
        raise invalid(f"[{', '.join(accounts)}]", "PrincipalId", "Unable to verify.")
    policy = _document(queue)
    statements = policy["Statement"]
    if any(one.get("Sid") == label for one in statements):
        raise invalid(label, "Label", "Already exists.")
    principals = [f"arn:{call.partition}:iam::{account}:root" for account in accounts]
    statements.append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": _one_or_all(principals)},
            "Action": _one_or_all([f"SQS:{action}" for action in actions]),
            "Resource": queue.arn,
        }
    )
    _keep(call, queue, policy)


def _check_actions(actions: list[str]) -> None:
    if len(actions) > ACTIONS_MAX:
        raise OverLimit(f"{len(actions)} Actions were found, maximum allowed is {ACTIONS_MAX}.")
    for action in actions:
        if action in OWNERS_ONLY:
            raise invalid(f"SQS:{action}", "ActionName", "Only the queue owner is allowed to invoke this action.")
        if action not in SHARED:
            raise invalid(
                f"SQS:{action}", "ActionName", "Please refer to the appropriate WSDL for a list of valid actions."
            )


@queue_operation("RemovePermission")
def remove_permission(call: Call, request: dict[str, Any]) -> None:
    queue, label = own_queue(call, request), _label(request)
    policy = _document(queue)
    left = [one for one in policy["Statement"] if one.get("Sid") != label]
    if len(left) == len(policy["Statement"]):
        raise invalid(label, "Label", "can't find label.")
    _keep(call, queue, {**policy, "Statement": left})


def _label(request: dict[str, Any]) -> str:
    label: str | None = request.get("Label")
    if not label:
        raise missing("Label")
    if not _LABEL.fullmatch(label):
        raise InvalidParameterValue(
            f"Value {label} for parameter Label is invalid. "
            "Reason: Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."
        )
    return label


def _document(queue: Queue) -> dict[str, Any]:
    given = queue.attributes.get("Policy")
    if not given:
        return {"Version": "2008-10-17", "Id": f"{queue.arn}/SQSDefaultPolicy", "Statement": []}
    policy: dict[str, Any] = orjson.loads(given)
    if isinstance(policy["Statement"], dict):
        policy["Statement"] = [policy["Statement"]]
    return policy


def _one_or_all(items: list[str]) -> str | list[str]:
    return items[0] if len(items) == 1 else items


def _keep(call: Call, queue: Queue, policy: dict[str, Any]) -> None:
    """A policy without statements is no policy."""
    text = orjson.dumps(policy).decode() if policy["Statement"] else ""
    if text:
        check_quotas(text)
    kept = {name: value for name, value in {**queue.attributes, "Policy": text}.items() if value}
    changed = msgspec.structs.replace(queue, policy=bound(text, queue.trusted), attributes=kept, modified=call.now)
    queues.put(call.tx, queue.account, queue.region, queue.name, record=changed)
