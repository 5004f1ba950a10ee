"""Volume types: what sizes, IOPS and throughput each may have, and what a volume of it gets.

Source: Amazon EBS User Guide, "Amazon EBS volume types"; EC2 API Reference, "CreateVolume".
"""

from typing import NamedTuple

from ..service import Ec2Error, combination, invalid, missing


class VolumeType(NamedTuple):
    """`sizes`: GiB. `iops`, `throughput` (MiB/s): the range one may ask for, None where one may not; `ratio`: IOPS a
    GiB at most."""

    sizes: tuple[int, int]
    iops: tuple[int, int] | None = None
    ratio: int = 0
    throughput: tuple[int, int] | None = None
    iops_required: bool = False
    bootable: bool = True


TYPES = {
    "gp2": VolumeType((1, 16_384)),
    "gp3": VolumeType((1, 65_536), (3_000, 80_000), 500, (125, 2_000)),
    "io1": VolumeType((4, 16_384), (100, 64_000), 50, iops_required=True),
    "io2": VolumeType((4, 65_536), (100, 256_000), 1_000, iops_required=True),
    "st1": VolumeType((125, 16_384), bootable=False),
    "sc1": VolumeType((125, 16_384), bootable=False),
    "standard": VolumeType((1, 1_024)),
}
MIB_PER_IOPS = 0.25


class Performance(NamedTuple):
    """As the API shows it: 0 where the type has no such figure."""

    iops: int
    throughput: int


def checked(type: str, size: int, iops: int | None, throughput: int | None) -> Performance:
    """What a volume gets, or what is wrong with what was asked for."""
    facts = TYPES[type]
    low, high = facts.sizes
    if not low <= size <= high:
        raise invalid(
            f"Volume of {size}GiB is too {'small' if size < low else 'large'} for volume type {type}; "
            f"{'minimum' if size < low else 'maximum'} is {low if size < low else high}GiB."
        )
    if throughput is not None and facts.throughput is None:
        raise combination(f"The parameter throughput is not supported for {type} volumes.")
    if facts.iops is None:
        if iops is not None:
            raise combination(f"The parameter iops is not supported for {type} volumes.")
        return Performance(min(max(100, 3 * size), 16_000) if type == "gp2" else 0, 0)
    if iops is None:
        if facts.iops_required:
            raise missing("iops")
        iops = facts.iops[0]
    if not facts.iops[0] <= iops <= facts.iops[1]:
        raise invalid(f"Volume iops of {iops} is out of range; {type} volumes have {facts.iops[0]} to {facts.iops[1]}.")
    if iops > max(facts.ratio * size, facts.iops[0]):
        raise Ec2Error(
            "InvalidParameterCombination",
            f"Iops to volume size ratio of {iops / size:f} is too high; maximum is {facts.ratio:f}",
        )
    if facts.throughput is None:
        return Performance(iops, 0)
    throughput = throughput or facts.throughput[0]
    if not facts.throughput[0] <= throughput <= facts.throughput[1]:
        raise invalid(f"Throughput {throughput} MiB/s is out of range for {type} volumes.")
    if throughput > iops * MIB_PER_IOPS:
        raise combination(
            f"Throughput (MiBps) to iops ratio of {throughput / iops:f} is too high; maximum is {MIB_PER_IOPS:f} "
            "MiBps per iops."
        )
    return Performance(iops, throughput)


def limits(type: str, size: int, iops: int, throughput: int) -> tuple[int, int]:
    """(IOPS, bytes per second) that the machine enforces. A gp2 or st1 volume may burst: its ceiling counts."""
    mib = 1024 * 1024
    if type == "gp2":
        return max(3_000, iops), (250 if size >= 170 else 128) * mib
    if type in ("gp3",):
        return iops, throughput * mib
    if type == "io1":
        return iops, min(1_000, max(1, int(iops * 0.25))) * mib
    if type == "io2":
        return iops, min(4_000, max(1, int(iops * 0.25))) * mib
    if type == "st1":
        return 500, 500 * mib
    if type == "sc1":
        return 250, 250 * mib
    return 200, 90 * mib
