"""GetInstanceTypesFromInstanceRequirements: the types that have what is asked for.

Source: EC2 API Reference, "GetInstanceTypesFromInstanceRequirements", "InstanceRequirementsRequest" (defaults; `*` in
lists of types). Nothing here has accelerators, bare metal, hard disks, hibernation or encryption in transit; of
bandwidths and prices there are no facts, so requirements of these are refused.
"""

import re
from typing import Any

from pileus.service import Call

from ..listing import cut
from ..service import Request, combination, missing, operation
from .types import InstanceType, types

MIB_OF_GIB = 1_024.0
_FORM = re.compile(r"[a-z]+\d+([a-z-]*)")


def manufacturer(kind: InstanceType) -> str:
    """By what follows the generation in a family's name: 'a' is AMD's, 'g' Amazon's own, anything else Intel's."""
    form = _FORM.fullmatch(kind.family)
    marks = form.group(1) if form is not None else ""
    return "amd" if marks.startswith("a") else "amazon-web-services" if marks.startswith("g") else "intel"


def _within(given: Any, value: float) -> bool:
    if given is None:
        return True
    least, most = given.get("Min"), given.get("Max")
    return (least is None or value >= least) and (most is None or value <= most)


def _named(patterns: list[str], name: str) -> bool:
    return any(re.fullmatch(".*".join(map(re.escape, one.split("*"))), name) for one in patterns)


def _choice(given: str | None, default: str, has: bool) -> bool:
    return {"included": True, "required": has, "excluded": not has}[given or default]


def _tests(wanted: Any, kind: InstanceType) -> list[bool]:
    """All are looked at, so that no member goes unread."""
    storage = kind.store[0] * kind.store[1] if kind.store is not None else 0
    makers, generations = wanted.get("CpuManufacturers"), wanted.get("InstanceGenerations")
    allowed, excluded = wanted.get("AllowedInstanceTypes"), wanted.get("ExcludedInstanceTypes")
    local, disks = wanted.get("LocalStorage"), wanted.get("LocalStorageTypes")
    accelerated = [wanted.get(f"Accelerator{name}") for name in ("Types", "Manufacturers", "Names")]
    return [
        _within(wanted["VCpuCount"], kind.vcpus),
        _within(wanted["MemoryMiB"], kind.memory),
        _within(wanted.get("MemoryGiBPerVCpu"), kind.memory / MIB_OF_GIB / kind.vcpus),
        _within(wanted.get("NetworkInterfaceCount"), kind.interfaces),
        _within(wanted.get("AcceleratorCount"), 0),
        _within(wanted.get("AcceleratorTotalMemoryMiB"), 0),
        not any(accelerated),
        not makers or manufacturer(kind) in makers,
        not generations or ("current" if kind.current else "previous") in generations,
        not allowed or _named(allowed, kind.name),
        not excluded or not _named(excluded, kind.name),
        _choice(wanted.get("BareMetal"), "excluded", False),
        _choice(wanted.get("BurstablePerformance"), "excluded", kind.burstable),
        _choice(local, "included", kind.store is not None),
        not disks or local == "excluded" or kind.store is None or "ssd" in disks,
        kind.store is None or _within(wanted.get("TotalLocalStorageGB"), storage),
        not wanted.get("RequireHibernateSupport"),
        not wanted.get("RequireEncryptionInTransit"),
    ]


@operation(
    "GetInstanceTypesFromInstanceRequirements",
    partial="without BaselineEbsBandwidthMbps, NetworkBandwidthGbps, BaselinePerformanceFactors and price protection",
)
def get_instance_types_from_instance_requirements(call: Call, request: Request) -> dict[str, Any]:
    wanted, architectures = request["InstanceRequirements"], set(request["ArchitectureTypes"])
    for member in ("VCpuCount", "MemoryMiB"):
        if wanted.get(member) is None or wanted[member].get("Min") is None:
            raise missing(f"InstanceRequirements.{member}.Min")
    if wanted.get("AllowedInstanceTypes") and wanted.get("ExcludedInstanceTypes"):
        raise combination("AllowedInstanceTypes and ExcludedInstanceTypes cannot be used together.")
    hvm = "hvm" in request["VirtualizationTypes"]
    found = [
        (kind.name, {"InstanceType": kind.name})
        for kind in types().values()
        if all(_tests(wanted, kind)) and hvm and architectures & set(kind.architectures)
    ]
    items, token = cut(call, request, "requirements", found)
    return {"InstanceTypes": items, **({"NextToken": token} if token else {})}
