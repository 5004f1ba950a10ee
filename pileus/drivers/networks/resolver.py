"""Names inside a network: a dnsmasq each, which asks nobody else, unless foreign names are (foreign.py), and outlives
this process.

It runs as an unprivileged user, and is known again by the file with its number.
"""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from pileus.drivers.networks import inside, kept
from pileus.drivers.networks.api import Network
from pileus.drivers.networks.foreign import ADDRESS, NEVER, PORT
from pileus.drivers.networks.kept import Program
from pileus.drivers.networks.names import resolver_addresses

TTL = 5
"""Seconds that a machine may keep an answer: what a name stands for moves."""
CACHE = 1_000
"""Foreign names that are remembered, for as long as their owners say."""


@dataclass(frozen=True)
class Resolver:
    """`folder`: where its files are; an unprivileged user must be able to look into it. `namespace`: the network's."""

    folder: Path
    namespace: str

    @property
    def program(self) -> Program:
        return Program(self.folder / "pid", f"--conf-file={self._settings}")

    def ensure(self, network: Network, foreign: bool = False) -> None:
        """Starts it, tells it what changed, or ends it. `foreign`: what it does not know is asked for."""
        if not network.resolver:
            self.program.end()
            return
        settings_changed = kept.write(self._settings, _settings(network, self.folder, foreign))
        names_changed = kept.write(self.folder / "names", _names(network))
        process = self.program.number()
        if process and not settings_changed:
            if names_changed:
                os.kill(process, signal.SIGHUP)
            return
        self.program.end()
        kept.end_strays(self.namespace, "dnsmasq")
        inside.run("nsenter", f"--net={inside.FOLDER / self.namespace}", "dnsmasq", f"--conf-file={self._settings}")

    def remove(self) -> None:
        self.program.end()
        kept.end_strays(self.namespace, "dnsmasq")
        for name in ("settings", "names"):
            (self.folder / name).unlink(missing_ok=True)

    @property
    def _settings(self) -> Path:
        return self.folder / "settings"


def _settings(network: Network, folder: Path, foreign: bool) -> str:
    """`local` besides each `address`: what the domain has no record of (IPv6) is answered as such, not as unknown."""
    lines = ["user=nobody", f"pid-file={folder / 'pid'}", f"addn-hosts={folder / 'names'}"]
    lines += ["no-resolv", "no-hosts", "no-poll", "bind-interfaces", f"local-ttl={TTL}"]
    if foreign:
        # Nobody outside is asked for plain names, for domains that are everybody's own, nor who has a private address.
        lines += [f"server={ADDRESS}#{PORT}", "domain-needed", "bogus-priv", f"cache-size={CACHE}"]
        lines += [f"local=/{domain}/" for domain in NEVER]
    else:
        lines += ["cache-size=0", "local=/#/"]
    lines += [f"listen-address={address}" for address in sorted(resolver_addresses(network))]
    for domain, address in sorted(network.domains.items()):
        lines += [f"address=/{domain}/{address}", f"local=/{domain}/"]
    return "".join(f"{line}\n" for line in lines)


def _names(network: Network) -> str:
    return "".join(f"{address} {name}\n" for name, addresses in network.names.items() for address in addresses)
