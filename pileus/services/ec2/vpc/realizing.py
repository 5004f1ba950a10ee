"""Networks come true: what a VPC's records say is told to the driver, whole.

A VPC without a machine's interface or a NAT gateway costs the host nothing: it has no network until there is one, and
loses it with the last. On a host that cannot have networks nothing is told, and the records stay.
"""

import asyncio
import logging
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from pileus.control import Outcome, RequeueAt
from pileus.control.outside import outside
from pileus.drivers import Unable
from pileus.drivers.networks.api import Network, Networks
from pileus.service import Cloud
from pileus.store import Transaction, awaits_look, wake

from . import records
from .compiling import in_use, network_of

RETRY_AFTER_S = 10.0

log = logging.getLogger("pileus.ec2")


class _Telling:
    """One telling of a network, for all who asked before it began: what they wrote is in it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.anew = False
        self.error: Unable | None = None
        self.over = loop.create_future()
        """Cancelled when nobody knows how it went: who waited does it."""


class Realm:
    """What this process knows of one driver: which networks it told last, and who is telling one now."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.told: dict[str, Network] = {}
        self.turns: dict[str, asyncio.Lock] = {}
        self.coming: dict[str, _Telling] = {}
        """VPC -> the telling of its network that has not begun yet."""
        self.able: bool | None = None

    def turn(self, vpc: str) -> asyncio.Lock:
        return self.turns.setdefault(vpc, asyncio.Lock())


_realms: WeakKeyDictionary[Networks, Realm] = WeakKeyDictionary()


def _realm(networks: Networks) -> Realm:
    """A cloud that starts again in the same process (a test's) knows nothing of what the one before it told."""
    loop, found = asyncio.get_running_loop(), _realms.get(networks)
    if found is None or found.loop is not loop:
        found = _realms[networks] = Realm(loop)
    return found


def turn(cloud: Cloud, vpc: str) -> asyncio.Lock:
    """Held by whoever speaks with the driver about a VPC's network: one at a time."""
    return _realm(cloud.drivers.networks).turn(vpc)


async def able(cloud: Cloud) -> bool:
    """Whether the host can have networks; asked until it can."""
    realm = _realm(cloud.drivers.networks)
    if not realm.able:
        realm.able = not await outside(cloud.drivers.networks.lacking)
    return realm.able


async def lacking(cloud: Cloud) -> str:
    """What the host lacks for networks, as a sentence."""
    found = await outside(cloud.drivers.networks.lacking)
    return "; ".join(f"This host lacks {lack.what}: {lack.remedy}" for lack in found)


async def realize(cloud: Cloud, account: str, region: str, vpc: str, *, anew: bool = False) -> None:
    """Has the driver make the VPC's network what the records say now, or remove it. Returns when that is so; raises the
    driver's Unable. `anew`: tells it even what this process told it before (somebody may have changed the host)."""
    networks = cloud.drivers.networks
    if not await able(cloud):
        return
    realm = _realm(networks)
    if not anew and vpc in realm.told and not await cloud.store.transact(lambda tx: _changed(tx, account, region, vpc)):
        return
    while (telling := realm.coming.get(vpc)) is not None:
        telling.anew = telling.anew or anew
        await asyncio.wait({telling.over})
        if telling.error is not None:
            raise Unable(str(telling.error)) from telling.error
        if not telling.over.cancelled():
            return
    telling = realm.coming[vpc] = _Telling(realm.loop)
    telling.anew = anew
    try:
        async with realm.turn(vpc):
            del realm.coming[vpc]
            await _tell(cloud, realm, account, region, vpc, telling.anew)
    except Unable as error:
        telling.error = error
        raise
    except BaseException:
        telling.over.cancel()
        raise
    finally:
        if realm.coming.get(vpc) is telling:
            del realm.coming[vpc]
        if not telling.over.done():
            telling.over.set_result(None)


async def _tell(cloud: Cloud, realm: Realm, account: str, region: str, vpc: str, anew: bool) -> None:
    """Expects the VPC's turn."""
    networks = cloud.drivers.networks
    wanted = await cloud.store.transact(lambda tx: _wanted(tx, cloud, account, region, vpc))
    if wanted is None:
        if await cloud.store.transact(lambda tx: records.realized.get(tx, account, region, vpc)) is not None:
            realm.told.pop(vpc, None)
            await outside(networks.destroy, vpc)
            await cloud.store.transact(lambda tx: records.realized.delete(tx, account, region, vpc))
    elif anew or realm.told.get(vpc) != wanted:
        await cloud.store.transact(lambda tx: _remember(tx, cloud.clock.now(), account, region, vpc))
        realm.told.pop(vpc, None)  # until it is so
        await outside(networks.ensure, wanted)
        realm.told[vpc] = wanted


def _changed(tx: Transaction, account: str, region: str, vpc: str) -> bool:
    """Whether anything was written since it was told: whatever is leaves the VPC to be looked at (`waking`). What a
    thousand machines ask when they boot should not compile their network a thousand times."""
    return awaits_look(tx, records.vpcs.name, account, region, vpc)


def _wanted(tx: Transaction, cloud: Cloud, account: str, region: str, vpc: str) -> Network | None:
    """None when there is to be no network."""
    network = network_of(tx, account, region, vpc, cloud.drivers.networks.edge_address)
    if network is None or not in_use(network):
        return None
    return msgspec.structs.replace(network, zone_latency=cloud.zone_latency)


def _remember(tx: Transaction, now: float, account: str, region: str, vpc: str) -> None:
    """Before the driver hears of it, so that no network is forgotten."""
    if records.realized.get(tx, account, region, vpc) is None:
        records.realized.put(tx, account, region, vpc, record=now)


class RealizeNetworks:
    watches = "ec2.vpcs"
    outside = True

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        account, region, vpc = key
        try:
            await realize(world, account, region, vpc)
        except Unable as error:
            log.warning("the network of %s is not as it should be: %s", vpc, error)
            return RequeueAt(world.clock.now() + RETRY_AFTER_S)
        return None


async def adopt(cloud: Cloud) -> None:
    """After a start: every network is told again, and those that no record explains are removed."""
    networks = cloud.drivers.networks
    if not await able(cloud):
        return
    _realm(networks).told.clear()

    # Asked first: what is made meanwhile has its record before it is made.
    there = set(await outside(networks.ids))

    def known(tx: Transaction) -> set[str]:
        found = [key for key, _ in records.realized.scan(tx, limit=100_000)]
        for key in found:
            wake(tx, records.vpcs.name, *key)
        return {str(key[2]) for key in found}

    for stray in there - await cloud.store.transact(known):
        async with turn(cloud, stray):
            await outside(networks.destroy, stray)
