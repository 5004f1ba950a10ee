"""Giving an elastic address to another account, in two steps: offered, and accepted within seven days.

An offer that nobody takes ends by the clock; an accepted one is shown to who gave the address for fourteen days.
Source: EC2 API Reference, "EnableAddressTransfer", "AcceptAddressTransfer", "DisableAddressTransfer",
"DescribeAddressTransfers"; Amazon VPC User Guide, "Transfer Elastic IP addresses" (tags do not go along; the address
must not be associated when it is accepted, and counts for the taker's quota).
"""

from ipaddress import IPv4Address
from typing import Any

import msgspec

from pileus.service import Call
from pileus.store import Index, Table

from .. import tags
from ..kinds import created, each, targets
from ..listing import cut
from ..service import ACCOUNT, Ec2Error, Request, invalid
from . import allotting, records
from .defaults import operation, own
from .kinds import ADDRESS
from .records import ElasticAddress, Taken

OFFER_SECONDS, SHOWN_SECONDS = 7 * 86_400.0, 14 * 86_400.0
replace = msgspec.structs.replace


class Transfer(msgspec.Struct, frozen=True):
    """`accepted`: when; 0 while it waits."""

    public: str
    allocation: str
    giver: str
    region: str
    taker: str
    expires: float
    accepted: float = 0.0

    def pending(self, now: float) -> bool:
        return not self.accepted and now < self.expires

    def shown(self, now: float) -> bool:
        return self.pending(now) or bool(self.accepted and now < self.accepted + SHOWN_SECONDS)


offer_of_address: Index[Transfer] = Index(
    "ec2.address_transfers.of_address", lambda key, one: [] if one.accepted else [(one.region, one.public, *key)]
)
transfers = Table("ec2.address_transfers", Transfer, indexes=(offer_of_address,))  # account, region, allocation


def _show(one: Transfer, status: str = "") -> dict[str, Any]:
    shown: dict[str, Any] = {
        "PublicIp": one.public,
        "AllocationId": one.allocation,
        "TransferAccountId": one.taker,
        "AddressTransferStatus": status or ("accepted" if one.accepted else "pending"),
    }
    if status != "disabled":
        shown["TransferOfferExpirationTimestamp"] = one.expires
    if one.accepted:
        shown["TransferOfferAcceptedTimestamp"] = one.accepted
    return shown


def forget(call: Call, allocation: str) -> None:
    """Of an address that is released: nobody can take it any more."""
    transfers.delete(call.tx, call.account, call.region, allocation)


def _pending_of(call: Call, allocation: str) -> Transfer | None:
    found = transfers.get(call.tx, call.account, call.region, allocation)
    return found if found is not None and found.pending(call.now) else None


@operation("EnableAddressTransfer", resource=targets(ADDRESS, "AllocationId"))
def enable_address_transfer(call: Call, request: Request) -> dict[str, Any]:
    """A second offer takes the place of the first."""
    address, taker = ADDRESS.need(call, request["AllocationId"]), request["TransferAccountId"]
    if ACCOUNT.fullmatch(taker) is None or taker == call.account:
        raise invalid(f"Value ({taker}) for parameter transferAccountId is invalid: it is another account's id.")
    _tidy(call)
    made = Transfer(address.public, address.id, call.account, call.region, taker, call.now + OFFER_SECONDS)
    transfers.put(call.tx, call.account, call.region, address.id, record=made)
    return {"AddressTransfer": _show(made)}


def _tidy(call: Call) -> None:
    """What is over, and not shown any more, is forgotten."""
    over = [one for one in each(transfers, call.tx, call.account, call.region) if not one.shown(call.now)]
    for one in over:
        transfers.delete(call.tx, call.account, call.region, one.allocation)


@operation("DisableAddressTransfer", resource=targets(ADDRESS, "AllocationId"))
def disable_address_transfer(call: Call, request: Request) -> dict[str, Any]:
    address = ADDRESS.need(call, request["AllocationId"])
    offer = _pending_of(call, address.id)
    if offer is None:
        raise invalid(f"There is no pending transfer of the allocation ID '{address.id}'.")
    transfers.delete(call.tx, call.account, call.region, address.id)
    return {"AddressTransfer": _show(offer, "disabled")}


def _offered(call: Call, public: str) -> Transfer:
    for _, one in transfers.find(call.tx, offer_of_address, call.region, public):
        if one.pending(call.now) and one.taker == call.account:
            return one
    raise Ec2Error("InvalidAddress.NotFound", f"Address '{public}' is not offered to this account.")


@operation("AcceptAddressTransfer", resource=created(ADDRESS))
def accept_address_transfer(call: Call, request: Request) -> dict[str, Any]:
    """The same address, under an allocation id of the taker's."""
    offer = _offered(call, request["Address"])
    key = (offer.giver, offer.region, offer.allocation)
    address = records.elastic_addresses.get(call.tx, *key)
    assert address is not None  # `forget` was called when it was released
    if address.association:
        raise Ec2Error("InvalidTransfer.AddressAssociated", f"Address {address.public} is associated.")
    allotting.room_for_elastic(call)
    given = tags.given(call, request, ADDRESS)[ADDRESS.type]
    id = ADDRESS.new_id()
    records.elastic_addresses.delete(call.tx, *key)
    ADDRESS.put(call, id, ElasticAddress(public=address.public, **own(call, id, given)))
    holder = Taken(call.account, call.region, id)
    records.public_addresses.put(call.tx, int(IPv4Address(address.public)), record=holder)
    done = replace(offer, accepted=call.now)
    transfers.put(call.tx, *key, record=done)
    return {"AddressTransfer": {**_show(done), "AllocationId": id}}


@operation("DescribeAddressTransfers")
def describe_address_transfers(call: Call, request: Request) -> dict[str, Any]:
    wanted = request.get("AllocationIds") or []
    known = {one.allocation: one for one in each(transfers, call.tx, call.account, call.region)}
    lost = [id for id in wanted if id not in known and ADDRESS.get(call, id) is None]
    if lost:
        raise ADDRESS.unknown(lost)
    found = [(id, one) for id, one in known.items() if one.shown(call.now) and (not wanted or id in wanted)]
    items, token = cut(call, request, "address-transfers", found)
    return {"AddressTransfers": [_show(one) for one in items], **({"NextToken": token} if token else {})}
