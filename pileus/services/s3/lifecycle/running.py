"""The reconciler that runs the lifecycle: at every midnight UTC of the cloud's clock, for each bucket that has rules.

Source: Amazon S3 User Guide, "Managing the lifecycle of objects" (rules are applied once a day). How far a run has come
is kept with what it did, in the same transaction: a crash at any line costs a batch. A run that comes late does what
the runs before it would have done (acting.py).
"""

import asyncio
from typing import Any

from msgspec.structs import replace

from pileus.control import Done, Outcome, RequeueAt
from pileus.service import Actor, service_caller
from pileus.store import Transaction

from ..multipart.uploads import drop_upload
from ..tables import Applied, applied, buckets, by_id, configs, uploads
from .acting import VERSIONS_AT_ONCE, Run, Within, act
from .keys import next_keys
from .rules import DAY, Rule, abort_of, parse

KIND = "lifecycle"
S3 = "s3.amazonaws.com"
KEYS_AT_ONCE = 100
BATCHES = 50


class Lifecycle:
    watches = configs.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        bucket_id, kind, _ = key
        if kind != KIND:
            return Done
        for _ in range(BATCHES):
            more, outcome = await world.store.transact(lambda tx: _step(world, tx, bucket_id))
            if not more:
                return outcome
            await asyncio.sleep(0)  # callers go first
        return RequeueAt(world.clock.now())  # others have their turn


def _step(world: Any, tx: Transaction, bucket_id: int) -> tuple[bool, Outcome]:
    """One batch. (whether there is more to do now, else when to look again)"""
    found = configs.get(tx, bucket_id, KIND, "")
    bucket = next((bucket for _, bucket in buckets.find(tx, by_id, bucket_id, limit=1)), None)
    far = applied.get(tx, bucket_id)
    if found is None or bucket is None or far is None:
        applied.delete(tx, bucket_id)
        return False, Done
    midnight = world.clock.now() // DAY * DAY
    if not far.run:
        if midnight <= far.until:
            return False, RequeueAt(far.until + DAY)
        far = replace(far, run=midnight)
    rules = parse(found)
    actor = Actor(world, service_caller(S3, bucket.arn, bucket.account), bucket.region)
    call = actor.call(tx, "s3", "PutBucketLifecycleConfiguration")
    run = Run(call, bucket, rules, far.until + DAY, far.run)
    far = _some_uploads(run, far) if far.uploads else _some_keys(run, far)
    applied.put(tx, bucket_id, record=far)
    return True, Done


def _some_keys(run: Run, far: Applied) -> Applied:
    """As many keys as one transaction may hold."""
    tx, bucket = run.call.tx, run.bucket
    if far.age:
        _, within = act(run, far.key, Within(far.age, far.newer, far.above))
        return _behind(far, far.key, within)
    names = next_keys(tx, bucket, _prefixes(run.rules), far.key, KEYS_AT_ONCE)
    seen = 0
    for name in names:
        count, within = act(run, name)
        far, seen = _behind(far, name, within), seen + count
        if within is not None or seen >= VERSIONS_AT_ONCE:
            return far
    return far if len(names) == KEYS_AT_ONCE else Applied(far.until, far.run, uploads=True)


def _behind(far: Applied, key: str, within: Within | None) -> Applied:
    age, newer, above = within or (0, 0, 0.0)
    return Applied(far.until, far.run, key, age, newer, above)


def _some_uploads(run: Run, far: Applied) -> Applied:
    """Gives up uploads that nobody completed. After the last one the run is over."""
    tx, bucket = run.call.tx, run.bucket
    after = (far.key, far.upload) if far.upload else None
    if not any(rule.abort_days is not None for rule in run.rules):
        return Applied(far.run)
    rows = list(uploads.scan(tx, bucket.id, after=after, limit=VERSIONS_AT_ONCE))
    for (key, upload_id), upload in rows:
        due = abort_of(run.rules, str(key), upload.begun)
        if due is not None and due.moment <= run.until:
            drop_upload(run.call, bucket, str(key), str(upload_id))
        far = replace(far, key=str(key), upload=str(upload_id))
    return far if len(rows) == VERSIONS_AT_ONCE else Applied(far.run)


def _prefixes(rules: tuple[Rule, ...]) -> list[str]:
    """Where the rules have something to say, in the order of keys; none lies within another."""
    found: list[str] = []
    for prefix in sorted({rule.prefix for rule in rules if rule.acts_on_objects}):
        if not found or not prefix.startswith(found[-1]):
            found.append(prefix)
    return found
