"""The smaller embedded store: one SQLite file in WAL mode, one writer, many closures a commit.

Durability `process`: a commit is a write(2) into the log, so what was answered survives `kill -9` of this process.
Durability `full`: each commit is also synced, so it survives a power cut (source: SQLite, "PRAGMA synchronous").
The log is copied back into the file by a thread with a connection of its own, so that no request waits for that sync.
"""

import asyncio
import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .api import AlreadyOpen, Done, Work
from .closures import ClosureStore, HotValues
from .overlay import OverlayTransaction, Pairs

SCHEMA = "CREATE TABLE IF NOT EXISTS kv (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
LOG_BYTES_BEFORE_CHECKPOINT = 8 * 1024 * 1024
CLOSURES_PER_COMMIT_MAX = 256


class SqliteStore(ClosureStore):
    def __init__(self, path: Path | str, durability: str = "process"):
        super().__init__()
        if durability not in ("process", "full"):
            raise ValueError(f"durability is 'process' or 'full', not {durability!r}")
        self._path = Path(path)
        self._lock = _own(self._path.with_name(self._path.name + ".lock"))
        self._db = self._connect()
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={'FULL' if durability == 'full' else 'NORMAL'}")
        self._db.execute("PRAGMA wal_autocheckpoint=0")
        self._db.execute("PRAGMA cache_size=-16000")
        self._db.execute(SCHEMA)
        self._execute = self._db.execute
        self._hot = HotValues()
        self._log = self._path.with_name(self._path.name + "-wal")
        self._checkpoints = _Checkpoints(self._connect)
        self._commits = 0
        self._waiting: list[tuple[Work[Any], Done]] = []

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30)
        self._path.chmod(0o600)
        return connection

    def read(self, key: bytes, hot: bool) -> bytes | None:
        values = self._hot.values
        if hot and key in values:
            return values[key]
        row = self._execute("SELECT value FROM kv WHERE key=?", (key,)).fetchone()
        value = row[0] if row is not None else None
        if hot:
            self._hot.keep(key, value)
        return value

    def range(self, start: bytes, stop: bytes, limit: int, reverse: bool) -> Pairs:
        if reverse:
            sql = "SELECT key, value FROM kv WHERE key>=? AND key<? ORDER BY key DESC LIMIT ?"
        else:
            sql = "SELECT key, value FROM kv WHERE key>=? AND key<? ORDER BY key LIMIT ?"
        return self._execute(sql, (start, stop, max(limit, 0))).fetchall()

    def submit(self, work: Work[Any], done: Done) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._turn)
        self._waiting.append((work, done))

    def _turn(self) -> None:
        """Runs what arrived in this turn of the event loop and commits it together."""
        batch, self._waiting = self._waiting[:CLOSURES_PER_COMMIT_MAX], self._waiting[CLOSURES_PER_COMMIT_MAX:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._turn)
        signals: set[bytes] = set()
        try:
            self._execute("BEGIN IMMEDIATE")
            answers = [self._run(work, done, signals) for work, done in batch]
            self._execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - not swallowed: nobody's writes are safe, so everybody hears of it
            self._hot.values.clear()
            if self._db.in_transaction:
                self._execute("ROLLBACK")
            answers = [(done, None, error) for _, done in batch]
            signals = set()
        # Each in a callback of its own: one that fails must not cost the others their answer.
        soon = asyncio.get_running_loop().call_soon
        for done, result, failure in answers:
            soon(done, result, failure)
        if signals:
            soon(self._tell, signals)
        self._count_commit()

    def _run(self, work: Work[Any], done: Done, signals: set[bytes]) -> tuple[Done, Any, BaseException | None]:
        tx = OverlayTransaction(self)
        try:
            result = self._attempt(work, tx)
        except Exception as error:  # noqa: BLE001 - not swallowed: it is the closure's answer
            return done, None, error
        self._write(tx.writes)
        signals |= tx.signals or set()
        return done, result, None

    def _write(self, writes: dict[bytes, bytes | None]) -> None:
        execute = self._execute
        for key, value in writes.items():
            if value is None:
                execute("DELETE FROM kv WHERE key=?", (key,))
            else:
                execute("INSERT OR REPLACE INTO kv VALUES (?,?)", (key, value))
        self._hot.follow(writes)

    def _count_commit(self) -> None:
        self._commits += 1
        if self._commits % 256 == 0:
            with contextlib.suppress(FileNotFoundError):
                if self._log.stat().st_size > LOG_BYTES_BEFORE_CHECKPOINT:
                    self._checkpoints.ask()

    def close(self) -> None:
        self._checkpoints.close()
        self._db.close()
        os.close(self._lock)


def _own(path: Path) -> int:
    """Takes the data directory for this process; the kernel gives it back at any death."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise AlreadyOpen(f"{path.parent} is in use by another Pileus process") from None
    return handle


class _Checkpoints:
    """The thread that moves the log's pages into the file."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]):
        self._connect = connect
        self._wanted = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
            self._thread.start()
        self._wanted.set()

    def close(self) -> None:
        self._closing = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        connection = self._connect()
        try:
            while True:
                self._wanted.wait()
                self._wanted.clear()
                if self._closing:
                    return
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        finally:
            connection.close()
