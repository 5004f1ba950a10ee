"""The reconciler of images: an image is there when all its snapshots are.

Source: EC2 API Reference, "Image" (state pending, available, failed).
"""

from typing import Any

import msgspec

from pileus.control import Done, Outcome
from pileus.service.call import Cloud
from pileus.store import Transaction

from ..volumes.records import by_snapshot_id, snapshots
from .records import Image, images

replace = msgspec.structs.replace


class CompleteImages:
    """Watches the table of images, and is woken by their snapshots."""

    watches = "ec2.images"

    async def reconcile(self, cloud: Cloud, key: tuple[Any, ...]) -> Outcome:
        await cloud.store.transact(lambda tx: _look(tx, key))
        return Done


def _look(tx: Transaction, key: tuple[Any, ...]) -> None:
    image = images.get(tx, *key)
    if image is None or image.state != "pending":
        return
    found = [_state(tx, disk.snapshot) for disk in image.disks if disk.snapshot]
    bad = next((why for state, why in found if state == "error"), None)
    if bad is not None:
        _write(tx, replace(image, state="failed", reason=bad))
    elif all(state == "completed" for state, _ in found):
        _write(tx, replace(image, state="available"))


def _state(tx: Transaction, snapshot: str) -> tuple[str, str]:
    for _, record in snapshots.find(tx, by_snapshot_id, snapshot, limit=1):
        return record.state, record.message or f"The snapshot {snapshot} failed."
    return "error", f"The snapshot {snapshot} was deleted."


def _write(tx: Transaction, image: Image) -> None:
    images.put(tx, image.owner, image.region, image.id, record=image)
