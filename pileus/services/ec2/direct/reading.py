"""Which blocks a snapshot has, which changed between two, and their bytes.

Source: EBS direct APIs Reference, "ListSnapshotBlocks", "ListChangedBlocks", "GetSnapshotBlock".
"""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from pileus.base.threads import threaded
from pileus.service import Call, Outside, Reply
from pileus.service.paginate import BadToken

from ..volumes.records import Block, Snapshot, blocks
from ..volumes.storing import ROWS_AT_ONCE, read_block, rows_of
from . import tokens
from .service import BLOCK_BYTES, Request, arn_of, ebs, invalid, key_opened, readable

PAGE_LEAST, PAGE_USUAL, PAGE_MOST = 100, 10_000, 10_000


def rows_from(call: Call, snapshot: str, begin: int) -> Iterator[tuple[int, Block]]:
    """From block `begin` on, in order."""
    after = begin - 1
    while True:
        some = rows_of(call.tx, snapshot, after)
        yield from some
        if len(some) < ROWS_AT_ONCE:
            return
        after = some[-1][0]


def _begin(request: Request, purpose: str) -> int:
    """The number of the block to begin with."""
    token = request.get("NextToken")
    if not token:
        return int(request.get("StartingBlockIndex") or 0)
    try:
        return int(tokens.unpacked(purpose, token)[0])
    except BadToken:
        raise invalid("INVALID_PAGE_TOKEN", "The page token is not valid.") from None


def _page(
    call: Call, request: Request, snapshot: Snapshot, member: str, purpose: str, shown: Iterator[dict[str, Any]]
) -> dict[str, Any]:
    limit = min(max(request.get("MaxResults") or PAGE_USUAL, PAGE_LEAST), PAGE_MOST)
    found: list[dict[str, Any]] = []
    answer: dict[str, Any] = {
        member: found,
        "ExpiryTime": call.now + tokens.LASTS_SECONDS,
        "VolumeSize": snapshot.size,
        "BlockSize": BLOCK_BYTES,
    }
    for one in shown:
        if len(found) == limit:
            answer["NextToken"] = tokens.packed(purpose, (one["BlockIndex"],))
            break
        found.append(one)
    return answer


@ebs.operation("ListSnapshotBlocks", resource=lambda call, request: arn_of(call, request["SnapshotId"]))
def list_snapshot_blocks(call: Call, request: Request) -> dict[str, Any]:
    snapshot = readable(call, request["SnapshotId"])
    purpose = f"ebs.blocks/{snapshot.id}"
    expires = call.now + tokens.LASTS_SECONDS
    shown = (
        {"BlockIndex": number, "BlockToken": tokens.token(snapshot.id, number, expires)}
        for number, _ in rows_from(call, snapshot.id, _begin(request, purpose))
    )
    return _page(call, request, snapshot, "Blocks", purpose, shown)


def _of_both(call: Call, request: Request) -> list[str]:
    named = [request.get("FirstSnapshotId"), request["SecondSnapshotId"]]
    return [arn_of(call, id) for id in named if id]


@ebs.operation("ListChangedBlocks", resource=_of_both)
def list_changed_blocks(call: Call, request: Request) -> dict[str, Any]:
    """A block that only one of the two has bears one token."""
    second = readable(call, request["SecondSnapshotId"])
    first = readable(call, request["FirstSnapshotId"]) if request.get("FirstSnapshotId") else None
    if first is not None and (not first.volume or first.volume != second.volume):
        raise invalid("UNRELATED_SNAPSHOTS", "The specified snapshots are not of the same volume.")
    purpose = f"ebs.changed/{first.id if first is not None else ''}/{second.id}"
    shown = _changed(call, first, second, _begin(request, purpose))
    return _page(call, request, second, "ChangedBlocks", purpose, shown)


def _changed(call: Call, first: Snapshot | None, second: Snapshot, begin: int) -> Iterator[dict[str, Any]]:
    expires = call.now + tokens.LASTS_SECONDS
    for number, one, other in _side_by_side(call, first, second, begin):
        if one is not None and other is not None and one.digest == other.digest:
            continue
        shown: dict[str, Any] = {"BlockIndex": number}
        if one is not None and first is not None:
            shown["FirstBlockToken"] = tokens.token(first.id, number, expires)
        if other is not None:
            shown["SecondBlockToken"] = tokens.token(second.id, number, expires)
        yield shown


def _side_by_side(
    call: Call, first: Snapshot | None, second: Snapshot, begin: int
) -> Iterator[tuple[int, Block | None, Block | None]]:
    ours = rows_from(call, first.id, begin) if first is not None else iter(())
    theirs = rows_from(call, second.id, begin)
    one, other = next(ours, None), next(theirs, None)
    while one is not None or other is not None:
        number = min(pair[0] for pair in (one, other) if pair is not None)
        left = one[1] if one is not None and one[0] == number else None
        right = other[1] if other is not None and other[0] == number else None
        yield number, left, right
        if left is not None:
            one = next(ours, None)
        if right is not None:
            other = next(theirs, None)


@ebs.operation("GetSnapshotBlock", resource=lambda call, request: arn_of(call, request["SnapshotId"]))
def get_snapshot_block(call: Call, request: Request) -> Any:
    snapshot, number = readable(call, request["SnapshotId"]), request["BlockIndex"]
    tokens.check(call, request["BlockToken"], snapshot.id, number)
    block = blocks.get(call.tx, snapshot.id, number)
    if block is None:
        raise invalid("INVALID_BLOCK", f"The snapshot has no block {number}.")
    cloud, data_key = call.cloud, key_opened(call, snapshot)

    async def work() -> Reply:
        content = await threaded(read_block, cloud.blobs, cloud.keyring, block, data_key)
        return Reply(
            {
                "DataLength": len(content),
                "BlockData": content,
                "Checksum": b64encode(block.digest).decode(),
                "ChecksumAlgorithm": "SHA256",
            }
        )

    return Outside(work)
