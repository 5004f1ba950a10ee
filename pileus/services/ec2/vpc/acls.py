"""Network ACLs: stateless lists at the border of subnets.

Source: EC2 API Reference, the operations' pages; Amazon VPC User Guide, "Control subnet traffic with network access
control lists".
"""

from typing import Any

import msgspec

from pileus.service import Call

from .. import tags
from ..heeding import Heeded
from ..kinds import targets
from ..listing import describe
from ..service import Ec2Error, Request, invalid, missing, natural
from ..tokens import made_before, remember
from . import quotas, ranges, records
from .compiling import PROTOCOLS
from .defaults import association_id, operation, own
from .kinds import ACL, VPC, within
from .records import Acl, AclEntry
from .waking import changed

replace = msgspec.structs.replace
NUMBER_MAX = 32_766
LAST_NUMBER = 32_767
"""Of the entry '*' that denies what no other decided."""
WITH_PORTS, WITH_TYPES = (6, 17), (1, 58)


def show(call: Call, acl: Acl) -> dict[str, Any]:
    entries = sorted(acl.entries, key=lambda entry: (not entry.egress, entry.number))
    last = [AclEntry(LAST_NUMBER, egress, False, "0.0.0.0/0") for egress in (True, False)]
    return {
        "NetworkAclId": acl.id,
        "VpcId": acl.vpc,
        "OwnerId": acl.account,
        "IsDefault": acl.default,
        "Associations": [
            {"NetworkAclAssociationId": each.id, "NetworkAclId": acl.id, "SubnetId": each.subnet}
            for each in acl.associations
        ],
        "Entries": [_show_entry(entry) for entry in (*entries, *last)],
        "Tags": tags.show(acl.tags),
    }


def _show_entry(entry: AclEntry) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "RuleNumber": entry.number,
        "Egress": entry.egress,
        "Protocol": str(entry.protocol),
        "RuleAction": "allow" if entry.allow else "deny",
        "CidrBlock": entry.range,
    }
    if entry.protocol in WITH_PORTS:
        shown["PortRange"] = {"From": entry.first, "To": entry.last}
    elif entry.protocol in WITH_TYPES:
        shown["IcmpTypeCode"] = {"Type": entry.first, "Code": entry.last}
    return shown


def _creating(call: Call, request: Request) -> list[str]:
    return [ACL.arn(call, "*"), VPC.arn(call, request.get("VpcId") or "*")]


@operation("CreateNetworkAcl", resource=_creating, context=within)
def create_network_acl(call: Call, request: Request) -> dict[str, Any]:
    token = {"ClientToken": request["ClientToken"]} if "ClientToken" in request else {}
    there = made_before(call, request)
    if there is not None:
        return {"NetworkAcl": show(call, ACL.need(call, there[0])), **token}
    vpc = VPC.need(call, request["VpcId"])
    found = records.acls.find(call.tx, records.acls_of_vpc, call.account, call.region, vpc.id)
    quotas.room(found, quotas.ACLS, "NetworkAclLimitExceeded", "The maximum number of network ACLs has been reached.")
    id = ACL.new_id()
    made = ACL.put(call, id, Acl(vpc=vpc.id, **own(call, id, tags.given(call, request, ACL)[ACL.type])))
    remember(call, request, [id])
    changed(call, vpc.id)
    return {"NetworkAcl": show(call, made), **token}


@operation("DescribeNetworkAcls")
def describe_network_acls(call: Call, request: Request) -> dict[str, Any]:
    return describe(call, request, ACL, ids="NetworkAclIds", answer="NetworkAcls", show=show)


@operation("DeleteNetworkAcl", resource=targets(ACL, "NetworkAclId"))
def delete_network_acl(call: Call, request: Request) -> None:
    acl = ACL.need(call, request["NetworkAclId"])
    if acl.default:
        raise invalid(f"cannot delete default network ACL {acl.id}")
    if acl.associations:
        raise Ec2Error("DependencyViolation", f"The networkAcl '{acl.id}' has dependencies and cannot be deleted.")
    ACL.delete(call, acl.id)
    changed(call, acl.vpc)


def _entry(request: Request) -> AclEntry:
    number = request["RuleNumber"]
    if not 1 <= number <= NUMBER_MAX:
        raise invalid(f"Invalid value '{number}' for ruleNumber. The rule number must be from 1 to {NUMBER_MAX}.")
    if "CidrBlock" not in request:
        raise missing("cidrBlock")
    cidr = str(ranges.parsed(request["CidrBlock"], "cidrBlock"))
    protocol = _protocol(request["Protocol"])
    first, last = _ports(request, protocol)
    return AclEntry(number, request["Egress"], request["RuleAction"] == "allow", cidr, protocol, first, last)


def _protocol(text: str) -> int:
    number = -1 if text.lower() in ("all", "-1") else PROTOCOLS.get(text.lower(), natural(text))
    if number is None or number > 255:
        raise invalid(f"Invalid value '{text}' for IP protocol. Unknown protocol.")
    return number


def _ports(request: Request, protocol: int) -> tuple[int, int]:
    # What does not go with the protocol has no effect at AWS either.
    ports, kinds = ((request.get(name) or Heeded({})).plain() for name in ("PortRange", "IcmpTypeCode"))
    if protocol in WITH_PORTS:
        first, last = ports.get("From"), ports.get("To")
        if first is None or last is None:
            raise missing("portRange")
        if not 0 <= first <= last <= 65_535:
            raise invalid(f"Invalid value '{first}-{last}' for portRange.")
        return first, last
    if protocol in WITH_TYPES:
        if kinds.get("Type") is None or kinds.get("Code") is None:
            raise missing("icmpTypeCode")
        return kinds["Type"], kinds["Code"]
    return -1, -1


def _same(entry: AclEntry, number: int, egress: bool) -> bool:
    return (entry.number, entry.egress) == (number, egress)


@operation("CreateNetworkAclEntry", resource=targets(ACL, "NetworkAclId"))
def create_network_acl_entry(call: Call, request: Request) -> None:
    acl, entry = ACL.need(call, request["NetworkAclId"]), _entry(request)
    if any(_same(each, entry.number, entry.egress) for each in acl.entries):
        raise Ec2Error(
            "NetworkAclEntryAlreadyExists", f"The network acl entry identified by {entry.number} already exists."
        )
    quotas.room(
        (each for each in acl.entries if each.egress == entry.egress),
        quotas.ACL_ENTRIES,
        "NetworkAclEntryLimitExceeded",
        "The maximum number of network acl entries has been reached.",
    )
    _write(call, acl, (*acl.entries, entry))


def _write(call: Call, acl: Acl, entries: tuple[AclEntry, ...]) -> None:
    ACL.put(call, acl.id, replace(acl, entries=entries))
    changed(call, acl.vpc)


def _without(acl: Acl, number: int, egress: bool) -> tuple[AclEntry, ...]:
    """Raises InvalidNetworkAclEntry.NotFound."""
    left = tuple(each for each in acl.entries if not _same(each, number, egress))
    if len(left) == len(acl.entries):
        way = "egress" if egress else "ingress"
        raise Ec2Error(
            "InvalidNetworkAclEntry.NotFound",
            f"The specified network acl entry does not exist: {way} rule {number} in {acl.id}",
        )
    return left


@operation("ReplaceNetworkAclEntry", resource=targets(ACL, "NetworkAclId"))
def replace_network_acl_entry(call: Call, request: Request) -> None:
    acl, entry = ACL.need(call, request["NetworkAclId"]), _entry(request)
    _write(call, acl, (*_without(acl, entry.number, entry.egress), entry))


@operation("DeleteNetworkAclEntry", resource=targets(ACL, "NetworkAclId"))
def delete_network_acl_entry(call: Call, request: Request) -> None:
    acl = ACL.need(call, request["NetworkAclId"])
    _write(call, acl, _without(acl, request["RuleNumber"], request["Egress"]))


def _of_association(call: Call, association: str) -> Acl | None:
    found = records.acls.find(call.tx, records.by_acl_association, call.account, call.region, association)
    return next((acl for _, acl in found), None)


def _parties(call: Call, request: Request) -> list[str]:
    old = _of_association(call, request.get("AssociationId") or "")
    return [ACL.arn(call, old.id if old is not None else "*"), ACL.arn(call, request.get("NetworkAclId") or "*")]


@operation("ReplaceNetworkAclAssociation", resource=_parties)
def replace_network_acl_association(call: Call, request: Request) -> dict[str, Any]:
    old = _of_association(call, request["AssociationId"])
    if old is None:
        raise Ec2Error(
            "InvalidAssociationID.NotFound", f"The association ID '{request['AssociationId']}' does not exist"
        )
    acl = ACL.need(call, request["NetworkAclId"])
    if acl.vpc != old.vpc:
        raise invalid(f"network ACL {acl.id} and {old.id} belong to different networks")
    association = next(each for each in old.associations if each.id == request["AssociationId"])
    if acl.id == old.id:
        return {"NewAssociationId": association.id}
    made = replace(association, id=association_id("aclassoc"))
    ACL.put(call, old.id, replace(old, associations=tuple(each for each in old.associations if each != association)))
    ACL.put(call, acl.id, replace(acl, associations=(*acl.associations, made)))
    changed(call, acl.vpc)
    return {"NewAssociationId": made.id}
