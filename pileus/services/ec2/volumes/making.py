"""How a volume comes to be: checks, and the record. Its bytes are made by the reconciler (`keeping.py`).

Source: EC2 API Reference, "CreateVolume"; Amazon EBS User Guide, "Amazon EBS encryption".
"""

from typing import Any, NamedTuple

from pileus.service import Call

from ..images.offered import offered
from ..images.records import Image
from ..kinds import KINDS
from ..service import Ec2Error
from . import types
from .encrypting import data_key_or_none, key_for
from .public_access import ALL, access
from .records import Snapshot, Volume, by_snapshot_id, snapshots, volume_kind


class Source(NamedTuple):
    """What a volume begins as a copy of. `origin`: its name in the pool. `size`: GiB. `record`: of one of an account's
    snapshots, not of the cloud's own images'."""

    snapshot: str
    origin: str
    size: int
    record: Snapshot | None = None

    def must_fit_in(self, size: int, code: str = "InvalidParameterValue") -> None:
        """Raises an error of that code for a volume (GiB) that is too small for it."""
        if size < self.size:
            told = f"Volume of size {size}GB is smaller than snapshot '{self.snapshot}', expect size >= {self.size}GB"
            raise Ec2Error(code, told)


NOTHING = Source("", "", 0)


def source_of(call: Call, snapshot: str, of: Image | None = None) -> Source:
    """Raises InvalidSnapshot.NotFound, IncorrectState. Who may launch an image (`of`) gets what is in its snapshots."""
    for image in offered(call.region).values():
        for disk in image.disks:
            if disk.snapshot == snapshot:
                return Source(snapshot, image.origin, disk.size)
    theirs = of is not None and any(disk.snapshot == snapshot for disk in of.disks)
    record = snapshots.get(call.tx, of.owner, call.region, snapshot) if theirs and of is not None else None
    record = record or visible_snapshot(call, snapshot)
    if record is None:
        raise KINDS["snap"].unknown([snapshot])
    if record.state == "error":
        raise Ec2Error("IncorrectState", f"Snapshot is in invalid state - {record.state}")
    return Source(snapshot, snapshot, record.size, record)


def may_see(call: Call, snapshot: Snapshot) -> bool:
    """One's own, and what is shared: with everybody, only as long as its owner does not block that altogether."""
    if snapshot.account == call.account or call.account in snapshot.shared:
        return True
    return "all" in snapshot.shared and access(call, snapshot.account, snapshot.region) != ALL


def visible_snapshot(call: Call, id: str) -> Snapshot | None:
    """The caller's own, or one that is shared with the caller, in the region of the call."""
    for _, record in snapshots.find(call.tx, by_snapshot_id, id, limit=1):
        if record.region == call.region and may_see(call, record):
            return record
    return None


def make(
    call: Call,
    zone: str,
    *,
    size: int | None,
    type: str | None,
    iops: int | None = None,
    throughput: int | None = None,
    source: Source = NOTHING,
    encrypted: bool | None = None,
    key: str = "",
    tags: dict[str, str] | None = None,
    **more: Any,
) -> Volume:
    """Writes the record of a new volume."""
    type = type or "gp2"
    size = source.size if size is None else size
    source.must_fit_in(size)
    performance = types.checked(type, size, iops, throughput)
    id, source_key = volume_kind.new_id(), source.record.data_key if source.record is not None else None
    under = key_for(call, encrypted, key, source.record)
    own_key = data_key_or_none(call, under, id, source_key) if under else None
    volume = Volume(
        id,
        call.account,
        call.region,
        zone,
        size,
        type,
        "creating" if own_key is not None or not under else "error",
        call.now,
        performance.iops,
        performance.throughput,
        source.snapshot,
        source.origin,
        encrypted=bool(under),
        key=own_key.key if own_key is not None else under,
        data_key=own_key,
        source_key=source_key,
        tags=tags or {},
        **more,
    )
    return volume_kind.put(call, volume.id, volume)
