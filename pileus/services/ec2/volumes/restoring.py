"""What a volume begins as a copy of is brought into the pool: images are built, snapshots are read back."""

import logging

from pileus.control.outside import outside
from pileus.drivers import Unable
from pileus.drivers.volumes.api import BLOCK
from pileus.model.images import OFFERS
from pileus.service.call import Cloud

from .records import GIB, by_snapshot_id, removed, restored, snapshots
from .storing import every_row, pool_name, read_block

log = logging.getLogger("pileus.ec2")


class NotYet(Exception):
    """The snapshot does not have all its blocks yet."""


async def bring(cloud: Cloud, origin: str, size: int, key: bytes = b"") -> str:
    """Returns its name in the pool once it is there. `size`: GiB, of the volume that is made of it; `key`: of an
    encrypted snapshot.

    Raises NotYet, and the driver's Unable.
    """
    driver = cloud.drivers.volumes
    there = await outside(driver.frozen)
    if origin in there:
        return origin
    if any(offer.origin == origin for offer in OFFERS):
        await outside(driver.ensure_image, origin, lambda line: log.info("%s", line))
        return origin
    found = await cloud.store.transact(lambda tx: list(snapshots.find(tx, by_snapshot_id, origin, limit=1)))
    going = await cloud.store.transact(lambda tx: removed.get(tx, origin)) is not None
    if not found and not going:
        raise Unable(f"there is no snapshot {origin} any more")
    if found and found[0][1].state == "error":
        raise Unable(f"the snapshot {origin} failed")
    if found and found[0][1].state != "completed":
        raise NotYet(origin)
    # One that is deleted keeps its blocks until the volumes that were ordered before are made.
    size = found[0][1].size if found else size
    name = pool_name(origin)
    if name in there and await cloud.store.transact(lambda tx: restored.get(tx, origin)) is not None:
        return name
    await outside(driver.thaw, name, size * GIB, key)
    for number, block in await every_row(cloud, origin):
        content = await outside(read_block, cloud.blobs, cloud.keyring, block, key)
        assert len(content) == BLOCK
        await outside(driver.write, name, number, content, key)
    await cloud.store.transact(lambda tx: restored.put(tx, origin, record=cloud.clock.now()))
    return name
