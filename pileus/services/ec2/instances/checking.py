"""The status check of an instance: whether its guest still works and can be reached.

Two questions. Its interface is asked by ARP, as AWS does, which fails when the guest took its network down; and the
guest is asked to run a program, for the kernel that answers ARP is the host's here, and answers for a guest that hangs.

Source: Amazon EC2 User Guide, "Status checks for Amazon EC2 instances" (every minute; what makes them fail).
"""

import asyncio

from pileus.control.outside import outside
from pileus.drivers import Unable
from pileus.service.call import Cloud

from ..vpc import joining
from .records import Instance

QUESTION = ["sh", "-c", "(true) && true"]
"""The shell has to begin another process for it: a guest that is out of them fails."""
TIMEOUT_SECONDS = 10.0
ARP_SECONDS = 3.0


async def passes(cloud: Cloud, instance: Instance) -> bool:
    return all(await asyncio.gather(_works(cloud, instance), _is_reached(cloud, instance)))


async def _works(cloud: Cloud, instance: Instance) -> bool:
    try:
        done = await outside(cloud.drivers.machines.execute, instance.id, QUESTION, b"", TIMEOUT_SECONDS)
    except Unable:
        return False
    return done.status == 0


async def _is_reached(cloud: Cloud, instance: Instance) -> bool:
    joined = await cloud.store.transact(
        lambda tx: joining.interfaces_of(tx, instance.account, instance.region, instance.id)
    )
    try:
        return bool(joined) and await outside(cloud.drivers.networks.answers, instance.vpc, joined[0].id, ARP_SECONDS)
    except Unable:
        return False
