"""Prefix lists: ranges under one name, for rules and routes. AWS's own are of the addresses of its services.

Source: EC2 API Reference, the operations' pages; Amazon VPC User Guide, "Managed prefix lists".
"""

from ipaddress import IPv4Network
from typing import Any

import msgspec

from pileus.service import Call

from .. import tags
from ..kinds import Kind, created, targets
from ..listing import cut, describe
from ..service import Ec2Error, Request, invalid
from ..tokens import made_before, remember
from . import quotas, ranges, records
from .defaults import operation, own
from .kinds import GROUP
from .records import Entry, GroupRule, PrefixList
from .waking import network_changed

replace = msgspec.structs.replace
ENTRIES_AT_ONCE = 100
AWS = "AWS"


def arn_of(call: Call, id: str) -> str:
    found = LIST.get(call, id)
    return LIST.arn(call, id, "aws" if found is not None and found.owner == AWS else None)


LIST: Kind[PrefixList] = Kind(
    "pl",
    "prefix-list",
    "InvalidPrefixListID",
    "prefix list",
    records.prefix_lists,
    {
        "owner-id": lambda found: [found.owner],
        "prefix-list-id": lambda found: [found.id],
        "prefix-list-name": lambda found: [found.name],
    },
    malformed="InvalidPrefixListId.Malformed",
)


def show(call: Call, found: PrefixList) -> dict[str, Any]:
    shown = {
        "PrefixListId": found.id,
        "AddressFamily": "IPv4",
        "State": found.state,
        "PrefixListArn": arn_of(call, found.id),
        "PrefixListName": found.name,
        "OwnerId": found.owner,
        "Tags": tags.show(found.tags),
    }
    return shown if found.owner == AWS else shown | {"MaxEntries": found.max_entries, "Version": found.version}


def _own(call: Call, id: str) -> PrefixList:
    """One of the account's. Raises OperationNotPermitted for AWS's."""
    found = LIST.need(call, id)
    if found.owner == AWS:
        raise Ec2Error("OperationNotPermitted", f"You do not have permission to modify the prefix list {id}.")
    return found


def _entries(given: list[Request]) -> dict[str, Entry]:
    made = {}
    for each in given:
        cidr = str(ranges.parsed(each["Cidr"], "cidr"))
        made[cidr] = Entry(cidr, each.get("Description") or "")
    if len(made) != len(given):
        raise invalid("The same CIDR must not appear multiple times in a prefix list.")
    return made


def _ordered(entries: dict[str, Entry]) -> tuple[Entry, ...]:
    return tuple(entries[cidr] for cidr in sorted(entries, key=IPv4Network))


def _fits(entries: dict[str, Entry], most: int) -> None:
    if len(entries) > most:
        raise Ec2Error(
            "PrefixListMaxEntriesExceeded",
            f"You've reached the maximum number of entries for the prefix list: {most}.",
        )


@operation("CreateManagedPrefixList", resource=created(LIST))
def create_managed_prefix_list(call: Call, request: Request) -> dict[str, Any]:
    there = made_before(call, request)
    if there is not None:
        return {"PrefixList": show(call, LIST.need(call, there[0]))}
    if request["AddressFamily"] != "IPv4":
        raise invalid(f"Value ({request['AddressFamily']}) for parameter AddressFamily is invalid. IPv6 is not there.")
    name, most = request["PrefixListName"], request["MaxEntries"]
    if name.startswith("com.amazonaws") or len(name) > 255:
        raise invalid(f"Value ({name}) for parameter PrefixListName is invalid.")
    if not 1 <= most <= quotas.PREFIX_LIST_ENTRIES:
        raise invalid(f"Value ({most}) for parameter MaxEntries is invalid.")
    quotas.room(
        (each for each in LIST.all(call) if each.owner != AWS),
        quotas.PREFIX_LISTS,
        "PrefixListLimitExceeded",
        "The maximum number of prefix lists has been reached.",
    )
    entries = _entries(request.get("Entries") or [])
    _fits(entries, most)
    given = tags.given(call, request, LIST)[LIST.type]
    id = LIST.new_id()
    made = PrefixList(
        name=name, owner=call.account, max_entries=most, versions={1: _ordered(entries)}, **own(call, id, given)
    )
    LIST.put(call, id, made)
    remember(call, request, [id])
    return {"PrefixList": show(call, made) | {"State": "create-in-progress"}}


@operation("DescribeManagedPrefixLists")
def describe_managed_prefix_lists(call: Call, request: Request) -> dict[str, Any]:
    return describe(call, request, LIST, ids="PrefixListIds", answer="PrefixLists", show=show)


@operation("DescribePrefixLists")
def describe_prefix_lists(call: Call, request: Request) -> dict[str, Any]:
    """AWS's own alone."""
    return describe(
        call,
        request,
        LIST,
        ids="PrefixListIds",
        answer="PrefixLists",
        show=lambda call, found: {
            "PrefixListId": found.id,
            "PrefixListName": found.name,
            "Cidrs": [entry.cidr for entry in found.entries],
        },
        extra=lambda found: found.owner == AWS,
    )


@operation("GetManagedPrefixListEntries", resource=targets(LIST, "PrefixListId"))
def get_managed_prefix_list_entries(call: Call, request: Request) -> dict[str, Any]:
    found = LIST.need(call, request["PrefixListId"])
    version = request.get("TargetVersion") or found.version
    if version not in found.versions:
        raise _no_version(found, version)
    listed = [(f"{number:06}", entry) for number, entry in enumerate(found.versions[version])]
    items, token = cut(call, request, f"entries/{found.id}/{version}", listed)
    shown = [
        {"Cidr": entry.cidr, **({"Description": entry.description} if entry.description else {})} for entry in items
    ]
    return {"Entries": shown, **({"NextToken": token} if token else {})}


def _no_version(found: PrefixList, version: int) -> Ec2Error:
    return Ec2Error("InvalidPrefixListVersion", f"The prefix list {found.id} does not have a version {version}.")


def _current(found: PrefixList, version: int) -> None:
    if version != found.version:
        raise Ec2Error(
            "PrefixListVersionMismatch",
            f"The prefix list has the incorrect version number: {version} is not the current version {found.version}.",
        )


@operation("ModifyManagedPrefixList", resource=targets(LIST, "PrefixListId"))
def modify_managed_prefix_list(call: Call, request: Request) -> dict[str, Any]:
    found = _own(call, request["PrefixListId"])
    add, remove = request.get("AddEntries") or [], request.get("RemoveEntries") or []
    most = request.get("MaxEntries")
    if len(add) > ENTRIES_AT_ONCE or len(remove) > ENTRIES_AT_ONCE:
        raise invalid(f"At most {ENTRIES_AT_ONCE} entries can be added and removed in one request.")
    if most is not None and (add or remove):
        raise invalid("You cannot change the maximum number of entries together with the entries.")
    if (add or remove) and "CurrentVersion" not in request:
        raise Ec2Error("MissingParameter", "The request must contain the parameter CurrentVersion")
    if "CurrentVersion" in request:
        _current(found, request["CurrentVersion"])
    entries = {entry.cidr: entry for entry in found.entries}
    for cidr in _removed(remove):
        if entries.pop(cidr, None) is None:
            raise invalid(f"The entry {cidr} is not in the prefix list {found.id}.")
    entries |= _entries(add)
    changed = replace(found, name=request.get("PrefixListName") or found.name, max_entries=most or found.max_entries)
    _fits(entries, changed.max_entries)
    if add or remove:
        changed = replace(changed, versions={**found.versions, found.version + 1: _ordered(entries)})
    return _write(call, replace(changed, state="modify-complete"), "modify-in-progress")


def _removed(given: list[Request]) -> list[str]:
    return [str(ranges.parsed(each["Cidr"], "cidr")) for each in given]


def _write(call: Call, changed: PrefixList, state: str) -> dict[str, Any]:
    LIST.put(call, changed.id, changed)
    for vpc in {vpc for vpc, _ in _uses(call, changed.id)}:
        network_changed(call.tx, call.account, call.region, vpc)
    return {"PrefixList": show(call, changed) | {"State": state}}


@operation("RestoreManagedPrefixListVersion", resource=targets(LIST, "PrefixListId"))
def restore_managed_prefix_list_version(call: Call, request: Request) -> dict[str, Any]:
    found, previous = _own(call, request["PrefixListId"]), request["PreviousVersion"]
    _current(found, request["CurrentVersion"])
    if previous not in found.versions:
        raise _no_version(found, previous)
    versions = {**found.versions, found.version + 1: found.versions[previous]}
    return _write(call, replace(found, versions=versions, state="restore-complete"), "restore-in-progress")


def _where(call: Call, rule: GroupRule) -> list[str]:
    """The VPCs that the rule's group is used in."""
    group = GROUP.get(call, rule.group)
    return [rule.vpc, *(group.vpcs if group is not None else ())]


def _uses(call: Call, list_id: str) -> list[tuple[str, str]]:
    """(VPC, id of the group or table that refers to it)."""
    rules = [rule for _, rule in records.group_rules.find(call.tx, records.rules_naming, list_id)]
    used = [(vpc, rule.group) for rule in rules if _ours(call, rule) for vpc in _where(call, rule)]
    for _, table in records.route_tables.scan(call.tx, call.account, call.region, limit=100_000):
        if any(route.destination == list_id for route in table.routes):
            used.append((table.vpc, table.id))
    return sorted(set(used))


def _ours(call: Call, rule: GroupRule) -> bool:
    return (rule.account, rule.region) == (call.account, call.region)


@operation("GetManagedPrefixListAssociations", resource=targets(LIST, "PrefixListId"))
def get_managed_prefix_list_associations(call: Call, request: Request) -> dict[str, Any]:
    found = LIST.need(call, request["PrefixListId"])
    users = {id for _, id in _uses(call, found.id)}
    items, token = cut(call, request, f"uses/{found.id}", [(id, id) for id in users])
    shown = [{"ResourceId": id, "ResourceOwner": call.account} for id in items]
    return {"PrefixListAssociations": shown, **({"NextToken": token} if token else {})}


@operation("DeleteManagedPrefixList", resource=targets(LIST, "PrefixListId"))
def delete_managed_prefix_list(call: Call, request: Request) -> dict[str, Any]:
    found = _own(call, request["PrefixListId"])
    if _uses(call, found.id):
        raise Ec2Error("DependencyViolation", f"The prefix list '{found.id}' is in use and cannot be deleted.")
    LIST.delete(call, found.id)
    return {"PrefixList": {**_plain(call, found), "State": "delete-in-progress"}}


def _plain(call: Call, found: PrefixList) -> dict[str, Any]:
    return {
        "PrefixListId": found.id,
        "AddressFamily": "IPv4",
        "PrefixListArn": LIST.arn(call, found.id),
        "PrefixListName": found.name,
        "MaxEntries": found.max_entries,
        "Version": found.version,
        "OwnerId": found.owner,
    }
