"""The record of every call: who, what, where from, how it ended, how long it took.

A call that changed something is recorded by the same commit as its change. The others wait up to FLUSH_SECONDS and
share one commit, so that a read costs no write. `pileus logs` follows the records; trail, metrics and bill will read
them. Every text in a record is bounded (gateway/pipeline.py): a row of ROW_RECORDS_MAX of them fits the store.
"""

import asyncio
import logging
from typing import Any

import msgspec

from pileus.store import Store, Table, Transaction

FLUSH_SECONDS = 0.2
KEPT = 200_000
TRIM_EVERY = 64
ROW_RECORDS_MAX = 128
ROWS_AT_ONCE = 16
DENIALS_KEPT = 10_000

log = logging.getLogger("pileus.records")


class CallRecord(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`at` is the cloud's clock; `error` is empty for success; `micros` is what the server took, waiting included."""

    at: float
    request_id: str
    service: str
    operation: str
    account: str
    principal: str
    status: int
    micros: int
    error: str = ""
    message: str = ""
    key_id: str = ""
    region: str = ""
    resource: str = ""
    source_ip: str = ""
    user_agent: str = ""
    wrote: bool = False


class Denial(msgspec.Struct, frozen=True):
    """Why a call was refused, for `pileus explain`: the explanation as plain data."""

    at: float
    account: str
    explanation: dict[str, Any]


rows = Table("calls", list[CallRecord])  # position of the first record in the row
denials = Table("denials", Denial)  # request id
denial_order = Table("denials.in_order", str)  # number, counted from 1 -> request id


class Recorder:
    def __init__(self, store: Store):
        self._store = store
        self._waiting: list[CallRecord] = []
        self._position: int | None = None
        self._oldest = 0
        self._flush: asyncio.TimerHandle | None = None

    def record(self, tx: Transaction, record: CallRecord, wrote: bool) -> None:
        if wrote:
            self._write(tx, [record])
            return
        self._waiting.append(record)
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Writes what waits."""
        self._flush = None
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), ROW_RECORDS_MAX):
            self._submit(waiting[start : start + ROW_RECORDS_MAX])

    def _submit(self, batch: list[CallRecord]) -> None:
        def done(result: object, error: BaseException | None) -> None:
            if error is not None:
                log.error("%d call records could not be written", len(batch), exc_info=error)

        self._store.submit(lambda tx: self._write(tx, batch), done)

    def _write(self, tx: Transaction, batch: list[CallRecord]) -> None:
        """Positions rise by one; after a start the next one is read from the store."""
        if self._position is None:
            last = next(rows.scan(tx, limit=1, reverse=True), None)
            self._position = int(last[0][0]) + len(last[1]) if last is not None else 1
        first = self._position
        rows.put(tx, first, record=batch)
        self._position = first + len(batch)
        if first // TRIM_EVERY != self._position // TRIM_EVERY:
            self._oldest = trim(tx, self._position - KEPT, self._oldest)


def trim(tx: Transaction, before: int, oldest: int = 0) -> int:
    """Forgets the oldest records, a few at a time, so that the trail's size is bounded and no call waits long for it.

    Returns where to begin next time: from the start, a scan would step over all that was ever deleted.
    """
    if before <= oldest:
        return oldest
    for key, _ in list(rows.scan(tx, after=(oldest - 1,), before=(before,), limit=2 * TRIM_EVERY)):
        rows.delete(tx, *key)
        oldest = int(key[0]) + 1
    return oldest


def read(tx: Transaction, after: int, limit: int) -> list[tuple[int, CallRecord]]:
    """Records beyond position `after`, oldest first."""
    start = next(rows.scan(tx, before=(after + 1,), limit=1, reverse=True), None)
    begin = int(start[0][0]) - 1 if start is not None else 0
    found: list[tuple[int, CallRecord]] = []
    while len(found) < limit:
        some = list(rows.scan(tx, after=(begin,), limit=ROWS_AT_ONCE))
        found += [numbered for key, row in some for numbered in _numbered(key, row) if numbered[0] > after]
        if len(some) < ROWS_AT_ONCE:
            break
        begin = int(some[-1][0][0])
    return found[:limit]


def latest(tx: Transaction, count: int) -> list[tuple[int, CallRecord]]:
    """The last `count` records, oldest first."""
    found: list[tuple[int, CallRecord]] = []
    before: tuple[int] | None = None
    while len(found) < count:
        some = list(rows.scan(tx, before=before, limit=ROWS_AT_ONCE, reverse=True))
        found = [numbered for key, row in reversed(some) for numbered in _numbered(key, row)] + found
        if len(some) < ROWS_AT_ONCE:
            break
        before = (int(some[-1][0][0]),)
    return found[-count:]


def _numbered(key: tuple[Any, ...], row: list[CallRecord]) -> list[tuple[int, CallRecord]]:
    return [(int(key[0]) + offset, record) for offset, record in enumerate(row)]


def keep_denial(tx: Transaction, request_id: str, denial: Denial) -> None:
    """Keeps the latest DENIALS_KEPT."""
    last = next(denial_order.scan(tx, limit=1, reverse=True), None)
    number = int(last[0][0]) + 1 if last is not None else 1
    denials.put(tx, request_id, record=denial)
    denial_order.put(tx, number, record=request_id)
    oldest = denial_order.get(tx, number - DENIALS_KEPT)
    if oldest is not None:
        denial_order.delete(tx, number - DENIALS_KEPT)
        denials.delete(tx, oldest)


def latest_denial(tx: Transaction) -> str | None:
    """Its request id."""
    last = next(denial_order.scan(tx, limit=1, reverse=True), None)
    return last[1] if last is not None else None
