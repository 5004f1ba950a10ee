"""Elastic addresses: allocated, associated, moved, released.

Source: EC2 API Reference, the operations' pages; Amazon EC2 User Guide, "Elastic IP addresses".
"""

from typing import Any

import msgspec

from pileus.service import Call

from .. import tags
from ..filters import chosen
from ..kinds import created
from ..listing import select
from ..service import Ec2Error, Request, combination, invalid, missing
from . import allotting, records
from .address_transfers import forget
from .defaults import association_id, operation, own
from .interfaces import instance_arn, need_instance
from .joining import AMAZON, drop_public, interfaces_of, tell_instance, write
from .kinds import ADDRESS, INTERFACE
from .records import Association, ElasticAddress, Interface, Private

replace = msgspec.structs.replace


def show(call: Call, address: ElasticAddress) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "AllocationId": address.id,
        "PublicIp": address.public,
        "Domain": "vpc",
        "PublicIpv4Pool": AMAZON,
        "NetworkBorderGroup": address.region,
        **tags.shown(address.tags),
    }
    if address.association:
        interface = INTERFACE.need(call, address.interface)
        shown |= {
            "AssociationId": address.association,
            "NetworkInterfaceId": address.interface,
            "NetworkInterfaceOwnerId": address.account,
            "PrivateIpAddress": address.private,
            "SubnetId": interface.subnet,
        }
    return shown | ({"InstanceId": address.instance} if address.instance else {})


@operation("AllocateAddress", resource=created(ADDRESS))
def allocate_address(call: Call, request: Request) -> dict[str, Any]:
    if request.get("Domain") == "standard":
        raise invalid("EC2-Classic is no more: Domain is vpc.")
    if request.get("PublicIpv4Pool") not in (None, AMAZON):
        raise Ec2Error("InvalidPublicIpv4PoolID.NotFound", f"The pool ID '{request['PublicIpv4Pool']}' does not exist")
    if request.get("NetworkBorderGroup") not in (None, call.region):
        raise invalid(f"Value ({request['NetworkBorderGroup']}) for parameter networkBorderGroup is invalid.")
    allotting.room_for_elastic(call)
    given = tags.given(call, request, ADDRESS)[ADDRESS.type]
    id = ADDRESS.new_id()
    public = allotting.take_public(call, id, request.get("Address"))
    ADDRESS.put(call, id, ElasticAddress(public=public, **own(call, id, given)))
    shown = {"PublicIp": public, "AllocationId": id, "Domain": "vpc", "PublicIpv4Pool": AMAZON}
    return shown | {"NetworkBorderGroup": call.region}


def _named(call: Call, request: Request, *, strict: bool = True) -> ElasticAddress | None:
    """By its allocation, or by the address itself."""
    if "AllocationId" in request:
        if "PublicIp" in request:
            raise combination("You may specify public IP or allocation id, but not both in the same call")
        return ADDRESS.need(call, request["AllocationId"]) if strict else ADDRESS.get(call, request["AllocationId"])
    if "PublicIp" not in request:
        return None
    return _by_public(call, request["PublicIp"])


def _by_public(call: Call, public: str) -> ElasticAddress | None:
    found = records.elastic_addresses.find(call.tx, records.by_public, call.account, call.region, public)
    return next((address for _, address in found), None)


def _need(call: Call, request: Request) -> ElasticAddress:
    found = _named(call, request)
    if found is None:
        if "PublicIp" not in request:
            raise missing("PublicIp or AllocationId")
        raise Ec2Error("InvalidAddress.NotFound", f"Address '{request['PublicIp']}' not found.")
    return found


def _targets(call: Call, request: Request) -> list[str]:
    found = _named(call, request, strict=False) if not {"AllocationId", "PublicIp"} <= set(request) else None
    named = [ADDRESS.arn(call, found.id if found is not None else "*")]
    if "NetworkInterfaceId" in request:
        named.append(INTERFACE.arn(call, request["NetworkInterfaceId"]))
    if "InstanceId" in request:
        named.append(instance_arn(call, request["InstanceId"]))
    return named


@operation("ReleaseAddress", resource=_targets)
def release_address(call: Call, request: Request) -> None:
    request.get("NetworkBorderGroup")
    address = _need(call, request)
    if address.association:
        raise Ec2Error("InvalidIPAddress.InUse", f"Address {address.public} is in use.")
    forget(call, address.id)
    allotting.return_public(call, address.public)
    ADDRESS.delete(call, address.id)


@operation("DescribeAddresses")
def describe_addresses(call: Call, request: Request) -> dict[str, Any]:
    keep = chosen(ADDRESS, request)
    wanted, publics = request.get("AllocationIds") or [], request.get("PublicIps") or []
    found = ADDRESS.need_all(call, wanted) if wanted else list(ADDRESS.all(call)) if not publics else []
    for public in publics:
        there = _by_public(call, public)
        if there is None:
            raise Ec2Error("InvalidAddress.NotFound", f"Address '{public}' not found.")
        found.append(there)
    return {"Addresses": [show(call, address) for address in found if keep(address)]}


def _interface(call: Call, request: Request) -> Interface:
    """The one to associate with: named, or the machine's only one."""
    if "NetworkInterfaceId" in request:
        return INTERFACE.need(call, request["NetworkInterfaceId"])
    if "InstanceId" not in request:
        raise missing("InstanceId or NetworkInterfaceId")
    instance = request["InstanceId"]
    need_instance(call, instance)
    found = interfaces_of(call.tx, call.account, call.region, instance)
    if not found:
        raise Ec2Error("InvalidInstanceID", f"The instance '{instance}' has no network interface.")
    if len(found) > 1 and "PrivateIpAddress" not in request:
        raise Ec2Error(
            "InvalidInstanceID",
            f"There are multiple interfaces attached to instance '{instance}'. "
            "Please specify an interface ID for the operation instead.",
        )
    wanted = request.get("PrivateIpAddress")
    return next((each for each in found if any(private.address == wanted for private in each.addresses)), found[0])


@operation("AssociateAddress", resource=_targets)
def associate_address(call: Call, request: Request) -> dict[str, Any]:
    address, interface = _need(call, request), _interface(call, request)
    movable = request.get("AllowReassociation") is not False
    if "InstanceId" in request and "NetworkInterfaceId" in request:
        attachment = interface.attachment
        if attachment is None or attachment.instance != request["InstanceId"]:
            raise invalid(f"Interface {interface.id} is not attached to instance {request['InstanceId']}")
    wanted = request.get("PrivateIpAddress") or interface.primary.address
    private = next((each for each in interface.addresses if each.address == wanted), None)
    if private is None:
        raise invalid(
            f"You must specify a private address of the interface: {wanted} is not assigned to {interface.id}"
        )
    if (address.interface, address.private) == (interface.id, wanted):
        return {"AssociationId": address.association}
    if address.association:
        if not movable or address.service:
            raise Ec2Error(
                "Resource.AlreadyAssociated",
                f"resource {address.id} is already associated with associate-id {address.association}",
            )
        disassociate(call, address)
    return {"AssociationId": associate(call, address.id, INTERFACE.need(call, interface.id), wanted)}


def associate(call: Call, allocation: str, interface: Interface, wanted: str, service: str = "") -> str:
    """The association's id. What public address the private one had goes: an elastic one stays allocated."""
    found = records.internet_gateways.find(
        call.tx, records.gateway_of_vpc, call.account, call.region, interface.vpc, limit=1
    )
    if next(found, None) is None:
        raise Ec2Error("Gateway.NotAttached", f"Network {interface.vpc} is not attached to any internet gateway")
    address = ADDRESS.need(call, allocation)
    association = association_id("eipassoc")
    public = Association(address.public, call.account, address.id, association)
    private = next(each for each in interface.addresses if each.address == wanted)
    if private.public is not None:
        drop_public(call, private.public)
    changed = _with_public(interface, wanted, public)
    write(call, changed)
    instance = interface.attachment.instance if interface.attachment is not None else ""
    ADDRESS.put(
        call,
        address.id,
        replace(
            address,
            association=association,
            interface=interface.id,
            private=wanted,
            instance=instance,
            service=service,
        ),
    )
    tell_instance(call, changed)
    return association


def _with_public(interface: Interface, wanted: str, public: Association | None) -> Interface:
    def changed(private: Private) -> Private:
        return replace(private, public=public) if private.address == wanted else private

    return replace(interface, addresses=tuple(changed(each) for each in interface.addresses))


def disassociate(call: Call, address: ElasticAddress) -> None:
    """A machine that was started with a public address gets one again (Amazon EC2 User Guide, "Public IPv4
    addresses")."""
    interface = INTERFACE.need(call, address.interface)
    again: Association | None = None
    if interface.launched_public and address.private == interface.primary.address and interface.attachment is not None:
        again = Association(allotting.take_public(call, interface.id), AMAZON)
    changed = _with_public(interface, address.private, again)
    write(call, changed)
    ADDRESS.put(call, address.id, replace(address, association="", interface="", private="", instance="", service=""))
    tell_instance(call, changed)


def _disassociating(call: Call, request: Request) -> list[str]:
    found = _associated(call, request.get("AssociationId") or "") if "AssociationId" in request else None
    return [ADDRESS.arn(call, found.id)] if found is not None else _targets(call, request)


def _associated(call: Call, association: str) -> ElasticAddress | None:
    found = records.elastic_addresses.find(
        call.tx, records.by_address_association, call.account, call.region, association
    )
    return next((address for _, address in found), None)


@operation("DisassociateAddress", resource=_disassociating)
def disassociate_address(call: Call, request: Request) -> None:
    """By the address itself there may be nothing to do."""
    if "AssociationId" in request:
        address = _associated(call, request["AssociationId"])
        if address is None:
            raise Ec2Error(
                "InvalidAssociationID.NotFound", f"The association ID '{request['AssociationId']}' does not exist"
            )
    else:
        address = _need(call, request)
    if address.service:
        raise Ec2Error(
            "AuthFailure", f"You do not have permission to access the specified resource: {address.service}."
        )
    if address.association:
        disassociate(call, address)


@operation("DescribeAddressesAttribute")
def describe_addresses_attribute(call: Call, request: Request) -> dict[str, Any]:
    """Names of one's own for addresses (ModifyAddressAttribute) are not there, so none has one."""
    request.get("Attribute")
    found, token = select(call, request, ADDRESS, ids="AllocationIds")
    shown = [{"PublicIp": address.public, "AllocationId": address.id} for address in found]
    return {"Addresses": shown, **({"NextToken": token} if token else {})}
