"""The moment that snapshots show: one disk's is an instant, that of all disks of a machine takes a held breath.

A machine of whose disks several are taken together is paused meanwhile, so that nothing is written to one of them after
another was frozen. The call that ordered them does it before it answers; if the cloud dies in between, nobody was told
of that moment, and the reconciler takes another one for all of them.
"""

from pileus.control.outside import outside
from pileus.service.call import Cloud
from pileus.store import Transaction

from .records import Snapshot, by_snapshot_id, snapshots

PATIENCE_SECONDS = 30.0
"""How long the reconciler leaves the moment to the call that ordered it."""


async def freeze(cloud: Cloud, made: list[Snapshot]) -> None:
    """Raises Unable. Whoever dies in between leaves the machine paused for the next start (`adopting.begin`)."""
    driver, machines = cloud.drivers.volumes, cloud.drivers.machines
    machine = made[0].machine
    paused = bool(machine) and (await outside(machines.observe, machine)).state == "running"
    if paused:
        await outside(machines.pause, machine)
    try:
        for snapshot in made:
            await outside(driver.freeze, snapshot.volume, snapshot.id)
    finally:
        if paused:
            await outside(machines.resume, machine)


async def frozen(cloud: Cloud, snapshot: Snapshot) -> bool:
    """Has its moment kept, with those it was ordered with. False: it is left to the call for now."""
    driver = cloud.drivers.volumes
    if not snapshot.together:
        if snapshot.id not in await outside(driver.frozen):
            await freeze(cloud, [snapshot])
        return True
    made = await cloud.store.transact(lambda tx: _all(tx, snapshot.together))
    there = set(await outside(driver.frozen))
    if all(one.id in there for one in made):
        return True
    if cloud.clock.now() < snapshot.started + PATIENCE_SECONDS:
        return False
    for one in made:
        await outside(driver.forget, one.id)
    await freeze(cloud, made)
    return True


def _all(tx: Transaction, ids: list[str]) -> list[Snapshot]:
    """Those that are still there."""
    return [record for id in ids for _, record in snapshots.find(tx, by_snapshot_id, id, limit=1)]
