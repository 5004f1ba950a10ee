"""The reconciler of volumes: made, grown, attached, detached and deleted through the driver.

A root disk belongs to its machine, which mounts it at boot. Any other volume is attached while its machine runs, again
after each boot. Source: EC2 API Reference, "VolumeAttachment"; Amazon EBS User Guide, "Detach an Amazon EBS volume" (a
volume that is mounted stays `busy` until the guest lets it go).
"""

import logging
from collections.abc import Callable
from typing import Any

import msgspec

from pileus.control import Done, Outcome, RequeueAt
from pileus.control.outside import outside
from pileus.drivers import Unable
from pileus.drivers.api import Busy
from pileus.drivers.volumes.api import Volume as Disk
from pileus.service.call import Cloud
from pileus.store import Transaction, wake

from ..instances.records import instances
from ..names import guest_name
from . import encrypting, types
from .records import GIB, Volume, volumes
from .restoring import NotYet, bring

log = logging.getLogger("pileus.ec2")

AGAIN_SECONDS = 5.0
NOT_YET_SECONDS = 0.5
Key = tuple[Any, ...]
replace = msgspec.structs.replace


class KeepVolumes:
    """Watches the table of volumes."""

    watches = "ec2.volumes"
    outside = True

    async def reconcile(self, cloud: Cloud, key: Key) -> Outcome:
        volume = await cloud.store.transact(lambda tx: volumes.get(tx, *key))
        if volume is None or cloud.drivers.volumes.lacking():
            return Done
        if volume.state == "deleting":
            return await _delete(cloud, volume)
        if volume.state == "error" and (volume.attachment is None or volume.attachment.state == "attaching"):
            return Done  # its instance's launch fails with it
        try:
            if volume.state != "error":
                await _make(cloud, volume)
            return await _attach(cloud, volume)
        except NotYet:
            return RequeueAt(cloud.clock.now() + NOT_YET_SECONDS)
        except Unable as error:
            log.error("volume %s: %s", volume.id, error)
            if volume.state == "creating":
                await _settle(cloud, volume, lambda now: replace(now, state="error"))
                return Done
            return RequeueAt(cloud.clock.now() + AGAIN_SECONDS)


async def _settle(cloud: Cloud, volume: Volume, change: Callable[[Volume], Volume | None]) -> None:
    """Writes what was done, unless somebody wants something else by now. None: the record goes."""

    def work(tx: Transaction) -> None:
        now = volumes.get(tx, volume.account, volume.region, volume.id)
        if now is None or (now.state, now.attachment, now.size) != (volume.state, volume.attachment, volume.size):
            return
        changed = change(now)
        if changed is None:
            volumes.delete(tx, now.account, now.region, now.id)
        elif changed != now:
            volumes.put(tx, now.account, now.region, now.id, record=changed)
            if now.attachment is not None and (changed.state, changed.attachment) != (now.state, now.attachment):
                wake(tx, "ec2.instances", now.account, now.region, now.attachment.instance)

    await cloud.store.transact(work)


async def _delete(cloud: Cloud, volume: Volume) -> Outcome:
    try:
        await outside(cloud.drivers.volumes.detach, volume.id, True)
        await outside(cloud.drivers.volumes.destroy, volume.id)
    except Busy:
        return RequeueAt(cloud.clock.now() + AGAIN_SECONDS)  # its machine is only just going
    await _settle(cloud, volume, lambda now: None)
    return Done


async def _make(cloud: Cloud, volume: Volume) -> None:
    """Has the driver make it, grow it, or set its limits; harmless when all is as it should be."""
    driver = cloud.drivers.volumes
    source, key, source_key = "", b"", b""
    if volume.state == "creating":
        key = await encrypting.key_of(cloud, volume.data_key)
        if volume.origin:
            source_key = await encrypting.key_of(cloud, volume.source_key)
            source = await bring(cloud, volume.origin, volume.size, source_key)
    else:
        seen = await outside(driver.observe, volume.id)
        if seen is None:
            raise Unable("its bytes are not in the pool any more")
        attaching = volume.attachment is not None and volume.attachment.state == "attaching"
        if attaching or seen.size < volume.size * GIB:
            key = await encrypting.key_of(cloud, volume.data_key)
    iops, throughput = types.limits(volume.type, volume.size, volume.iops, volume.throughput)
    await outside(driver.ensure, Disk(volume.id, volume.size * GIB, source, iops, throughput, key, source_key))
    if key and volume.attachment is None:
        await outside(driver.detach, volume.id)  # what nobody uses is closed


async def _attach(cloud: Cloud, volume: Volume) -> Outcome:
    attachment = volume.attachment
    if attachment is None:
        if volume.state == "creating":
            await _settle(cloud, volume, lambda now: replace(now, state="available"))
        return Done
    if attachment.state in ("detaching", "busy"):
        return await _detach(cloud, volume)
    if not volume.root and await _runs(cloud, attachment.instance):
        await outside(cloud.drivers.volumes.attach, volume.id, attachment.instance, guest_name(attachment.device))
    attached = replace(attachment, state="attached")
    await _settle(cloud, volume, lambda now: replace(now, state="in-use", attachment=attached))
    return Done


async def _runs(cloud: Cloud, instance: str) -> bool:
    observed = await outside(cloud.drivers.machines.observe, instance)
    return observed.state in ("running", "paused")


async def _detach(cloud: Cloud, volume: Volume) -> Outcome:
    attachment = volume.attachment
    assert attachment is not None
    try:
        await outside(cloud.drivers.volumes.detach, volume.id, attachment.force)
    except Busy:
        busy = replace(attachment, state="busy")
        await _settle(cloud, volume, lambda now: replace(now, attachment=busy))
        return RequeueAt(cloud.clock.now() + AGAIN_SECONDS)
    # The machine's record first: who dies in between finds the volume still detaching, and does both again.
    await cloud.store.transact(lambda tx: _off(tx, volume, attachment.instance))
    await _settle(cloud, volume, lambda now: replace(now, state="available", attachment=None, root=False))
    return Done


def _off(tx: Transaction, volume: Volume, instance: str) -> None:
    """The machine has the disk no more."""
    record = instances.get(tx, volume.account, volume.region, instance)
    if record is not None and any(disk.volume == volume.id for disk in record.disks):
        left = [disk for disk in record.disks if disk.volume != volume.id]
        instances.put(tx, record.account, record.region, record.id, record=replace(record, disks=left))
