"""The reconciler that carries versions to their destinations, as the role that the configuration names.

One entry of the outbox names a version; what is done for it is found out anew from what source and destination are
now, so an entry may be worked off twice. The replica, the source's status and the end of the entry are one transaction.
Source: Amazon S3 User Guide, "Replicating objects within and across Regions", "Getting replication status information".
"""

import logging
from functools import partial
from typing import Any

from msgspec.structs import replace

from pileus.base import ids
from pileus.base.clock import monotonic
from pileus.base.errors import ApiError
from pileus.base.threads import threaded
from pileus.control import Done, Outcome, RequeueAt
from pileus.identity.keys import Session, find_key, sessions
from pileus.service import Actor, Caller, outbox, service_caller, session_caller
from pileus.store import Transaction

from .. import events
from ..events.messages import instant
from ..multipart.completing import PIECES_INLINE_MAX
from ..objects.intake import Sealing, Taken, drop, keep_piece, take_small
from ..objects.outflow import Source, read_all
from ..objects.storing import change_version, find_version, insert_version
from ..tables import Bucket, Layout, Piece, Version, buckets, layouts
from .marking import COMPLETED, FAILED, REPLICA, SUBJECT
from .replica import Failed, Plan, Way, changed, check_marker, plan, way
from .rules import Rule, configuration, rule_named

S3 = "s3.amazonaws.com"
SESSION_NAME = "s3-replication"
RENEWED_BEFORE_S = 120.0
TURN_S = 2.0
"""How long one bucket's versions are carried before others have their turn."""

SUM = "CRC32"

Copied = Taken | bytes
"""A piece of the replica: in a blob already, or the bytes of a small one."""

log = logging.getLogger("pileus.s3")


class Replicate:
    watches = outbox.EVENTS

    def __init__(self) -> None:
        self._assumed: dict[str, str] = {}
        """Role ARN -> key id of a session of it that may still be good."""

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        subject = str(key[0])
        if not subject.startswith(SUBJECT):
            return Done
        until = monotonic() + TURN_S
        while monotonic() < until:
            found = await world.store.transact(lambda tx: next(outbox.read(tx, subject, limit=1), None))
            if found is None:
                return Done
            position, event = found
            await self._carry(world, subject, position, event.body)
        return RequeueAt(world.clock.now())  # others come first

    async def _carry(self, world: Any, subject: str, position: int, body: dict[str, Any]) -> None:
        failures: dict[str, str] = {}
        for id in body["rules"]:
            try:
                await self._carry_by(world, subject, body, id)
            except Failed as failed:
                failures[id] = failed.reason
        await world.store.transact(partial(_settle, world, subject, position, body, failures))

    async def _carry_by(self, world: Any, subject: str, body: dict[str, Any], id: str) -> None:
        """Carries a version where one rule says. Raises Failed."""
        role = await self._role(world, subject, id)

        def prepare(tx: Transaction) -> Plan | None:
            found = _way(world, tx, subject, body, id, role)
            return _prepared(found, world.clock.now()) if found is not None else None

        planned = await world.store.transact(prepare)
        if planned is None:
            return
        taken: list[Copied] = []
        needed = False
        try:
            await threaded(_copy, world, planned, taken)
            needed = await world.store.transact(lambda tx: _insert(world, tx, subject, body, id, role, planned, taken))
        finally:
            for one in taken:
                if isinstance(one, Taken) and not needed:
                    await drop(world, one)
            for _, source in planned.sources:
                source.close()

    async def _role(self, world: Any, subject: str, id: str) -> Caller:
        """The configuration's role, assumed. Raises Failed."""
        source, arn = await world.store.transact(lambda tx: _role_of(tx, subject, id))
        known = self._assumed.get(arn, "")
        session = await world.store.transact(lambda tx: _still_good(tx, known, world.clock.now()))
        if session is None:
            actor = Actor(world, service_caller(S3, source.arn, source.account), source.region)
            try:
                session = await actor.perform(
                    "sts", "AssumeRole", {"RoleArn": arn, "RoleSessionName": SESSION_NAME}, _session_made
                )
            except ApiError:
                raise Failed("AssumeRoleNotPermitted") from None
            self._assumed[arn] = session.id
        caller: Caller = await world.store.transact(lambda tx: session_caller(tx, session))
        return caller


def _session_made(tx: Transaction, answer: dict[str, Any]) -> Session | None:
    return sessions.get(tx, answer["Credentials"]["AccessKeyId"])


def _still_good(tx: Transaction, key_id: str, now: float) -> Session | None:
    found = find_key(tx, key_id, None) if key_id else None
    return found if isinstance(found, Session) and found.expires > now + RENEWED_BEFORE_S else None


def _source(tx: Transaction, subject: str) -> Bucket | None:
    """The bucket an entry is about, unless another has its name by now."""
    partition, name, id = subject.removeprefix(SUBJECT).split(" ")
    bucket = buckets.get(tx, partition, name)
    return bucket if bucket is not None and bucket.id == int(id) else None


def _role_of(tx: Transaction, subject: str, id: str) -> tuple[Bucket, str]:
    source, _, role = _rule(tx, subject, id)
    return source, role


def _rule(tx: Transaction, subject: str, id: str) -> tuple[Bucket, Rule, str]:
    source = _source(tx, subject)
    if source is None:
        raise Failed("SrcBucketNotFound")
    found = configuration(tx, source)
    rule = rule_named(found, id)
    if found is None or rule is None or rule["Status"] != "Enabled":
        raise Failed("SrcBucketReplicationConfigMissing")
    return source, rule, found["Role"]


def _way(world: Any, tx: Transaction, subject: str, body: dict[str, Any], id: str, role: Caller) -> Way | None:
    """None when the version is gone."""
    source, rule, _ = _rule(tx, subject, id)
    version = find_version(tx, source, body["key"], body["version"])
    return way(world, tx, role, source, body["key"], version, rule) if version is not None else None


def _prepared(found: Way, now: float) -> Plan | None:
    """What is left to copy; whatever needs no bytes is done at once."""
    tx, target = found.writing.tx, found.target
    there = find_version(tx, target, found.key, found.version.id)
    if found.version.marker:
        marker = check_marker(found)
        if there is None:
            _put(tx, target, found.key, marker, now)
            events.happened(found.writing, target, "ObjectRemoved:DeleteMarkerCreated", found.key, marker)
        return None
    if there is not None:
        replica = changed(found, there)
        if replica != there:
            change_version(tx, target, found.key, replica)
        return None
    return plan(found)


def _copy(world: Any, planned: Plan, taken: list[Copied]) -> None:
    """In a worker thread: each piece becomes a piece of the replica, so that parts stay parts."""
    for piece, source in planned.sources:
        taken.append(_copied(world, planned, piece, source))


def _copied(world: Any, planned: Plan, piece: Piece, source: Source) -> Copied:
    if piece.small:
        return b"".join(read_all(source))
    sealing = Sealing(world.blobs, planned.sealed.ciphers, None)
    try:
        for block in read_all(source):
            sealing.write(block)
        sealing.found = ""  # the replica's checksum is its source's
        return sealing.finish()
    except BaseException:
        sealing.abort()
        raise


def _insert(
    world: Any,
    tx: Transaction,
    subject: str,
    body: dict[str, Any],
    id: str,
    role: Caller,
    planned: Plan,
    taken: list[Copied],
) -> bool:
    """Whether the bytes are needed. What has changed meanwhile is seen here: buckets, rules, the source's tags."""
    found = _way(world, tx, subject, body, id, role)
    if found is None:
        raise Failed("SrcObjectNotFound")
    if found.target.id != planned.target.id:
        raise Failed("DstBucketNotFound")
    if find_version(tx, found.target, found.key, found.version.id) is not None:
        return False  # it was carried meanwhile
    kept = [
        one if isinstance(one, Taken) else take_small(found.writing, one, planned.sealed.ciphers, SUM) for one in taken
    ]
    for one in kept:
        keep_piece(tx, one)
    replica = _assembled(tx, replace(planned.replica, tags=found.version.tags), planned, kept)
    _put(tx, found.target, found.key, replica, world.clock.now())
    events.happened(found.writing, found.target, "ObjectCreated:Put", found.key, replica)
    return True


def _assembled(tx: Transaction, replica: Version, planned: Plan, taken: list[Taken]) -> Version:
    pieces = tuple(one.piece for one in taken)
    if len(pieces) <= PIECES_INLINE_MAX:
        return replace(replica, pieces=pieces, parts=planned.parts)
    layout = ids.secret_int()
    layouts.put(tx, layout, record=Layout(pieces, planned.parts))
    return replace(replica, layout=layout)


def _put(tx: Transaction, target: Bucket, key: str, replica: Version, now: float) -> None:
    try:
        insert_version(tx, target, key, replica, now)
    except KeyError:
        raise Failed("DstPutObjNotPermitted") from None


def _settle(
    world: Any, subject: str, position: int, body: dict[str, Any], failures: dict[str, str], tx: Transaction
) -> None:
    """The source's status, the events of what failed, and the end of the entry."""
    source = _source(tx, subject)
    version = find_version(tx, source, body["key"], body["version"]) if source is not None else None
    if source is not None and version is not None:
        if version.replication not in (REPLICA, "") and not version.marker and _is_last(tx, subject, position, body):
            status = FAILED if failures else COMPLETED
            change_version(tx, source, body["key"], replace(version, replication=status))
        for id, reason in failures.items():
            _tell(world, tx, source, body, id, reason, version)
    outbox.trim(tx, subject, position)


def _is_last(tx: Transaction, subject: str, position: int, body: dict[str, Any]) -> bool:
    """A version that was changed again meanwhile stays pending until that is carried too."""
    behind = outbox.read(tx, subject, position, 100)
    return not any((e.body["key"], e.body["version"]) == (body["key"], body["version"]) for _, e in behind)


def _tell(
    world: Any, tx: Transaction, source: Bucket, body: dict[str, Any], id: str, reason: str, version: Version
) -> None:
    log.info("%s/%s was not replicated by rule %s: %s", source.name, body["key"], id, reason)
    rule = rule_named(configuration(tx, source), id)
    data = {
        "replicationRuleId": id,
        "destinationBucket": rule["Destination"]["Bucket"] if rule is not None else "",
        "s3Operation": body["operation"],
        "requestTime": instant(body["at"]),
        "failureReason": reason,
    }
    call = Actor(world, service_caller(S3), source.region).call(tx, "s3", "PutObject")
    events.happened(
        call,
        source,
        "Replication:OperationFailedReplication",
        body["key"],
        version,
        {"replicationEventData": data},
    )
