"""The programs that the drivers need on a host, and the Debian packages that have them.

`pileus doctor` looks for the programs, `pileus install machines` installs the packages.
"""

import os
import shutil

from pileus.drivers.api import Lack

PROGRAMS = {
    "runc": "runc",
    "conmon": "conmon",
    "mmdebstrap": "mmdebstrap",
    "mkfs.xfs": "xfsprogs",
    "mkfs.ext4": "e2fsprogs",
    "e2fsck": "e2fsprogs",
    "resize2fs": "e2fsprogs",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "dnsmasq": "dnsmasq-base",
    "lxcfs": "lxcfs",
}
"""Program -> Debian package."""
WANTED = {"slirp4netns": "slirp4netns"}
"""What only a setting asks for (PILEUS_INTERNET)."""

FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
REMEDY = "pileus install machines (as root, or with sudo)"


def found(program: str) -> str | None:
    """Its path. System programs are found even when the PATH of a plain user leaves their folders out."""
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), *FOLDERS]))


def lacking(*programs: str) -> list[Lack]:
    return [Lack(f"the program {name}", REMEDY) for name in programs if found(name) is None]
