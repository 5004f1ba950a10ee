"""Listing pages: one way for every service.

A token names the last key of the page before it, sealed so that only this listing takes it back: a page is found by
its place, never by a count, so that what is added or removed meanwhile neither repeats nor skips the rest.
"""

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

Item = TypeVar("Item")


class Page(NamedTuple, Generic[Item]):
    items: list[Item]
    next_token: str | None


class BadToken(ValueError):
    """The token was not given out by this listing."""


def seal(purpose: str, key: tuple[Any, ...]) -> str:
    body = msgspec.msgpack.encode(key)
    return urlsafe_b64encode(_mark(purpose, body) + body).decode().rstrip("=")


def unseal(purpose: str, token: str) -> tuple[Any, ...]:
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        if not hmac.compare_digest(_mark(purpose, raw[8:]), raw[:8]):
            raise BadToken(token)
        return tuple(msgspec.msgpack.decode(raw[8:]))
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise BadToken(token) from error


def _mark(purpose: str, body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=8, person=hashlib.md5(purpose.encode()).digest()).digest()


def paginate(
    rows: Callable[[tuple[Any, ...] | None, int], Iterable[tuple[tuple[Any, ...], Item]]],
    *,
    purpose: str,
    token: str | None,
    limit: int,
    keep: Callable[[Item], bool] = lambda item: True,
) -> Page[Item]:
    """One page of at most `limit` items that pass `keep`.

    `rows(after, n)` yields up to n (key, item) pairs beyond key `after`, in order: usually `Table.scan`. `purpose`
    binds a token to its listing (operation, account, filters). Raises BadToken.
    """
    after = unseal(purpose, token) if token else None
    items: list[Item] = []
    last: tuple[Any, ...] | None = None
    while True:
        want = limit - len(items) + 1
        seen = 0
        for key, item in rows(after, want):
            seen += 1
            if keep(item):
                if len(items) == limit:
                    return Page(items, seal(purpose, last or key))
                items.append(item)
                last = key
            after = key
        if seen < want:
            return Page(items, None)
