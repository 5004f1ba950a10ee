"""What a volume begins as a copy of is brought into the pool: images are built, snapshots are read back."""

import logging

from pileus.control.outside import outside
from pileus.model.images import OFFERS
from pileus.service.call import Cloud

log = logging.getLogger("pileus.ec2")


async def bring(cloud: Cloud, origin: str) -> None:
    """Returns when `origin` is in the pool. Raises the driver's Unable."""
    driver = cloud.drivers.volumes
    if origin in await outside(driver.frozen):
        return
    if any(offer.origin == origin for offer in OFFERS):
        await outside(driver.ensure_image, origin, lambda line: log.info("%s: %s", origin, line))
