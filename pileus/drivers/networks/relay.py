"""Hands questions for names from a network's resolver to those of the host: a program of its own, since it outlives
whoever started it.

    relay.py PID-FILE NAMESPACE RESOLVERS ADDRESS PORT

It is started in the network's namespace, answers there at ADDRESS and PORT, and asks from the host's network, NAMESPACE
(a file). Whom it asks is read anew for each question from RESOLVERS (resolv.conf(5)): a host moves, and one that has a
resolver of its own answers at a loopback address. It ends in the background once it answers, and gives up root's
rights. Only the standard library is used.
"""

import ctypes
import os
import socket
import struct
import sys
import threading
from pathlib import Path

CLONE_NEWNET = 0x40000000
NOBODY = 65_534
PATIENCE = 3.0
"""Seconds that one of the host's resolvers is given."""
AT_ONCE = 128
SIZE = 65_535


class Resolvers:
    """Those of the host, whoever answered last first. All is bytes: what decodes is loaded at its first use, by when
    this program may not be allowed to read where Python is."""

    def __init__(self, file: Path):
        self._file = file
        self._last = b""

    def order(self) -> list[bytes]:
        try:
            words = [line.split() for line in self._file.read_bytes().splitlines()]
        except OSError:
            words = []
        found = [each[1] for each in words if len(each) > 1 and each[0] == b"nameserver"] or [b"127.0.0.1"]
        return sorted(found[:3], key=lambda each: each != self._last)

    def answered(self, server: bytes) -> None:
        self._last = server


def dialled(server: bytes, kind: socket.SocketKind) -> socket.socket:
    family, _, _, _, place = socket.getaddrinfo(server, 53, type=kind, flags=socket.AI_NUMERICHOST)[0]
    made = socket.socket(family, kind)
    try:
        made.settimeout(PATIENCE)
        made.connect(place)
    except OSError:
        made.close()
        raise
    return made


def asked(resolvers: Resolvers, question: bytes) -> bytes:
    """The answer; that there is none, when nobody gives one."""
    for server in resolvers.order():
        try:
            with dialled(server, socket.SOCK_DGRAM) as dial:
                dial.send(question)
                answer = dial.recv(SIZE)
        except OSError:
            continue
        if answer[:2] == question[:2]:
            resolvers.answered(server)
            return answer
    return failed(question)


def failed(question: bytes) -> bytes:
    """SERVFAIL, with the question's own words (RFC 1035, 4.1)."""
    at = 12
    while question[at]:
        at += question[at] + 1
    return question[:2] + bytes([question[2] | 0x80, 0x82]) + struct.pack("!HHHH", 1, 0, 0, 0) + question[12 : at + 5]


def message(line: socket.socket) -> bytes:
    """The next one with its length before it; empty when the other side is done."""
    head = line.recv(2, socket.MSG_WAITALL)
    if len(head) < 2:
        return b""
    size = struct.unpack("!H", head)[0]
    return head + line.recv(size, socket.MSG_WAITALL)


def carried(resolvers: Resolvers, line: socket.socket) -> None:
    """One connection, until its end."""
    with line:
        line.settimeout(PATIENCE * 10)
        for server in resolvers.order():
            try:
                with dialled(server, socket.SOCK_STREAM) as dial:
                    while question := message(line):
                        dial.sendall(question)
                        line.sendall(message(dial))
                return
            except OSError:
                continue


def lines(resolvers: Resolvers, listener: socket.socket) -> None:
    while True:
        line, _ = listener.accept()
        threading.Thread(target=carried, args=(resolvers, line), daemon=True).start()


def words(resolvers: Resolvers, ear: socket.socket) -> None:
    free = threading.Semaphore(AT_ONCE)

    def answer(question: bytes, asker: tuple[str, int]) -> None:
        try:
            ear.sendto(asked(resolvers, question), asker)
        except (OSError, IndexError):
            return  # the asker asks again; what is no question gets no answer
        finally:
            free.release()

    while True:
        question, asker = ear.recvfrom(SIZE)
        free.acquire()
        threading.Thread(target=answer, args=(question, asker), daemon=True).start()


def serve(namespace: int, resolvers: Resolvers, ear: socket.socket, listener: socket.socket) -> None:
    """This thread goes to the host's network, and those that it starts; the first stays, for whoever looks there."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
        os._exit(1)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    threading.Thread(target=lines, args=(resolvers, listener), daemon=True).start()
    words(resolvers, ear)


def main(pid_file: Path, namespace: str, resolvers: Path, address: str, port: int) -> None:
    host = os.open(namespace, os.O_RDONLY)
    ear, listener = (socket.socket(socket.AF_INET, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    ear.bind((address, port))
    listener.bind((address, port))
    listener.listen(64)
    child = os.fork()
    if child:
        pid_file.write_text(str(child))
        return
    os.setsid()
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    serving = threading.Thread(target=serve, args=(host, Resolvers(resolvers), ear, listener), daemon=True)
    serving.start()
    serving.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
