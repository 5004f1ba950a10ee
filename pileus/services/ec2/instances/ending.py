"""What is left of a machine that stopped or ended: its disks, interfaces and addresses.

Source: Amazon EC2 User Guide, "Stop and start Amazon EC2 instances" (the public address goes, the private stays,
instance store is lost), "Terminate Amazon EC2 instances".
"""

import msgspec

from pileus.control.outside import outside
from pileus.service.call import Call, Cloud
from pileus.store import wake

from .. import tokens
from ..metadata import credentials
from ..volumes.records import Volume, volume_kind, volumes
from ..vpc import joining
from . import replacing
from .plans import store_volume
from .records import Instance, instance_kind

replace = msgspec.structs.replace


async def drop_store(cloud: Cloud, instance: Instance) -> None:
    """Its instance store disks are lost."""
    for disk in instance.store:
        id = store_volume(instance, disk)
        if await outside(cloud.drivers.volumes.observe, id) is not None:
            await outside(cloud.drivers.volumes.detach, id, True)
            await outside(cloud.drivers.volumes.destroy, id)


def stopped(call: Call, instance: Instance) -> None:
    if instance.replacing:
        instance = replacing.given_up(call, instance)
    for interface in joining.interfaces_of(call.tx, instance.account, instance.region, instance.id):
        joining.take_launch_address(call, interface.id)
    instance_kind.put(
        call,
        instance.id,
        replace(instance, state="stopped", imaging=[], abrupt=False, hung=0.0, rebooted=instance.reboots),
    )
    for disk in instance.disks:
        wake(call.tx, "ec2.volumes", instance.account, instance.region, disk.volume)


def terminated(call: Call, instance: Instance) -> None:
    if instance.replacing:
        instance = replacing.given_up(call, instance)
    for interface in joining.interfaces_of(call.tx, instance.account, instance.region, instance.id):
        delete = interface.attachment is not None and interface.attachment.delete_on_termination
        joining.detach_interface(call, interface.id)
        if delete:
            joining.delete_interface(call, interface.id)
    for disk in instance.disks:
        volume = volumes.get(call.tx, instance.account, instance.region, disk.volume)
        if volume is not None and volume.attachment is not None and volume.attachment.instance == instance.id:
            volume_kind.put(call, volume.id, _freed(volume))
    credentials.kept.delete(call.tx, instance.id)
    instance_kind.put(
        call,
        instance.id,
        replace(instance, state="terminated", imaging=[], ended=call.now, disks=[], store=[], hung=0.0),
    )
    tokens.ended(call, "RunInstances", instance.token, lambda id: _lives(call, id))


def _lives(call: Call, id: str) -> bool:
    instance = instance_kind.get(call, id)
    return instance is not None and instance.state != "terminated"


def _freed(volume: Volume) -> Volume:
    assert volume.attachment is not None
    if volume.attachment.delete_on_termination:
        return replace(volume, state="deleting", attachment=None, root=False)
    state = "creating" if volume.state == "creating" else "available"
    return replace(volume, state=state, attachment=None, root=False)
