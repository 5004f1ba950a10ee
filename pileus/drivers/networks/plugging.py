"""Plugs a machine into its networks: a pair of interfaces, one end in the guest, one in the network's namespace.

Only the standard library and the program `ip` are used: a machine that boots again is plugged in while the cloud may be
down. The network's rules know its end by its name, whether it is there or not.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pileus.drivers.linux.namespaces import NETWORK, inside

NETNS = "/run/netns"
_TABLES = 1_000
"""A guest's interface eth<n>, n > 0, is answered through the routing table 1000 + n."""


@dataclass(frozen=True)
class Plug:
    """A `Link` (networks/api.py) as it is written in a machine's folder."""

    interface: str
    namespace: str
    name: str
    index: int
    mac: str
    addresses: tuple[str, ...]
    prefix: int
    gateway: str
    mtu: int = 1500

    @property
    def guest(self) -> str:
        return f"eth{self.index}"


def read(link: dict[str, Any]) -> Plug:
    return Plug(**{**link, "addresses": tuple(link["addresses"])})


def plug(link: Plug, pid: int) -> None:
    """Has the machine whose init is `pid` plugged in as `link` says; may be repeated. Raises OSError."""
    if not Path(NETNS, link.namespace).exists():
        raise OSError(f"there is no network namespace {link.namespace}")
    theirs = _shown(["ip", "-n", link.namespace, "-j", "link", "show", link.name])
    ours = _shown([*_in_guest(pid), "ip", "-j", "addr", "show", link.guest])
    if theirs and ours and ours[0].get("address") == link.mac:
        have = {entry["local"] for entry in ours[0].get("addr_info", ()) if entry["family"] == "inet"}
    else:
        have = set()
        unplug(link)
        if ours:
            _run([*_in_guest(pid), "ip", "link", "del", link.guest])
        _batch(
            ["ip", "-n", link.namespace],
            f"link add {link.name} mtu {link.mtu} type veth peer name {link.guest} mtu {link.mtu}"
            f" address {link.mac} netns {pid}",
        )
    _guest_end(link, pid, have)
    _network_end(link, have)


def unplug(link: Plug) -> None:
    """Harmless when it is not plugged in."""
    if Path(NETNS, link.namespace).exists():
        subprocess.run(["ip", "-n", link.namespace, "link", "del", link.name], capture_output=True)


def _guest_end(link: Plug, pid: int, have: set[str]) -> None:
    lines = [f"addr del {address}/{link.prefix} dev {link.guest}" for address in sorted(have - set(link.addresses))]
    lines += [f"addr replace {address}/{link.prefix} dev {link.guest}" for address in link.addresses]
    lines += [f"link set {link.guest} up"]
    if link.index == 0:
        lines.append(f"route replace default via {link.gateway} dev {link.guest}")
    else:
        table = _TABLES + link.index
        lines.append(f"route replace default via {link.gateway} dev {link.guest} table {table} onlink")
        rules = _shown([*_in_guest(pid), "ip", "-j", "rule", "show", "table", str(table)])
        ruled = {rule["src"] for rule in rules}
        lines += [f"rule del from {address} table {table}" for address in sorted(ruled - set(link.addresses))]
        lines += [f"rule add from {address} table {table}" for address in link.addresses if address not in ruled]
    _batch([*_in_guest(pid), "ip"], *lines)


def _network_end(link: Plug, have: set[str]) -> None:
    def answer_for_the_network() -> None:
        # The guest asks this end for every neighbour's address and gets an answer at once, not after up to 0.8 s.
        Path(f"/proc/sys/net/ipv4/conf/{link.name}/proxy_arp").write_text("1")
        Path(f"/proc/sys/net/ipv4/neigh/{link.name}/proxy_delay").write_text("0")

    inside({f"{NETNS}/{link.namespace}": NETWORK}, answer_for_the_network)
    lines = [f"link set {link.name} up"]
    for address in link.addresses:
        lines.append(f"route replace {address}/32 dev {link.name}")
        lines.append(f"neigh replace {address} lladdr {link.mac} dev {link.name} nud permanent")
    for address in sorted(have - set(link.addresses)):
        lines.append(f"route del {address}/32 dev {link.name}")
        lines.append(f"neigh del {address} dev {link.name}")
    _batch(["ip", "-n", link.namespace], *lines)


def _in_guest(pid: int) -> list[str]:
    return ["nsenter", f"--net=/proc/{pid}/ns/net"]


def _shown(command: list[str]) -> list[dict[str, Any]]:
    """Empty when there is no such thing."""
    done = subprocess.run(command, capture_output=True, text=True)
    found: list[dict[str, Any]] = json.loads(done.stdout or "[]") if done.returncode == 0 else []
    return [entry for entry in found if entry]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


def _batch(command: list[str], *lines: str) -> None:
    done = subprocess.run([*command, "-batch", "-"], input="\n".join(lines) + "\n", capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()} (asked for: {'; '.join(lines)})")
