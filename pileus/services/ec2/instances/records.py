"""What is kept of instances.

States and fields: EC2 API Reference, "Instance", "InstanceState"; Amazon EC2 User Guide, "Instance lifecycle".
"""

from typing import Any

import msgspec

from pileus.base.clock import iso_millis
from pileus.model.regions import zone_id
from pileus.store import Index, Table

from ..filters import boolean, nobodys, same
from ..kinds import Kind

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
TERMINATED_SECONDS = 3_600.0
"""How long a terminated instance is still shown (User Guide, "Instance lifecycle": typically one hour)."""


class Metadata(msgspec.Struct, frozen=True):
    """Instance metadata options."""

    tokens: str = "optional"
    hops: int = 1
    enabled: bool = True
    tags: bool = False


class Profile(msgspec.Struct, frozen=True):
    """The instance profile that is associated: `association` is its own id ('iip-assoc-…')."""

    association: str
    arn: str
    id: str
    account: str
    name: str
    at: float


class Placed(msgspec.Struct, frozen=True):
    """A block device of an instance that is a volume; instance store disks have `virtual` and no volume."""

    device: str
    volume: str = ""
    virtual: str = ""
    at: float = 0.0
    size: int = 0


class Grouped(msgspec.Struct, frozen=True):
    """Its place in a placement group; `partition`: 0 unless the group's strategy is partition."""

    id: str
    name: str
    strategy: str
    partition: int = 0


class Cpu(msgspec.Struct, frozen=True):
    cores: int
    threads: int


class Reason(msgspec.Struct, frozen=True):
    code: str
    message: str


class Instance(msgspec.Struct, frozen=True):
    """`wanted`: running, stopped or terminated; `state`: what it is on its way there. `boot` counts its starts.
    `reboots` counts how often a reboot was asked for, `rebooted` how many of them are done. `transition`: the reason of
    its last change of state as DescribeInstances spells it. `hung`: since when its guest has not answered, 0 when it
    does. `abrupt`: it ends without being asked. `store`: the disks of its instance store, lost when it stops.
    `imaging`: images that wait for its guest to be down (`imaging.py`). `replacing`: the task that gives it another
    root disk (`replacing.py`)."""

    id: str
    account: str
    region: str
    zone: str
    reservation: str
    image: str
    type: str
    vpc: str
    subnet: str
    private_address: str
    launched: float
    root_device: str
    launch_index: int = 0
    wanted: str = "running"
    state: str = "pending"
    boot: int = 1
    reboots: int = 0
    rebooted: int = 0
    key_name: str = ""
    user_data: str = ""
    architecture: str = "x86_64"
    profile: Profile | None = None
    monitored: bool = False
    on_shutdown: str = "stop"
    keep_running: bool = False
    keep: bool = False
    ebs_optimized: bool = False
    metadata: Metadata = Metadata()
    credits: str = ""
    tenancy: str = "default"
    resource_names: dict[str, Any] = {}
    recovery: str = "default"
    market: str = ""
    spot_request: str = ""
    store: list[Placed] = []
    disks: list[Placed] = []
    transition: str = ""
    reason: Reason | None = None
    ended: float = 0.0
    hung: float = 0.0
    seen: float = 0.0
    requester: str = ""
    token: str = ""
    public_at_boot: bool = False
    abrupt: bool = False
    imaging: list[str] = []
    replacing: str = ""
    grouped: Grouped | None = None
    cpu: Cpu | None = None
    """Where it is not the type's own."""
    tags: dict[str, str] = {}

    @property
    def code(self) -> int:
        return CODES[self.state]

    @property
    def there(self) -> bool:
        return self.state not in ("shutting-down", "terminated")


by_instance_id: Index[Instance] = Index("ec2.instances.by_id", lambda key, record: [(record.id,)])
instances_in_group: Index[Instance] = Index(
    "ec2.instances.in_group",
    lambda key, record: (
        [] if record.grouped is None or record.state == "terminated" else [(record.grouped.id, record.id)]
    ),
)
instances = Table("ec2.instances", Instance, watched=True, indexes=(by_instance_id, instances_in_group))


def _profile_arn(instance: Instance) -> list[str]:
    return [instance.profile.arn] if instance.profile is not None else []


instance_kind = Kind(
    "i",
    "instance",
    "InvalidInstanceID",
    "instance",
    instances,
    filters={
        "instance-id": lambda instance: [instance.id],
        "availability-zone": lambda instance: [instance.zone],
        "architecture": lambda instance: [instance.architecture],
        "client-token": lambda instance: [instance.token],
        "image-id": lambda instance: [instance.image],
        "instance-state-name": lambda instance: [instance.state],
        "instance-state-code": lambda instance: [str(instance.code)],
        "instance-type": lambda instance: [instance.type],
        "key-name": lambda instance: [instance.key_name],
        "launch-index": lambda instance: [str(instance.launch_index)],
        "monitoring-state": lambda instance: ["enabled" if instance.monitored else "disabled"],
        "owner-id": lambda instance: [instance.account],
        "placement-group-name": lambda instance: [instance.grouped.name] if instance.grouped is not None else [],
        "placement-partition-number": lambda instance: [
            str(instance.grouped.partition) if instance.grouped is not None and instance.grouped.partition else None
        ],
        "private-ip-address": lambda instance: [instance.private_address],
        "reservation-id": lambda instance: [instance.reservation],
        "root-device-name": lambda instance: [instance.root_device],
        "root-device-type": lambda instance: ["ebs"],
        "subnet-id": lambda instance: [instance.subnet],
        "vpc-id": lambda instance: [instance.vpc],
        "tenancy": lambda instance: [instance.tenancy],
        "instance-lifecycle": lambda instance: [instance.market] if instance.market else [],
        "spot-instance-request-id": lambda instance: [instance.spot_request] if instance.spot_request else [],
        "iam-instance-profile.arn": _profile_arn,
        "iam-instance-profile.id": lambda instance: [instance.profile.id] if instance.profile is not None else [],
        "iam-instance-profile.name": lambda instance: [instance.profile.name] if instance.profile is not None else [],
        "state-reason-code": lambda instance: [instance.reason.code] if instance.reason is not None else [],
        "reason": lambda instance: [instance.transition],
        "state-reason-message": lambda instance: [instance.reason.message] if instance.reason is not None else [],
        "availability-zone-id": lambda instance: [zone_id(instance.zone)],
        "launch-time": lambda instance: [f"{iso_millis(instance.launched)}Z"],
        "usage-operation-update-time": lambda instance: [f"{iso_millis(instance.launched)}Z"],
        "usage-operation": lambda instance: ["RunInstances"],
        "platform-details": lambda instance: ["Linux/UNIX"],
        "current-instance-boot-mode": lambda instance: ["legacy-bios"],
        "ebs-optimized": lambda instance: [boolean(instance.ebs_optimized)],
        "ena-support": lambda instance: [boolean(True)],
        "enclave-options.enabled": lambda instance: [boolean(False)],
        "maintenance-options.auto-recovery": lambda instance: [instance.recovery],
        "metadata-options.http-endpoint": lambda instance: ["enabled" if instance.metadata.enabled else "disabled"],
        "metadata-options.http-put-response-hop-limit": lambda instance: [str(instance.metadata.hops)],
        "metadata-options.instance-metadata-tags": lambda instance: [
            "enabled" if instance.metadata.tags else "disabled"
        ],
        "block-device-mapping.device-name": lambda instance: [disk.device for disk in instance.disks],
        "block-device-mapping.volume-id": lambda instance: [disk.volume for disk in instance.disks],
        "metadata-options.http-tokens": lambda instance: [instance.metadata.tokens],
        "hypervisor": lambda instance: ["xen"],
        "virtualization-type": lambda instance: ["hvm"],
        "requester-id": lambda instance: [instance.requester],
        "hibernation-options.configured": lambda instance: [boolean(False)],
        "metadata-options.http-protocol-ipv4": lambda instance: [
            "enabled" if instance.metadata.enabled else "disabled"
        ],
        **same("applied", "metadata-options.state"),
        **same("disabled", "metadata-options.http-protocol-ipv6"),
        **same("open", "capacity-reservation-specification.capacity-reservation-preference"),
        **same("false", "operator.managed"),
        **nobodys("affinity", "boot-mode", "capacity-reservation-id", "host-id", "ipv6-address", "kernel-id"),
        **nobodys("operator.principal", "outpost-arn", "platform", "product-code", "product-code.type", "ramdisk-id"),
    },
    keys=lambda call, instance: {
        "ec2:InstanceID": instance.id,
        "ec2:InstanceType": instance.type,
        "ec2:AvailabilityZone": instance.zone,
        "ec2:EbsOptimized": instance.ebs_optimized,
        "ec2:InstanceProfile": instance.profile.arn if instance.profile is not None else None,
        "ec2:RootDeviceType": "ebs",
        "ec2:Tenancy": instance.tenancy,
        "ec2:MetadataHttpTokens": instance.metadata.tokens,
        "ec2:InstanceMarketType": instance.market or "on-demand",
    },
)
