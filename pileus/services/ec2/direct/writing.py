"""A snapshot made block by block.

Source: EBS direct APIs Reference, "StartSnapshot", "PutSnapshotBlock", "CompleteSnapshot": a snapshot that nobody puts
a block into for `Timeout` minutes (60 by default) and that is not completed goes to `error`.
"""

import hashlib
from base64 import b64decode, b64encode
from typing import Any

import msgspec

from pileus.base.errors import ApiError
from pileus.base.threads import threaded
from pileus.service import Call, Outside
from pileus.store import Table

from ..tags import checked
from ..volumes.encrypting import data_key as made_for
from ..volumes.encrypting import key_for
from ..volumes.records import DataKey, Snapshot, snapshot_kind, snapshots
from ..volumes.storing import PURPOSE, ROWS_AT_ONCE, put_block, rows_of, write_block
from .service import BLOCK_BYTES, Conflict, Request, arn_of, ebs, invalid, key_opened, not_found, readable

replace = msgspec.structs.replace
TIMEOUT_MINUTES = 60
SIZE_MAX = 65_536
ALGORITHM = "SHA256"


class Started(msgspec.Struct, frozen=True):
    """`digest`: of the request."""

    snapshot: str
    digest: str


started = Table("ebs.started", Started)  # account, region, client token


@ebs.operation(
    "StartSnapshot",
    resource=lambda call, request: arn_of(call, "*"),
)
def start_snapshot(call: Call, request: Request) -> dict[str, Any]:
    token = request.get("ClientToken")
    if token and (known := started.get(call.tx, call.account, call.region, token)) is not None:
        if known.digest != _digest(request):
            raise Conflict("The request uses the same client token as a previous, but non-identical request.")
        return _show(call, snapshot_kind.need(call, known.snapshot))
    size, parent = request["VolumeSize"], request.get("ParentSnapshotId") or ""
    if not 1 <= size <= SIZE_MAX:
        raise invalid("INVALID_VOLUME_SIZE", f"The volume size is 1 to {SIZE_MAX} GiB.")
    if parent and size < readable(call, parent).size:
        raise invalid("INVALID_VOLUME_SIZE", "The volume size must not be smaller than the parent snapshot's.")
    id, above = snapshot_kind.new_id(), readable(call, parent) if parent else None
    data_key = _data_key(call, request, id, above)
    timeout = 60.0 * (request.get("Timeout") or TIMEOUT_MINUTES)
    snapshot = Snapshot(
        id,
        call.account,
        call.region,
        "",
        size,
        "pending",
        call.now,
        description=request.get("Description") or "",
        parent=parent,
        encrypted=data_key is not None,
        key=data_key.key if data_key is not None else "",
        data_key=data_key,
        external=True,
        timeout=timeout,
        expires=call.now + timeout,
        tags=checked({}, request.get("Tags") or []),
    )
    snapshot_kind.put(call, snapshot.id, snapshot)
    if token:
        started.put(call.tx, call.account, call.region, token, record=Started(snapshot.id, _digest(request)))
    return _show(call, snapshot)


def _data_key(call: Call, request: Request, id: str, parent: Snapshot | None) -> DataKey | None:
    """A child is under its parent's key; what has no parent as is asked for, or as the account's volumes are."""
    encrypted, key = request.get("Encrypted"), request.get("KmsKeyArn") or ""
    if parent is not None:
        if encrypted is not None or key:
            raise invalid("INVALID_PARAMETER_VALUE", "Encrypted and KmsKeyArn are the parent's where there is one.")
        if parent.encrypted and parent.account != call.account:
            raise invalid("INVALID_PARAMETER_VALUE", "A parent that is encrypted must be one's own: copy it first.")
        return parent.data_key
    try:
        under = key_for(call, encrypted, key, None)
        return made_for(call, under, id) if under else None
    except ApiError as error:
        raise invalid("INVALID_CUSTOMER_KEY", f"The KMS key cannot be used: {error.message}") from error


def _digest(request: Request) -> str:
    return hashlib.sha256(msgspec.json.encode(request, order="sorted")).hexdigest()


def _show(call: Call, snapshot: Snapshot) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "SnapshotId": snapshot.id,
        "OwnerId": snapshot.account,
        "Status": snapshot.state,
        "StartTime": snapshot.started,
        "VolumeSize": snapshot.size,
        "BlockSize": BLOCK_BYTES,
        "Description": snapshot.description,
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(snapshot.tags.items())],
    }
    if snapshot.key:
        shown["KmsKeyArn"] = snapshot.key
    if snapshot.parent:
        shown["ParentSnapshotId"] = snapshot.parent
    return shown


def _open(call: Call, id: str) -> Snapshot:
    """A snapshot of the caller's that blocks may be put into."""
    snapshot = snapshots.get(call.tx, call.account, call.region, id)
    if snapshot is None:
        raise not_found(id)
    if not snapshot.external or snapshot.state != "pending":
        raise Conflict(f"The snapshot '{id}' is not open for blocks.")
    return snapshot


@ebs.operation("PutSnapshotBlock", resource=lambda call, request: arn_of(call, request["SnapshotId"]))
def put_snapshot_block(call: Call, request: Request) -> Any:
    snapshot, number = _open(call, request["SnapshotId"]), request["BlockIndex"]
    if not 0 <= number < snapshot.size * 2_048:
        raise invalid("INVALID_BLOCK", f"The volume has no block {number}.")
    if request["DataLength"] != BLOCK_BYTES:
        raise invalid("INVALID_PARAMETER_VALUE", f"A block has {BLOCK_BYTES} bytes.")
    if request["ChecksumAlgorithm"] != ALGORITHM:
        raise invalid("INVALID_PARAMETER_VALUE", f"The checksum algorithm is {ALGORITHM}.")
    progress = request.get("Progress") or 0
    cloud, data_key = call.cloud, key_opened(call, snapshot)

    async def work() -> Any:
        content: bytes = request["BlockData"]
        if len(content) != BLOCK_BYTES:
            raise invalid("INVALID_PARAMETER_VALUE", f"A block has {BLOCK_BYTES} bytes.")
        digest = await threaded(hashlib.sha256, content)
        checksum = b64encode(digest.digest()).decode()
        if checksum != request["Checksum"]:
            raise invalid("INVALID_PARAMETER_VALUE", "The checksum is not that of the block.")
        key = cloud.keyring.new_key(PURPOSE)
        block = await threaded(write_block, cloud.blobs, cloud.keyring, key, content, data_key)

        def keep(call: Call) -> dict[str, Any]:
            now = _open(call, snapshot.id)
            put_block(call.tx, now.id, number, block)
            changed = replace(now, progress=max(now.progress, min(progress, 99)), expires=call.now + now.timeout)
            snapshot_kind.put(call, now.id, changed)
            return {"Checksum": checksum, "ChecksumAlgorithm": ALGORITHM}

        return await call.conclude(keep)

    return Outside(work)


@ebs.operation("CompleteSnapshot", resource=lambda call, request: arn_of(call, request["SnapshotId"]))
def complete_snapshot(call: Call, request: Request) -> dict[str, Any]:
    """With a parent, the parent's other blocks are taken over in the background."""
    snapshot = _open(call, request["SnapshotId"])
    count, digests = _put_so_far(call, snapshot.id)
    if request["ChangedBlocksCount"] != count:
        raise invalid("INVALID_PARAMETER_VALUE", f"{count} blocks were put, not {request['ChangedBlocksCount']}.")
    if request.get("Checksum"):
        if (request.get("ChecksumAlgorithm"), request.get("ChecksumAggregationMethod")) != (ALGORITHM, "LINEAR"):
            raise invalid("INVALID_PARAMETER_VALUE", f"The checksum is {ALGORITHM}, aggregated LINEAR.")
        if b64decode(request["Checksum"]) != hashlib.sha256(digests).digest():
            raise invalid("INVALID_PARAMETER_VALUE", "The checksum is not that of the blocks.")
    stored = count * BLOCK_BYTES
    if snapshot.parent:
        changed = replace(snapshot, external=False, copy=True, stored=stored)
    else:
        changed = replace(snapshot, external=False, state="completed", progress=100, completed=call.now, stored=stored)
    snapshot_kind.put(call, snapshot.id, changed)
    return {"Status": "pending" if snapshot.parent else "completed"}


def _put_so_far(call: Call, snapshot: str) -> tuple[int, bytes]:
    """How many blocks, and their digests in order."""
    count, digests, after = 0, bytearray(), -1
    while True:
        some = rows_of(call.tx, snapshot, after)
        for _, block in some:
            count += 1
            digests += block.digest
        if len(some) < ROWS_AT_ONCE:
            return count, bytes(digests)
        after = some[-1][0]
