"""Names inside a network: a dnsmasq each, which asks nobody else and outlives this process.

It runs as an unprivileged user, and is known again by the file with its number.
"""

import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path

from pileus.drivers.api import Unable
from pileus.drivers.networks import inside
from pileus.drivers.networks.api import Network
from pileus.drivers.networks.names import RESOLVER, resolver_address

RUN = Path("/run/pileus")
"""Its files are here and not in a data directory, which an unprivileged user cannot look into."""
PATIENCE = 10.0
TTL = 5
"""Seconds that a machine may keep an answer: what a name stands for moves."""


@dataclass(frozen=True)
class Resolver:
    """`tag`: of the driver. `namespace`: the network's; names its files too."""

    tag: str
    namespace: str

    @property
    def folder(self) -> Path:
        return RUN / self.tag / self.namespace

    def ensure(self, network: Network) -> None:
        """Starts it, tells it what changed, or ends it."""
        if not network.resolver:
            self.end()
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        settings_changed = self._write("settings", _settings(network, self.folder))
        names_changed = self._write("names", _names(network))
        process = self._process()
        if process and not settings_changed:
            if names_changed:
                os.kill(process, signal.SIGHUP)
            return
        self.end()
        inside.run("nsenter", f"--net={inside.FOLDER / self.namespace}", "dnsmasq", f"--conf-file={self._settings}")

    def end(self) -> None:
        process = self._process()
        if process is None:
            return
        try:
            handle = os.pidfd_open(process)
        except ProcessLookupError:
            return
        try:
            signal.pidfd_send_signal(handle, signal.SIGTERM)
            watch = select.poll()
            watch.register(handle, select.POLLIN)
            if not watch.poll(PATIENCE * 1_000):
                raise Unable(f"dnsmasq ({process}) does not end")
        except ProcessLookupError:
            return
        finally:
            os.close(handle)

    def remove(self) -> None:
        self.end()
        for name in ("settings", "names", "pid"):
            (self.folder / name).unlink(missing_ok=True)
        for folder in (self.folder, self.folder.parent, RUN):
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()

    @property
    def _settings(self) -> Path:
        return self.folder / "settings"

    def _process(self) -> int | None:
        """Its number, when it lives and is not another with the same number."""
        try:
            number = int((self.folder / "pid").read_text())
            command = Path(f"/proc/{number}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        return number if f"--conf-file={self._settings}".encode() in command else None

    def _write(self, name: str, text: str) -> bool:
        """Whether it was another text."""
        path = self.folder / name
        if path.exists() and path.read_text() == text:
            return False
        path.with_suffix(".new").write_text(text)
        path.with_suffix(".new").replace(path)
        return True


def _settings(network: Network, folder: Path) -> str:
    """`local` besides each `address`: what the domain has no record of (IPv6) is answered as such, not as unknown."""
    lines = ["user=nobody", f"pid-file={folder / 'pid'}", f"addn-hosts={folder / 'names'}"]
    lines += ["no-resolv", "no-hosts", "no-poll", "bind-interfaces", "cache-size=0", f"local-ttl={TTL}", "local=/#/"]
    lines += [f"listen-address={address}" for address in (RESOLVER, *map(resolver_address, network.subnets))]
    for domain, address in sorted(network.domains.items()):
        lines += [f"address=/{domain}/{address}", f"local=/{domain}/"]
    return "".join(f"{line}\n" for line in lines)


def _names(network: Network) -> str:
    return "".join(f"{address} {name}\n" for name, addresses in network.names.items() for address in addresses)
