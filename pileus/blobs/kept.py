"""What was read of small blobs, opened, for those who ask next: what is read at all is often read again at once.

Like the machine's own page cache it is bounded, belongs to the process, and forgets what nobody asks for. It knows
nothing of permissions: whoever looks here has had them checked, as for every read.
"""

KEPT_BYTES_MAX = 32 * 1024 * 1024
BLOB_BYTES_MAX = 2 * 1024 * 1024


class Kept:
    """Runs of bytes by blob and number, the least recently used blobs going first. Used on the event loop."""

    def __init__(self, most: int = KEPT_BYTES_MAX):
        self._most, self._held = most, 0
        self._blobs: dict[int, dict[int, bytes]] = {}

    def get(self, blob: int, number: int) -> bytes | None:
        runs = self._blobs.get(blob)
        if runs is None:
            return None
        self._blobs[blob] = self._blobs.pop(blob)  # the last one of a dict is the one used last
        return runs.get(number)

    def put(self, blob: int, number: int, data: bytes) -> None:
        runs = self._blobs.setdefault(blob, {})
        if number not in runs:
            runs[number] = data
            self._held += len(data)
            while self._held > self._most:
                self.forget(next(iter(self._blobs)))

    def forget(self, blob: int) -> None:
        self._held -= sum(len(data) for data in self._blobs.pop(blob, {}).values())
