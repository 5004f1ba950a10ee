"""What is kept of volumes and snapshots.

States and fields: EC2 API Reference, "Volume", "VolumeAttachment", "Snapshot".
"""

from typing import Any

import msgspec

from pileus.base.clock import iso_millis
from pileus.model.regions import zone_id
from pileus.store import Index, Table

from ..filters import boolean, nobodys, same
from ..kinds import Kind

GIB = 1024**3
AMAZON = "amazon"
AMAZON_ACCOUNT = "137112412989"
"""What owns the cloud's own images and their snapshots: Amazon's, so that no account of the cloud's is taken for it."""


class Attachment(msgspec.Struct, frozen=True):
    """`device`: as the caller named it ('/dev/sdf'). `state`: attaching, attached, detaching, busy."""

    instance: str
    device: str
    state: str
    at: float
    delete_on_termination: bool = False
    force: bool = False


class DataKey(msgspec.Struct, frozen=True):
    """What encrypts bytes, wrapped by the KMS key `key` (an ARN) and bound to `owner`, the id of the volume or snapshot
    that it was made for. `managed`: the KMS key is AWS's, for the account."""

    key: str
    wrapped: bytes
    owner: str
    managed: bool = False


class Defaults(msgspec.Struct, frozen=True):
    """Of an account in a region: whether new volumes are encrypted unasked; the KMS key, '' for the managed one."""

    encrypted: bool = False
    key: str = ""


class Volume(msgspec.Struct, frozen=True):
    """`size`: GiB. `state`: creating, available, in-use, deleting, error. `origin`: the name in the pool that it begins
    as a copy of, empty for zeros. `root`: it is its instance's root disk. `iops`, `throughput` (MiB/s): 0 where
    the type has none to set. `key`: the KMS key as it is shown. `data_key`: None when it is plain, or is encrypted and
    its key could not be had. `source_key`: of what it begins as a copy of."""

    id: str
    account: str
    region: str
    zone: str
    size: int
    type: str
    state: str
    created: float
    iops: int = 0
    throughput: int = 0
    snapshot: str = ""
    origin: str = ""
    encrypted: bool = False
    key: str = ""
    data_key: DataKey | None = None
    source_key: DataKey | None = None
    root: bool = False
    attachment: Attachment | None = None
    modification: dict[str, Any] | None = None
    auto_io: bool = False
    token: str = ""
    tags: dict[str, str] = {}


class Snapshot(msgspec.Struct, frozen=True):
    """`state`: pending, completed, error. `size`: GiB of the volume. `parent`: the snapshot that its blocks add to, as
    it was when this one was begun. `shared`: accounts that may make volumes of it; 'all' for everybody. `stored`: bytes
    of blocks that it added, `full`: of all its blocks. `external`: its blocks are put by its maker (EBS direct APIs),
    who must not leave it alone for `timeout` seconds, that is until `expires`. `copy`: it takes over all blocks of its
    parent. `together`: the snapshots of all disks of `machine` that were ordered at once and show one moment. `held`:
    its moment has not come: the machine is shut down for it first. `origin`: the built image that it is a copy of."""

    id: str
    account: str
    region: str
    volume: str
    size: int
    state: str
    started: float
    progress: int = 0
    description: str = ""
    parent: str = ""
    encrypted: bool = False
    key: str = ""
    data_key: DataKey | None = None
    shared: list[str] = []
    completed: float = 0.0
    message: str = ""
    stored: int = 0
    full: int = 0
    external: bool = False
    timeout: float = 0.0
    expires: float = 0.0
    copy: bool = False
    held: bool = False
    origin: str = ""
    machine: str = ""
    together: list[str] = []
    tags: dict[str, str] = {}


class Block(msgspec.Struct, frozen=True, gc=False):
    """512 KiB of a snapshot: the blob that holds them, the wrapped key it is sealed under, their SHA-256. Without a key
    it is sealed under the snapshot's data key, as all blocks of an encrypted snapshot are."""

    blob: int
    key: bytes
    digest: bytes


by_volume_id: Index[Volume] = Index("ec2.volumes.by_id", lambda key, record: [(record.id,)])
by_snapshot_id: Index[Snapshot] = Index("ec2.snapshots.by_id", lambda key, record: [(record.id,)])
being_made_of: Index[Volume] = Index(
    "ec2.volumes.made_of",
    lambda key, record: [(record.origin, record.id)] if record.state == "creating" and record.origin else [],
)
volumes = Table("ec2.volumes", Volume, watched=True, indexes=(by_volume_id, being_made_of))
snapshots = Table("ec2.snapshots", Snapshot, watched=True, indexes=(by_snapshot_id,))
blocks = Table("ec2.snapshots.blocks", Block)  # snapshot, number of the block; blocks of zeros have none
removed = Table("ec2.snapshots.removed", float, watched=True)  # snapshot whose blocks are to be let go -> when
restored = Table("ec2.snapshots.restored", float)  # snapshot that was read back into the pool as a whole -> when


def _attached(read: Any) -> Any:
    return lambda volume: [read(volume.attachment)] if volume.attachment is not None else []


snapshot_kind: Kind[Snapshot] = Kind(
    "snap",
    "snapshot",
    "InvalidSnapshot",
    "snapshot",
    snapshots,
    accountless=True,
    malformed="InvalidSnapshotID.Malformed",
    filters={
        "snapshot-id": lambda snapshot: [snapshot.id],
        "volume-id": lambda snapshot: [snapshot.volume],
        "volume-size": lambda snapshot: [str(snapshot.size)],
        "status": lambda snapshot: [snapshot.state],
        "description": lambda snapshot: [snapshot.description],
        "encrypted": lambda snapshot: [boolean(snapshot.encrypted)],
        "owner-id": lambda snapshot: [AMAZON_ACCOUNT if snapshot.account == AMAZON else snapshot.account],
        "owner-alias": lambda snapshot: [AMAZON] if snapshot.account == AMAZON else [],
        "start-time": lambda snapshot: [f"{iso_millis(snapshot.started)}Z"],
        "progress": lambda snapshot: [f"{snapshot.progress}%"],
        "storage-tier": lambda snapshot: ["standard"],
    },
    keys=lambda call, snapshot: {
        "ec2:Owner": snapshot.account,
        "ec2:VolumeSize": str(snapshot.size),
        "ec2:ParentVolume": f"arn:{call.partition}:ec2:{call.region}:{call.account}:volume/{snapshot.volume}",
    },
)
volume_kind = Kind(
    "vol",
    "volume",
    "InvalidVolume",
    "volume",
    volumes,
    malformed="InvalidVolumeID.Malformed",
    filters={
        "volume-id": lambda volume: [volume.id],
        "availability-zone": lambda volume: [volume.zone],
        "size": lambda volume: [str(volume.size)],
        "snapshot-id": lambda volume: [volume.snapshot],
        "status": lambda volume: [volume.state],
        "volume-type": lambda volume: [volume.type],
        "create-time": lambda volume: [f"{iso_millis(volume.created)}Z"],
        "attachment.attach-time": _attached(lambda attachment: f"{iso_millis(attachment.at)}Z"),
        "fast-restored": lambda volume: ["false"],
        "encrypted": lambda volume: [boolean(volume.encrypted)],
        "attachment.instance-id": _attached(lambda attachment: attachment.instance),
        "attachment.device": _attached(lambda attachment: attachment.device),
        "attachment.status": _attached(lambda attachment: attachment.state),
        "attachment.delete-on-termination": _attached(lambda attachment: boolean(attachment.delete_on_termination)),
        "multi-attach-enabled": lambda volume: ["false"],
        "availability-zone-id": lambda volume: [zone_id(volume.zone)],
        **same("false", "operator.managed"),
        **nobodys("operator.principal"),
    },
    keys=lambda call, volume: {
        "ec2:VolumeSize": str(volume.size),
        "ec2:VolumeType": volume.type,
        "ec2:VolumeIops": str(volume.iops),
        "ec2:Encrypted": volume.encrypted,
        "ec2:AvailabilityZone": volume.zone,
        "ec2:ParentSnapshot": f"arn:{call.partition}:ec2:{call.region}::snapshot/{volume.snapshot}"
        if volume.snapshot
        else None,
    },
)
