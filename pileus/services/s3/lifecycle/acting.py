"""What one run of the lifecycle does to one key: moves, expires and removes its versions.

Source: Amazon S3 User Guide, "Expiring objects", "Lifecycle configuration elements", "How Amazon S3 handles conflicts
in lifecycle configurations", "How S3 Lifecycle interacts with other bucket configurations". Each deed has the midnight
on which it was due: a run that comes late (the clock was moved on) does at once what daily runs would have done by and
by. No version is acted on twice in one midnight, whether the runs come late or not.
"""

import math
from typing import NamedTuple

from msgspec.structs import replace

from pileus.service import Call

from .. import events
from ..objects.storing import change_version, older, put_marker, remove_current, remove_version
from ..tables import Bucket, Version, current, versions
from .rules import DAY, Due, Rule, marker_due, moment_of, next_of, next_of_old

VERSIONS_AT_ONCE = 200
LOWEST = "DEEP_ARCHIVE"
WAITING = ("PENDING", "FAILED")


class Run(NamedTuple):
    """`earliest`: the first midnight that is not done yet; `until`: the last one that is due."""

    call: Call
    bucket: Bucket
    rules: tuple[Rule, ...]
    earliest: float
    until: float

    def first(self, since: float) -> float:
        """The first midnight on which something that is so since then may be acted on."""
        return max(self.earliest, moment_of(since, 0, None))

    def tell(self, event: str, key: str, version: Version, moment: float) -> None:
        self.call.now = moment
        events.happened(self.call, self.bucket, event, key, version)


class Within(NamedTuple):
    """Where a key with many versions goes on: below `age`; `newer` noncurrent ones are above, the last made at
    `above`."""

    age: int
    newer: int
    above: float


def act(run: Run, key: str, within: Within | None = None) -> tuple[int, Within | None]:
    """(how many versions were looked at, where to go on; None: all of the key is done)"""
    top = current.get(run.call.tx, run.bucket.id, key) if within is None else None
    if top is not None:
        _act_on_current(run, key, top)
    if not run.bucket.versioning:
        return 1, None
    seen, left = _act_on_old(run, key, within)
    if left is None:
        _clear_marker(run, key)
    return 1 + seen, left


def _act_on_current(run: Run, key: str, version: Version) -> None:
    if version.replication in WAITING:
        return
    permanent = not run.bucket.versioning
    earliest = run.first(version.modified)
    while True:
        due = next_of(
            run.rules, key, version.size, version.tags, version.modified, version.storage, earliest, permanent
        )
        if due is None or due.moment > run.until:
            return
        if not due.storage:
            _expire(run, key, version, due)
            return
        version = _move(run, key, version, due)
        earliest = due.moment + DAY


def _expire(run: Run, key: str, version: Version, due: Due) -> None:
    tx, bucket = run.call.tx, run.bucket
    if not bucket.versioning:
        remove_current(tx, bucket, key)
        run.tell("LifecycleExpiration:Delete", key, version, due.moment)
        return
    marker = put_marker(tx, bucket, key, bucket.account, due.moment)
    run.tell("LifecycleExpiration:DeleteMarkerCreated", key, marker, due.moment)


def _move(run: Run, key: str, version: Version, due: Due) -> Version:
    version = replace(version, storage=due.storage)
    change_version(run.call.tx, run.bucket, key, version)
    run.tell("LifecycleTransition", key, version, due.moment)
    return version


def _act_on_old(run: Run, key: str, within: Within | None) -> tuple[int, Within | None]:
    """The noncurrent versions, newest first. Those that stay spare the older ones nothing: they are counted."""
    tx, bucket = run.call.tx, run.bucket
    after = (within.age,) if within is not None else None
    rows = [version for _, version in versions.scan(tx, bucket.id, key, limit=VERSIONS_AT_ONCE, after=after)]
    full = len(rows) == VERSIONS_AT_ONCE
    newer, above = 0, 0.0
    if within is not None:
        newer, above = within.newer, within.above
    elif rows:
        top = current.get(tx, bucket.id, key) or rows.pop(0)
        above = top.modified
    for version in rows:
        since, above = version.retired or above, version.modified
        if not _removed(run, key, version, since, newer):
            newer += 1
    return len(rows), Within(rows[-1].age, newer, above) if full else None


def _removed(run: Run, key: str, version: Version, since: float, newer: int) -> bool:
    """Moves a noncurrent version and removes it, as far as it is time; whether it is gone."""
    if version.replication in WAITING:
        return False
    lock = version.lock
    locked = 0.0 if lock is None else math.inf if lock.hold else lock.until
    earliest = run.first(since)
    while True:
        storage = version.storage if not version.marker else LOWEST  # markers move nowhere
        due = next_of_old(run.rules, key, version.size, version.tags, since, storage, newer, earliest, locked)
        if due is None or due.moment > run.until:
            return False
        if not due.storage:
            remove_version(run.call.tx, run.bucket, key, version)
            run.tell("LifecycleExpiration:Delete", key, version, due.moment)
            return True
        version = _move(run, key, version, due)
        earliest = due.moment + DAY


def _clear_marker(run: Run, key: str) -> None:
    """A delete marker with nothing below it goes too."""
    tx, bucket = run.call.tx, run.bucket
    if current.get(tx, bucket.id, key) is not None:
        return
    left = list(older(tx, bucket, key, limit=2))
    if len(left) != 1 or not left[0].marker:
        return
    due = marker_due(run.rules, key, left[0].modified, run.first(left[0].modified))
    if due is not None and due.moment <= run.until:
        remove_version(tx, bucket, key, left[0])
        run.tell("LifecycleExpiration:Delete", key, left[0], due.moment)
