"""The composition root: the only file that knows everything. Builds a cloud from settings and runs it."""

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import Callable
from typing import Any

from pileus import __version__
from pileus.base import ids
from pileus.base.clock import SystemClock
from pileus.control import Loop, Reconciler
from pileus.gateway.admin import Admin
from pileus.gateway.front import Front
from pileus.gateway.pipeline import Cloud
from pileus.gateway.server import Limits, Server
from pileus.identity.keys import ROOT_ACCOUNT, AccessKey, Conveniences, access_keys
from pileus.service import Service
from pileus.services.sqs import ExpireMessages, FreeNames, RunMoveTasks, SweepSpaces, sqs
from pileus.services.sts import sts
from pileus.settings import Settings
from pileus.store import Store, Transaction, pack
from pileus.store.memory import MemoryStore

log = logging.getLogger("pileus")

SERVICES: tuple[Service, ...] = (sqs, sts)
RECONCILERS: tuple[Callable[[], Reconciler], ...] = (ExpireMessages, FreeNames, SweepSpaces, RunMoveTasks)

CLOCK_OFFSET = pack(("clock.offset",))


def open_store(settings: Settings) -> Store:
    """Raises AlreadyOpen when another Pileus has this data directory."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.store == "memory":
        return MemoryStore()
    if settings.store == "sqlite":
        from pileus.store.sqlite import SqliteStore

        return SqliteStore(settings.data_dir / "state.sqlite", settings.durability)
    if settings.store == "rocks":
        from pileus.store.rocks import RocksStore

        return RocksStore(settings.data_dir / "state", settings.durability)
    raise ValueError(f"there is no store '{settings.store}': choose rocks, sqlite or memory")


class App:
    """One running cloud."""

    def __init__(self, settings: Settings, store: Store, clock: SystemClock):
        self.settings, self.store, self.clock = settings, store, clock
        self.cloud = Cloud(
            store,
            clock,
            {service.name: service for service in SERVICES},
            None if settings.secure else Conveniences(),
        )
        self.loop = Loop(self.cloud, [make() for make in RECONCILERS])
        self.admin = Admin(self.cloud)
        self.admin.pages["POST", "/_pileus/clock"] = self._clock_page
        self.server = Server(Front(self.cloud, self.admin, __version__), Limits())
        self._background: list[asyncio.Task[None]] = []

    async def start(self) -> int:
        """Returns the port it listens on."""
        self.clock.offset = await self.store.transact(lambda tx: _offset(tx))
        await self.store.transact(self._root_key)
        port = await self.server.listen(self.settings.host, self.settings.port)
        self._background.append(asyncio.get_running_loop().create_task(self.loop.run()))
        return port

    async def stop(self) -> None:
        await self.server.stop()
        for task in self._background:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self.cloud.recorder.flush()
        await self.store.transact(lambda tx: None)
        self.store.close()

    def _root_key(self, tx: Transaction) -> None:
        """A secure cloud has root keys of its own, made once and kept in the data directory."""
        path = self.settings.data_dir / "root.key"
        if not self.settings.secure or path.exists():
            return
        key = AccessKey(ids.access_key_id(), ids.secret_key(), ROOT_ACCOUNT, "", ROOT_ACCOUNT, self.clock.now())
        access_keys.put(tx, key.id, record=key)
        path.touch(mode=0o600)
        path.write_text(f"{key.id}\n{key.secret}\n")

    def advance(self, tx: Transaction, seconds: float) -> None:
        """Moves the cloud's clock on; everything that was due meanwhile becomes due now."""
        offset = _offset(tx) + seconds
        tx.put(CLOCK_OFFSET, repr(offset).encode())
        self.clock.offset = offset
        loop = asyncio.get_running_loop()
        loop.call_soon(self.loop.stir)
        loop.call_soon(self.cloud.waiting.check_time)

    def _clock_page(self, tx: Transaction, body: dict[str, Any]) -> Any:
        seconds = float(body.get("advance", 0))
        if seconds < 0:
            raise ValueError("time runs forwards")
        if seconds:
            self.advance(tx, seconds)
        return {"now": self.clock.now(), "machine": self.clock.machine(), "offset": self.clock.offset}


def _offset(tx: Transaction) -> float:
    return float(tx.get(CLOCK_OFFSET) or b"0")


async def serve(settings: Settings, ready: Callable[[int], None]) -> None:
    """Runs until SIGTERM or SIGINT; `ready(port)` is called once requests are answered."""
    app = App(settings, open_store(settings), SystemClock())
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    port = await app.start()
    # What is loaded by now stays: keep the collector from walking it again and again.
    gc.collect()
    gc.freeze()
    # Requests make few cycles: look for them seldom.
    gc.set_threshold(50_000, 20, 100)
    ready(port)
    await stopping.wait()
    log.info("stopping")
    await app.stop()
