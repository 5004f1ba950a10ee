"""After a start: what runs on the host and what the records say are brought together again, and machines that end are
heard of.

Every machine, disk and network is looked at once. What is on the host and in no record is removed, for it was made by
a call that was never acknowledged.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from pileus.control.outside import outside
from pileus.drivers import Unable
from pileus.drivers.machines.api import Machines
from pileus.service.call import Cloud
from pileus.store import Transaction, wake

from .instances.records import by_instance_id, instances
from .kinds import each
from .volumes.records import by_volume_id, volumes
from .vpc import realizing

log = logging.getLogger("pileus.ec2")


async def begin(cloud: Cloud) -> Callable[[], None]:
    """Returns what ends the watch."""
    if await outside(cloud.drivers.lacking):
        return lambda: None
    loop = asyncio.get_running_loop()

    def hear(id: str) -> None:
        loop.call_soon_threadsafe(cloud.store.submit, lambda tx: _wake_machine(tx, id), _told)

    await realizing.adopt(cloud)
    await cloud.store.transact(_wake_all)
    drivers = cloud.drivers
    await outside(_resume, drivers.machines)
    await _sweep(cloud, drivers.machines.ids, _unknown_machines, drivers.machines.destroy)
    await _sweep(cloud, drivers.volumes.ids, _unknown_volumes, lambda id: _drop(cloud, id))
    return drivers.machines.watch(hear)


def _resume(machines: Machines) -> None:
    """Those that held their breath for a snapshot when the cloud died."""
    for id in machines.ids():
        if machines.observe(id).state == "paused":
            machines.resume(id)


def _told(result: object, error: BaseException | None) -> None:
    if error is not None:
        log.error("a machine's end could not be noted", exc_info=error)


def _wake_machine(tx: Transaction, id: str) -> None:
    for key, _ in instances.find(tx, by_instance_id, id, limit=1):
        wake(tx, instances.name, *key)


def _wake_all(tx: Transaction) -> None:
    for instance in each(instances, tx):
        wake(tx, instances.name, instance.account, instance.region, instance.id)
    for volume in each(volumes, tx):
        wake(tx, volumes.name, volume.account, volume.region, volume.id)


def _unknown_machines(tx: Transaction, there: Iterable[str]) -> list[str]:
    return [id for id in there if next(iter(instances.find(tx, by_instance_id, id, limit=1)), None) is None]


def _unknown_volumes(tx: Transaction, there: Iterable[str]) -> list[str]:
    """An instance store disk bears its instance's id: 'i-…-ephemeral0'."""
    lost = []
    for id in there:
        instance, _, virtual = id.partition("-ephemeral")
        table, index = (instances, by_instance_id) if virtual else (volumes, by_volume_id)
        if next(iter(table.find(tx, index, instance if virtual else id, limit=1)), None) is None:  # type: ignore[arg-type]
            lost.append(id)
    return lost


def _drop(cloud: Cloud, id: str) -> None:
    cloud.drivers.volumes.detach(id, True)
    cloud.drivers.volumes.destroy(id)


async def _sweep(
    cloud: Cloud,
    there: Callable[[], list[str]],
    unknown: Callable[[Transaction, Iterable[str]], list[str]],
    remove: Callable[[str], None],
) -> None:
    found = await outside(there)
    lost: Awaitable[list[str]] = cloud.store.transact(lambda tx: unknown(tx, found))
    for id in await lost:
        log.warning("%s is in no record and is removed", id)
        try:
            await outside(remove, id)
        except Unable as error:
            log.error("%s could not be removed: %s", id, error)
