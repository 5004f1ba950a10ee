"""What real packets may do in a network: groups, access lists, and nobody in another's name."""

import socket
from contextlib import ExitStack

from msgspec.structs import replace

from pileus.drivers.networks import conntrack, inside
from pileus.drivers.networks.api import ANY, Acl, AclEntry, Rule, Subnet

from .guests import IMPATIENCE, echoes, heard, host_reaches, serving
from .plans import ALLOWING, EVERYTHING, EVERYWHERE, ICMP, OPEN, TCP, UDP, group, interface, network, tcp


def test_machines_of_one_network_reach_each_other_and_those_of_the_same_range_next_door_do_not(site):
    here = network("vpc-1", interface("one", "a", "10.0.1.10"), interface("two", "b", "10.0.2.10"))
    there = network("vpc-2", interface("three", "a", "10.0.1.10"), interface("four", "b", "10.0.2.11"))
    for each in (here, there):
        site.networks.ensure(each)
    one, two = site.plugged(here)
    three, four = site.plugged(there)
    for guest in (one, two, three, four):
        guest.serve(80)
    assert one.reaches("10.0.2.10", 80) == "two hears 10.0.1.10"
    assert four.reaches("10.0.1.10", 80) == "three hears 10.0.2.11"
    assert one.refused("10.0.2.11", 80)


def test_a_group_lets_in_what_its_rules_say_and_the_answers_to_it(site):
    web = group("web", tcp("http", 80, EVERYWHERE), outward=())
    inner = group("inner", tcp("ssh", 22, groups=("front",)), Rule("ping", ICMP, 8, 0, ("10.0.1.11/32",)))
    plan = network(
        "vpc-1",
        interface("web", "a", "10.0.1.10", groups=("web",)),
        interface("app", "b", "10.0.2.10", groups=("inner",)),
        interface("front", "a", "10.0.1.11", groups=("front",)),
        groups=(web, inner, group("front")),
    )
    site.networks.ensure(plan)
    web_guest, app, front = site.plugged(plan)
    for guest in (web_guest, app):
        guest.serve(80)
        guest.serve(22)
    assert front.reaches("10.0.1.10", 80)
    assert front.refused("10.0.1.10", 22)
    assert front.reaches("10.0.2.10", 22)
    assert front.pings("10.0.2.10")
    assert not front.pings("10.0.1.10", 0.4)
    assert web_guest.refused("10.0.2.10", 22), "it has no rule outward"
    assert app.reaches("10.0.1.10", 80)


def test_a_group_refers_to_who_is_in_another_now(site):
    inner = group("inner", tcp("ssh", 22, groups=("front",)))
    plan = network(
        "vpc-1",
        interface("app", "b", "10.0.2.10", groups=("inner",)),
        interface("front", "a", "10.0.1.11", groups=("open",)),
        groups=(inner, group("front"), OPEN),
    )
    site.networks.ensure(plan)
    app, front = site.plugged(plan)
    app.serve(22)
    assert front.refused("10.0.2.10", 22)
    app_interface, front_interface = plan.interfaces
    site.networks.ensure(replace(plan, interfaces=(app_interface, replace(front_interface, groups=("front",)))))
    assert front.reaches("10.0.2.10", 22)


def test_a_tracked_connection_outlives_its_rule_and_an_untracked_one_does_not(site):
    narrow, wide = group("narrow", tcp("ssh", 22, "10.0.1.0/24")), group("wide", tcp("ssh", 22, EVERYWHERE))
    plan = network(
        "vpc-1",
        interface("narrow", "b", "10.0.2.10", groups=("narrow",)),
        interface("wide", "b", "10.0.2.11", groups=("wide",)),
        interface("client", "a", "10.0.1.10"),
        groups=(narrow, wide, OPEN),
    )
    site.networks.ensure(plan)
    first, second, client = site.plugged(plan)
    first.serve(22)
    second.serve(22)
    with client.connect("10.0.2.10", 22) as tracked, client.connect("10.0.2.11", 22) as untracked:
        assert echoes(tracked)
        assert echoes(untracked)
        site.networks.ensure(replace(plan, groups=(group("narrow"), group("wide"), OPEN)))
        assert client.refused("10.0.2.10", 22)
        assert client.refused("10.0.2.11", 22)
        assert echoes(tracked)
        assert not echoes(untracked, 0.4)


def test_the_next_machine_at_an_address_does_not_inherit_its_connections(site):
    narrow = group("narrow", tcp("ssh", 22, "10.0.1.0/24"))
    server, client = interface("server", "b", "10.0.2.10", groups=("narrow",)), interface("client", "a", "10.0.1.10")
    plan = network("vpc-1", server, client, groups=(narrow, OPEN))
    site.networks.ensure(plan)
    first, asking = site.plugged(plan)
    first.serve(22)
    with asking.connect("10.0.2.10", 22):
        assert conntrack.connections(f"{site.tag}.vpc-1")
        first.unplug()
        site.networks.ensure(replace(plan, interfaces=(replace(server, id="heir"), client)))
        assert conntrack.connections(f"{site.tag}.vpc-1") == []


def test_a_group_knows_udp_and_any_other_protocol_by_its_number(site):
    server = group("server", Rule("names", UDP, 53, 60, ("10.0.0.0/16",)))
    plan = network(
        "vpc-1",
        interface("server", "b", "10.0.2.10", groups=("server",)),
        interface("client", "a", "10.0.1.10"),
        groups=(server, OPEN),
    )
    site.networks.ensure(plan)
    server_guest, client = site.plugged(plan)
    heard = []
    for port in (59, 61):
        with server_guest.made(socket.SOCK_DGRAM) as listener, client.made(socket.SOCK_DGRAM) as sender:
            listener.bind(("", port))
            listener.settimeout(60 if port == 59 else 0.4)
            sender.sendto(b"hello", ("10.0.2.10", port))
            try:
                heard.append(listener.recv(100))
            except TimeoutError:
                heard.append(b"")
    assert heard == [b"hello", b""]


def test_an_access_list_is_stateless_and_only_stands_at_the_border_of_a_subnet(site):
    # Answers to a client go to a high port, which this list does not let out.
    stateless = Acl(
        "stateless",
        (AclEntry(200, True, EVERYWHERE), AclEntry(100, False, "10.0.1.12/32", TCP, 80, 80)),
        (AclEntry(100, False, "10.0.1.11/32", TCP, 1_024, 65_535), AclEntry(200, True, EVERYWHERE, ANY)),
    )
    plan = network(
        "vpc-1",
        interface("server", "b", "10.0.2.10"),
        interface("beside", "b", "10.0.2.11"),
        *(interface(f"client-{number}", "a", f"10.0.1.{number}") for number in (10, 11, 12)),
        acls=(ALLOWING, stateless),
    )
    plan = replace(plan, subnets=(plan.subnets[0], replace(plan.subnets[1], acl="stateless")))
    site.networks.ensure(plan)
    server, beside, fine, unanswered, denied = site.plugged(plan)
    server.serve(80)
    server.serve(81)
    assert fine.reaches("10.0.2.10", 80)
    assert unanswered.refused("10.0.2.10", 80)
    assert denied.refused("10.0.2.10", 80)
    assert denied.reaches("10.0.2.10", 81)
    assert beside.reaches("10.0.2.10", 80)
    with fine.connect("10.0.2.10", 80) as running:
        site.networks.ensure(replace(plan, acls=(ALLOWING, replace(stateless, outward=()))))
        assert not echoes(running, 0.4), "what runs meets the list, too"


def test_nobody_sends_in_anothers_name_unless_his_source_is_not_checked(site):
    plan = network("vpc-1", interface("liar", "a", "10.0.1.10"), interface("victim", "b", "10.0.2.10"))
    site.networks.ensure(plan)
    liar, victim = site.plugged(plan)
    victim.serve(80)
    liar.ip("addr add 10.0.1.99/32 dev eth0")

    assert liar.reaches("10.0.2.10", 80)
    assert not heard(liar, victim, "10.0.2.10", IMPATIENCE, source="10.0.1.99")
    unchecked = replace(plan.interfaces[0], source_check=False)
    site.networks.ensure(replace(plan, interfaces=(unchecked, plan.interfaces[1])))
    assert heard(liar, victim, "10.0.2.10", source="10.0.1.99") == "10.0.1.99"
    liar.ip("link set eth0 address 02:00:00:00:00:99")
    assert liar.refused("10.0.2.10", 80), "a MAC address is never another's"


def test_a_machine_only_says_of_its_own_addresses_that_it_has_them(site):
    plan = network("vpc-1", interface("liar", "a", "10.0.1.10"), interface("victim", "b", "10.0.2.10"))
    site.networks.ensure(plan)
    liar, victim = site.plugged(plan)
    victim.serve(80)
    liar.ip("addr add 10.0.1.99/24 dev eth0", "neigh flush all")
    assert liar.refused("10.0.1.1", 80, source="10.0.1.99")
    assert liar.reaches("10.0.2.10", 80)
    known = inside.run("ip", "-n", f"{site.tag}.vpc-1", "neigh")
    assert "10.0.1.10 " in known
    assert "10.0.1.99" not in known


def test_a_machine_reaches_nothing_of_the_host_nor_of_its_network_but_what_listens_for_it(site):
    plan = network("vpc-1", interface("one", "a", f"10.0.1.10={site.public(20)}"))
    site.networks.ensure(plan)
    (one,) = site.plugged(plan)
    host = site.public(1)
    with ExitStack() as sockets:
        listener = socket.create_server((host, 0))
        serving(listener, "host", sockets)
        serving(site.networks.listen("vpc-1", "10.0.1.1", 80), "gateway", sockets)
        assert host_reaches(*listener.getsockname())
        assert one.refused(host, listener.getsockname()[1])
        assert one.refused("10.0.1.1", 80)
    assert not one.pings("10.0.1.1", 0.4)
    assert not one.pings("169.254.240.1", 0.4)


def test_secondary_addresses_and_a_second_interface_are_reached(site):
    plan = network(
        "vpc-1",
        interface("first", "a", "10.0.1.10", "10.0.1.11"),
        interface("second", "b", "10.0.2.10"),
        interface("client", "a", "10.0.1.20"),
    )
    site.networks.ensure(plan)
    both = site.plug(plan, plan.interfaces[0])
    site.plug(plan, plan.interfaces[1], both)
    (client,) = site.plugged(plan, "client")
    # As a machine's boot does it: who asks at the second interface is answered through it.
    both.ip("route add default via 10.0.2.1 dev eth1 table 1001", "rule add from 10.0.2.10 table 1001")
    both.serve(80)
    for address in ("10.0.1.10", "10.0.1.11", "10.0.2.10"):
        assert client.reaches(address, 80) == "first hears 10.0.1.20"
    assert site.networks.plugged("vpc-1") == ["client", "first", "second"]


def test_a_subnet_may_have_an_access_list_of_its_own_for_each_of_many(site):
    subnets = tuple(
        Subnet(f"s{number}", f"10.0.{number}.0/24", "zone", "private", f"acl-{number}") for number in (1, 2)
    )
    shut = Acl("acl-2", (AclEntry(1, False, EVERYWHERE),), (AclEntry(1, True, EVERYWHERE),))
    plan = network(
        "vpc-1",
        interface("one", "s1", "10.0.1.10"),
        interface("two", "s2", "10.0.2.10"),
        subnets=subnets,
        acls=(replace(ALLOWING, id="acl-1"), shut),
        groups=(group("open", EVERYTHING),),
    )
    site.networks.ensure(plan)
    one, two = site.plugged(plan)
    two.serve(80)
    assert one.refused("10.0.2.10", 80)
