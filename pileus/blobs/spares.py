"""Files of blobs that are gone, for the bytes of the next ones.

Where objects are replaced all the time, files come and go as fast. A file system looks for a new file's inode past all
those that were freed lately (ext4 spares them for a minute), finds new memory for its bytes, and frees both again: more
than writing a MiB costs. So a few files stay, and are written over. What they hold until then is sealed.
"""

import os
import shutil
import threading
from collections import Counter
from itertools import count

SPARES_MOST = 16
FILE_BYTES_MAX = 2 * 1024 * 1024


class Spares:
    """Some files in a folder of their own. Used in any thread.

    A file is written over only when nobody can tell: it has no other name, and nobody has it open (`opened`, `closed`).
    """

    def __init__(self, folder: str):
        self._folder = folder
        # What an earlier process left might have a second name, if it was killed between two lines of `take`.
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder, 0o700)
        self._files: list[str] = []
        self._names = count()
        self._open: Counter[int] = Counter()
        self.lock = threading.RLock()
        """Held while a blob is opened or deleted: it is either open first, or gone first."""

    def opened(self, blob: int) -> None:
        self._open[blob] += 1

    def closed(self, blob: int) -> None:
        with self.lock:
            self._open[blob] -= 1
            if not self._open[blob]:
                del self._open[blob]

    def keep(self, blob: int, name: str) -> bool:
        """Takes the file away from its name. False if it is not one to be written over. Raises FileNotFoundError."""
        with self.lock:
            if len(self._files) >= SPARES_MOST or blob in self._open:
                return False
            found = os.stat(name)
            if found.st_size > FILE_BYTES_MAX or found.st_nlink != 1:
                return False
            spare = f"{self._folder}/{next(self._names)}"
            try:
                os.rename(name, spare)
            except FileNotFoundError:  # somebody cleared the folder away
                return False
            self._files.append(spare)
            return True

    def take(self, name: str) -> bool:
        """Gives a spare file that name, if there is one. Raises FileExistsError."""
        try:
            spare = self._files.pop()
            os.link(spare, name)
        except (IndexError, FileNotFoundError):
            return False
        os.unlink(spare)
        return True
