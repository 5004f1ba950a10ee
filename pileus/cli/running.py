"""Whether a cloud runs in a data directory, where it listens, and how to ask it something.

The server holds a lock on `run.lock` as long as it lives; `run.json` says who and where. A stale `run.json` without
the lock means nothing, so a reused process id is never mistaken for a cloud.
"""

import fcntl
import hashlib
import http.client
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import gmtime, strftime
from typing import Any

import click

from pileus import settings
from pileus.base.clock import SystemClock
from pileus.gateway.sigv4 import ALGORITHM, Claim, signing_key, string_to_sign
from pileus.wire import HttpRequest

ADMIN_SERVICE, ADMIN_REGION = "pileus", "us-east-1"


@dataclass(frozen=True)
class Running:
    pid: int
    host: str
    port: int
    https_port: int
    secure: bool
    started: float
    data_dir: Path

    @property
    def endpoint(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def take_lock(data_dir: Path) -> int | None:
    """The lock's file descriptor, kept open by the server; None when another process has it."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(data_dir / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def forget(data_dir: Path) -> None:
    """By whoever has just taken the lock: what an earlier cloud said of itself is no longer true."""
    (data_dir / "run.json").unlink(missing_ok=True)


def announce(data_dir: Path, port: int, config: settings.Settings) -> None:
    described = {
        "pid": os.getpid(),
        "host": config.host,
        "port": port,
        "https_port": config.https_port,
        "secure": config.secure,
        "started": SystemClock().machine(),
    }
    new = data_dir / "run.json.new"
    new.write_text(json.dumps(described))
    new.replace(data_dir / "run.json")


def find(data_dir: Path) -> Running | None:
    """The cloud that runs in this data directory, if one does."""
    if not (data_dir / "run.lock").exists():
        return None
    handle = take_lock(data_dir)
    if handle is not None:
        os.close(handle)
        return None
    try:
        described = json.loads((data_dir / "run.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None  # it is just starting
    return Running(**described, data_dir=data_dir)


def need(data_dir: str | None) -> Running:
    """The running cloud, or a plain error that says how to start one."""
    where = settings.load({"data_dir": data_dir}).data_dir
    found = find(where)
    if found is None:
        raise click.ClickException(f"no cloud is running in {where}. Start one with `pileus up`.")
    return found


def root_key(running: Running) -> tuple[str, str]:
    if not running.secure:
        return "test", "test"
    key, secret = (running.data_dir / "root.key").read_text().split()
    return key, secret


def ask(running: Running, path: str, body: Mapping[str, Any]) -> Any:
    """A signed request to the administration pages (gateway/admin.py). Raises ClickException with the cloud's own
    words."""
    key, secret = root_key(running)
    payload = json.dumps(body).encode()
    stamp = strftime("%Y%m%dT%H%M%SZ", gmtime(SystemClock().machine()))
    headers = {"host": running.endpoint.removeprefix("http://"), "x-amz-date": stamp, "content-type": "application/json"}
    request = HttpRequest("POST", path, "", headers, payload)
    claim = Claim(key, stamp[:8], ADMIN_REGION, ADMIN_SERVICE, sorted(headers), "", stamp, None)
    text = string_to_sign(request, claim, hashlib.sha256(payload).hexdigest())
    signature = signing_key(secret, claim.date, ADMIN_REGION, ADMIN_SERVICE).sign(text)
    headers["authorization"] = (
        f"{ALGORITHM} Credential={key}/{claim.scope}, SignedHeaders={';'.join(claim.signed)}, Signature={signature}"
    )
    connection = http.client.HTTPConnection(running.host, running.port, timeout=30)
    try:
        connection.request("POST", path, payload, headers)
        answer = connection.getresponse()
        content = json.loads(answer.read() or b"{}")
    except (OSError, http.client.HTTPException) as error:
        raise click.ClickException(f"the cloud at {running.endpoint} does not answer: {error}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise click.ClickException(content.get("message", f"the cloud answered {answer.status}"))
    return content


def port_is_taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False
