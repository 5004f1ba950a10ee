"""The C library, and how its failures become OSErrors."""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def tried(result: int, doing: str) -> int:
    """The result of a call, or what errno says."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{doing}: {os.strerror(number)}")
    return result
