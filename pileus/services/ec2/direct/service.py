"""The service `ebs`, declared: an API of its own on EC2's snapshots."""

from typing import Any

from pileus.base.errors import ApiError
from pileus.service import Call, Service

from ..images.offered import offered
from ..kinds import about
from ..volumes.encrypting import opened
from ..volumes.making import visible_snapshot
from ..volumes.records import AMAZON, Snapshot, snapshot_kind

ebs = Service("ebs", validation="ValidationException", about=about)

Request = dict[str, Any]
BLOCK_BYTES = 512 * 1024
_Validation = ebs.error("ValidationException")
_NotFound = ebs.error("ResourceNotFoundException")
_Denied = ebs.error("AccessDeniedException")
Conflict = ebs.error("ConflictException")


def invalid(reason: str, message: str) -> ApiError:
    return _Validation(message, members={"Reason": reason})


def not_found(snapshot: str) -> ApiError:
    return _NotFound(f"The snapshot '{snapshot}' does not exist.", members={"Reason": "SNAPSHOT_NOT_FOUND"})


def key_opened(call: Call, snapshot: Snapshot) -> bytes:
    """What the blocks of an encrypted snapshot are sealed under, for a caller who may use its KMS key; b'' for a plain
    one. Raises AccessDeniedException."""
    if snapshot.data_key is None:
        return b""
    try:
        return opened(call, snapshot.data_key)
    except ApiError as error:
        reason = {"Reason": "DEPENDENCY_ACCESS_DENIED"}
        raise _Denied(f"The KMS key of the snapshot cannot be used: {error.message}", members=reason) from error


def arn_of(call: Call, snapshot: str) -> str:
    return snapshot_kind.arn(call, snapshot)


def readable(call: Call, id: str) -> Snapshot:
    """A completed snapshot that the caller may read."""
    if snapshot_kind.form.fullmatch(id) is None:
        raise invalid("INVALID_SNAPSHOT_ID", f"The snapshot ID '{id}' is not valid.")
    found = visible_snapshot(call, id)
    if found is None:
        if any(disk.snapshot == id for image in offered(call.region).values() for disk in image.disks):
            raise invalid("INVALID_SNAPSHOT_ID", f"Snapshots of the owner {AMAZON} are not read block by block.")
        raise not_found(id)
    if found.state != "completed":
        raise invalid("INVALID_SNAPSHOT_ID", f"The snapshot '{id}' is not completed.")
    return found
