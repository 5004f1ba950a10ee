"""What a host lacks for real networks: asked once a process, by trying."""

import os
import subprocess
from functools import cache

from pileus.drivers import programs
from pileus.drivers.api import Lack
from pileus.drivers.programs import found

PROGRAMS = ("ip", "nft", "nsenter", "dnsmasq")

# One of everything that the rules of a network are made of, in a namespace that is gone with the program.
TRIED = """
table inet tried {
  map places { type ifname : verdict; }
  map public { type ipv4_addr : ipv4_addr; }
  set own { type ifname . ether_addr . ipv4_addr; }
  set ranges { type ifname . ipv4_addr; flags interval; }
  chain arriving { type filter hook forward priority 0; policy accept
    ct state != new accept
    iifname . ether saddr . ip saddr @own accept
    oifname vmap @places
    log prefix "in" group 5 drop
  }
  chain translating { type nat hook prerouting priority -100
    iifname "edge" dnat ip to ip daddr map @public
  }
}
"""


@cache
def lacks() -> tuple[Lack, ...]:
    """Of the host for this process."""
    missing = programs.lacking(*PROGRAMS, "unshare")
    if os.geteuid() != 0:
        missing.append(Lack("the rights of root", "start Pileus as root, or with sudo"))
    return tuple(missing or _kernel())


def _kernel() -> list[Lack]:
    command = [found("unshare") or "unshare", "--net", found("nft") or "nft", "-f", "-"]
    tried = subprocess.run(command, input=TRIED, text=True, capture_output=True, check=False, timeout=60)
    if tried.returncode == 0:
        return []
    why = next(iter(tried.stderr.splitlines()), "")
    return [Lack(f"a kernel with network namespaces and nftables ({why})", "start a kernel that has CONFIG_NF_TABLES")]
