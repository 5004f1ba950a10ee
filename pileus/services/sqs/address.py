"""Which queue a request means: queue URLs of every form, names and ARNs.

Source: Amazon SQS Developer Guide, "Amazon SQS queue and message identifiers"; Amazon Web Services General Reference,
"Amazon SQS endpoints and quotas" (legacy endpoints); LocalStack's conventions for its host names.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from pileus.base.arns import arn, parse
from pileus.service import Call, ResourcePolicy
from pileus.service.kit import Handler
from pileus.store import Transaction

from .errors import AccessDenied, InvalidAddress, missing, no_such_queue
from .service import sqs
from .tables import Queue, queues

_REGION = r"[a-z]{2,5}(?:-[a-z]+)+-\d"
_HOST_REGION = re.compile(rf"^(?:sqs(?:-fips)?\.(?P<first>{_REGION})\.|(?P<legacy>{_REGION})\.queue\.)")
_PATH_REGION = re.compile(rf"^{_REGION}$")
_ACCOUNT = re.compile(r"^\d{12}$")
_LEGACY_HOME = "us-east-1"


class Address(NamedTuple):
    """`key` is the packed key of the queue's record, whether or not there is one."""

    account: str
    region: str
    name: str
    arn: str
    key: bytes


def address_of(account: str, region: str, name: str) -> Address:
    return Address(account, region, name, arn("sqs", region, account, name), queues.key(account, region, name))


@lru_cache(maxsize=8_192)
def read_url(url: str, account: str, region: str) -> Address | None:
    """The queue a URL (or a bare name) means to a caller of `account` in `region`; None when it means none."""
    if "/" not in url:
        return address_of(account, region, url)
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    path = [unquote(part) for part in parts.path.split("/") if part]
    if len(path) < 2 or not _ACCOUNT.match(path[-2]):
        return None
    named = _HOST_REGION.match(host)
    if named:
        region = named["first"] or named["legacy"]
    elif host == "queue.amazonaws.com":
        region = _LEGACY_HOME
    elif len(path) >= 3 and _PATH_REGION.match(path[-3]):
        region = path[-3]
    return address_of(path[-2], region, path[-1])


class Subject(NamedTuple):
    """What a request is about: an address, and the queue that is there in this transaction."""

    address: Address
    queue: Queue | None
    tx: Transaction


def subject(call: Call, request: dict[str, Any]) -> Subject:
    """Looked up while the call is authorised, and remembered for its handler."""
    found = address(call, request)
    known = call.subject = Subject(found, queues.at(call.tx, found.key), call.tx)
    return known


def address(call: Call, request: dict[str, Any]) -> Address:
    url = request.get("QueueUrl")
    if not url:
        raise missing("QueueUrl")
    found = read_url(url, call.caller.account, call.region)
    if found is None:
        raise InvalidAddress(f"The address {url} is not valid for this endpoint.")
    return found


def queue_of(call: Call, request: dict[str, Any]) -> Queue:
    """The queue of the request's QueueUrl. Raises QueueDoesNotExist."""
    known: Subject | None = call.subject
    if known is None or known.tx is not call.tx:
        known = subject(call, request)
    if known.queue is None:
        raise no_such_queue()
    return known.queue


def own_queue(call: Call, request: dict[str, Any]) -> Queue:
    """The same for the actions that AWS keeps to the queue's own account."""
    queue = queue_of(call, request)
    if queue.account != call.caller.account:
        raise AccessDenied(f"Access to the resource {request['QueueUrl']} is denied.")
    return queue


def arn_of(call: Call, request: dict[str, Any]) -> str:
    return subject(call, request).address.arn


def name_arn(call: Call, request: dict[str, Any]) -> str:
    """For the requests that name a queue which may not exist yet."""
    account = request.get("QueueOwnerAWSAccountId") or call.caller.account
    return arn("sqs", call.region, account, request.get("QueueName") or "")


def policy_of(call: Call, request: dict[str, Any]) -> ResourcePolicy | None:
    """The queue's own policy, for the gateway."""
    return carried(call.subject.queue)


def policy_by_name(call: Call, request: dict[str, Any]) -> ResourcePolicy | None:
    return carried(_by_name(call, request))


def _by_name(call: Call, request: dict[str, Any]) -> Queue | None:
    account = request.get("QueueOwnerAWSAccountId") or call.caller.account
    return queues.get(call.tx, account, call.region, request.get("QueueName") or "")


def carried(queue: Queue | None) -> ResourcePolicy | None:
    """A queue's policy as the gateway takes it."""
    if queue is None or not queue.policy:
        return None
    return ResourcePolicy(queue.policy, queue.arn, queue.account)


def tags_of(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """`aws:ResourceTag/…` of the queue (Service Authorization Reference, "Amazon SQS")."""
    return tagged(call.subject.queue)


def tags_by_name(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return tagged(_by_name(call, request))


def tagged(queue: Queue | None) -> dict[str, Any]:
    return {f"aws:ResourceTag/{key}": value for key, value in queue.tags.items()} if queue is not None else {}


def url_of(call: Call, queue: Queue) -> str:
    return f"{call.endpoint}/{queue.account}/{queue.name}"


def queue_by_arn(call: Call, text: str) -> Queue | None:
    """The queue an ARN names, None if there is none. Raises ValueError when the text is no queue's ARN."""
    parts = parse(text)
    if parts.service != "sqs" or not _ACCOUNT.match(parts.account) or not parts.region or not parts.resource:
        raise ValueError(text)
    return queues.get(call.tx, parts.account, parts.region, parts.resource)


def queue_operation(
    name: str, *, action: str | None = None, shared: bool = False, partial: str | None = None
) -> Callable[[Handler], Handler]:
    """Registers an operation on the queue of the request's QueueUrl. `shared`: others may be allowed to use it by the
    queue's policy, the anonymous among them (Amazon SQS Developer Guide, "Basic examples of Amazon SQS policies")."""
    return sqs.operation(
        name,
        action=action,
        resource=arn_of,
        context=tags_of,
        resource_policy=policy_of,
        unsigned=shared,
        partial=partial,
    )
