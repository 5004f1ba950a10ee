"""What a machine is called: by its private address ('ip-10-0-0-5') or by its id, and whether the second name resolves.

The name by the address always resolves in its network. Source: Amazon EC2 User Guide, "Amazon EC2 instance hostname
types" (formats), "Change resource based naming options for Amazon EC2" (the type of a stopped instance only); EC2 API
Reference, "ModifyPrivateDnsNameOptions".
"""

from typing import Any

from msgspec.structs import replace

from pileus.service import Call

from ..kinds import targets
from ..service import Ec2Error, Request, missing, operation
from ..vpc import joining
from ..vpc.kinds import internal_domain, private_label
from ..vpc.records import Subnet
from .records import Instance, instance_kind

BY_ADDRESS, BY_ID = "ip-name", "resource-name"


def label(instance: Instance) -> str:
    """The host's name, without its domain."""
    by_id = instance.resource_names.get("host") == BY_ID
    return instance.id if by_id else private_label(instance.private_address)


def private_name(instance: Instance) -> str:
    return f"{label(instance)}.{internal_domain(instance.region)}"


def resolved(region: str, id: str, options: dict[str, Any]) -> str:
    """The name by the id, if it resolves; else empty."""
    return f"{id}.{internal_domain(region)}" if options.get("a") else ""


def of_launch(given: Any, subnet: Subnet) -> dict[str, Any]:
    """What a launch asks for; else what the subnet says."""
    own = {"host": subnet.host_names, "a": subnet.resource_names}
    return _merged(given, own, "HostnameType")


def _merged(given: Any, before: dict[str, Any], type: str) -> dict[str, Any]:
    if given.get("EnableResourceNameDnsAAAARecord"):
        raise Ec2Error("Unsupported", "Pileus has no IPv6 yet: leave EnableResourceNameDnsAAAARecord out.")
    record = given.get("EnableResourceNameDnsARecord")
    return {
        "host": given.get(type) or before.get("host") or BY_ADDRESS,
        "a": bool(before.get("a")) if record is None else bool(record),
    }


def show(options: dict[str, Any]) -> dict[str, Any]:
    return {
        "HostnameType": options.get("host") or BY_ADDRESS,
        "EnableResourceNameDnsARecord": bool(options.get("a")),
        "EnableResourceNameDnsAAAARecord": False,
    }


@operation("ModifyPrivateDnsNameOptions", resource=targets(instance_kind, "InstanceId"), partial="IPv4")
def modify_private_dns_name_options(call: Call, request: Request) -> dict[str, Any]:
    instance = instance_kind.need(call, request["InstanceId"])
    if not instance.there:
        raise Ec2Error("IncorrectInstanceState", f"The instance '{instance.id}' is not in a valid state.")
    after = _merged(request, instance.resource_names, "PrivateDnsHostnameType")
    if request.get("PrivateDnsHostnameType") is None and request.get("EnableResourceNameDnsARecord") is None:
        raise missing("PrivateDnsHostnameType or EnableResourceNameDnsARecord")
    if after["host"] != (instance.resource_names.get("host") or BY_ADDRESS) and instance.state != "stopped":
        raise Ec2Error("IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'stopped' state.")
    instance_kind.put(call, instance.id, replace(instance, resource_names=after))
    for interface in joining.interfaces_of(call.tx, call.account, call.region, instance.id)[:1]:
        joining.name_interface(call, interface.id, resolved(call.region, instance.id, after))
    return {"Return": True}
