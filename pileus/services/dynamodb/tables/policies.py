"""Policies on tables and streams: who else may, other accounts among them.

Source: DynamoDB Developer Guide, "Using resource-based policies for DynamoDB" and "Resource-based policy
considerations" (20 KB, white space counts; a revision id guards a change); API Reference, "PutResourcePolicy".
"""

from typing import Any, NamedTuple

import msgspec

from pileus.base import ids
from pileus.identity.trust import bound, resolve, shown
from pileus.policy import MalformedPolicy
from pileus.policy.validate import validate
from pileus.service import AccessDenied, Call, ResourcePolicy, must_allow
from pileus.store import Table

from ..addressing import find
from ..errors import Invalid, LimitExceeded, PolicyNotFound, ResourceNotFound
from ..records import TableRecord, keep
from ..service import dynamodb

Request = dict[str, Any]
POLICY_BYTES_MAX = 20 * 1024
NO_POLICY = "NO_POLICY"


class KeptPolicy(msgspec.Struct, frozen=True):
    """A policy as it was given; `trusted` maps the users and roles in it to their unique ids."""

    text: str
    trusted: dict[str, str]
    revision: str


class Subject(NamedTuple):
    arn: str
    table: TableRecord | None
    is_stream: bool


policies = Table("dynamodb.policy", KeptPolicy)  # ARN of a table or a stream


def evaluated(text: str, trusted: dict[str, str]) -> str:
    return bound(text, trusted)


def of_stream(call: Call, arn: str, account: str) -> ResourcePolicy | None:
    kept = policies.get(call.tx, arn)
    return None if kept is None else ResourcePolicy(evaluated(kept.text, kept.trusted), arn, account)


def _resource(call: Call, request: Request) -> str:
    arn: str = request["ResourceArn"]
    is_stream = "/stream/" in arn
    if not arn.startswith("arn:"):
        raise Invalid(f"Invalid ResourceArn: {arn}")
    call.subject = Subject(arn, find(call, arn, is_stream), is_stream)
    return arn


def _own_policy(call: Call, request: Request) -> ResourcePolicy | None:
    subject: Subject = call.subject
    return of_stream(call, subject.arn, subject.arn.split(":")[4])


def _there(call: Call) -> Subject:
    subject: Subject = call.subject
    table = subject.table
    stream = table.stream if table is not None else None
    there = table is not None and (
        not subject.is_stream or (stream is not None and subject.arn.endswith(f"/stream/{stream.label}"))
    )
    if not there:
        raise ResourceNotFound(f"Requested resource not found: ResourceArn: {subject.arn} not found")
    return subject


def _operation(name: str) -> Any:
    return dynamodb.operation(name, resource=_resource, resource_policy=_own_policy)


def checked(call: Call, text: str) -> dict[str, str]:
    """Who is trusted by a policy. Raises Invalid, LimitExceeded."""
    if len(text.encode()) > POLICY_BYTES_MAX:
        raise LimitExceeded(f"The resource-based policy exceeds the maximum size of {POLICY_BYTES_MAX} bytes")
    try:
        validate(text, "resource")
        return resolve(call.tx, text)
    except MalformedPolicy as error:
        raise Invalid(f"Invalid policy document: {error.message}") from None


def put(call: Call, table: TableRecord, arn: str, text: str) -> str:
    """The new revision's id."""
    trusted, revision = checked(call, text), str(ids.rising(call.now))
    policies.put(call.tx, arn, record=KeptPolicy(text, trusted, revision))
    if arn == table.arn:
        keep(call.tx, msgspec.structs.replace(table, policy=evaluated(text, trusted), policy_revision=revision))
    return revision


@_operation("PutResourcePolicy")
def put_resource_policy(call: Call, request: Request) -> dict[str, Any]:
    subject = _there(call)
    kept = policies.get(call.tx, subject.arn)
    _check_revision(request, kept)
    text = request["Policy"]
    assert subject.table is not None
    if kept is not None and kept.text == text:
        return {"RevisionId": kept.revision}
    _check_not_locked_out(call, request, subject, text)
    return {"RevisionId": put(call, subject.table, subject.arn, text)}


def _check_revision(request: Request, kept: KeptPolicy | None) -> None:
    expected = request.get("ExpectedRevisionId")
    if expected is None:
        return
    if (kept is None) != (expected == NO_POLICY) or (kept is not None and kept.revision != expected):
        raise PolicyNotFound("The policy's revision is not the expected one")


def _check_not_locked_out(call: Call, request: Request, subject: Subject, text: str) -> None:
    """Who can no longer change the policy afterwards must say that this is meant."""
    if request.get("ConfirmRemoveSelfResourceAccess"):
        return
    own = ResourcePolicy(evaluated(text, checked(call, text)), subject.arn, subject.arn.split(":")[4])
    try:
        must_allow(call, "dynamodb:PutResourcePolicy", subject.arn, own=own)
    except AccessDenied:
        raise Invalid(
            "The new policy would remove the caller's permission to change it. Set ConfirmRemoveSelfResourceAccess to "
            "confirm."
        ) from None


@_operation("GetResourcePolicy")
def get_resource_policy(call: Call, request: Request) -> dict[str, Any]:
    subject = _there(call)
    kept = policies.get(call.tx, subject.arn)
    if kept is None:
        raise PolicyNotFound(f"Resource-based policy not found for the provided ResourceArn: {subject.arn}")
    return {"Policy": shown(call.tx, kept.text, kept.trusted, call.partition), "RevisionId": kept.revision}


@_operation("DeleteResourcePolicy")
def delete_resource_policy(call: Call, request: Request) -> dict[str, Any]:
    """Deleting what is not there is no error, unless a revision is expected."""
    subject = _there(call)
    kept = policies.get(call.tx, subject.arn)
    _check_revision(request, kept)
    if kept is None:
        return {}
    policies.delete(call.tx, subject.arn)
    assert subject.table is not None
    if subject.arn == subject.table.arn:
        keep(call.tx, msgspec.structs.replace(subject.table, policy="", policy_revision=""))
    return {"RevisionId": kept.revision}
