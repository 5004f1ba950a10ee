"""Files whose bytes are encrypted by their file system, under a key that is given to one mount of it and ends with that
mount. See the kernel's documentation, "Filesystem-level encryption (fscrypt)"."""

import fcntl
import os
import struct

from pileus.drivers.linux.calls import libc, tried

_ADD_KEY, _SET_POLICY = 0xC050_6617, 0x800C_6613
_BY_IDENTIFIER, _VERSION = 2, 2
_CONTENTS_AES_256_XTS, _NAMES_AES_256_CTS, _PAD_32 = 1, 4, 3


def add_key(folder: int, key: bytes) -> bytes:
    """Gives a mount the key; `folder`: a descriptor of a folder in it. Returns the key's public identifier."""
    # The kernel takes the size of the fixed part in the command's number, and reads the key behind it.
    request = bytearray(struct.pack("=II32sII32s", _BY_IDENTIFIER, 0, b"", len(key), 0, b"") + key)
    try:
        fcntl.ioctl(folder, _ADD_KEY, request, True)
        return bytes(request[8:24])
    finally:
        request[:] = bytes(len(request))


def set_policy(folder: int, identifier: bytes) -> None:
    """Everything that will be made in the folder, which is empty, is encrypted under the key."""
    modes = (_CONTENTS_AES_256_XTS, _NAMES_AES_256_CTS, _PAD_32)
    fcntl.ioctl(folder, _SET_POLICY, struct.pack("=BBBB4s16s", _VERSION, *modes, b"", identifier))


def flush(folder: int) -> None:
    """All that was written to the file system is in the file or device below it: syncfs(2)."""
    tried(libc.syncfs(folder), "writing out a file system")


def directory(mount: int) -> int:
    """A descriptor that ioctls work on, of the root of what is mounted."""
    return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=mount)
