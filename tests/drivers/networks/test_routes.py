"""Where real packets go: by route tables, through the edge, NAT gateways, machines, peers and endpoints."""

import threading
from contextlib import ExitStack
from time import monotonic

import pytest
from msgspec.structs import replace

from pileus.drivers.networks.api import Endpoint, NatGateway, Peering, Route, RouteTable, Subnet

from .guests import IMPATIENCE, echoes, heard, host_reaches, serving
from .plans import EVERYTHING, EVERYWHERE, NOWHERE, OPEN, TO_INTERNET, group, interface, network, tcp


def test_a_public_address_is_reached_from_the_host_and_from_another_network_and_from_its_own(site):
    here = network(
        "vpc-1",
        interface("one", "a", f"10.0.1.10={site.public(20)}"),
        interface("two", "a", f"10.0.1.11={site.public(21)}"),
        interface("none", "a", "10.0.1.12"),
    )
    there = network("vpc-2", interface("three", "a", f"10.0.1.10={site.public(22)}"))
    for each in (here, there):
        site.networks.ensure(each)
    one, two, none = site.plugged(here)
    (three,) = site.plugged(there)
    one.serve(22)
    assert host_reaches(site.public(20), 22) == f"one hears {site.public(1)}"
    assert three.reaches(site.public(20), 22) == f"one hears {site.public(22)}"
    assert two.reaches(site.public(20), 22) == f"one hears {site.public(21)}"
    assert one.pings(site.public(22))
    assert none.refused(site.public(20), 22), "it has no public address"
    assert heard(two, three, site.public(22)) == site.public(21)
    assert not heard(none, three, site.public(22), IMPATIENCE)


def test_a_group_sees_the_public_address_of_who_comes_from_outside(site):
    trusting = group("trusting", tcp("ssh", 22, f"{site.public(1)}/32"))
    plan = network(
        "vpc-1", interface("one", "a", f"10.0.1.10={site.public(20)}", groups=("trusting",)), groups=(trusting,)
    )
    there = network("vpc-2", interface("two", "a", f"10.0.1.10={site.public(21)}"))
    for each in (plan, there):
        site.networks.ensure(each)
    (one,) = site.plugged(plan)
    (two,) = site.plugged(there)
    one.serve(22)
    assert host_reaches(site.public(20), 22)
    assert two.refused(site.public(20), 22)


def test_without_a_route_there_is_no_way(site):
    plan = network("vpc-1", interface("one", "b", f"10.0.2.10={site.public(20)}"))
    site.networks.ensure(plan)
    (one,) = site.plugged(plan)
    one.serve(22)
    with site.networks.listen("", site.networks.edge_address(2), 80) as listener, ExitStack() as sockets:
        serving(listener.dup(), "edge", sockets)
        assert not host_reaches(site.public(20), 22, 0.4)
        assert one.refused(site.networks.edge_address(2), 80)
        site.networks.ensure(replace(plan, tables=(TO_INTERNET, replace(TO_INTERNET, id="private"))))
        assert one.reaches(site.networks.edge_address(2), 80) == f"edge hears {site.public(20)}"
        assert host_reaches(site.public(20), 22)
        blackhole = RouteTable("private", (Route(EVERYWHERE, "internet"), Route(f"{site.public(0)}/28", "blackhole")))
        site.networks.ensure(replace(plan, tables=(TO_INTERNET, blackhole)))
        assert one.refused(site.networks.edge_address(2), 80)
        site.networks.ensure(replace(plan, internet=False))
        assert not host_reaches(site.public(20), 22, 0.4)


def test_nothing_is_behind_the_edge_and_that_is_said_at_once(site):
    plan = network("vpc-1", interface("one", "a", f"10.0.1.10={site.public(20)}"))
    site.networks.ensure(plan)
    (one,) = site.plugged(plan)
    with one.made() as dial:
        dial.settimeout(60)
        with pytest.raises(OSError, match=r"unreachable|No route"):
            dial.connect(("203.0.113.1", 80))


def test_a_public_address_moves_within_a_second_while_a_client_asks(site):
    public = site.public(20)
    before = network("vpc-1", interface("one", "a", f"10.0.1.10={public}"), interface("two", "a", "10.0.1.11"))
    after = network("vpc-1", interface("one", "a", "10.0.1.10"), interface("two", "a", f"10.0.1.11={public}"))
    site.networks.ensure(before)
    for guest in site.plugged(before):
        guest.serve(80)
    heard, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            said = host_reaches(public, 80, 0.2)
            heard.append((monotonic(), said[:3]))

    def wait_for(name):
        late = monotonic() + 60
        while name not in {said for _, said in heard}:
            assert monotonic() < late

    client = threading.Thread(target=ask)
    client.start()
    try:
        wait_for("one")
        site.networks.ensure(after)
        wait_for("two")
    finally:
        stop.set()
        client.join()
    names = [said for _, said in heard if said]
    assert names == sorted(names), "first the one, then the other"
    pause = min(at for at, said in heard if said == "two") - max(at for at, said in heard if said == "one")
    print(f"\nno answer for {pause * 1e3:.1f} ms")
    assert pause < 1


def test_a_nat_gateway_lets_out_and_not_in(site):
    plan = network(
        "vpc-1",
        interface("private", "b", "10.0.2.10"),
        nat_gateways=(NatGateway("nat-1", "a", "10.0.1.5", site.public(30)),),
        tables=(TO_INTERNET, RouteTable("private", (Route(EVERYWHERE, "nat", "nat-1"),))),
    )
    there = network("vpc-2", interface("server", "a", f"10.0.1.10={site.public(20)}"))
    for each in (plan, there):
        site.networks.ensure(each)
    (private,) = site.plugged(plan)
    (server,) = site.plugged(there)
    server.serve(80)
    private.serve(80)
    assert private.reaches(site.public(20), 80) == f"server hears {site.public(30)}"
    assert private.pings(site.public(20))
    assert server.refused(site.public(30), 80)
    with private.connect(site.public(20), 80) as running:
        site.again().ensure(plan)
        assert echoes(running)
    site.networks.ensure(replace(plan, nat_gateways=()))
    assert private.refused(site.public(20), 80)


def test_a_machine_routes_for_others_when_its_source_is_not_checked_even_after_it_booted_again(site):
    plan = network(
        "vpc-1",
        interface("private", "b", "10.0.2.10"),
        interface("router", "a", f"10.0.1.5={site.public(30)}", source_check=False),
        tables=(TO_INTERNET, RouteTable("private", (Route(EVERYWHERE, "interface", "router"),))),
    )
    site.networks.ensure(plan)
    private, router = site.plugged(plan)
    router.routes()
    with site.networks.listen("", site.networks.edge_address(2), 80) as listener, ExitStack() as sockets:
        serving(listener.dup(), "edge", sockets)
        site.networks.ensure(plan)
        assert private.reaches(site.networks.edge_address(2), 80) == f"edge hears {site.public(30)}"
        router.unplug()
        assert private.refused(site.networks.edge_address(2), 80)
        site.plug(plan, plan.interfaces[1], router)
        assert any(private.reaches(site.networks.edge_address(2), 80, 1) for _ in range(60))
        checked = replace(plan.interfaces[1], source_check=True)
        site.networks.ensure(replace(plan, interfaces=(plan.interfaces[0], checked)))
        assert private.refused(site.networks.edge_address(2), 80)


def test_a_machine_whose_source_is_checked_is_not_sent_what_is_for_others(site):
    plan = network(
        "vpc-1",
        interface("sender", "b", "10.0.2.10"),
        interface("router", "a", "10.0.1.5", source_check=False),
        tables=(TO_INTERNET, RouteTable("private", (Route("203.0.113.0/24", "interface", "router"),))),
    )
    site.networks.ensure(plan)
    sender, router = site.plugged(plan)
    router.ip("addr add 203.0.113.9/32 dev lo")
    site.networks.ensure(plan)
    assert heard(sender, router, "203.0.113.9") == "10.0.2.10"
    checked = replace(plan.interfaces[1], source_check=True)
    site.networks.ensure(replace(plan, interfaces=(plan.interfaces[0], checked)))
    assert not heard(sender, router, "203.0.113.9", IMPATIENCE)
    assert heard(sender, router, "10.0.1.5") == "10.0.2.10"


def test_nobody_comes_across_a_peering_but_the_peer(site):
    one, two = peers()
    stranger = replace(one.interfaces[1], source_check=False)
    one = replace(one, interfaces=(one.interfaces[0], stranger))
    two = replace(two, groups=(group("database", EVERYTHING),))
    for each in (one, two):
        site.networks.ensure(each)
    _, liar = site.plugged(one)
    (database,) = site.plugged(two)
    liar.ip("addr add 203.0.113.5/32 dev lo")
    assert heard(liar, database, "10.1.1.10") == "10.0.1.11"
    assert not heard(liar, database, "10.1.1.10", IMPATIENCE, source="203.0.113.5")


def peers():
    """Two networks that know each other, each with a machine."""
    theirs = Subnet("c", "10.1.1.0/24", "zone-a", "across", "allowing")
    database = group("database", tcp("sql", 5_432, groups=("web",)))
    one = network(
        "vpc-1",
        interface("web", "a", "10.0.1.10", groups=("web",)),
        interface("other", "a", "10.0.1.11"),
        groups=(OPEN, group("web")),
        peerings=(Peering("pcx-1", "vpc-2", ("10.1.0.0/16",)),),
        tables=(RouteTable("public", (Route("10.1.0.0/16", "peer", "pcx-1"),)), NOWHERE),
        internet=False,
    )
    two = network(
        "vpc-2",
        interface("database", "c", "10.1.1.10", groups=("database",)),
        ranges=("10.1.0.0/16",),
        subnets=(theirs,),
        groups=(database,),
        peerings=(Peering("pcx-1", "vpc-1", ("10.0.0.0/16",)),),
        tables=(RouteTable("across", (Route("10.0.0.0/16", "peer", "pcx-1"),)),),
        internet=False,
    )
    return one, two


def test_peers_reach_each_other_and_their_groups_are_known_across(site):
    one, two = peers()
    site.networks.ensure(one)
    site.networks.ensure(replace(two, peerings=()))
    web, other = site.plugged(one)
    (database,) = site.plugged(two)
    database.serve(5_432)
    assert web.refused("10.1.1.10", 5_432), "the other side has not agreed"
    site.networks.ensure(two)
    assert web.reaches("10.1.1.10", 5_432) == "database hears 10.0.1.10"
    assert other.refused("10.1.1.10", 5_432)
    site.networks.ensure(replace(one, interfaces=(one.interfaces[0], replace(one.interfaces[1], groups=("web",)))))
    assert other.reaches("10.1.1.10", 5_432)
    site.networks.destroy("vpc-2")
    site.networks.ensure(one)
    assert site.networks.ids() == ["vpc-1"]


def test_an_endpoint_answers_only_where_a_route_leads_to_it(site):
    address = site.networks.edge_address(3)
    routed = RouteTable("private", (Route("", "endpoint", "vpce-1"),))
    plan = network(
        "vpc-1",
        interface("near", "b", "10.0.2.10"),
        interface("far", "a", f"10.0.1.10={site.public(20)}"),
        interface("mute", "b", "10.0.2.11", groups=("mute",)),
        groups=(OPEN, group("mute", outward=())),
        tables=(TO_INTERNET, routed),
        endpoints=(Endpoint("vpce-1", (address,)),),
    )
    site.networks.ensure(plan)
    near, far, mute = site.plugged(plan)
    with ExitStack() as sockets:
        serving(site.networks.listen("vpc-1", address, 443), "endpoint", sockets)
        serving(site.networks.listen("", address, 443), "edge", sockets)
        assert near.reaches(address, 443) == "endpoint hears 10.0.2.10"
        assert far.reaches(address, 443) == f"edge hears {site.public(20)}"
        assert mute.refused(address, 443)
        assert near.refused(address, 80)
        site.again().ensure(plan)
        assert near.reaches(address, 443) == "endpoint hears 10.0.2.10"


def test_the_metadata_address_is_reached_whatever_the_groups_say(site):
    plan = network("vpc-1", interface("mute", "b", "10.0.2.10", groups=("mute",)), groups=(group("mute", outward=()),))
    site.networks.ensure(plan)
    (mute,) = site.plugged(plan)
    with ExitStack() as sockets:
        serving(site.networks.listen("vpc-1", "169.254.169.254", 80), "metadata", sockets)
        assert mute.reaches("169.254.169.254", 80) == "metadata hears 10.0.2.10"


def test_packets_take_their_time_from_zone_to_zone(site):
    def answered(guest, address):
        start = monotonic()
        assert guest.pings(address)
        return monotonic() - start

    plan = network(
        "vpc-1",
        interface("one", "a", "10.0.1.10"),
        interface("near", "a", "10.0.1.11"),
        interface("far", "b", "10.0.2.10"),
        zone_latency=0.5,
    )
    site.networks.ensure(plan)
    one, _near, far = site.plugged(plan)
    far.serve(80)
    assert any(answered(one, "10.0.1.11") < 0.5 for _ in range(60))
    assert answered(one, "10.0.2.10") >= 1
    site.networks.ensure(replace(plan, zone_latency=0.1))
    assert any(0.2 <= answered(one, "10.0.2.10") < 0.5 for _ in range(60))
    site.again().ensure(replace(plan, zone_latency=0.1))
    assert one.reaches("10.0.2.10", 80) == "far hears 10.0.1.10"
    site.networks.ensure(replace(plan, zone_latency=0.0))
    assert any(answered(one, "10.0.2.10") < 0.1 for _ in range(60))
