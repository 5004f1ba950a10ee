"""Instance types: what a type has, and which there are.

The facts are in `families.json`, which names its source; sizes of a family scale as AWS's tables show: `large` is 2
vCPUs, `xlarge` 4, `Nxlarge` 4 times N. Types that the file does not have cannot be launched. Source: EC2 API Reference,
"DescribeInstanceTypes", "DescribeInstanceTypeOfferings".
"""

import math
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import orjson

from pileus.model import regions
from pileus.service import Call

from ..filters import boolean, compiled, same
from ..listing import cut
from ..service import Ec2Error, Request, invalid, operation

DEFAULT_TYPE = "m1.small"


class InstanceType(msgspec.Struct, frozen=True):
    """`memory`: MiB. `store`: (count, GB) of its instance store disks. `interfaces`, `addresses`: how many, and how
    many IPv4 addresses on each. `burstable`: whether its CPU has credits."""

    name: str
    vcpus: int
    memory: int
    architectures: list[str]
    clock: float
    hypervisor: str
    network: str
    interfaces: int
    addresses: int
    ena: str
    burstable: bool = False
    credits: str = ""
    store: tuple[int, int] | None = None
    clusters: bool = True
    tags: dict[str, str] = {}

    @property
    def size(self) -> str:
        return self.name.partition(".")[2]

    @property
    def family(self) -> str:
        return self.name.partition(".")[0]

    @property
    def cores(self) -> int:
        return self.vcpus if self.single_core else self.vcpus // 2

    @property
    def free_tier(self) -> bool:
        return self.name in ("t2.micro", "t3.micro")

    @property
    def current(self) -> bool:
        """The earlier ones of small sizes (t1, m1) are of a previous generation."""
        return self.clusters or self.burstable

    @property
    def strategies(self) -> list[str]:
        """Of the placement groups that it may be in. Source: User Guide, "Placement strategies" (clusters take neither
        burstable types nor those of earlier generations that are listed with them here)."""
        return ["cluster", "partition", "spread"] if self.clusters else ["partition", "spread"]

    @property
    def single_core(self) -> bool:
        """Arm's cores have one thread each, as have those of t2 up to small."""
        return "arm64" in self.architectures or self.vcpus == 1


def _vcpus(size: str) -> int:
    return {"medium": 1, "large": 2, "xlarge": 4}.get(size) or 4 * int(size.removesuffix("xlarge"))


@cache
def types() -> dict[str, InstanceType]:
    """All types, by name."""
    facts = orjson.loads(files(__package__).joinpath("families.json").read_bytes())
    found: dict[str, InstanceType] = {}

    def add(family: str, size: str, vcpus: int, memory: int, about: dict[str, Any]) -> None:
        interfaces, addresses = facts["interfaces"][size]
        store = about.get("store", {}).get(size)
        found[f"{family}.{size}"] = InstanceType(
            f"{family}.{size}",
            vcpus,
            memory,
            about["arch"],
            about["clock"],
            about.get("hypervisor", "nitro"),
            about["network"],
            interfaces,
            addresses,
            about.get("ena", "required"),
            "credits" in about,
            about.get("credits", ""),
            tuple(store) if store else None,
            family not in facts["burstable"],
        )

    for family, about in facts["burstable"].items():
        for size, (vcpus, memory) in about["sizes"].items():
            add(family, size, vcpus, memory, about)
    for family, about in facts["scaled"].items():
        for size in about["sizes"]:
            add(family, size, _vcpus(size), int(_vcpus(size) * about["gib"] * 1024), about)
    return found


def type_of(name: str) -> InstanceType:
    """Raises what AWS raises for a type that cannot be launched here."""
    found = types().get(name)
    if found is None:
        raise Ec2Error(
            "Unsupported",
            f"The requested configuration is currently not supported: Pileus has no facts of the instance type {name}; "
            "`aws ec2 describe-instance-types` lists those it has.",
        )
    return found


def _show(kind: InstanceType) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "InstanceType": kind.name,
        "CurrentGeneration": kind.current,
        "FreeTierEligible": kind.free_tier,
        "SupportedUsageClasses": ["on-demand", "spot"],
        "SupportedRootDeviceTypes": ["ebs"],
        "SupportedVirtualizationTypes": ["hvm"],
        "BareMetal": False,
        "Hypervisor": kind.hypervisor,
        "ProcessorInfo": {
            "SupportedArchitectures": kind.architectures,
            "SustainedClockSpeedInGhz": kind.clock,
        },
        "VCpuInfo": {
            "DefaultVCpus": kind.vcpus,
            "DefaultCores": kind.cores,
            "DefaultThreadsPerCore": kind.vcpus // kind.cores,
        },
        "MemoryInfo": {"SizeInMiB": kind.memory},
        "InstanceStorageSupported": kind.store is not None,
        "EbsInfo": {
            "EbsOptimizedSupport": "default" if kind.hypervisor == "nitro" else "unsupported",
            "EncryptionSupport": "supported",
            "NvmeSupport": "unsupported",
        },
        "NetworkInfo": {
            "NetworkPerformance": kind.network,
            "MaximumNetworkInterfaces": kind.interfaces,
            "MaximumNetworkCards": 1,
            "DefaultNetworkCardIndex": 0,
            "Ipv4AddressesPerInterface": kind.addresses,
            "Ipv6AddressesPerInterface": 0,
            "Ipv6Supported": False,
            "EnaSupport": kind.ena,
            "EfaSupported": False,
            "EncryptionInTransitSupported": False,
        },
        "PlacementGroupInfo": {"SupportedStrategies": kind.strategies},
        "HibernationSupported": False,
        "BurstablePerformanceSupported": kind.burstable,
        "DedicatedHostsSupported": False,
        "AutoRecoverySupported": True,
        "SupportedBootModes": ["legacy-bios"],
    }
    if kind.store is not None:
        count, size = kind.store
        disks = [{"SizeInGB": size, "Count": count, "Type": "ssd"}]
        shown["InstanceStorageInfo"] = {
            "TotalSizeInGB": count * size,
            "Disks": disks,
            "NvmeSupport": "unsupported",
            "EncryptionSupport": "unsupported",
        }
    return shown


FILTERS: dict[str, Any] = {
    "instance-type": lambda kind: [kind.name],
    "current-generation": lambda kind: [boolean(kind.current)],
    "free-tier-eligible": lambda kind: [boolean(kind.free_tier)],
    "bare-metal": lambda kind: ["false"],
    "burstable-performance-supported": lambda kind: [boolean(kind.burstable)],
    "hibernation-supported": lambda kind: ["false"],
    "hypervisor": lambda kind: [kind.hypervisor],
    "instance-storage-supported": lambda kind: [boolean(kind.store is not None)],
    "memory-info.size-in-mib": lambda kind: [str(kind.memory)],
    "processor-info.supported-architecture": lambda kind: kind.architectures,
    "supported-root-device-type": lambda kind: ["ebs"],
    "supported-usage-class": lambda kind: ["on-demand", "spot"],
    "supported-virtualization-type": lambda kind: ["hvm"],
    "vcpu-info.default-vcpus": lambda kind: [str(kind.vcpus)],
    "ebs-info.ebs-optimized-support": lambda kind: [_show(kind)["EbsInfo"]["EbsOptimizedSupport"]],
    "instance-storage-info.disk.count": lambda kind: [str(kind.store[0])] if kind.store is not None else [],
    "instance-storage-info.disk.size-in-gb": lambda kind: [str(kind.store[1])] if kind.store is not None else [],
    "instance-storage-info.total-size-in-gb": lambda kind: (
        [str(math.prod(kind.store))] if kind.store is not None else []
    ),
    "instance-storage-info.disk.type": lambda kind: ["ssd"] if kind.store is not None else [],
    "network-info.network-performance": lambda kind: [kind.network],
    "network-info.ipv4-addresses-per-interface": lambda kind: [str(kind.addresses)],
    "processor-info.sustained-clock-speed-in-ghz": lambda kind: [str(kind.clock)],
    "vcpu-info.default-cores": lambda kind: [str(kind.cores)],
    "vcpu-info.default-threads-per-core": lambda kind: [str(kind.vcpus // kind.cores)],
    **same("true", "auto-recovery-supported"),
    **same("supported", "ebs-info.encryption-support"),
    **same("unsupported", "ebs-info.nvme-support"),
    **same("legacy-bios", "supported-boot-mode"),
    **same("1", "network-info.maximum-network-cards"),
    **same("0", "network-info.ipv6-addresses-per-interface"),
    **same("false", "dedicated-hosts-supported", "network-info.efa-supported"),
    **same("false", "network-info.encryption-in-transit-supported"),
    "network-info.ipv6-supported": lambda kind: ["false"],
    "network-info.ena-support": lambda kind: [kind.ena],
    "network-info.maximum-network-interfaces": lambda kind: [str(kind.interfaces)],
}


@operation("DescribeInstanceTypes")
def describe_instance_types(call: Call, request: Request) -> dict[str, Any]:
    wanted = request.get("InstanceTypes")
    lost = [name for name in wanted or [] if name not in types()]
    if lost:
        raise Ec2Error(
            "InvalidInstanceType", f"The following supplied instance types do not exist: [{', '.join(lost)}]"
        )
    keep = compiled(request.get("Filters") or [], FILTERS, tagged=False)
    found = [(kind.name, kind) for kind in types().values() if (not wanted or kind.name in wanted) and keep(kind)]
    items, token = cut(call, request, "instance-types", found)
    return {"InstanceTypes": [_show(kind) for kind in items], **({"NextToken": token} if token else {})}


class _Offering(msgspec.Struct, frozen=True):
    type: str
    location: str
    tags: dict[str, str] = {}


@operation("DescribeInstanceTypeOfferings")
def describe_instance_type_offerings(call: Call, request: Request) -> dict[str, Any]:
    """Every type is offered in every zone."""
    by = request.get("LocationType") or "region"
    zones = regions.zones(call.region)
    places = {
        "region": [call.region],
        "availability-zone": zones,
        "availability-zone-id": [regions.zone_id(zone) for zone in zones],
    }.get(by)
    if places is None:
        raise invalid(f"Value ({by}) for parameter LocationType is invalid.")
    keep = compiled(
        request.get("Filters") or [],
        {"instance-type": lambda offer: [offer.type], "location": lambda offer: [offer.location]},
        tagged=False,
    )
    offers = [_Offering(name, place) for name in types() for place in places]
    items, token = cut(
        call, request, "offerings", [(f"{offer.type} {offer.location}", offer) for offer in offers if keep(offer)]
    )
    shown = [{"InstanceType": offer.type, "LocationType": by, "Location": offer.location} for offer in items]
    return {"InstanceTypeOfferings": shown, **({"NextToken": token} if token else {})}
