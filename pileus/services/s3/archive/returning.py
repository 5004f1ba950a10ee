"""The reconciler of restores: the copy is there when its hours are over, and gone when its days are.

Source: Amazon S3 User Guide, "Restoring an archived object", "Amazon S3 Event Notifications" (restore events). A copy's
days count from when it is there: with a slow retrieval it would else be gone before it came.
"""

from typing import Any

from msgspec.structs import replace

from pileus.control import Done, Outcome, RequeueAt
from pileus.service import Actor, service_caller
from pileus.store import Transaction

from .. import events
from ..objects.storing import change_version
from ..tables import Bucket, Restore, Version, buckets, by_id, current, restores, versions
from .states import copy_ends

S3 = "s3.amazonaws.com"


class Restores:
    watches = restores.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        return await world.store.transact(lambda tx: _look(world, tx, *key))


def _look(world: Any, tx: Transaction, bucket_id: int, key: str, age: int) -> Outcome:
    held = restores.get(tx, bucket_id, key, age)
    if held is None:
        return Done
    bucket = next((bucket for _, bucket in buckets.find(tx, by_id, bucket_id, limit=1)), None)
    version = _version(tx, bucket_id, key, age) if bucket is not None else None
    if bucket is None or version is None or not (version.restoring or version.restored_until):
        restores.delete(tx, bucket_id, key, age)  # it was deleted or replaced meanwhile
        return Done
    if version.restoring:
        if world.clock.now() < held.ready:
            return RequeueAt(held.ready)
        version = _bring(world, tx, bucket, key, version, held)
    if world.clock.now() < version.restored_until:
        return RequeueAt(version.restored_until)
    _tell(world, tx, bucket, "ObjectRestore:Delete", key, version, version.restored_until)
    change_version(tx, bucket, key, replace(version, restored_until=0.0))
    restores.delete(tx, bucket_id, key, age)
    return Done


def _version(tx: Transaction, bucket_id: int, key: str, age: int) -> Version | None:
    """The version of that age: on top still, or noncurrent by now."""
    found = current.get(tx, bucket_id, key)
    return found if found is not None and found.age == age else versions.get(tx, bucket_id, key, age)


def _bring(world: Any, tx: Transaction, bucket: Bucket, key: str, version: Version, held: Restore) -> Version:
    version = replace(version, restoring=False, restored_until=copy_ends(held.ready, held.days))
    change_version(tx, bucket, key, version)
    _tell(world, tx, bucket, "ObjectRestore:Completed", key, version, held.ready)
    return version


def _tell(world: Any, tx: Transaction, bucket: Bucket, event: str, key: str, version: Version, moment: float) -> None:
    actor = Actor(world, service_caller(S3, bucket.arn, bucket.account), bucket.region)
    call = actor.call(tx, "s3", "RestoreObject")
    call.now = moment
    events.happened(call, bucket, event, key, version)
