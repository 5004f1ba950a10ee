"""Start, stop, reboot, terminate: what is wanted of machines. The reconciler (`running.py`) does it.

Source: EC2 API Reference, "StartInstances" and its kin; Amazon EC2 User Guide, "Instance lifecycle", "Enable stop
protection", "Change instance termination protection".
"""

from typing import Any

import msgspec

from pileus.base.clock import iso
from pileus.service import Call

from ..able import refuse_where_none_can_run
from ..kinds import targets
from ..placement import placing
from ..service import Ec2Error, Request, invalid, operation
from ..volumes.records import volume_kind
from ..vpc import joining
from . import capacity, showing
from .records import Instance, Reason, instance_kind
from .types import type_of

replace = msgspec.structs.replace
BY_USER = "Client.UserInitiatedShutdown"


def gmt(moment: float) -> str:
    """As a transition's reason shows it: '2026-11-28 11:40:00 GMT'."""
    return iso(moment).replace("T", " ").replace("Z", " GMT")


def incorrect_state(instance: Instance, verb: str) -> Ec2Error:
    return Ec2Error(
        "IncorrectInstanceState",
        f"The instance '{instance.id}' is not in a state from which it can be {verb}.",
    )


def start(call: Call, instance: Instance) -> Instance:
    """What StartInstances does to one that is stopped."""
    placing.check_start(call, instance, type_of(instance.type))
    root = next((disk.volume for disk in instance.disks if disk.device == instance.root_device), "")
    volume = volume_kind.get(call, root)
    if volume is None or volume.attachment is None or volume.attachment.state not in ("attaching", "attached"):
        raise invalid(
            f"Invalid value '{instance.id}' for instanceId. Instance does not have a volume attached at root "
            f"({instance.root_device})"
        )
    if instance.public_at_boot:
        for interface in joining.interfaces_of(call.tx, instance.account, instance.region, instance.id)[:1]:
            joining.give_launch_address(call, interface.id)
    started = replace(
        instance,
        wanted="running",
        state="pending",
        boot=instance.boot + 1,
        launched=float(int(call.now)),
        transition="",
        reason=None,
        hung=0.0,
        seen=0.0,
    )
    return instance_kind.put(call, instance.id, started)


def stop(call: Call, instance: Instance, reason: Reason, transition: str) -> Instance:
    stopped = replace(instance, wanted="stopped", state="stopping", reason=reason, transition=transition)
    return instance_kind.put(call, instance.id, stopped)


def terminate(call: Call, instance: Instance, reason: Reason, transition: str) -> Instance:
    ended = replace(instance, wanted="terminated", state="shutting-down", reason=reason, transition=transition)
    return instance_kind.put(call, instance.id, ended)


def by_user(call: Call) -> tuple[Reason, str]:
    reason = Reason(BY_USER, f"{BY_USER}: User initiated shutdown")
    return reason, f"User initiated ({gmt(call.now)})"


@operation("StartInstances", resource=targets(instance_kind, "InstanceIds"))
def start_instances(call: Call, request: Request) -> dict[str, Any]:
    """One that runs is left as it is."""
    request.get("AdditionalInfo")  # reserved, says its documentation
    found = instance_kind.need_all(call, request["InstanceIds"])
    for instance in found:
        if instance.state not in ("pending", "running", "stopped"):
            raise incorrect_state(instance, "started")
    refuse_where_none_can_run(call)
    stopped = [instance for instance in found if instance.state == "stopped"]
    if stopped:
        capacity.fitting(call, len(stopped), len(stopped), stopped[0].type, stopped[0].zone)
    changed = [start(call, instance) if instance.state == "stopped" else instance for instance in found]
    return {"StartingInstances": [showing.change(*pair) for pair in zip(found, changed, strict=True)]}


@operation("StopInstances", resource=targets(instance_kind, "InstanceIds"))
def stop_instances(call: Call, request: Request) -> dict[str, Any]:
    """`Force` and `SkipOsShutdown` end the guest without asking it."""
    if request.get("Hibernate"):
        raise Ec2Error("UnsupportedHibernationConfiguration", "Pileus cannot hibernate an instance.")
    hard = bool(request.get("Force")) | bool(request.get("SkipOsShutdown"))
    found = instance_kind.need_all(call, request["InstanceIds"])
    for instance in found:
        if instance.state not in ("pending", "running", "stopping", "stopped"):
            raise incorrect_state(instance, "stopped")
        if instance.keep_running and instance.state in ("pending", "running"):
            raise Ec2Error(
                "OperationNotPermitted",
                f"The instance '{instance.id}' may not be stopped. Modify its 'disableApiStop' instance attribute and "
                "try again.",
            )
        if instance.market == "spot":
            raise Ec2Error(
                "UnsupportedOperation", f"You can't stop the Spot Instance '{instance.id}' of a one-time request."
            )
    changed = []
    for instance in found:
        if instance.state in ("pending", "running"):
            reason, transition = by_user(call)
            instance = stop(call, replace(instance, abrupt=hard), reason, transition)
        elif instance.state == "stopping" and hard:
            instance = instance_kind.put(call, instance.id, replace(instance, abrupt=True))
        changed.append(instance)
    return {"StoppingInstances": [showing.change(*pair) for pair in zip(found, changed, strict=True)]}


@operation("RebootInstances", resource=targets(instance_kind, "InstanceIds"))
def reboot_instances(call: Call, request: Request) -> None:
    found = instance_kind.need_all(call, request["InstanceIds"])
    for instance in found:
        if instance.state not in ("pending", "running"):
            raise incorrect_state(instance, "rebooted")
    for instance in found:
        instance_kind.put(call, instance.id, replace(instance, reboots=instance.reboots + 1, hung=0.0))


@operation("TerminateInstances", resource=targets(instance_kind, "InstanceIds"))
def terminate_instances(call: Call, request: Request) -> dict[str, Any]:
    hard = bool(request.get("Force")) | bool(request.get("SkipOsShutdown"))
    found = instance_kind.need_all(call, request["InstanceIds"])
    for instance in found:
        if instance.keep and instance.there:
            raise Ec2Error(
                "OperationNotPermitted",
                f"The instance '{instance.id}' may not be terminated. Modify its 'disableApiTermination' instance "
                "attribute and try again.",
            )
    changed = []
    for instance in found:
        if instance.there:
            reason, transition = by_user(call)
            instance = terminate(call, replace(instance, abrupt=hard), reason, transition)
        changed.append(instance)
    return {"TerminatingInstances": [showing.change(*pair) for pair in zip(found, changed, strict=True)]}


def _monitoring(call: Call, request: Request, on: bool) -> dict[str, Any]:
    shown = []
    for instance in instance_kind.need_all(call, request["InstanceIds"]):
        instance_kind.put(call, instance.id, replace(instance, monitored=on))
        states = ("pending" if on else "disabling") if instance.monitored != on else ("enabled" if on else "disabled")
        shown.append({"InstanceId": instance.id, "Monitoring": {"State": states}})
    return {"InstanceMonitorings": shown}


PERIOD = "recorded; there are no metrics until CloudWatch moves in"


@operation("MonitorInstances", resource=targets(instance_kind, "InstanceIds"), partial=PERIOD)
def monitor_instances(call: Call, request: Request) -> dict[str, Any]:
    return _monitoring(call, request, True)


@operation("UnmonitorInstances", resource=targets(instance_kind, "InstanceIds"), partial=PERIOD)
def unmonitor_instances(call: Call, request: Request) -> dict[str, Any]:
    return _monitoring(call, request, False)
