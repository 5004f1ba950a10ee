"""The time that packets take from one zone to another.

What crosses zones has a mark (rules.py). The last hook of a packet hands what is marked to a queue, where a program of
its own holds it back (delay.py); when that is gone, packets pass at once. netem, where a kernel has it, delays whatever
leaves a device, wherever it comes from.
"""

import os
import signal
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from pileus.drivers.api import Unable
from pileus.drivers.networks import delay, inside, kept
from pileus.drivers.networks.conntrack import attribute, complaint, messages, opened
from pileus.drivers.networks.matches import CROSSING

QUEUE = 7
TABLE = "pileus_delay"
CHAIN = "crossing"


@dataclass(frozen=True)
class Latency:
    """`folder`: where the program's files are."""

    folder: Path
    namespace: str

    @property
    def program(self) -> kept.Program:
        return kept.Program(self.folder / "delay.pid", str(self.folder))

    def ensure(self, seconds: float) -> None:
        """Raises Unable."""
        program = self.program
        running = program.number()
        if not seconds:
            if (self.folder / "delay").exists():
                program.end()
                inside.nft(self.namespace, f"add table ip {TABLE}\ndelete table ip {TABLE}\n")
                (self.folder / "delay").unlink()
            return
        changed = kept.write(self.folder / "delay", str(seconds))
        if running:
            if changed:
                os.kill(running, signal.SIGHUP)
            return
        kept.end_strays(self.namespace, Path(delay.__file__).name)
        self._queued()
        python = [sys.executable, "-I", "-S", str(Path(delay.__file__)), str(self.folder), str(QUEUE)]
        inside.run("nsenter", f"--net={inside.FOLDER / self.namespace}", *python)

    def remove(self) -> None:
        self.program.end()
        kept.end_strays(self.namespace, Path(delay.__file__).name)
        (self.folder / "delay").unlink(missing_ok=True)

    def _queued(self) -> None:
        hook = "type filter hook forward priority 10; policy accept;"
        inside.nft(
            self.namespace,
            f"add table ip {TABLE}\ndelete table ip {TABLE}\nadd table ip {TABLE}\n"
            f"add chain ip {TABLE} {CHAIN} {{ {hook} }}\n"
            f"add rule ip {TABLE} {CHAIN} meta mark & {CROSSING:#x} == 0 return\n",
        )
        try:
            inside.nft(self.namespace, f"add rule ip {TABLE} {CHAIN} queue flags bypass to {QUEUE}\n")
        except Unable:
            inside.inside(self.namespace, _queued_of_old)


def _queued_of_old() -> None:
    """The same rule for kernels whose packet filter has no word for queues (CONFIG_NFT_QUEUE), only iptables' target
    NFQUEUE, in its third version: number of the queue, number of queues, a flag for bypass."""
    target = attribute(1, b"NFQUEUE\0") + attribute(2, struct.pack("!I", 3))
    target += attribute(3, struct.pack("=HHHxx", QUEUE, 1, 1))
    expression = attribute(0x8001, attribute(1, b"target\0") + attribute(0x8002, target))
    rule = attribute(1, TABLE.encode() + b"\0") + attribute(2, CHAIN.encode() + b"\0") + attribute(0x8004, expression)
    batch = struct.pack("=BBH", 0, 0, socket.htons(10))
    with opened() as kernel:
        kernel.send(
            _message(0x10, 1, batch)
            + _message(10 << 8 | 6, 0xC05, struct.pack("=BBH", socket.AF_INET, 0, 0) + rule)
            + _message(0x11, 1, batch)
        )
        for _, answer in messages(kernel.recv(65_536)):
            if why := complaint(answer):
                raise Unable(f"this kernel cannot delay packets (CONFIG_NFT_QUEUE or NFQUEUE): {why}")


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body
