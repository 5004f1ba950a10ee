"""The moment of an image that is made of a machine whose guest is down for it: its disks are at rest.

`Instance.imaging` names the images that wait for it; until it has come, their snapshots are `held`. Whoever dies in
between finds both again and begins anew: what is frozen stays as it is.
"""

import msgspec

from pileus.control.outside import outside
from pileus.drivers import Unable
from pileus.service.call import Cloud
from pileus.store import Transaction

from ..images.records import images
from ..volumes.records import Snapshot, snapshots
from .records import Instance

replace = msgspec.structs.replace


async def capture(cloud: Cloud, instance: Instance) -> None:
    """Of a machine that does not run. A disk that cannot be frozen fails its snapshot, which the snapshot's own
    reconciler finds."""
    for snapshot in await cloud.store.transact(lambda tx: _held(tx, instance)):
        try:
            await outside(cloud.drivers.volumes.freeze, snapshot.volume, snapshot.id)
        except Unable:
            continue
    await cloud.store.transact(lambda tx: _let_go(tx, instance))


def _held(tx: Transaction, instance: Instance) -> list[Snapshot]:
    made = [images.get(tx, instance.account, instance.region, id) for id in instance.imaging]
    ids = [disk.snapshot for image in made if image is not None for disk in image.disks if disk.snapshot]
    found = [snapshots.get(tx, instance.account, instance.region, id) for id in ids]
    return [snapshot for snapshot in found if snapshot is not None and snapshot.held]


def _let_go(tx: Transaction, instance: Instance) -> None:
    for snapshot in _held(tx, instance):
        snapshots.put(tx, snapshot.account, snapshot.region, snapshot.id, record=replace(snapshot, held=False))
