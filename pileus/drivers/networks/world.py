"""The world beyond this host, reached from the edge by slirp4netns: a program that opens the host's ordinary sockets
for what comes out of a device in a namespace. Neither the host's forwarding nor its firewall is touched, and nothing
is left of it when the program ends. It outlives this process.

It begins as root, for it must enter a namespace of root's; then it shuts itself into an empty root with a filter of
system calls, and keeps no right but to bind low ports. It knows one address of the namespace: all that leaves is
translated to it. No port leads in, and its gateway does not stand for the host's loopback.
"""

import json
import os
import select
import socket
from dataclasses import dataclass, field
from pathlib import Path

from pileus.drivers.api import Unable
from pileus.drivers.networks import inside
from pileus.drivers.networks.kept import PATIENCE, Program, end_all
from pileus.drivers.networks.watching import everything

PROGRAM = "slirp4netns"
DEVICE = "world"
OURS, GATEWAY = "169.254.242.100", "169.254.242.2"
"""Where slirp4netns looks for them in its range."""
RANGE = "169.254.242.0/24"
STARTED = 'ulimit -n 4096 2>/dev/null; setsid "$@" </dev/null >/dev/null 2>"$0" & echo $!'
"""By a shell, in whose words the log is $0. Connections at once are bounded, for each takes some 200 kB."""
LINKS, ADDRESSES = 0x1, 0x10
"""Groups of the kernel's routing socket."""


def words(namespace: Path) -> list[str]:
    """Its mounts are made its own: it unmounts all when it shuts itself in, and what is shared, as mounts of namespaces
    are, would be gone from the host (slirp4netns 1.2.0)."""
    alone = ["unshare", "--mount", "--propagation", "private"]
    shut = ["--enable-sandbox", "--enable-seccomp", "--disable-host-loopback", "--disable-dns"]
    return [*alone, PROGRAM, "--netns-type=path", *shut, f"--cidr={RANGE}", str(namespace), DEVICE]


def ear(groups: int) -> socket.socket:
    """Hears what changes of a namespace's devices or addresses."""
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    made.bind((0, groups))
    return made


def host_addresses() -> set[str]:
    """All that this host itself has now."""
    shown = json.loads(inside.run("ip", "-j", "-4", "addr") or "[]")
    return {info["local"] for device in shown for info in device.get("addr_info", ()) if "local" in info}


@dataclass
class World:
    """`folder`: where the program's files are. `namespace`: the edge's."""

    folder: Path
    namespace: str
    _sure: bool = field(default=False, init=False)
    """What is there was made by this process, to its end."""

    @property
    def program(self) -> Program:
        return Program(self.folder / "world.pid", str(inside.FOLDER / self.namespace))

    def ensure(self) -> None:
        """Starts it, unless it runs, and leads to it what has no other way out of the edge. Raises Unable."""
        running = self.program.number() is not None and DEVICE in inside.devices(self.namespace)
        if running and self._sure:
            return
        if not running:
            self.end()
            self._start()
        route = f"route replace default via {GATEWAY} dev {DEVICE} onlink"
        link = [f"link set {DEVICE} mtu 1500 up", f"addr replace {OURS}/32 dev {DEVICE}"]
        inside.ip(self.namespace, [*link, route])
        self._sure = True

    def end(self) -> None:
        """Harmless when it does not run. Its device and the route go with it."""
        self._sure = False
        self.program.end()
        end_all(PROGRAM, str(inside.FOLDER / self.namespace))
        if inside.exists(self.namespace):
            inside.unlink(self.namespace, DEVICE)

    def remove(self) -> None:
        self.end()
        (self.folder / "world.said").unlink(missing_ok=True)
        if self.folder.exists():
            self.folder.rmdir()

    def _start(self) -> None:
        said = self.folder / "world.said"
        self.folder.mkdir(parents=True, exist_ok=True)
        with inside.inside(self.namespace, lambda: ear(LINKS)) as links:
            links.setblocking(False)
            # Started by a shell, it is nobody's child: whoever ends first, nothing is left to be reaped.
            number = inside.run("sh", "-c", STARTED, str(said), *words(inside.FOLDER / self.namespace)).strip()
            self.program.file.write_text(number)
            try:
                ended = os.pidfd_open(int(number))
            except ProcessLookupError:
                raise Unable(f"{PROGRAM}: {_last(said)}") from None
            try:
                while DEVICE not in inside.devices(self.namespace):
                    heard, _, _ = select.select([links.fileno(), ended], [], [], PATIENCE)
                    if not heard or ended in heard:
                        raise Unable(f"{PROGRAM}: {_last(said)}")
                    everything(links)
            finally:
                os.close(ended)


def _last(said: Path) -> str:
    """What it complained about."""
    return "; ".join(said.read_text(errors="replace").splitlines()) if said.exists() else "it does not start"
