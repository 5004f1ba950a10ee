"""Where a space's index may begin: remembered so that a scan need not step over the remains of consumed rows.

A hint is derived and never authoritative. It is raised only to where a scan has shown that nothing is before; whoever
writes a row before it, in this process, lowers it; and it is forgotten every half minute, so that what another process
wrote there is late and never lost.
"""

FORGET_AFTER_US = 30_000_000
SPACES_MAX = 50_000


class Hints:
    """Per space: (the first possible position, when it was last forgotten)."""

    def __init__(self) -> None:
        self._starts: dict[int, tuple[int, int]] = {}

    def start(self, space: int, now: int) -> int:
        found = self._starts.get(space)
        if found is None or not found[1] <= now < found[1] + FORGET_AFTER_US:
            return 0
        return found[0]

    def empty_before(self, space: int, position: int, now: int) -> None:
        """A scan that read no row of its own transaction found nothing before `position`."""
        position = min(position, now)
        found = self._starts.get(space)
        if found is None or not found[1] <= now < found[1] + FORGET_AFTER_US:
            if len(self._starts) >= SPACES_MAX:
                self._starts.clear()
            self._starts[space] = (position, now)
        elif position > found[0]:
            self._starts[space] = (position, found[1])

    def written(self, space: int, position: int) -> None:
        found = self._starts.get(space)
        if found is not None and position < found[0]:
            self._starts[space] = (position, found[1])


hints = Hints()
