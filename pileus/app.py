"""The composition root: the only file that knows everything. Builds a cloud from settings and runs it."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import ssl
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from pileus import __version__
from pileus.base import ids
from pileus.base.clock import SystemClock
from pileus.base.errors import ApiError
from pileus.blobs import Blobs
from pileus.blobs.files import FileBlobs
from pileus.catalog import Catalog
from pileus.control import Loop
from pileus.control.reaper import Reap, sweep
from pileus.drivers import Drivers
from pileus.gateway.admin import Admin, number
from pileus.gateway.cloud import Cloud
from pileus.gateway.front import Front
from pileus.gateway.inside import Inside
from pileus.gateway.server import Server
from pileus.gateway.serving import Limits
from pileus.hosting import drivers_of, refusal
from pileus.identity.keys import ROOT_ACCOUNT, AccessKey, Conveniences, access_keys
from pileus.init_scripts import LOCALSTACK, STAGES, InitScripts
from pileus.keyring import Keyring
from pileus.settings import Settings
from pileus.store import Store, Transaction, pack
from pileus.store.memory import MemoryStore

log = logging.getLogger("pileus")

WORK_AFTER_SECONDS = 0.1
FILES_OF_OUR_OWN = 512
CLOCK_ADVANCE_MAX_S = 100 * 365 * 86_400.0
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


def open_blobs(settings: Settings) -> Blobs:
    """Where object bytes go."""
    if "://" in settings.blobs:
        from pileus.blobs.objectstore import ObjectStoreBlobs

        return ObjectStoreBlobs.at(settings.blobs)
    if settings.blobs != "files":
        raise ValueError(f"there is no blob engine '{settings.blobs}': choose files, or s3://bucket/prefix")
    return FileBlobs(settings.data_dir / "blobs", settings.durability)


class App:
    """One running cloud."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: SystemClock,
        catalog: Catalog | None = None,
        drivers: Drivers | None = None,
    ):
        self.settings, self.store, self.clock = settings, store, clock
        self.catalog = catalog or Catalog()
        keyring = Keyring(settings.data_dir / "keys" / "sse" if settings.store != "memory" else None)
        conveniences = None if settings.secure else Conveniences()
        self.cloud = Cloud(
            store, clock, self.catalog, conveniences, keyring, open_blobs(settings), drivers or drivers_of(settings)
        )
        self.cloud.unknown_images = settings.unknown_images
        self.cloud.trust = cache(self._authority)
        self.cloud.zone_latency = settings.zone_latency_ms / 1_000
        self.loop = Loop(self.cloud, [Reap()])
        self.admin = Admin(self.cloud)
        self.admin.pages["POST", "/_pileus/clock"] = self._clock_page
        self.admin.pages["POST", "/_pileus/why"] = self._why_page
        guarded = not settings.secure and settings.on_loopback
        self.front = Front(self.cloud, self.admin, __version__, settings.cors_origins, guarded)
        self.server = Server(self.front, Limits(connections=_connections_max()))
        store.on_signal(self._hear)
        self._background: list[asyncio.Task[None]] = []
        self.inside = Inside(self.cloud, __version__, self._tls_by_name)
        self._ends: list[Callable[[], None]] = []

    async def listen(self) -> int:
        """From here on requests are answered. Returns the port."""
        self.clock.offset = await self.store.transact(_offset)
        await self.store.transact(self._root_key)
        settings = self.settings
        port = await self.server.listen(settings.host, settings.port)
        if settings.https_port:
            from pileus.gateway import tls

            await self.server.listen(settings.host, settings.https_port, tls.context(settings.data_dir, settings.host))
        return port

    async def work(self) -> None:
        """Brings in every service, letting requests through in between, and starts the background work."""
        for name in self.catalog:
            _ = self.catalog[name]
            for reconciler in self.catalog.reconcilers(name):
                self.loop.add(reconciler)
            await asyncio.sleep(0)
        self.loop.add(self.inside)
        for name in self.catalog:
            begin = self.catalog.begin(name)
            if begin is not None:
                self._ends.append(await begin(self.cloud))
        running = asyncio.get_running_loop()
        self._background.append(running.create_task(self.loop.run()))
        self._background.append(running.create_task(self._sweep()))

    def _authority(self) -> str:
        from pileus.gateway import tls

        return tls.authority(self.settings.data_dir)

    def _tls_by_name(self) -> ssl.SSLContext:
        from pileus.gateway import tls

        return tls.by_name(self.settings.data_dir)

    async def _sweep(self) -> None:
        await sweep(self.cloud)

    async def stop(self) -> None:
        self.server.stopping = True
        self.cloud.waiting.close()
        await self.server.stop()
        for task in self._background:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for end in self._ends:
            end()
        await self.inside.stop()
        self.cloud.recorder.flush()
        await self.store.transact(lambda tx: None)
        self.store.close()

    def root_key(self) -> tuple[str, str]:
        """(key id, secret) of the root of account 000000000000."""
        if not self.settings.secure:
            return "test", Conveniences().secret
        key, secret = (self.settings.data_dir / "root.key").read_text().split()
        return key, secret

    def _root_key(self, tx: Transaction) -> None:
        """A secure cloud has root keys of its own, made once and kept in the data directory."""
        if not self.settings.secure:
            return
        path = self.settings.data_dir / "root.key"
        if path.exists():
            key_id, secret = path.read_text().split()
        else:
            key_id, secret = ids.access_key_id(), ids.secret_key()
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(f"{key_id}\n{secret}\n")
        if access_keys.get(tx, key_id) is None:
            key = AccessKey(key_id, secret, ROOT_ACCOUNT, "", ROOT_ACCOUNT, self.clock.now())
            access_keys.put(tx, key_id, record=key)

    def advance(self, tx: Transaction, seconds: float) -> float:
        """Moves the cloud's clock on, once committed; everything that was due meanwhile becomes due. The new offset."""
        offset = _offset(tx) + seconds
        tx.put(CLOCK_OFFSET, repr(offset).encode())
        tx.signal(CLOCK_OFFSET)
        return offset

    def _hear(self, keys: set[bytes]) -> None:
        if CLOCK_OFFSET in keys:
            self.store.submit(_offset, self._clock_moved)

    def _clock_moved(self, offset: float, error: BaseException | None) -> None:
        if error is not None:
            log.error("the clock's offset could not be read", exc_info=error)
            return
        self.clock.offset = offset
        self.loop.stir()
        self.cloud.waiting.check_time()

    def _clock_page(self, tx: Transaction, body: dict[str, Any]) -> Any:
        seconds = number(body, "advance", 0.0, 0.0, CLOCK_ADVANCE_MAX_S)
        offset = self.advance(tx, seconds) if seconds else _offset(tx)
        machine = self.clock.machine()
        return {"now": machine + offset, "machine": machine, "offset": offset}

    def _why_page(self, tx: Transaction, body: dict[str, Any]) -> Any:
        """Why packets from one place of a network to another pass or not."""
        from pileus.services.ec2.vpc.questions import explain

        port = int(number(body, "port", -1, -1, 65_535))
        protocol = str(body.get("protocol") or "tcp")
        if protocol not in ("tcp", "udp", "icmp"):
            raise ApiError("protocol is tcp, udp or icmp", code="BadRequest", status=400)
        source, target = str(body.get("from") or ""), str(body.get("to") or "")
        return explain(tx, self.cloud.drivers.networks, source, target, protocol, port)


def _connections_max() -> int:
    """As many as the system lets this process have open files, less those that the store and the rest need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = Limits.connections + FILES_OF_OUR_OWN
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(16, min(soft - FILES_OF_OUR_OWN, Limits.connections))


def _offset(tx: Transaction) -> float:
    return float(tx.get(CLOCK_OFFSET) or b"0")


async def serve(settings: Settings, ready: Callable[[int], None]) -> None:
    """Runs until SIGTERM or SIGINT; `ready(port)` is called once requests are answered. Raises ValueError for settings
    that this host cannot hold."""
    drivers = drivers_of(settings)
    if why := refusal(settings, drivers):
        raise ValueError(why)
    app = App(settings, open_store(settings), SystemClock(), drivers=drivers)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)
    port = await app.listen()
    scripts = init_scripts(app, port)
    for stage in ("BOOT", "START"):
        await scripts.run(stage)
    ready(port)
    running = loop.create_task(scripts.run("READY"))
    # Whoever waited for the start is served first.
    await asyncio.sleep(WORK_AFTER_SECONDS)
    await app.work()
    # What is loaded by now stays: keep the collector from walking it again and again.
    gc.collect()
    gc.freeze()
    # Requests make few cycles: look for them seldom.
    gc.set_threshold(50_000, 20, 100)
    await stopping.wait()
    log.info("stopping")
    running.cancel()
    await scripts.run("SHUTDOWN")
    await app.stop()


def init_scripts(app: App, port: int) -> InitScripts:
    """The scripts of the settings' folders, and their pages."""
    settings = app.settings
    folders = [settings.data_dir / "init", LOCALSTACK]
    if settings.init_dir:
        folders.insert(0, Path(settings.init_dir))
    environment = {"AWS_ENDPOINT_URL": f"http://{settings.host}:{port}", "AWS_DEFAULT_REGION": "us-east-1"}
    key, secret = app.root_key()
    environment |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    scripts = InitScripts(folders, environment)
    app.front.pages["/_localstack/init"] = scripts.status
    for stage in STAGES:
        app.front.pages[f"/_localstack/init/{stage.lower()}"] = partial(scripts.status, stage)
    return scripts
