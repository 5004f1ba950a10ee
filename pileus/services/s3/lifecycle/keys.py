"""Which keys a bucket has, those included that have nothing but noncurrent versions and delete markers."""

from pileus.store import Transaction, pack, unpack

from ..listing.walk import END, packed
from ..tables import Bucket, current, versions

_BEHIND_ALL_AGES = b"\0\xfe"


def next_keys(tx: Transaction, bucket: Bucket, prefixes: list[str], after: str, limit: int) -> list[str]:
    """At most `limit` keys behind `after` under the prefixes, which are in order and apart; in order."""
    found: list[str] = []
    for prefix in prefixes:
        if after > prefix and not after.startswith(prefix):
            continue  # all of it is behind us
        found += _under(tx, bucket, prefix, after, limit - len(found))
        if len(found) == limit:
            break
    return found


def _under(tx: Transaction, bucket: Bucket, prefix: str, after: str, limit: int) -> list[str]:
    head = current.prefix + pack((bucket.id,))
    start = head + packed(prefix)
    stop = start + END
    if after:
        start = max(start, head + packed(after) + b"\0\0")
    keys = [str(unpack(row[len(head) :])[0]) for row, _ in tx.scan(start, stop, limit)]
    if not bucket.versioning:
        return keys
    last = keys[-1] if len(keys) == limit else None
    return sorted({*keys, *_with_old(tx, bucket, prefix, after, last, limit)})[:limit]


def _with_old(tx: Transaction, bucket: Bucket, prefix: str, after: str, last: str | None, limit: int) -> list[str]:
    """The same of what is not current, up to the key `last`: one seek a key, however many versions it has."""
    head = versions.prefix + pack((bucket.id,))
    start = head + packed(prefix)
    stop = start + END if last is None else head + packed(last) + _BEHIND_ALL_AGES
    if after:
        start = max(start, head + packed(after) + _BEHIND_ALL_AGES)
    keys: list[str] = []
    while len(keys) < limit and (rows := tx.scan(start, stop, 1)):
        key = str(unpack(rows[0][0][len(head) :])[0])
        keys.append(key)
        start = head + packed(key) + _BEHIND_ALL_AGES
    return keys
