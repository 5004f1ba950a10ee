"""up, down, serve, status, reset: a cloud's life."""

import asyncio
import contextlib
import logging
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from pileus.base.clock import SystemClock, monotonic
from pileus.cli import host, options, running
from pileus.settings import Settings

START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 20.0
LOCK_SECONDS_MAX = 0.3
# What a cloud writes into its data directory; a person's own files there (init scripts) are never deleted.
WRITTEN = (
    "state", "state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "state.sqlite.lock", "root.key", "ca.pem",
    "ca.key", "server.pem", "keys", "blobs", "blobs.spare", "certificates", "host", "pileus.log", "bin",
    "run.json", "run.json.new", "run.lock",
)  # fmt: skip


@click.command()
@options.starting
@click.option("--foreground", "-f", is_flag=True, help="Stay in the foreground; Ctrl-C stops the cloud.")
def up(foreground: bool, **given: Any) -> None:
    """Start the cloud and say what to type next."""
    config = options.read(given)
    found = running.find(config.data_dir)
    if found is not None:
        click.echo(f"Already up on {found.endpoint} (process {found.pid}).")
        _next_steps(found)
        return
    if config.port and running.port_is_taken(config.host, config.port):
        raise click.ClickException(
            f"port {config.port} of {config.host} is in use by another program. Choose another: pileus up --port 4567"
        )
    if foreground:
        _serve(config, None)
        return
    begin = monotonic()
    _start(config)
    found = running.find(config.data_dir)
    if found is None:
        raise click.ClickException(f"the cloud stopped right after its start; see {config.data_dir / 'pileus.log'}")
    click.echo(
        f"Ready. Pileus is up on {found.endpoint} ({monotonic() - begin:.2f} s); its state is in {config.data_dir}"
    )
    _next_steps(found)


def _start(config: Settings) -> None:
    """Starts `pileus serve` as a process of its own, and waits until it answers."""
    config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    log_path = config.data_dir / "pileus.log"
    reading, writing = os.pipe()
    arguments = [sys.executable, "-m", "pileus", "serve", "--ready-fd", str(writing)]
    for name in (
        "host", "port", "https_port", "store", "durability", "data_dir", "init_dir", "machines", "images_dir",
        "disk_gib", "unknown_images", "zone_latency_ms", "internet",
    ):  # fmt: skip
        value = getattr(config, name)
        if value != "":
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    if config.secure:
        arguments.append("--secure")
    with open(log_path, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as log:
        begin = log.tell()
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(writing,),
        )
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], START_SECONDS_MAX)
    said = os.read(reading, 16) if ready else b""
    os.close(reading)
    if not said:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
        raise click.ClickException(f"the cloud did not start:\n{_log_since(log_path, begin)}")


def _log_since(path: Path, begin: int) -> str:
    with path.open("rb") as log:
        log.seek(begin)
        lines = log.read().decode(errors="replace").strip().splitlines()
    return "\n".join(lines[-12:]) or f"(nothing in {path})"


def _next_steps(found: running.Running) -> None:
    # The command as this person can type it: plain if it is on their PATH.
    name = "pileus" if shutil.which("pileus") else f"{Path(sys.executable).parent / 'pileus'}"
    click.echo(
        "\nNext:\n"
        f'  eval "$({name} env)"            # point aws and the SDKs here\n'
        "  aws sts get-caller-identity\n"
        f"  {name} demo                     # a guided tour: users, policies, roles, queues\n"
        f"  {name} down                     # stop; the state stays"
    )


@click.command()
@options.starting
@click.option("--ready-fd", type=int, hidden=True)
def serve(ready_fd: int | None, **given: Any) -> None:
    """Run the cloud in the foreground (what `up` starts)."""
    _serve(options.read(given), ready_fd)


def _serve(config: Settings, ready_fd: int | None) -> None:
    from pileus.app import serve as run
    from pileus.store import AlreadyOpen

    logging.basicConfig(level=config.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.umask(0o077)  # state, keys and logs are nobody else's business
    _own(config.data_dir)

    def ready(port: int) -> None:
        running.announce(config.data_dir, port, config)
        click.echo("Ready.")
        if ready_fd is not None:
            os.write(ready_fd, b"ready")
            os.close(ready_fd)

    try:
        asyncio.run(run(config, ready))
    except AlreadyOpen as error:
        raise click.ClickException(str(error)) from None
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot listen on {config.host}:{config.port}: {error.strerror}") from None


def _own(data_dir: Path) -> int:
    """The data directory's lock. Somebody who only looks whether a cloud runs holds it for a moment too."""
    end = monotonic() + LOCK_SECONDS_MAX
    while (lock := running.take_lock(data_dir)) is None:
        if monotonic() > end:
            raise click.ClickException(f"a cloud already runs in {data_dir}; `pileus status` tells where")
        time.sleep(0.02)
    running.forget(data_dir)
    return lock


@click.command()
@options.data_dir
@click.option("--keep-machines", is_flag=True, help="Leave its machines running; the next `pileus up` adopts them.")
def down(data_dir: str | None, keep_machines: bool) -> None:
    """Stop the cloud and its machines; the state stays, and the next `pileus up` starts what ran."""
    settings = options.read({"data_dir": data_dir})
    was_up = stop(settings.data_dir)
    stopped = 0 if keep_machines else host.stop_machines(settings)
    if not was_up and not stopped:
        click.echo(f"No cloud is running in {settings.data_dir}.")
        return
    what = f"Stopped, and {host.machines_said(stopped)} with it." if stopped else "Stopped."
    click.echo(f"{what} The state stays; `pileus up` goes on where it was.")


def stop(data_dir: Path) -> bool:
    """Asks the cloud to stop and waits for it. False when none runs."""
    found = running.find(data_dir)
    if found is None:
        return False
    os.kill(found.pid, signal.SIGTERM)
    end = monotonic() + STOP_SECONDS_MAX
    while running.find(data_dir) is not None:
        if monotonic() > end:
            raise click.ClickException(f"process {found.pid} does not stop; see {data_dir / 'pileus.log'}")
        time.sleep(0.02)
    return True


@click.command()
@options.data_dir
def status(data_dir: str | None) -> None:
    """Say whether the cloud runs, and where."""
    settings = options.read({"data_dir": data_dir})
    where = settings.data_dir
    found = running.find(where)
    count = len(host.running_machines(settings))
    if found is None:
        click.echo(f"down: no cloud is running in {where}")
        if count:
            runs = "runs" if count == 1 else "run"
            click.echo(f"but {host.machines_said(count)} of it {runs}: `pileus up` adopts, `pileus down` stops")
        sys.exit(1)
    moved = running.ask(found, "/_pileus/clock", {})["offset"]
    up_for = SystemClock().machine() - found.started
    click.echo(f"up on {found.endpoint}, process {found.pid}, for {up_for:.0f} s")
    if found.https_port:
        click.echo(f"TLS on https://{found.host}:{found.https_port}; authority {where / 'ca.pem'}")
    click.echo(f"{host.machines_said(count)} running")
    click.echo(f"state in {where}; clock {'as the machine' if not moved else f'{moved:+.0f} s ahead of the machine'}")


@click.command()
@options.data_dir
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(data_dir: str | None, yes: bool) -> None:
    """Stop the cloud and delete everything in it."""
    settings = options.read({"data_dir": data_dir})
    where = settings.data_dir
    if not where.exists():
        click.echo(f"There is nothing in {where}.")
        return
    if not _is_a_data_dir(where):
        raise click.ClickException(f"{where} does not look like a Pileus data directory; nothing was deleted")
    if not yes:
        click.confirm(f"Delete all state in {where}?", abort=True)
    stop(where)
    lock = _own(where)
    host.leave(settings)
    for entry in (where / name for name in WRITTEN):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
    if "://" in settings.blobs:
        from pileus.blobs.objectstore import ObjectStoreBlobs

        blobs = ObjectStoreBlobs.at(settings.blobs, grace_s=-1.0)
        for blob in list(blobs.left_over()):
            blobs.delete(blob)
    os.close(lock)
    left = sorted(entry.name for entry in where.iterdir())
    click.echo("Everything is gone. `pileus up` starts an empty cloud.")
    if left:
        click.echo(f"Left as they were, for they are not the cloud's: {', '.join(left)}")


def _is_a_data_dir(where: Path) -> bool:
    entries = {entry.name for entry in where.iterdir()}
    return not entries or "run.lock" in entries
