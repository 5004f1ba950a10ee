"""One thread that waits for what the kernel has to say, on sockets of many namespaces."""

import errno
import os
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Protocol


class Source(Protocol):
    """A socket, or what can be waited for like one."""

    def fileno(self) -> int: ...

    def setblocking(self, blocking: bool, /) -> None: ...

    def close(self) -> None: ...


class Watch:
    """Starts its thread with the first socket. `close` ends it and closes the sockets. One thread calls `close`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: dict[Source, Callable[[], None]] = {}
        self._thread: threading.Thread | None = None
        self._woken, self._wake = -1, -1
        self._closing = False

    def add(self, source: Source, readable: Callable[[], None]) -> None:
        """`readable` is called, in the thread, when there is something to read; it must read all of it."""
        source.setblocking(False)
        with self._lock:
            self._callbacks[source] = readable
            if self._thread is None:
                self._woken, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
                self._closing = False
                self._thread = threading.Thread(target=self._run, name="networks", daemon=True)
                self._thread.start()
        os.write(self._wake, b"!")

    def remove(self, source: Source) -> None:
        """Its callback may still be running."""
        with self._lock:
            self._callbacks.pop(source, None)
            if self._thread is not None:
                os.write(self._wake, b"!")

    def close(self) -> None:
        """Waits for the thread, unless it is this one."""
        thread = self._thread
        if thread is None:
            return
        self._closing = True
        os.write(self._wake, b"!")
        thread.join()
        with self._lock:
            os.close(self._woken)
            os.close(self._wake)
            self._thread = None

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            known: dict[Source, Callable[[], None]] = {}
            while not self._closing:
                for key, _ in selector.select():
                    if key.fd == self._woken:
                        os.read(self._woken, 4_096)
                    elif key.fileobj in known:
                        key.data()
                known = self._renewed(selector, known)
            for source in known:
                source.close()

    def _renewed(
        self, selector: selectors.BaseSelector, known: dict[Source, Callable[[], None]]
    ) -> dict[Source, Callable[[], None]]:
        with self._lock:
            wanted = dict(self._callbacks)
            if self._closing:
                self._callbacks.clear()
        for source in known.keys() - wanted.keys():
            selector.unregister(source)
            source.close()
        for source in wanted.keys() - known.keys():
            selector.register(source, selectors.EVENT_READ, wanted[source])
        return wanted


def everything(source: socket.socket, size: int = 1 << 20) -> list[bytes]:
    """All messages that wait. What the kernel had to drop because nobody read in time is lost."""
    found = []
    while True:
        try:
            found.append(source.recv(size))
        except BlockingIOError:
            return found
        except OSError as overrun:
            if overrun.errno != errno.ENOBUFS:
                raise
