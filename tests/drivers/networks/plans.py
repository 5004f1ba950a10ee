"""Networks that tests begin with: small, open, and changed by `msgspec.structs.replace`."""

from pileus.drivers.networks.api import (
    ANY,
    Acl,
    AclEntry,
    Address,
    Group,
    Interface,
    Network,
    Route,
    RouteTable,
    Rule,
    Subnet,
)

TCP, UDP, ICMP = 6, 17, 1
EVERYWHERE = "0.0.0.0/0"
EVERYTHING = Rule("everything", ranges=(EVERYWHERE,))
OPEN = Group("open", inward=(EVERYTHING,), outward=(EVERYTHING,))
ALLOWING = Acl("allowing", (AclEntry(100, True, EVERYWHERE),), (AclEntry(100, True, EVERYWHERE),))
TO_INTERNET = RouteTable("public", (Route(EVERYWHERE, "internet"),))
NOWHERE = RouteTable("private")


def tcp(name: str, port: int, *ranges: str, groups: tuple[str, ...] = ()) -> Rule:
    return Rule(name, TCP, port, port, ranges, groups)


def group(name: str, *inward: Rule, outward: tuple[Rule, ...] = (EVERYTHING,)) -> Group:
    return Group(name, inward, outward)


def interface(name: str, subnet: str, *private: str, groups: tuple[str, ...] = ("open",), **more: object) -> Interface:
    """Public addresses are given as 'PRIVATE=PUBLIC'."""
    addresses = tuple(Address(each.partition("=")[0], each.partition("=")[2]) for each in private)
    octets = addresses[0].private.split(".")
    mac = "02:00:" + ":".join(f"{int(octet):02x}" for octet in octets)
    return Interface(name, subnet, mac, addresses, groups, **more)  # type: ignore[arg-type]


def network(name: str, *interfaces: Interface, **more: object) -> Network:
    """10.0.0.0/16 with subnets `a` (10.0.1.0/24, its routes go to the internet) and `b` (10.0.2.0/24, no routes)."""
    settings: dict[str, object] = {
        "ranges": ("10.0.0.0/16",),
        "subnets": (
            Subnet("a", "10.0.1.0/24", "zone-a", "public", "allowing"),
            Subnet("b", "10.0.2.0/24", "zone-b", "private", "allowing"),
        ),
        "tables": (TO_INTERNET, NOWHERE),
        "groups": (OPEN,),
        "acls": (ALLOWING,),
        "internet": True,
    }
    return Network(id=name, interfaces=interfaces, **(settings | more))  # type: ignore[arg-type]


__all__ = ["ANY", "Acl", "AclEntry", "Address"]
