"""Another root disk for a machine that runs: made first, then exchanged while the guest is down for a moment.

`Instance.replacing` names the task. Until the disk is there nothing is touched; whoever dies in between finds the guest
down and goes on. Source: Amazon EC2 User Guide, "Replace the root volume for an Amazon EC2 instance without stopping
it" (what is kept: type, size, deletion on termination, all else of the machine); EC2 API Reference,
"CreateReplaceRootVolumeTask", "ReplaceRootVolumeTask".
"""

from typing import Any

import msgspec

from pileus.base.clock import iso
from pileus.service import Call
from pileus.store import Table

from ..images.offered import launchable, resolved
from ..images.records import image_kind
from ..kinds import Kind, targets
from ..listing import describe
from ..service import Ec2Error, Request, combination, invalid, operation
from ..tags import given as given_tags
from ..tags import shown as shown_tags
from ..tokens import made_before, remember
from ..volumes import encrypting, making
from ..volumes.records import Attachment, Volume, snapshot_kind, volume_kind
from ..volumes.types import TYPES
from .records import Instance, Placed, instance_kind

replace = msgspec.structs.replace


class Task(msgspec.Struct, frozen=True):
    """`volume`: the new disk; `own`: it was made for this. `state`: pending, succeeded, failed."""

    id: str
    instance: str
    volume: str
    started: float
    state: str = "pending"
    ended: float = 0.0
    own: bool = True
    delete: bool = False
    image: str = ""
    snapshot: str = ""
    tags: dict[str, str] = {}


tasks = Table("ec2.root_replacements", Task)
task_kind: Kind[Task] = Kind(
    "replacevol",
    "replace-root-volume-task",
    "InvalidReplaceRootVolumeTaskId",
    "replace root volume task",
    tasks,
    filters={"instance-id": lambda task: [task.instance]},
)


def _show(call: Call, task: Task) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ReplaceRootVolumeTaskId": task.id,
        "InstanceId": task.instance,
        "TaskState": task.state,
        "StartTime": iso(task.started),
        "DeleteReplacedRootVolume": task.delete,
        **shown_tags(task.tags),
    }
    if task.ended:
        shown["CompleteTime"] = iso(task.ended)
    if task.image:
        shown["ImageId"] = task.image
    return shown | ({"SnapshotId": task.snapshot} if task.snapshot else {})


def _root(call: Call, instance: Instance) -> Volume:
    id = next((disk.volume for disk in instance.disks if disk.device == instance.root_device), "")
    return volume_kind.need(call, id)


def _source(call: Call, request: Request, instance: Instance, old: Volume) -> making.Source:
    """What the new disk begins as a copy of."""
    if request.get("ImageId"):
        image = launchable(call, resolved(call, request["ImageId"]))
        if image.architecture != instance.architecture:
            raise invalid(f"The architecture '{image.architecture}' of '{image.id}' is not that of '{instance.id}'.")
        root = next(disk for disk in image.disks if disk.device == image.root_device)
        return making.source_of(call, root.snapshot, of=image)
    asked = request.get("SnapshotId")
    snapshot = asked or old.snapshot
    if not snapshot:
        raise invalid(f"The root volume '{old.id}' was made of no snapshot: name a snapshot, an image or a volume.")
    source = making.source_of(call, snapshot, of=image_kind.behind(call, instance.image))
    of_it = source.record is not None and source.record.volume == old.id
    if asked and asked != old.snapshot and not of_it:
        raise invalid(f"The snapshot '{asked}' is not one of the root volume '{old.id}'.")
    return source


def _made(call: Call, request: Request, instance: Instance, old: Volume, attachment: Attachment) -> Volume:
    source, about = _source(call, request, instance, old), TYPES[old.type]
    return making.make(
        call,
        old.zone,
        size=max(old.size, source.size),
        type=old.type,
        iops=old.iops if about.iops is not None else None,
        throughput=old.throughput if about.throughput is not None else None,
        source=source,
        encrypted=old.encrypted or None,
        key=old.key,
        tags={key: value for key, value in old.tags.items() if not key.startswith("aws:")},
        root=True,
        attachment=attachment,
    )


def _given(call: Call, id: str, old: Volume, attachment: Attachment) -> Volume:
    volume = volume_kind.need(call, id)
    if volume.state != "available":
        raise Ec2Error("IncorrectState", f"Volume '{id}' is in the '{volume.state}' state.")
    if volume.zone != old.zone:
        raise Ec2Error("InvalidVolume.ZoneMismatch", f"The volume '{id}' is not in the zone of the instance.")
    if old.encrypted and not volume.encrypted:
        raise invalid(f"The root volume '{old.id}' is encrypted: so must '{id}' be.")
    encrypting.may_use(call, volume.data_key)
    return volume_kind.put(call, id, replace(volume, state="in-use", attachment=attachment, root=True))


def _parties(call: Call, request: Request) -> list[str]:
    made = [task_kind.arn(call, "*"), volume_kind.arn(call, request.get("VolumeId") or "*")]
    made += [image_kind.arn(call, request["ImageId"])] if request.get("ImageId") else []
    made += [snapshot_kind.arn(call, request["SnapshotId"])] if request.get("SnapshotId") else []
    return [*targets(instance_kind, "InstanceId")(call, request), *made]


@operation("CreateReplaceRootVolumeTask", resource=_parties, partial="without VolumeInitializationRate")
def create_replace_root_volume_task(call: Call, request: Request) -> dict[str, Any]:
    before = made_before(call, request)
    if before is not None:
        return {"ReplaceRootVolumeTask": _show(call, task_kind.need(call, before[0]))}
    instance = instance_kind.need(call, request["InstanceId"])
    if instance.state != "running" or instance.replacing:
        raise Ec2Error(
            "IncorrectInstanceState", f"The instance '{instance.id}' is not 'running', or has such a task already."
        )
    if len([member for member in ("SnapshotId", "ImageId", "VolumeId") if request.get(member)]) > 1:
        raise combination("Only one of SnapshotId, ImageId and VolumeId may be given.")
    old, own = _root(call, instance), not request.get("VolumeId")
    kept = old.attachment.delete_on_termination if old.attachment is not None else True
    attachment = Attachment(instance.id, instance.root_device, "attaching", call.now, kept)
    if own:
        new = _made(call, request, instance, old, attachment)
    else:
        new = _given(call, request["VolumeId"], old, attachment)
    task = Task(
        task_kind.new_id(),
        instance.id,
        new.id,
        float(int(call.now)),
        own=own,
        delete=bool(request.get("DeleteReplacedRootVolume")),
        image=request.get("ImageId") or "",
        snapshot=request.get("SnapshotId") or "",
        tags=given_tags(call, request, task_kind)[task_kind.type],
    )
    task_kind.put(call, task.id, task)
    instance_kind.put(call, instance.id, replace(instance, replacing=task.id))
    remember(call, request, [task.id])
    return {"ReplaceRootVolumeTask": _show(call, task)}


@operation("DescribeReplaceRootVolumeTasks")
def describe_replace_root_volume_tasks(call: Call, request: Request) -> dict[str, Any]:
    return describe(
        call, request, task_kind, ids="ReplaceRootVolumeTaskIds", answer="ReplaceRootVolumeTasks", show=_show
    )


def exchanged(call: Call, instance: Instance) -> None:
    """What is written once the guest is down and its old root disk is let go: it boots from the new one."""
    task = task_kind.need(call, instance.replacing)
    old = _root(call, instance)
    free = replace(old, state="deleting" if task.delete else "available", attachment=None, root=False)
    volume_kind.put(call, old.id, free)
    disks = [Placed(one.device, task.volume, at=call.now) if one.volume == old.id else one for one in instance.disks]
    task_kind.put(call, task.id, replace(task, state="succeeded", ended=float(int(call.now))))
    booting = replace(instance, disks=disks, replacing="", boot=instance.boot + 1, seen=0.0)
    instance_kind.put(call, instance.id, booting)


def given_up(call: Call, instance: Instance) -> Instance:
    """The new disk cannot be made, or the machine stops before: the old one stays. A disk that was made for it goes."""
    task = task_kind.get(call, instance.replacing)
    volume = volume_kind.get(call, task.volume) if task is not None else None
    if task is not None:
        task_kind.put(call, task.id, replace(task, state="failed", ended=float(int(call.now))))
        if volume is not None:
            state = "deleting" if task.own else "available"
            volume_kind.put(call, volume.id, replace(volume, state=state, attachment=None, root=False))
    return instance_kind.put(call, instance.id, replace(instance, replacing=""))


def new_disk(call: Call, instance: Instance) -> Volume | None:
    task = task_kind.get(call, instance.replacing)
    return volume_kind.get(call, task.volume) if task is not None else None


def old_disk(call: Call, instance: Instance) -> str:
    return _root(call, instance).id


def forget(call: Call, instance: str) -> None:
    """The tasks of an instance that is not shown any more."""
    for task in [one for one in task_kind.all(call) if one.instance == instance]:
        task_kind.delete(call, task.id)
