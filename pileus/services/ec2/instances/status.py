"""What a machine is like right now: its status checks, its console.

Source: EC2 API Reference, "DescribeInstanceStatus", "GetConsoleOutput", "GetPasswordData"; Amazon EC2 User Guide,
"Status checks for Amazon EC2 instances".
"""

from base64 import b64encode
from typing import Any

from pileus.control.outside import outside
from pileus.model.regions import zone_id
from pileus.service import Call, Outside

from ..filters import compiled, nobodys, same
from ..kinds import targets
from ..listing import select
from ..service import Request, operation
from . import showing
from .records import Instance, instance_kind

CONSOLE_BYTES = 64 * 1024


def _checked(instance: Instance) -> tuple[str, str, str]:
    """(status of the instance, of its reachability check, of the system)."""
    if instance.state != "running":
        return "not-applicable", "", "not-applicable"
    if instance.hung:
        return "impaired", "failed", "ok"
    if not instance.seen:
        return "initializing", "initializing", "initializing"
    return "ok", "passed", "ok"


def _summary(status: str, detail: str, since: float = 0.0) -> dict[str, Any]:
    if not detail:
        return {"Status": status}
    found: dict[str, Any] = {"Name": "reachability", "Status": detail}
    if since:
        found["ImpairedSince"] = since
    return {"Status": status, "Details": [found]}


def _show(instance: Instance) -> dict[str, Any]:
    status, detail, system = _checked(instance)
    return {
        "InstanceId": instance.id,
        "AvailabilityZone": instance.zone,
        "InstanceState": showing.state(instance),
        "InstanceStatus": _summary(status, detail, instance.hung),
        "SystemStatus": _summary(system, {"ok": "passed", "initializing": "initializing"}.get(system, "")),
        "Events": [],
    }


FILTERS: dict[str, Any] = {
    "availability-zone": lambda one: [one.zone],
    "availability-zone-id": lambda one: [zone_id(one.zone)],
    **nobodys("event.code", "event.description", "event.instance-event-id"),
    **nobodys("event.not-after", "event.not-before", "event.not-before-deadline", "operator.principal"),
    **same("false", "operator.managed"),
    "instance-state-name": lambda one: [one.state],
    "instance-state-code": lambda one: [str(one.code)],
    "instance-status.status": lambda one: [_checked(one)[0]],
    "instance-status.reachability": lambda one: [_checked(one)[1]],
    "system-status.status": lambda one: [_checked(one)[2]],
    "system-status.reachability": lambda one: [{"ok": "passed"}.get(_checked(one)[2], _checked(one)[2])],
}


@operation("DescribeInstanceStatus")
def describe_instance_status(call: Call, request: Request) -> dict[str, Any]:
    """Of those that run, unless all are asked for."""
    everything = bool(request.get("IncludeAllInstances"))
    keep = compiled(request.get("Filters") or [], FILTERS)
    records, token = select(
        call,
        request,
        instance_kind,
        ids="InstanceIds",
        extra=lambda one: everything or one.state == "running",
        exclusive=True,
        keep=keep,
    )
    found: dict[str, Any] = {"InstanceStatuses": [_show(record) for record in records]}
    if token:
        found["NextToken"] = token
    return found


@operation("GetConsoleOutput", resource=targets(instance_kind, "InstanceId"))
def get_console_output(call: Call, request: Request) -> Any:
    """The last 64 KB of what its boots wrote."""
    request.get("Latest")  # it is always the latest
    instance = instance_kind.need(call, request["InstanceId"])
    driver, now = call.cloud.drivers.machines, call.now

    async def work() -> dict[str, Any]:
        there = not driver.lacking() and (await outside(driver.observe, instance.id)).state != "absent"
        output = await outside(driver.console, instance.id, CONSOLE_BYTES) if there else b""
        shown: dict[str, Any] = {"InstanceId": instance.id, "Timestamp": now}
        if output:
            shown["Output"] = b64encode(output).decode()
        return shown

    return Outside(work)


@operation("GetPasswordData", resource=targets(instance_kind, "InstanceId"))
def get_password_data(call: Call, request: Request) -> dict[str, Any]:
    """Only Windows has a password; of any other machine it is empty."""
    instance = instance_kind.need(call, request["InstanceId"])
    return {"InstanceId": instance.id, "Timestamp": instance.launched, "PasswordData": ""}
