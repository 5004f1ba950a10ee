"""What an account may retrieve in a region, and how fast: data retrieval policies and provisioned capacity.

Source: Amazon Glacier Developer Guide, "Amazon Glacier Data Retrieval Policies" (they hold for Standard retrievals
only), "Set Data Retrieval Policy", "Purchase Provisioned Capacity".
"""

from typing import Any

from msgspec.structs import replace

from pileus.base import ids
from pileus.service import Call

from .address import account_operation
from .errors import invalid, limit_exceeded, missing, policy_enforced
from .names import OCTETS, month_later, new_id, stamp
from .tables import Capacity, Settings, accounts

STRATEGIES = ("BytesPerHour", "FreeTier", "None")
FREE_BYTES_A_DAY = 10 * 1024**3 // 30
"""Of the free tier's 10 GB a month ("daily AWS Free Tier allowance")."""
HOUR_S, DAY_S = 3_600.0, 86_400.0
CAPACITY_MAX = 2


def settings_of(call: Call, account: str) -> Settings:
    return accounts.get(call.tx, account, call.region) or Settings()


@account_operation("GetDataRetrievalPolicy")
def get_data_retrieval_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = settings_of(call, call.account)
    rule: dict[str, Any] = {"Strategy": found.strategy}
    if found.bytes_per_hour is not None:
        rule["BytesPerHour"] = found.bytes_per_hour
    return {"Policy": {"Rules": [rule]}}


@account_operation("SetDataRetrievalPolicy")
def set_data_retrieval_policy(call: Call, request: dict[str, Any]) -> None:
    """In force at once: AWS takes a few minutes. Jobs in progress go on."""
    rules = request.get("Policy", {}).get("Rules")
    if not rules:
        raise missing("Rules")
    if len(rules) > 1:
        raise invalid("A data retrieval policy has one rule.")
    strategy, limit = rules[0].get("Strategy"), rules[0].get("BytesPerHour")
    if strategy not in STRATEGIES:
        raise invalid(f"Invalid strategy: {strategy}")
    if strategy == "BytesPerHour" and (limit is None or not 1 <= limit < 2**63):
        raise invalid(f"Invalid BytesPerHour: {limit}")
    if strategy != "BytesPerHour" and limit is not None:
        raise invalid(f"BytesPerHour goes with the strategy BytesPerHour only, not with {strategy}.")
    changed = replace(settings_of(call, call.account), strategy=strategy, bytes_per_hour=limit)
    accounts.put(call.tx, call.account, call.region, record=changed)


def admit(call: Call, account: str, size: int) -> None:
    """Counts a Standard retrieval of `size` bytes. Raises PolicyEnforcedException when the policy has no room."""
    found = settings_of(call, account)
    recent = tuple(one for one in found.retrievals if one[0] > call.now - DAY_S)
    if found.strategy == "FreeTier" and sum(one[1] for one in recent) + size > FREE_BYTES_A_DAY:
        raise policy_enforced()
    if found.bytes_per_hour is not None:
        last_hour = sum(bytes_ for at, bytes_ in recent if at > call.now - HOUR_S)
        if last_hour + size > found.bytes_per_hour:
            raise policy_enforced()
    accounts.put(call.tx, account, call.region, record=replace(found, retrievals=_with(recent, call.now, size)))


def _with(recent: tuple[tuple[float, int], ...], now: float, size: int) -> tuple[tuple[float, int], ...]:
    """Those of one minute are counted together, so that the record stays short."""
    if recent and now - recent[-1][0] < 60 and int(recent[-1][0] / 60) == int(now / 60):
        at, before = recent[-1]
        return (*recent[:-1], (at, before + size))
    return (*recent, (now, size))


@account_operation(
    "PurchaseProvisionedCapacity",
    partial="expedited retrievals never want for capacity here, so a unit changes nothing but the list",
)
def purchase_provisioned_capacity(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = settings_of(call, call.account)
    standing = tuple(unit for unit in found.capacity if unit.end > call.now)
    if len(standing) >= CAPACITY_MAX:
        raise limit_exceeded(f"An account has at most {CAPACITY_MAX} provisioned capacity units.")
    unit = Capacity(new_id(ids.rising(call.now), OCTETS), call.now, month_later(call.now))
    accounts.put(call.tx, call.account, call.region, record=replace(found, capacity=(*standing, unit)))
    return {"capacityId": unit.id}


@account_operation("ListProvisionedCapacity")
def list_provisioned_capacity(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    standing = [unit for unit in settings_of(call, call.account).capacity if unit.end > call.now]
    return {
        "ProvisionedCapacityList": [
            {"CapacityId": unit.id, "StartDate": stamp(unit.start), "ExpirationDate": stamp(unit.end)}
            for unit in standing
        ]
    }
