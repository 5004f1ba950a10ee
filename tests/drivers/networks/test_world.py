"""The world beyond this host: who gets there, who does not, and what is left of the way."""

import os
import signal
import socket
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from msgspec.structs import replace

from pileus.drivers import programs
from pileus.drivers.networks import inside
from pileus.drivers.networks.api import Acl, AclEntry, NatGateway, Route, RouteTable
from pileus.drivers.networks.namespaces import NamespaceNetworks
from pileus.drivers.networks.reach import barred
from tests.drivers.real import eventually

from .guests import echoes, heard, host_reaches
from .plans import EVERYWHERE, OPEN, TCP, TO_INTERNET, group, interface, network, tcp
from .test_names import AAAA, UNKNOWN, asked

FAILED = 2


def public_and_private(site, **more):
    """Machine `one` has a public address, `bare` none; `inner` is in the subnet without a way out."""
    return network(
        "vpc-1",
        interface("one", "a", f"10.0.1.10={site.public(20)}"),
        interface("bare", "a", "10.0.1.11"),
        interface("inner", "b", "10.0.2.10"),
        **more,
    )


def dialled(guest, address, port):
    """What a connection ends with: 'connected', or the error."""
    with guest.made() as dial:
        dial.settimeout(60)
        try:
            dial.connect((address, port))
        except OSError as error:
            return type(error).__name__ if error.errno is None else os.strerror(error.errno)
    return "connected"


def test_only_a_machine_with_a_way_to_the_internet_reaches_the_world(site, world):
    plan = public_and_private(site)
    site.networks.ensure(plan)
    one, bare, inner = site.plugged(plan)
    world.serve(80)
    assert one.reaches(world.address, 80) == f"world hears {world.host}"
    assert heard(one, world.guest, world.address) == world.host
    assert dialled(one, world.address, 81) == "Connection refused"
    # Whose groups may send echo requests is the host's to say; the program runs in the group 0.
    first, last = map(int, Path("/proc/sys/net/ipv4/ping_group_range").read_text().split())
    may = first == 0 <= last
    assert one.pings(world.address, 60 if may else 0.4) == may
    assert bare.refused(world.address, 80)
    assert inner.refused(world.address, 80)
    gateway = NatGateway("nat-1", "a", "10.0.1.5", site.public(30))
    private = RouteTable("private", (Route(EVERYWHERE, "nat", "nat-1"),))
    site.networks.ensure(replace(plan, nat_gateways=(gateway,), tables=(TO_INTERNET, private)))
    assert inner.reaches(world.address, 80) == f"world hears {world.host}"
    with world.guest.made() as dial:
        dial.settimeout(0.4)
        with pytest.raises(OSError):
            dial.connect((site.public(20), 80))


def test_the_way_out_is_closed_and_the_program_ends_when_it_is_not_wanted_any_more(site, world):
    plan = public_and_private(site, names={"db.internal": ("10.0.1.10",)})
    world.serve(80)
    world.resolves({"example.com": "203.0.113.99"})
    site.networks.ensure(plan)
    (one,) = site.plugged(plan, "one")
    assert one.reaches(world.address, 80)
    assert asked(one, "10.0.1.2", "example.com") == (0, ["203.0.113.99"])
    program = site.networks._edge.world.program
    number, relay = program.number(), site.networks._foreign("vpc-1").program.number()
    site.again(outward=False).ensure(plan)
    assert dialled(one, world.address, 80) == "No route to host"
    assert asked(one, "10.0.1.2", "example.com") == (UNKNOWN, [])
    assert asked(one, "10.0.1.2", "db.internal") == (0, ["10.0.1.10"])
    assert program.number() is None
    assert ended(number)
    assert ended(relay)
    assert "world" not in inside.devices(site.networks._edge.namespace)
    site.again(outward=True).ensure(plan)
    assert one.reaches(world.address, 80)
    site.networks.destroy("vpc-1")
    assert program.number() is None, "no network is left that it could lead out"


def test_neither_the_host_nor_what_is_near_it_is_the_world(site, world):
    plan = public_and_private(site)
    site.networks.ensure(plan)
    (one,) = site.plugged(plan, "one")
    near = "10.203.113.1"
    world.host_has(near)
    for address in (world.host, near, "127.0.0.1"):
        port = world.host_serves(address)
        assert host_reaches(address, port)
        assert one.refused(address, port)
    for address in (world.host, near, "100.64.0.1", "198.18.255.1", "192.168.0.1", "240.0.0.1"):
        assert dialled(one, address, 80) == "No route to host"
    assert one.refused("169.254.242.1", 80), "what the program calls its gateway"
    # One that the host comes by later.
    late = str(world.range[3])
    world.host_has(late)
    port = world.host_serves(late)
    eventually(lambda: dialled(one, late, port) == "No route to host")
    assert "this host itself" in site.networks.beyond(late).says
    assert site.networks.beyond(world.address).open


def test_every_special_range_is_barred_but_the_one_that_tests_play_the_world_in():
    special = ("0.1.2.3", "10.1.1.1", "100.64.0.1", "100.127.255.255", "127.0.0.53", "169.254.169.254", "172.16.0.1")
    special += ("172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.19.255.255")
    special += ("198.51.100.7", "224.0.0.251", "239.255.255.250", "240.0.0.1", "255.255.255.255")
    assert [each for each in special if not barred(each)] == []
    ordinary = ("1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.0")
    ordinary += ("192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "203.0.113.1")
    assert [each for each in ordinary if barred(each)] == []
    assert [each for each in ordinary[:-1] if not IPv4Address(each).is_global] == []


def test_groups_and_lists_hold_for_the_world_and_flows_are_seen(site, world):
    web = group("web", outward=(tcp("http", 80, EVERYWHERE), tcp("other", 82, EVERYWHERE)))
    allowing = Acl(
        "allowing",
        (AclEntry(100, True, EVERYWHERE),),
        (AclEntry(90, False, f"{world.address}/32", TCP, 82, 82), AclEntry(100, True, EVERYWHERE)),
    )
    plan = network(
        "vpc-1",
        interface("one", "a", f"10.0.1.10={site.public(20)}", groups=("web",), flows=True),
        groups=(web, OPEN),
        acls=(allowing,),
    )
    site.networks.ensure(plan)
    (one,) = site.plugged(plan)
    for port in (80, 81, 82):
        world.serve(port)
    assert one.reaches(world.address, 80)
    assert one.refused(world.address, 81), "no rule of its group"
    assert one.refused(world.address, 82), "the list denies it"
    seen = {}

    def told() -> bool:
        for flow in site.networks.flows("vpc-1"):
            if not flow.inward and flow.destination == world.address:
                seen[flow.destination_port] = flow.accepted
        return len(seen) == 3

    eventually(told)
    assert seen == {80: True, 81: False, 82: False}


def test_foreign_names_are_asked_of_the_hosts_resolvers_and_our_own_are_not(site, world):
    here = network(
        "vpc-1",
        interface("one", "b", "10.0.2.10"),
        names={"ip-10-0-2-10.ec2.internal": ("10.0.2.10",)},
        domains={"amazonaws.com": "198.18.0.2"},
        internet=False,
    )
    known = {"example.com": "203.0.113.99", "large.example.com": "203.0.113.98", "late.example.com": "203.0.113.97"}
    questions = world.resolves(known)
    site.networks.ensure(here)
    (one,) = site.plugged(here)
    server = "10.0.0.2"
    assert asked(one, server, "example.com") == (0, ["203.0.113.99"]), "with neither route nor gateway"
    assert asked(one, server, "example.com", AAAA) == (0, [])
    assert asked(one, server, "nobody.example.com") == (UNKNOWN, [])
    questions.clear()
    assert asked(one, server, "ip-10-0-2-10.ec2.internal") == (0, ["10.0.2.10"])
    assert asked(one, server, "ip-10-0-2-99.ec2.internal") == (UNKNOWN, [])
    assert asked(one, server, "sqs.us-east-1.amazonaws.com") == (0, ["198.18.0.2"])
    assert asked(one, server, "sqs.us-east-1.amazonaws.com", AAAA) == (0, [])
    assert asked(one, server, "printer.local") == (UNKNOWN, [])
    assert asked(one, server, "9.2.0.10.in-addr.arpa", 12) == (UNKNOWN, [])
    assert questions == []
    assert asked(one, server, "large.example.com", by=socket.SOCK_STREAM) == (0, ["203.0.113.98"])
    # The host moves to another network: its resolvers are others at once. Nobody answers at this one of its own yet.
    own = f"127.113.{os.getpid() % 250}.53"
    site.resolve_by(own)
    assert asked(one, server, "late.example.com") == (FAILED, [])
    site.resolve_by(own, world.address)
    assert asked(one, server, "late.example.com") == (0, ["203.0.113.97"])
    world.resolves({"own.example.com": "203.0.113.96"}, at_host=own)
    site.resolve_by(own)
    assert asked(one, server, "own.example.com") == (0, ["203.0.113.96"])
    process = site.networks._foreign("vpc-1").program.number()
    assert os.stat(f"/proc/{process}").st_uid != 0


def test_the_way_out_outlives_who_made_it_and_is_made_again_when_it_is_lost(site, world):
    plan = public_and_private(site)
    world.serve(80)
    site.networks.ensure(plan)
    (one,) = site.plugged(plan, "one")
    program = site.networks._edge.world.program
    number = program.number()
    with one.connect(world.address, 80) as running:
        again = site.again(outward=True)
        assert echoes(running), "nobody watches"
        again.ensure(plan)
        assert echoes(running), "it was adopted"
    assert program.number() == number
    os.kill(number, signal.SIGKILL)
    eventually(lambda: dialled(one, world.address, 80) == "connected")
    assert program.number() not in (None, number)
    # As after a kill between its start and the note of it.
    number = program.number()
    program.file.unlink()
    site.again(outward=True).ensure(plan)
    assert one.reaches(world.address, 80)
    eventually(lambda: ended(number))


def test_nothing_is_left_of_the_way_out(site, world):
    site.networks.ensure(public_and_private(site))
    numbers = [site.networks._edge.world.program.number(), site.networks._foreign("vpc-1").program.number()]
    assert all(numbers)
    site.networks.vanish()
    assert inside.named(f"{site.tag}.") == []
    assert not Path(f"/run/pileus-networks.{site.tag}").exists()
    assert [number for number in numbers if not ended(number)] == []


def test_a_host_without_the_program_lacks_it_only_for_the_world(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "found", lambda name: None if name == "slirp4netns" else f"/bin/{name}")
    inward, outward = (NamespaceNetworks(tmp_path, "lacking", wanted).lacking() for wanted in (False, True))
    assert [lack.what for lack in outward if lack not in inward] == ["the program slirp4netns"]
    assert "pileus install machines" in outward[-1].remedy


def ended(number):
    """Also when nobody has reaped it yet."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
