"""Names that are none of this cloud's, asked of the host's own resolvers.

A network's resolver cannot reach them: it stands in the network, and they may be at the host's loopback address. A
program of its own (relay.py) has a foot in both.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from pileus.drivers.networks import inside, kept, relay

ADDRESS, PORT = "127.0.0.1", 5335
"""Where it answers in the network's namespace, whose loopback address no machine reaches."""
RESOLVERS = Path("/etc/resolv.conf")
NEVER = ("internal", "local", "localhost", "test", "invalid", "home.arpa", "api.aws")
"""Domains that mean something only here, wherever here is: no question for a name under them leaves the network. AWS's
dual-stack endpoints (IPv6) are among them, so that nothing meant for this cloud is sent to the real one."""


@dataclass(frozen=True)
class ForeignNames:
    """`folder`: where the program's files are. `resolvers`: the host's, as in resolv.conf(5)."""

    folder: Path
    namespace: str
    resolvers: Path = RESOLVERS

    @property
    def program(self) -> kept.Program:
        return kept.Program(self.folder / "relay.pid", str(self.folder / "relay.pid"))

    def ensure(self, wanted: bool) -> None:
        """Starts it or ends it. Raises Unable."""
        if not wanted:
            self.program.end()
        elif self.program.number() is None:
            kept.end_strays(self.namespace, Path(relay.__file__).name)
            self.folder.mkdir(parents=True, exist_ok=True)
            here = f"/proc/{os.getpid()}/ns/net"
            words = [self.program.argument, here, str(self.resolvers), ADDRESS, str(PORT)]
            python = [sys.executable, "-I", "-S", relay.__file__, *words]
            inside.run("nsenter", f"--net={inside.FOLDER / self.namespace}", *python)

    def remove(self) -> None:
        self.program.end()
        kept.end_strays(self.namespace, Path(relay.__file__).name)
