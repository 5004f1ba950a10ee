"""How many of its type's cores a machine gets, and how many threads each has: its vCPUs are their product.

Source: Amazon EC2 User Guide, "CPU options for Amazon EC2 instances" (set at launch or when it is stopped; another type
brings its own again); EC2 API Reference, "CpuOptionsRequest", "ModifyInstanceCpuOptions". AWS has a list of valid core
counts for each type, of which there are no facts here: any up to the type's own is taken.
"""

from typing import Any

from msgspec.structs import replace

from pileus.service import Call

from ..kinds import targets
from ..service import Ec2Error, Request, invalid, missing, operation
from .records import Cpu, Instance, instance_kind
from .types import InstanceType, type_of, types


def of_type(kind: InstanceType) -> Cpu:
    return Cpu(kind.cores, kind.vcpus // kind.cores)


def of_instance(instance: Instance) -> Cpu | None:
    """None for a type that there are no facts of."""
    kind = types().get(instance.type)
    return instance.cpu or (of_type(kind) if kind is not None else None)


def wanted(given: Any, kind: InstanceType, before: Cpu | None = None) -> Cpu | None:
    """None where nothing is asked for. Raises InvalidParameterValue beyond what the type has."""
    cores, threads, own = given.get("CoreCount"), given.get("ThreadsPerCore"), of_type(kind)
    if cores is None and threads is None:
        return before
    found = Cpu(
        (before or own).cores if cores is None else cores, (before or own).threads if threads is None else threads
    )
    if not 1 <= found.cores <= own.cores:
        raise invalid(f"Value ({found.cores}) for parameter coreCount is invalid: {kind.name} has {own.cores} cores.")
    if not 1 <= found.threads <= own.threads:
        raise invalid(
            f"Value ({found.threads}) for parameter threadsPerCore is invalid: a core of {kind.name} has {own.threads}."
        )
    return None if found == own else found


def show(cpu: Cpu) -> dict[str, Any]:
    return {"CoreCount": cpu.cores, "ThreadsPerCore": cpu.threads}


@operation(
    "ModifyInstanceCpuOptions",
    resource=targets(instance_kind, "InstanceId"),
    partial="any count of cores up to the type's; without NestedVirtualization",
)
def modify_instance_cpu_options(call: Call, request: Request) -> dict[str, Any]:
    instance = instance_kind.need(call, request["InstanceId"])
    if instance.state != "stopped":
        raise Ec2Error("IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'stopped' state.")
    if request.get("CoreCount") is None and request.get("ThreadsPerCore") is None:
        raise missing("CoreCount or ThreadsPerCore")
    kind = type_of(instance.type)
    after = wanted(request, kind, instance.cpu)
    instance_kind.put(call, instance.id, replace(instance, cpu=after))
    return {"InstanceId": instance.id, **show(after or of_type(kind))}
