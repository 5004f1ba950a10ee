"""Snapshots: taken, described, copied, shared, deleted.

Source: EC2 API Reference, "CreateSnapshot" and its kin; Amazon EBS User Guide, "Share an Amazon EBS snapshot".
"""

from typing import Any

import msgspec

from pileus.drivers import Unable
from pileus.model import regions
from pileus.service import Call, Outside, must_allow

from ..filters import chosen
from ..images.offered import offered
from ..images.records import Image, images, images_of_snapshot
from ..instances.records import instance_kind
from ..kinds import created, each, targets
from ..listing import cut
from ..service import ACCOUNT, Ec2Error, Request, invalid, operation, refuse_no_users
from ..tags import given as given_tags
from ..tags import shown as shown_tags
from . import encrypting
from .making import may_see, visible_snapshot
from .moments import freeze
from .public_access import OPEN, access
from .records import (
    AMAZON,
    AMAZON_ACCOUNT,
    Snapshot,
    Volume,
    by_snapshot_id,
    removed,
    snapshot_kind,
    snapshots,
    volume_kind,
)
from .storing import last_of

replace = msgspec.structs.replace
INFO = (
    *("SnapshotId", "VolumeId", "VolumeSize", "State", "Progress", "StartTime", "Description", "Encrypted", "OwnerId"),
    "Tags",
)
"""What SnapshotInfo has of a Snapshot."""


def show(call: Call, snapshot: Snapshot) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "SnapshotId": snapshot.id,
        "VolumeId": snapshot.volume or "vol-ffffffff",
        "VolumeSize": snapshot.size,
        "State": snapshot.state,
        "Progress": f"{snapshot.progress}%",
        "StartTime": snapshot.started,
        "Description": snapshot.description,
        "Encrypted": snapshot.encrypted,
        "OwnerId": AMAZON_ACCOUNT if snapshot.account == AMAZON else snapshot.account,
        "StorageTier": "standard",
    }
    if snapshot.account == AMAZON:
        shown["OwnerAlias"] = AMAZON
    if snapshot.completed:
        shown["CompletionTime"] = snapshot.completed
        shown["FullSnapshotSizeInBytes"] = snapshot.full
    if snapshot.message:
        shown["StateMessage"] = snapshot.message
    if snapshot.key:
        shown["KmsKeyId"] = snapshot.key
    if snapshot.account == call.account:
        shown |= shown_tags(snapshot.tags)
    return shown


def _info(call: Call, snapshot: Snapshot) -> dict[str, Any]:
    """As one of several that are only just begun."""
    return {name: value for name, value in show(call, snapshot).items() if name in INFO}


def begin(call: Call, volume: Volume, description: str, tags: dict[str, str]) -> Snapshot:
    """Writes the record of a snapshot that is to be taken now."""
    if volume.state not in ("available", "in-use"):
        raise Ec2Error("IncorrectState", f"The volume '{volume.id}' is in the '{volume.state}' state.")
    snapshot = Snapshot(
        snapshot_kind.new_id(),
        call.account,
        call.region,
        volume.id,
        volume.size,
        "pending",
        call.now,
        description=description,
        parent=last_of(call.tx, call.account, call.region, volume.id),
        encrypted=volume.encrypted,
        key=volume.key,
        data_key=volume.data_key,
        tags=tags,
    )
    return snapshot_kind.put(call, snapshot.id, snapshot)


async def taken(call: Call, made: list[Snapshot]) -> None:
    """The moment of the snapshots, before the caller is answered: what is written afterwards is not in them."""
    try:
        await freeze(call.cloud, made)
    except Unable as error:
        raise Ec2Error("IncorrectState", f"A volume cannot be read: {error}") from None


def one_moment(call: Call, instance: str, made: list[Snapshot]) -> list[Snapshot]:
    """Has snapshots of a machine's disks show the same moment."""
    if len(made) < 2:
        return made
    ids = [snapshot.id for snapshot in made]
    return [snapshot_kind.put(call, one.id, replace(one, machine=instance, together=ids)) for one in made]


@operation("CreateSnapshot", resource=targets(volume_kind, "VolumeId"))
def create_snapshot(call: Call, request: Request) -> Any:
    _local(request)
    volume = volume_kind.need(call, request["VolumeId"])
    may_create(call)
    tags = given_tags(call, request, snapshot_kind)[snapshot_kind.type]
    snapshot = begin(call, volume, request.get("Description") or "", tags)

    async def work() -> Any:
        await taken(call, [snapshot])
        return await call.conclude(lambda call: show(call, snapshot))

    return Outside(work)


def may_create(call: Call) -> None:
    """Besides the volume, the snapshot itself. Source: Service Authorization Reference, "CreateSnapshot"."""
    must_allow(call, call.operation.action, snapshot_kind.arn(call, "*"))


def _local(request: Request) -> None:
    if request.get("Location") not in (None, "regional") or request.get("OutpostArn"):
        raise Ec2Error("Unsupported", "Pileus has regions only: leave Location and OutpostArn out.")


@operation("CreateSnapshots", resource=lambda call, request: _of_instance(call, request))
def create_snapshots(call: Call, request: Request) -> Any:
    """Of all volumes of an instance, at one moment."""
    _local(request)
    given = request["InstanceSpecification"]
    instance = instance_kind.need(call, given["InstanceId"])
    may_create(call)
    left_out = set(given.get("ExcludeDataVolumeIds") or [])
    no_root = bool(given.get("ExcludeBootVolume"))
    tags = given_tags(call, request, snapshot_kind)[snapshot_kind.type]
    copied = request.get("CopyTagsFromSource") == "volume"
    made = []
    for disk in instance.disks:
        if disk.volume in left_out or (no_root and disk.device == instance.root_device):
            continue
        volume = volume_kind.need(call, disk.volume)
        own = {key: value for key, value in volume.tags.items() if not key.startswith("aws:")} if copied else {}
        made.append(begin(call, volume, request.get("Description") or "", {**own, **tags}))
    if not made:
        raise invalid("No volumes are left to take snapshots of.")
    made = one_moment(call, instance.id, made)

    async def work() -> Any:
        await taken(call, made)
        return await call.conclude(lambda call: {"Snapshots": [_info(call, snapshot) for snapshot in made]})

    return Outside(work)


def _of_instance(call: Call, request: Request) -> list[str]:
    id = (request.get("InstanceSpecification") or {}).get("InstanceId") or "*"
    return [instance_kind.arn(call, id), volume_kind.arn(call, "*")]


@operation("DeleteSnapshot", resource=targets(snapshot_kind, "SnapshotId"))
def delete_snapshot(call: Call, request: Request) -> None:
    snapshot = snapshot_kind.need(call, request["SnapshotId"])
    image = used_by(call, snapshot)
    if image is not None:
        raise Ec2Error("InvalidSnapshot.InUse", f"The snapshot {snapshot.id} is currently in use by {image.id}")
    drop(call, snapshot)


def used_by(call: Call, snapshot: Snapshot) -> Image | None:
    """An image of its owner's that needs it."""
    for _, image in images.find(call.tx, images_of_snapshot, snapshot.id, limit=100):
        if image.owner == snapshot.account:
            return image
    return None


def drop(call: Call, snapshot: Snapshot) -> None:
    snapshot_kind.delete(call, snapshot.id)
    removed.put(call.tx, snapshot.id, record=call.now)


def _offered(region: str) -> list[Snapshot]:
    """Those of the cloud's own images."""
    return [
        Snapshot(
            disk.snapshot, AMAZON, region, "", disk.size, "completed", image.created, 100, image.description,
            shared=["all"], completed=image.created, origin=image.origin,
        )
        for image in offered(region).values()
        for disk in image.disks
    ]  # fmt: skip


@operation("DescribeSnapshots")
def describe_snapshots(call: Call, request: Request) -> dict[str, Any]:
    """One's own, those shared with one, and everybody's."""
    keep = chosen(snapshot_kind, request)
    wanted, owners, users = request.get("SnapshotIds"), request.get("OwnerIds"), request.get("RestorableByUserIds")
    refuse_no_users(owners, "self", "amazon")
    refuse_no_users(users, "self", "all")
    public = _offered(call.region)
    if wanted:
        known = {snapshot.id: snapshot for snapshot in public}
        pairs = [(id, known.get(id) or visible_snapshot(call, id)) for id in dict.fromkeys(wanted)]
        lost = [id for id, found in pairs if found is None]
        if lost:
            raise snapshot_kind.unknown(lost)
        candidates = [found for _, found in pairs if found is not None]
    else:
        candidates = [*public, *(one for one in each(snapshots, call.tx) if _visible(call, one))]

    def passes(snapshot: Snapshot) -> bool:
        if owners and not {snapshot.account, show(call, snapshot)["OwnerId"]} & {
            call.account if owner == "self" else owner for owner in owners
        }:
            return False
        if users:
            named = ["all" if user == "all" else call.account if user == "self" else user for user in users]
            own = snapshot.account in named and snapshot.account == call.account
            if not own and not set(named) & set(snapshot.shared):
                return False
        return keep(snapshot)

    found = [(snapshot.id, snapshot) for snapshot in candidates if passes(snapshot)]
    items, token = cut(call, request, "snapshots", found)
    return {"Snapshots": [show(call, one) for one in items], **({"NextToken": token} if token else {})}


def _visible(call: Call, snapshot: Snapshot) -> bool:
    return snapshot.region == call.region and may_see(call, snapshot)


@operation("CopySnapshot", resource=created(snapshot_kind))
def copy_snapshot(call: Call, request: Request) -> dict[str, Any]:
    """From any region: the copy shares the blocks, which are the cloud's."""
    source_region = request["SourceRegion"]
    if source_region not in regions.regions():
        raise invalid(f"Invalid source region: {source_region}")
    request.get("PresignedUrl"), request.get("DestinationRegion")  # the request itself is signed for this region
    request.get("CompletionDurationMinutes")  # a copy is done at once, which is within any time
    id = request["SourceSnapshotId"]
    if id.startswith("arn:"):
        id = id.rpartition("/")[2]
    source = readable_in(call, source_region, id)
    if source is None:
        raise snapshot_kind.unknown([id])
    if source.state != "completed":
        raise Ec2Error("IncorrectState", f"Snapshot is in invalid state - {source.state}")
    tags = given_tags(call, request, snapshot_kind)[snapshot_kind.type]
    description = request.get("Description") or f"[Copied {source.id} from {source_region}]"
    copy = copied(call, source, description, tags, request.get("Encrypted"), request.get("KmsKeyId") or "")
    return {"SnapshotId": copy.id, **shown_tags(tags)}


def copied(
    call: Call,
    source: Snapshot,
    description: str,
    tags: dict[str, str],
    encrypted: bool | None = None,
    key: str = "",
) -> Snapshot:
    """The record of a copy, whose blocks the reconciler takes over. `encrypted`, `key`: as CopySnapshot is asked."""
    id, key = snapshot_kind.new_id(), encrypting.key_for(call, encrypted, key, source)
    data_key = encrypting.data_key_or_none(call, key, id, source.data_key) if key else None
    inaccessible = bool(key) and data_key is None
    copy = Snapshot(
        id,
        call.account,
        call.region,
        "",
        source.size,
        "error" if inaccessible else "pending",
        call.now,
        description=description,
        parent="" if source.origin else source.id,
        encrypted=bool(key),
        key=data_key.key if data_key is not None else key,
        data_key=data_key,
        message=encrypting.INACCESSIBLE if inaccessible else "",
        copy=not source.origin,
        origin=source.origin,
        tags=tags,
    )
    return snapshot_kind.put(call, copy.id, copy)


def readable_in(call: Call, region: str, id: str) -> Snapshot | None:
    """One that the caller may copy: their own, one that is shared with them, one of the cloud's own images."""
    for one in _offered(region):
        if one.id == id:
            return one
    for _, record in snapshots.find(call.tx, by_snapshot_id, id, limit=1):
        if record.region == region and may_see(call, record):
            return record
    return None


@operation("ModifySnapshotAttribute", resource=targets(snapshot_kind, "SnapshotId"))
def modify_snapshot_attribute(call: Call, request: Request) -> None:
    """Who may make volumes of it."""
    snapshot = snapshot_kind.need(call, request["SnapshotId"])
    if request.get("Attribute") not in (None, "createVolumePermission"):
        raise invalid("Only createVolumePermission can be modified.")
    changes = request.get("CreateVolumePermission") or {}
    add = [_grantee(one) for one in changes.get("Add") or []]
    remove = [_grantee(one) for one in changes.get("Remove") or []]
    if kind := request.get("OperationType"):
        names = [*(request.get("UserIds") or []), *(request.get("GroupNames") or [])]
        for account in request.get("UserIds") or []:
            _grantee({"UserId": account})
        add, remove = (names, []) if kind == "add" else ([], names)
    if snapshot.encrypted and add:
        _refuse_what_is_not_shared(snapshot, add)
    if "all" in add and "all" not in snapshot.shared and access(call, call.account, call.region) != OPEN:
        raise Ec2Error(
            "OperationNotPermitted",
            "You can't publicly share this snapshot because block public access for snapshots is enabled for this "
            "account in this region.",
        )
    shared = sorted((set(snapshot.shared) | set(add)) - set(remove))
    snapshot_kind.put(call, snapshot.id, replace(snapshot, shared=shared))


def _refuse_what_is_not_shared(snapshot: Snapshot, with_whom: list[str]) -> None:
    if snapshot.data_key is not None and snapshot.data_key.managed:
        raise Ec2Error("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared")
    if "all" in with_whom:
        raise Ec2Error("OperationNotPermitted", "Encrypted snapshots cannot be shared publicly")


def _grantee(given: Any) -> str:
    account, group = given.get("UserId"), given.get("Group")
    if account and not ACCOUNT.fullmatch(account):
        raise Ec2Error("InvalidUserID.Malformed", f'Invalid user id: "{account}"')
    return str(account or group)


@operation("DescribeSnapshotAttribute", resource=targets(snapshot_kind, "SnapshotId"))
def describe_snapshot_attribute(call: Call, request: Request) -> dict[str, Any]:
    snapshot = snapshot_kind.need(call, request["SnapshotId"])
    if request["Attribute"] == "productCodes":
        return {"SnapshotId": snapshot.id, "ProductCodes": []}
    permissions = [{"Group": "all"} if one == "all" else {"UserId": one} for one in snapshot.shared]
    return {"SnapshotId": snapshot.id, "CreateVolumePermissions": permissions}


@operation("ResetSnapshotAttribute", resource=targets(snapshot_kind, "SnapshotId"))
def reset_snapshot_attribute(call: Call, request: Request) -> None:
    snapshot = snapshot_kind.need(call, request["SnapshotId"])
    if request["Attribute"] != "createVolumePermission":
        raise invalid("Only createVolumePermission can be reset.")
    snapshot_kind.put(call, snapshot.id, replace(snapshot, shared=[]))
