"""Servers under measure: ours, and a peer in the same run. On loopback, accounted for from /proc, killed at the end."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import signing

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
PEER_HOME = Path(".cache/peers/roto")
PEER = "roto-aws==0.10.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One server process. `command` is formatted with `port` and `data`."""

    def __init__(self, name: str, command: list[str]):
        self.name, self.port = name, free_port()
        self.data = Path(tempfile.mkdtemp(prefix=f"bench-{name}-"))
        self._command = [part.format(port=self.port, data=self.data) for part in command]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Returns the milliseconds until the first answer."""
        begin = time.perf_counter()
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while time.perf_counter() - begin < 30:
            try:
                client = signing.Client(self.port)
                client.call(signing.form(self.port, "sts", "GetCallerIdentity", "2011-06-15"))
                client.close()
                return (time.perf_counter() - begin) * 1e3
            except (OSError, RuntimeError):
                time.sleep(0.003)
        raise RuntimeError(f"{self.name} did not start")

    def stop(self, keep: bool = False) -> None:
        """`keep`: its files stay, for another start."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        if keep:
            return
        shutil.rmtree(self.data, ignore_errors=True)

    @property
    def pid(self) -> int:
        if self.process is None:
            raise RuntimeError(f"{self.name} is not running")
        return self.process.pid

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mib(self) -> float:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE / 2**20


def ours() -> Server:
    command = [sys.executable, "-m", "pileus", "serve", "--port", "{port}", "--data-dir", "{data}"]
    return Server("pileus", command)


def peer() -> Server:
    """roto-aws, compiled and durable: the fastest peer that keeps what it acknowledged. Installed on first use."""
    binary = PEER_HOME / "bin" / "roto-server"
    if not binary.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEER_HOME)], check=True)
        subprocess.run([str(PEER_HOME / "bin" / "pip"), "install", "-q", PEER], check=True)
    return Server("roto", [str(binary), "--port", "{port}", "--data-dir", "{data}"])
