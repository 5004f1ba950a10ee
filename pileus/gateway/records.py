"""The record of every call: who, what, where from, how it ended, how long it took.

A call that changed something is recorded by the same commit as its change. The others wait up to FLUSH_SECONDS and share one
commit, so that a read costs no write. `pileus logs` follows the records; trail, metrics and bill will read them.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec

from pileus.store import Store, Table, Transaction

FLUSH_SECONDS = 0.2
KEPT = 200_000
TRIM = 1_000


class CallRecord(msgspec.Struct, frozen=True, omit_defaults=True):
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


records = Table("calls", CallRecord)  # position
denials = Table("denials", Denial)  # request id
denial_order = Table("denials.by_time", str)  # microseconds, request id


class Recorder:
    def __init__(self, store: Store):
        self._store = store
        self._waiting: list[CallRecord] = []
        self._position: int | None = None
        self._flush: asyncio.TimerHandle | None = None

    def record(self, tx: Transaction, record: CallRecord, wrote: bool) -> None:
        if wrote:
            records.put(tx, self._next(tx), record=record)
            return
        self._waiting.append(record)
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Writes what waits. A failure is the store's failure, and the next call hears of it."""
        self._flush = None
        batch, self._waiting = self._waiting, []
        if batch:
            self._store.submit(lambda tx: self._write(tx, batch), lambda result, error: None)

    def _write(self, tx: Transaction, batch: list[CallRecord]) -> None:
        for record in batch:
            records.put(tx, self._next(tx), record=record)

    def _next(self, tx: Transaction) -> int:
        """Positions rise by one; the first after a start is read from the store."""
        if self._position is None:
            last = next(records.scan(tx, limit=1, reverse=True), None)
            self._position = int(last[0][0]) if last is not None else 0
        self._position += 1
        position = self._position
        if position % TRIM == 0 and position > KEPT:
            for key, _ in list(records.scan(tx, before=(position - KEPT,), limit=2 * TRIM)):
                records.delete(tx, *key)
        return position


def read(tx: Transaction, after: int, limit: int) -> Iterator[tuple[int, CallRecord]]:
    for key, record in records.scan(tx, after=(after,), limit=limit):
        yield int(key[0]), record


def latest(tx: Transaction, count: int) -> list[tuple[int, CallRecord]]:
    found = [(int(key[0]), record) for key, record in records.scan(tx, limit=count, reverse=True)]
    return found[::-1]


DENIALS_KEPT = 10_000


def keep_denial(tx: Transaction, request_id: str, denial: Denial) -> None:
    denials.put(tx, request_id, record=denial)
    denial_order.put(tx, int(denial.at * 1e6), request_id, record="")
