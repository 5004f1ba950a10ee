"""Holds packets back for a while: a program of its own, since it outlives whoever started it.

    delay.py FOLDER QUEUE

It answers for a queue of the packet filter in its network namespace (`linux/netfilter/nfnetlink_queue.h`) and lets each
packet go after the seconds that FOLDER/delay says, which it reads again on SIGHUP. FOLDER/delay.pid has its number. It
ends in the background once it answers. Only the standard library is used.
"""

import os
import signal
import socket
import struct
import sys
from collections import deque
from pathlib import Path
from select import select
from time import monotonic

PACKET, CONFIGURE, VERDICTS = 3 << 8, 3 << 8 | 2, 3 << 8 | 3
ACCEPT = 1
LENGTH_MAX = 65_536
"""Packets that may be held; the kernel lets others pass at once."""


def message(kind: int, flags: int, queue: int, attribute: bytes) -> bytes:
    body = struct.pack("=BBH", socket.AF_UNSPEC, 0, socket.htons(queue)) + attribute
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 0, 0) + body


def configure(kernel: socket.socket, queue: int, attribute: bytes) -> None:
    kernel.send(message(CONFIGURE, 5, queue, attribute))
    status = -struct.unpack_from("=i", kernel.recv(65_536), 16)[0]
    if status:
        raise OSError(status, "the kernel gives no queue")


def opened(queue: int) -> socket.socket:
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 12)
    kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
    configure(kernel, queue, struct.pack("=HHBxxx", 8, 1, 1))  # bind
    configure(kernel, queue, struct.pack("=HH", 9, 2) + struct.pack("!IBxxx", 0, 1))  # heads only
    configure(kernel, queue, struct.pack("=HH", 8, 3) + struct.pack("!I", LENGTH_MAX))
    # When the queue is full packets pass, and segments that the host has put together stay together.
    both = struct.pack("=HH", 8, 5) + struct.pack("!I", 5) + struct.pack("=HH", 8, 4) + struct.pack("!I", 5)
    configure(kernel, queue, both)
    kernel.setblocking(False)
    return kernel


def numbers(received: bytes) -> list[int]:
    """Of the packets that a message from the kernel tells of; the first attribute begins with it."""
    found, at = [], 0
    while at + 28 <= len(received):
        length, kind = struct.unpack_from("=IH", received, at)
        if kind == PACKET:
            found.append(int(struct.unpack_from("!I", received, at + 24)[0]))
        at += (length + 3) & ~3
    return found


def hold(kernel: socket.socket, queue: int, folder: Path) -> None:
    """For ever. Packets leave in the order they came, so one verdict speaks for all that are due."""
    again = [True]
    signal.signal(signal.SIGHUP, lambda *_: again.append(True))
    waiting: deque[tuple[float, int]] = deque()
    seconds = 0.0
    while True:
        if again:
            again.clear()
            seconds = float((folder / "delay").read_text())
        select([kernel], [], [], max(0.0, waiting[0][0] - monotonic()) if waiting else 60.0)
        now = monotonic()
        try:
            while True:
                waiting.extend((now + seconds, number) for number in numbers(kernel.recv(65_536)))
        except BlockingIOError:
            pass
        last = 0
        while waiting and waiting[0][0] <= now:
            last = waiting.popleft()[1]
        if last:
            verdict = struct.pack("=HH", 12, 2) + struct.pack("!II", ACCEPT, last)
            kernel.send(message(VERDICTS, 1, queue, verdict))


def main(folder: Path, queue: int) -> None:
    kernel = opened(queue)
    child = os.fork()
    if child:
        (folder / "delay.pid").write_text(str(child))
        return
    os.setsid()
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    hold(kernel, queue, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
