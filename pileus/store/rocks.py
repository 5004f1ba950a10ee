"""The default store: RocksDB, through rocksdict. One process owns it; every closure is one atomic write.

Durability `process`: a write reaches the kernel (the log's write(2)) before its answer, so it survives `kill -9` of
this process. Durability `full`: the log is also synced, once for all closures that wait, so it survives a power cut.
Why RocksDB: docs/decisions/0001-embedded-store.md.
"""

import asyncio
import logging
import shutil
from itertools import islice
from pathlib import Path
from typing import Any

from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Options,
    Rdict,
    ReadOptions,
    WriteBatch,
)

from pileus.base.clock import monotonic

from .api import AlreadyOpen, Done, Work
from .closures import ClosureStore, HotValues
from .overlay import OverlayTransaction, Pairs

MEMTABLE_BYTES = 16 * 1024 * 1024
CACHE_BYTES = 32 * 1024 * 1024
ROOM_BYTES_MIN = 4 * MEMTABLE_BYTES
REOPEN_AFTER_SECONDS = 1.0

log = logging.getLogger("pileus.store")


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(MEMTABLE_BYTES)
    options.set_max_write_buffer_number(3)
    options.set_max_total_wal_size(4 * MEMTABLE_BYTES)
    options.set_max_open_files(256)
    options.set_keep_log_file_num(2)
    options.set_max_log_file_size(1024 * 1024)
    options.set_stats_dump_period_sec(0)
    options.set_stats_persist_period_sec(0)
    options.set_compression_type(DBCompressionType.lz4())
    # A drained queue is a run of tombstones: have it compacted away soon, or scans keep stepping over it.
    options.add_compact_on_deletion_collector_factory(4_096, 1_024, 0.5)
    blocks = BlockBasedOptions()
    blocks.set_block_cache(Cache(CACHE_BYTES))
    blocks.set_bloom_filter(10, False)
    options.set_block_based_table_factory(blocks)
    return options


class RocksStore(ClosureStore):
    def __init__(self, path: Path | str, durability: str = "process"):
        super().__init__()
        if durability not in ("process", "full"):
            raise ValueError(f"durability is 'process' or 'full', not {durability!r}")
        self._full = durability == "full"
        self._path = Path(path)
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._open()
        self._hot = HotValues()
        self._failed_at: float | None = None
        self._unsynced: list[tuple[Done, Any, set[bytes] | None]] = []
        self._syncing: asyncio.Future[None] | None = None

    def _open(self) -> None:
        try:
            self._db = Rdict(str(self._path), _options())
        except Exception as error:
            if "lock" in str(error).lower():
                raise AlreadyOpen(f"{self._path.parent} is in use by another Pileus process") from None
            raise
        self._get = self._db.get

    def _failed(self) -> None:
        if self._failed_at is None:
            log.error("the store in %s cannot write; it refuses all changes until it can", self._path)
        self._failed_at = monotonic()

    def _recover(self) -> None:
        """After a failed write (a full disk) RocksDB takes no further ones: once there is room, it is opened anew, and
        finds in its log what was acknowledged."""
        assert self._failed_at is not None
        room = shutil.disk_usage(self._path).free >= ROOM_BYTES_MIN
        if not room or self._syncing is not None or monotonic() < self._failed_at + REOPEN_AFTER_SECONDS:
            return
        self._failed_at = monotonic()
        try:
            self._db.close()
        except Exception:
            log.warning("the store was closed with an error", exc_info=True)
        del self._get, self._db
        self._hot.values.clear()
        self._open()
        self._failed_at = None
        log.info("the store in %s can write again", self._path)

    def read(self, key: bytes, hot: bool) -> bytes | None:
        if not hot:
            return self._get(key)
        values = self._hot.values
        if key in values:
            return values[key]
        value = self._get(key)
        self._hot.keep(key, value)
        return value

    def range(self, start: bytes, stop: bytes, limit: int, reverse: bool) -> Pairs:
        if limit <= 0 or start >= stop:
            return []
        options = ReadOptions()
        options.set_iterate_lower_bound(start)
        options.set_iterate_upper_bound(stop)
        if not reverse:
            # One call a row into the engine instead of four.
            rows: Any = self._db.items(from_key=start, read_opt=options)
            return list(islice(rows, limit))
        walk = self._db.iter(options)
        walk.seek_to_last()
        pairs = []
        while limit and walk.valid():
            key = walk.key()
            if key < start:
                break  # walking backwards, rocksdict does not mind the lower bound
            pairs.append((key, walk.value()))
            limit -= 1
            if limit:
                walk.prev()
        walk.status()
        return pairs

    def submit(self, work: Work[Any], done: Done) -> None:
        if not self._full:
            super().submit(work, done)
            return
        if self._failed_at is not None:
            self._recover()
        tx = OverlayTransaction(self)
        try:
            result = self._attempt(work, tx)
            if tx.writes:
                self._write(tx.writes)
        except Exception as error:  # noqa: BLE001 - not swallowed: it is the closure's answer
            done(None, error)
            return
        # Even a closure that only read waits: it may have read what is not yet safe.
        self._unsynced.append((done, result, tx.signals))
        if self._syncing is None:
            self._sync()

    def _sync(self) -> None:
        batch, self._unsynced = self._unsynced, []
        loop = asyncio.get_running_loop()
        self._syncing = loop.run_in_executor(None, self._db.flush_wal, True)
        self._syncing.add_done_callback(lambda future: self._synced(batch, future.exception()))

    def _synced(self, batch: list[tuple[Done, Any, set[bytes] | None]], error: BaseException | None) -> None:
        self._syncing = None
        if error is not None:
            self._failed()
        if self._unsynced:
            self._sync()
        # Each in a callback of its own: one that fails must not cost the others their answer.
        soon = asyncio.get_running_loop().call_soon
        for done, result, signals in batch:
            soon(done, None if error else result, error)
            if signals and error is None:
                soon(self._tell, signals)

    def _write(self, writes: dict[bytes, bytes | None]) -> None:
        if self._failed_at is not None:
            self._recover()
        batch = WriteBatch(raw_mode=True)
        for key, value in writes.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        try:
            self._db.write(batch)
        except Exception:
            self._failed()
            raise
        self._hot.follow(writes)

    def close(self) -> None:
        if self._failed_at is None:
            self._db.flush_wal(True)
        self._db.close()
