"""The reconciler that asks the driver what passed, and delivers it to S3 once an aggregation interval is over.

What a driver saw is told once, so it is kept first, for every log that wants it; a delivery and what it takes from the
waiting rows is one transaction.

Source: Amazon VPC User Guide, "Flow log files" (folders and names).
"""

import gzip
import hashlib
import logging
from time import gmtime, strftime
from typing import Any

import msgspec

from pileus.base import ids
from pileus.base.arns import partition_of
from pileus.base.errors import ApiError
from pileus.base.threads import threaded
from pileus.control import Outcome, RequeueAt
from pileus.control.outside import outside
from pileus.drivers.networks.api import Flow
from pileus.service import Actor, service_caller
from pileus.store import Transaction

from . import records
from .flow_lines import Line, lines_of, text
from .flow_logs import DELIVERY
from .flow_records import FlowLog, Seen, flow_logs, logs_in, seen, windows
from .realizing import able, turn

ROWS_MAX = 1_000
SEEN_MAX = 1_000
KEPT_FOR_S = 24 * 3_600.0

log = logging.getLogger("pileus.ec2")
replace = msgspec.structs.replace


class DeliverFlowLogs:
    watches = "ec2.flow_logs"
    outside = True

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        wanted = await world.store.transact(lambda tx: _due(tx, key, world.clock.now()))
        if wanted is None or isinstance(wanted, RequeueAt):
            outcome: Outcome = wanted
            return outcome
        await collect(world, wanted.account, wanted.region, wanted.vpc)
        now = world.clock.now()
        rows, lines = await world.store.transact(lambda tx: _window(tx, wanted, now))
        try:
            if lines:
                await _deliver(world, wanted, rows, lines, now)
            else:
                await world.store.transact(lambda tx: _delivered(tx, wanted, rows, now))
        except ApiError as error:
            why = error.message
            log.warning("flow log %s was not delivered: %s", wanted.id, why)
            await world.store.transact(lambda tx: _failed(tx, wanted, why, now))
        return RequeueAt(now + wanted.interval)


def _due(tx: Transaction, key: tuple[Any, ...], now: float) -> FlowLog | RequeueAt | None:
    """The log, if its interval is over."""
    found = flow_logs.get(tx, *key)
    if found is None:
        for rest, _ in list(seen.scan(tx, key[2], limit=ROWS_MAX)):
            seen.delete(tx, key[2], *rest)
        windows.delete(tx, key[2])
        return RequeueAt(now) if next(seen.scan(tx, key[2], limit=1), None) is not None else None
    due = (windows.get(tx, found.id) or found.created) + found.interval
    return found if now >= due else RequeueAt(due)


async def collect(world: Any, account: str, region: str, vpc: str) -> None:
    """Takes what passed since the last time, for all logs of the VPC."""
    if not await able(world):
        return
    there = await world.store.transact(lambda tx: records.realized.get(tx, account, region, vpc))
    if there is None:
        return
    networks = world.drivers.networks
    async with turn(world, vpc):
        flows = await outside(networks.flows, vpc)
        ahead = world.clock.now() - world.clock.machine()
        await world.store.transact(lambda tx: _keep(tx, account, region, vpc, flows, ahead, world.clock.now()))


def _keep(tx: Transaction, account: str, region: str, vpc: str, flows: list[Flow], ahead: float, now: float) -> None:
    """`ahead`: by how much the cloud's clock is ahead of the machine's."""
    if not flows:
        return
    logs = logs_in(tx, account, region, vpc)
    whose: dict[str, records.Interface | None] = {}
    found: dict[str, list[Seen]] = {each.id: [] for each in logs}
    for flow in flows:
        if flow.interface not in whose:
            whose[flow.interface] = records.interfaces.get(tx, account, region, flow.interface)
        interface = whose[flow.interface]
        if interface is None:
            continue
        told = replace(flow, started=flow.started + ahead, ended=flow.ended + ahead)
        part = Seen(told, interface.subnet, interface.zone, _instance(interface))
        for each in logs:
            if each.of(interface.id, interface.subnet) and each.traffic in ("ALL", _action(flow)):
                found[each.id].append(part)
    for id, parts in found.items():
        for start in range(0, len(parts), SEEN_MAX):
            seen.put(tx, id, ids.rising(now), record=parts[start : start + SEEN_MAX])


def _action(flow: Flow) -> str:
    return "ACCEPT" if flow.accepted else "REJECT"


def _instance(interface: records.Interface) -> str:
    return interface.attachment.instance if interface.attachment is not None else ""


Rows = list[tuple[Any, ...]]


def _window(tx: Transaction, wanted: FlowLog, now: float) -> tuple[Rows, list[Line]]:
    """The rows to deliver, and their lines."""
    rows = list(seen.scan(tx, wanted.id, limit=ROWS_MAX))
    parts = [part for _, some in rows for part in some]
    start = windows.get(tx, wanted.id) or wanted.created
    of_vpc = records.interfaces.find(
        tx, records.interfaces_of_vpc, wanted.account, wanted.region, wanted.vpc, limit=100_000
    )
    quiet = [
        (each.id, each.subnet, each.zone, _instance(each))
        for _, each in of_vpc
        if each.attachment is not None and wanted.of(each.id, each.subnet)
    ]
    return [key for key, _ in rows], lines_of(wanted, parts, quiet, (start, now))


async def _deliver(world: Any, wanted: FlowLog, rows: Rows, lines: list[Line], now: float) -> None:
    body = await threaded(gzip.compress, text(wanted, lines).encode(), 6)
    request = {
        "Bucket": wanted.bucket,
        "Key": object_key(wanted, now, hashlib.sha256(body).hexdigest()[:8]),
        "Body": body,
        "ContentLength": len(body),
        "ContentType": "application/octet-stream",
        "ContentEncoding": "gzip",
        "ACL": "bucket-owner-full-control",
    }
    source = f"arn:{partition_of(wanted.region)}:logs:{wanted.region}:{wanted.account}:vpcflowlogs"
    actor = Actor(world, service_caller(DELIVERY, source, wanted.account), wanted.region)
    await actor.perform("s3", "PutObject", request, lambda tx, answer: _delivered(tx, wanted, rows, now))


def _delivered(tx: Transaction, wanted: FlowLog, rows: Rows, now: float) -> None:
    for key in rows:
        seen.delete(tx, wanted.id, *key)
    _settle(tx, wanted, "", now)


def _failed(tx: Transaction, wanted: FlowLog, why: str, now: float) -> None:
    """What nobody takes for a day is given up."""
    for key, parts in list(seen.scan(tx, wanted.id, limit=ROWS_MAX)):
        if parts and parts[-1].flow.ended < now - KEPT_FOR_S:
            seen.delete(tx, wanted.id, *key)
    _settle(tx, wanted, why, now)


def _settle(tx: Transaction, wanted: FlowLog, error: str, now: float) -> None:
    windows.put(tx, wanted.id, record=now)
    key = (wanted.account, wanted.region, wanted.id)
    there = flow_logs.get(tx, *key)
    if there is not None and there.error != error:
        flow_logs.put(tx, *key, record=replace(there, error=error))


def object_key(wanted: FlowLog, now: float, unique: str) -> str:
    when = gmtime(now)
    if wanted.hive:
        folder = f"aws-account-id={wanted.account}/aws-service=vpcflowlogs/aws-region={wanted.region}/"
        folder += strftime("year=%Y/month=%m/day=%d/" + ("hour=%H/" if wanted.hourly else ""), when)
    else:
        folder = f"{wanted.account}/vpcflowlogs/{wanted.region}/"
        folder += strftime("%Y/%m/%d/" + ("%H/" if wanted.hourly else ""), when)
    name = f"{wanted.account}_vpcflowlogs_{wanted.region}_{wanted.id}_{strftime('%Y%m%dT%H%MZ', when)}_{unique}.log.gz"
    return f"{wanted.prefix}AWSLogs/{folder}{name}"
