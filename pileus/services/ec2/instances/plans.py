"""What the driver is told of a machine: from the records to its terms."""

from pileus.control.outside import outside
from pileus.drivers.machines.api import Machine
from pileus.drivers.networks.api import Link
from pileus.drivers.volumes.api import Volume as Disk
from pileus.service.call import Cloud
from pileus.store import Transaction

from ..names import guest_name
from ..volumes.encrypting import key_of
from ..volumes.records import GIB, Volume, volumes
from ..volumes.types import limits
from ..vpc import joining
from ..vpc.compiling import interface_of
from .cpu import of_type
from .hostnames import label
from .records import Instance, Placed
from .resolving import resolver_of
from .types import types

MIB = 1024 * 1024
GB = 1_000_000_000
AUTHORITY = "/usr/local/share/ca-certificates/pileus.crt"
PIDS_LEAST, PIDS_MOST = 512, 4_096


def root_of(instance: Instance) -> str:
    """The id of the volume with its root disk."""
    return next(disk.volume for disk in instance.disks if disk.device == instance.root_device)


def unmade(tx: Transaction, instance: Instance) -> list[Volume]:
    """Its volumes that are not made yet, or that cannot be made (`error`)."""
    found = [volumes.get(tx, instance.account, instance.region, disk.volume) for disk in instance.disks]
    return [volume for volume in found if volume is not None and volume.state in ("creating", "error")]


async def open_disks(cloud: Cloud, instance: Instance) -> None:
    """Its encrypted disks, which a host that went down has closed. Raises Inaccessible, Unable."""
    found = await cloud.store.transact(
        lambda tx: [volumes.get(tx, instance.account, instance.region, disk.volume) for disk in instance.disks]
    )
    for volume in found:
        if volume is not None and volume.data_key is not None:
            key = await key_of(cloud, volume.data_key)
            iops, throughput = limits(volume.type, volume.size, volume.iops, volume.throughput)
            wanted = Disk(volume.id, volume.size * GIB, iops=iops, throughput=throughput, key=key)
            await outside(cloud.drivers.volumes.ensure, wanted)


def store_volume(instance: Instance, disk: Placed) -> str:
    """The driver's id of an instance store disk."""
    return f"{instance.id}-{disk.virtual}"


async def make_store(cloud: Cloud, instance: Instance) -> None:
    """New, empty instance store disks, attached."""
    for disk in instance.store:
        id = store_volume(instance, disk)
        await outside(cloud.drivers.volumes.ensure, Disk(id, disk.size * GB // 512 * 512))
        await outside(cloud.drivers.volumes.attach, id, instance.id, guest_name(disk.device))


async def machine_of(cloud: Cloud, instance: Instance) -> Machine:
    """Raises Unable when its network is not there."""
    interfaces, resolver = await cloud.store.transact(
        lambda tx: (
            joining.interfaces_of(tx, instance.account, instance.region, instance.id),
            resolver_of(tx, instance.account, instance.region, instance.vpc),
        )
    )
    links: list[Link] = []
    for interface in interfaces:
        assert interface.attachment is not None
        index = interface.attachment.index
        links.append(await outside(cloud.drivers.networks.link, instance.vpc, interface_of(interface), index))
    kind = types()[instance.type]
    cpu = instance.cpu or of_type(kind)
    name = label(instance)
    files = {
        "/etc/resolv.conf": "".join(f"nameserver {server}\n" for server in resolver.servers)
        + (f"search {resolver.domain}\n" if resolver.domain else ""),
        "/etc/hosts": f"127.0.0.1 localhost\n{instance.private_address} {name}.{resolver.domain} {name}\n",
    }
    if trust := await outside(cloud.trust):
        files[AUTHORITY] = trust
    return Machine(
        id=instance.id,
        boot=instance.boot,
        root=root_of(instance),
        hostname=name,
        vcpus=float(cpu.cores * cpu.threads),
        memory=kind.memory * MIB,
        pids=max(PIDS_LEAST, min(PIDS_MOST, kind.memory // 4)),
        links=tuple(links),
        files=files,
    )
