"""Service-linked roles: made for a service of AWS, changed by nobody, deleted through a task.

Source: IAM User Guide, "Create a service-linked role" and "AWS services that work with IAM". The roles' names are data
(`linked_roles.json`). A role that can do nothing would only pretend: where its policy's text is not at hand (it would
stand in `identity/aws_policies/linked.json`), or the service is not known at all, the role is refused.
"""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import orjson

from pileus.base import ids
from pileus.base.errors import NotImplementedYet
from pileus.identity.managed import find_policy
from pileus.identity.roles import LINKED_PATH, Role, find_role
from pileus.service import Call
from pileus.store import Table

from . import targets
from .entities import role_named
from .roles import add_role, remove_role, show_role
from .service import DeleteConflict, InvalidInput, NoSuchEntity, Request, iam


class LinkedRole(msgspec.Struct, frozen=True):
    """`name` is the role's, `policy` the name of the managed policy it carries; `suffix`: whether a custom one is
    allowed."""

    name: str
    policy: str
    suffix: bool = False


class Deletion(msgspec.Struct, frozen=True):
    status: str
    reason: str = ""


deletions: Table[Deletion] = Table("iam.linked_role_deletion", Deletion)  # account, task id


@cache
def known() -> dict[str, LinkedRole]:
    """By service principal."""
    raw = orjson.loads((Path(__file__).parent / "linked_roles.json").read_bytes())
    return msgspec.convert(raw["roles"], dict[str, LinkedRole])


def _target(call: Call, request: Request) -> str:
    service = request["AWSServiceName"]
    linked = known().get(service)
    name = linked.name + _suffix(request) if linked is not None else "*"
    return f"arn:{call.partition}:iam::{call.account}:role{LINKED_PATH}{service}/{name}"


def _suffix(request: Request) -> str:
    return f"_{request['CustomSuffix']}" if request.get("CustomSuffix") else ""


@iam.operation(
    "CreateServiceLinkedRole",
    resource=_target,
    context=targets.of_service,
    partial="services whose role's managed policy is not known here are refused by name",
)
def create_service_linked_role(call: Call, request: Request) -> dict[str, Any]:
    service = request["AWSServiceName"]
    linked = known().get(service)
    if linked is None:
        raise InvalidInput(f"Service role for {service} cannot be created: Pileus does not know the service's role.")
    if request.get("CustomSuffix") and not linked.suffix:
        raise InvalidInput(f"Custom suffix is not allowed for {service}")
    name = linked.name + _suffix(request)
    policy = f"arn:{call.partition}:iam::aws:policy{LINKED_PATH}{linked.policy}"
    if find_policy(call.tx, policy) is None:
        raise NotImplementedYet(
            f"Pileus does not have the policy {linked.policy} yet, without which {linked.name} could do nothing."
        )
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    role = Role(
        call.account,
        name,
        ids.iam_id("AROA"),
        float(int(call.now)),
        orjson.dumps(trust).decode(),
        path=f"{LINKED_PATH}{service}/",
        partition=call.partition,
        description=request.get("Description", ""),
        attached=(policy,),
    )
    if find_role(call.tx, call.account, name) is not None:
        raise InvalidInput(f"Service role name {name} has been taken in this account, please try a different suffix.")
    return {"Role": show_role(call, add_role(call, role))}


@iam.operation("DeleteServiceLinkedRole", resource=targets.the_role, context=targets.of_role)
def delete_service_linked_role(call: Call, request: Request) -> dict[str, Any]:
    role = role_named(call, request["RoleName"])
    if not role.linked_to:
        raise InvalidInput(f"The role {role.name} is not a service-linked role.")
    task = f"task{role.path}{role.name}/{ids.secret_uuid()}"
    try:
        remove_role(call, role)
        outcome = Deletion("SUCCEEDED")
    except DeleteConflict as conflict:
        outcome = Deletion("FAILED", conflict.message)
    deletions.put(call.tx, call.account, task, record=outcome)
    return {"DeletionTaskId": task}


def _task_target(call: Call, request: Request) -> str:
    parts = request["DeletionTaskId"].split("/")
    path = "/".join(parts[1:-1])
    return f"arn:{call.partition}:iam::{call.account}:role/{path}"


@iam.operation("GetServiceLinkedRoleDeletionStatus", resource=_task_target)
def get_deletion_status(call: Call, request: Request) -> dict[str, Any]:
    found = deletions.get(call.tx, call.account, request["DeletionTaskId"])
    if found is None:
        raise NoSuchEntity(f"Deletion task {request['DeletionTaskId']} cannot be found.")
    answer: dict[str, Any] = {"Status": found.status}
    if found.reason:
        answer["Reason"] = {"Reason": found.reason}
    return answer
