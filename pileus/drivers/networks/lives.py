"""Programs of networks that are started again when somebody else ends them: a network without its resolver would have
no names until its next change."""

import os
from collections.abc import Callable
from functools import partial

from pileus.drivers.networks.watching import Watch


class Life:
    """A process's end, as something to wait for. Raises ProcessLookupError."""

    def __init__(self, number: int):
        self.number = number
        self._handle = os.pidfd_open(number)

    def fileno(self) -> int:
        return self._handle

    def setblocking(self, blocking: bool) -> None:
        """Nothing is read from it."""

    def close(self) -> None:
        os.close(self._handle)


class Lives:
    """Whoever calls holds the driver's lock."""

    def __init__(self, watch: Watch):
        self._watch = watch
        self._known: dict[str, dict[int, Life]] = {}

    def follow(self, network: str, numbers: list[int | None], ended: Callable[[int], None]) -> None:
        """`numbers`: of a network's programs now, no others. `ended` is called when one is gone."""
        known = self._known.setdefault(network, {})
        wanted = {number for number in numbers if number is not None}
        for number in known.keys() - wanted:
            self._watch.remove(known.pop(number))
        for number in wanted - known.keys():
            try:
                life = Life(number)
            except ProcessLookupError:
                continue
            known[number] = life
            self._watch.add(life, partial(ended, number))

    def over(self, network: str, number: int) -> bool:
        """Whether it was a program that the network should have. It is not followed any more."""
        life = self._known.get(network, {}).pop(number, None)
        if life is not None:
            self._watch.remove(life)
        return life is not None

    def forget(self, network: str) -> None:
        for life in self._known.pop(network, {}).values():
            self._watch.remove(life)

    def clear(self) -> None:
        """The watch was closed."""
        self._known.clear()
