"""Versions in the store: how a new one takes its place, and what happens to the one before.

Source: Amazon S3 User Guide, "How S3 Versioning works", "Adding objects to versioning-enabled buckets", "… to
versioning-suspended buckets", "Deleting object versions". Everything here runs in one transaction with the change it
serves.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator

from msgspec.structs import replace

from pileus.base import ids
from pileus.blobs import records as blobs
from pileus.store import Transaction

from ..tables import AGE_MAX, Bucket, Part, Piece, Version, current, discarded, layouts, nulls, small_bytes, versions

NULL = "null"


def shown_id(version: Version) -> str:
    """The version's id as callers see it."""
    return version.id or NULL


def newest(tx: Transaction, bucket: Bucket, key: str) -> Version | None:
    """What is on top, a delete marker too."""
    found = current.get(tx, bucket.id, key)
    return found if found is not None else next(older(tx, bucket, key, limit=1), None)


def older(tx: Transaction, bucket: Bucket, key: str, limit: int = 1_000) -> Iterator[Version]:
    """All but the current version, newest first."""
    for _, version in versions.scan(tx, bucket.id, key, limit=limit):
        yield version


def find_version(tx: Transaction, bucket: Bucket, key: str, version_id: str | None) -> Version | None:
    """One version, by the id callers know; None for the current one (never a delete marker)."""
    found = current.get(tx, bucket.id, key)
    if version_id is None:
        return found
    wanted = "" if version_id == NULL else version_id
    if found is not None and found.id == wanted:
        return found
    if not wanted:
        age = nulls.get(tx, bucket.id, key)
        return versions.get(tx, bucket.id, key, age) if age is not None else None
    age = age_of(wanted)
    if age is None:
        return None
    found = versions.get(tx, bucket.id, key, age)
    return found if found is not None and found.id == wanted else None


def put_version(tx: Transaction, bucket: Bucket, key: str, version: Version, now: float) -> Version:
    """Makes a version the current one. Returns it with its id and age."""
    old = current.get(tx, bucket.id, key)
    if not bucket.versioning:
        if old is not None:
            release(tx, old)
        version = replace(version, age=_age(now))
        current.put(tx, bucket.id, key, record=version)
        return version
    below = next(older(tx, bucket, key, limit=1), None)
    age = _next_age(old, below, now)
    version = replace(version, age=age, id=_new_id(age) if bucket.versioning == "Enabled" else "")
    _make_room(tx, bucket, key, old, below, version, now)
    current.put(tx, bucket.id, key, record=version)
    return version


def put_marker(tx: Transaction, bucket: Bucket, key: str, owner: str, now: float) -> Version:
    """Puts a delete marker on top, in a bucket that has versions."""
    old = current.get(tx, bucket.id, key)
    below = next(older(tx, bucket, key, limit=1), None)
    age = _next_age(old, below, now)
    identity = _new_id(age) if bucket.versioning == "Enabled" else ""
    marker = Version(now, 0, "", owner, age=age, id=identity, marker=True)
    _make_room(tx, bucket, key, old, below, marker, now)
    if old is not None:
        current.delete(tx, bucket.id, key)
    _keep(tx, bucket, key, marker)
    return marker


def insert_version(tx: Transaction, bucket: Bucket, key: str, version: Version, now: float) -> None:
    """Puts a replica, a delete marker perhaps, to where its id and age say: they were given to it elsewhere, and ids
    tell where a version stands. The bucket keeps versions. Raises KeyError when another version stands there."""
    top = newest(tx, bucket, key)
    old = current.get(tx, bucket.id, key)
    for there in (top, versions.get(tx, bucket.id, key, version.age)):
        if there is not None and there.age == version.age:
            raise KeyError(version.id)
    if top is not None and top.age < version.age:
        _keep(tx, bucket, key, replace(version, retired=now))
        return
    if old is not None:
        _keep(tx, bucket, key, replace(old, retired=now))
    if not version.marker:
        current.put(tx, bucket.id, key, record=version)
        return
    if old is not None:
        current.delete(tx, bucket.id, key)
    _keep(tx, bucket, key, version)


def change_version(tx: Transaction, bucket: Bucket, key: str, version: Version) -> None:
    """Writes a version that stays where it is: its tags, its lock, its place of storage have changed."""
    found = current.get(tx, bucket.id, key)
    if found is not None and found.id == version.id:
        current.put(tx, bucket.id, key, record=version)
    else:
        versions.put(tx, bucket.id, key, version.age, record=version)


def remove_current(tx: Transaction, bucket: Bucket, key: str) -> Version | None:
    """Deletes the object of a bucket without versions."""
    old = current.get(tx, bucket.id, key)
    if old is not None:
        current.delete(tx, bucket.id, key)
        release(tx, old)
    return old


def remove_version(tx: Transaction, bucket: Bucket, key: str, version: Version) -> None:
    """Deletes one version for good; if it was on top, the one below takes its place."""
    found = current.get(tx, bucket.id, key)
    if found is not None and found.id == version.id:
        current.delete(tx, bucket.id, key)
        release(tx, version)
    else:
        _drop(tx, bucket, key, version)
        if found is not None:
            return
    below = next(older(tx, bucket, key, limit=1), None)
    if below is None:
        return
    if below.marker:
        if below.retired:
            versions.put(tx, bucket.id, key, below.age, record=replace(below, retired=0.0))
    else:
        versions.delete(tx, bucket.id, key, below.age)
        if not below.id:
            nulls.delete(tx, bucket.id, key)
        current.put(tx, bucket.id, key, record=replace(below, retired=0.0))


def release(tx: Transaction, version: Version) -> None:
    """Gives up a version's bytes. Those of a large multipart object are cleared away afterwards, a few at a time."""
    if version.layout:
        discarded.put(tx, "layout", version.layout, record=version.modified)
    for piece in version.pieces:
        release_piece(tx, piece)


def release_piece(tx: Transaction, piece: Piece) -> None:
    if piece.small:
        small_bytes.delete(tx, piece.id)
    else:
        blobs.release(tx, piece.id)


def contents(tx: Transaction, version: Version) -> tuple[tuple[Piece, ...], tuple[Part, ...]]:
    """The pieces and parts of a version."""
    if not version.layout:
        return version.pieces, version.parts
    layout = layouts.get(tx, version.layout)
    if layout is None:
        raise RuntimeError(f"layout {version.layout} is not there")
    return layout.pieces, layout.parts


def _make_room(
    tx: Transaction, bucket: Bucket, key: str, old: Version | None, below: Version | None, new: Version, now: float
) -> None:
    """What was on top becomes noncurrent, a delete marker too (then `below`); there is one null version at most."""
    if not new.id:
        age = nulls.get(tx, bucket.id, key)
        if age is not None:
            former = versions.get(tx, bucket.id, key, age)
            if former is not None:
                _drop(tx, bucket, key, former)
    if old is None:
        if below is not None and (new.id or below.id):
            versions.put(tx, bucket.id, key, below.age, record=replace(below, retired=now))
    elif not new.id and not old.id:
        release(tx, old)
    else:
        _keep(tx, bucket, key, replace(old, retired=now))


def _keep(tx: Transaction, bucket: Bucket, key: str, version: Version) -> None:
    if not version.id:
        nulls.put(tx, bucket.id, key, record=version.age)
    versions.put(tx, bucket.id, key, version.age, record=version)


def _drop(tx: Transaction, bucket: Bucket, key: str, version: Version) -> None:
    versions.delete(tx, bucket.id, key, version.age)
    if not version.id:
        nulls.delete(tx, bucket.id, key)
    release(tx, version)


def _next_age(old: Version | None, below: Version | None, now: float) -> int:
    """Ages fall as time goes on, so that the newest comes first; two versions of a key never share one, whatever the
    clock does."""
    return min(_age(now), *(found.age - 1 for found in (old, below) if found is not None), AGE_MAX)


def _age(now: float) -> int:
    return AGE_MAX - int(now * 1e6)


def _new_id(age: int) -> str:
    """32 characters, as opaque as AWS's; the first 8 octets say where the version stands."""
    return urlsafe_b64encode(age.to_bytes(8, "big") + ids.secret_int(128).to_bytes(16, "big")).decode()


def age_of(version_id: str) -> int | None:
    if len(version_id) != 32:
        return None
    try:
        return int.from_bytes(urlsafe_b64decode(version_id)[:8], "big") & (2**63 - 1)
    except ValueError:
        return None
