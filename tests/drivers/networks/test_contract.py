"""What every driver of networks keeps, the one that only remembers and the real one."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from msgspec.structs import replace

from pileus.drivers.api import Unable
from pileus.drivers.networks.api import Networks
from pileus.drivers.networks.fake import FakeNetworks

from .plans import interface, network

PLAN = network("vpc-1", interface("one", "a", "10.0.1.10", "10.0.1.11"), interface("two", "b", "10.0.2.10"))


@pytest.fixture(params=["fake", "namespaces"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def networks(kind: str, request: pytest.FixtureRequest) -> Networks:
    return FakeNetworks() if kind == "fake" else request.getfixturevalue("site").networks


@pytest.fixture
def plug(kind: str, networks: Networks, request: pytest.FixtureRequest) -> Iterator[Callable[[str], None]]:
    """Plugs a machine into an interface of PLAN."""
    if isinstance(networks, FakeNetworks):
        yield lambda name: networks.plug("vpc-1", name)
    else:
        yield lambda name: request.getfixturevalue("site").plugged(PLAN, name)


@pytest.fixture
def silence(networks: Networks, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """The machine that is plugged into an interface takes it down."""
    if isinstance(networks, FakeNetworks):
        return networks.silent.add
    site = request.getfixturevalue("site")
    return lambda name: next(guest for guest in site.guests if guest.name == name).ip("link set eth0 down")


def test_nothing_is_lacking_where_it_runs(networks):
    assert networks.lacking() == []


def test_the_range_of_public_addresses_is_a_20_and_the_edges_own_are_in_it(networks):
    chosen = IPv4Network(networks.public_range())
    assert chosen.prefixlen == 20
    assert chosen.subnet_of(IPv4Network("198.18.0.0/15"))
    assert networks.public_range() == str(chosen)
    assert [networks.edge_address(number) for number in (2, 15)] == [str(chosen[2]), str(chosen[15])]
    for number in (0, 1, 16):
        with pytest.raises(ValueError, match="2 to 15"):
            networks.edge_address(number)


def test_a_network_is_known_from_ensure_to_destroy_however_often_either_is_repeated(networks):
    assert networks.ids() == []
    for _ in range(2):
        networks.ensure(PLAN)
        networks.ensure(replace(PLAN, id="vpc-2"))
    assert networks.ids() == ["vpc-1", "vpc-2"]
    for _ in range(2):
        networks.destroy("vpc-1")
    assert networks.ids() == ["vpc-2"]
    networks.vanish()
    networks.vanish()
    assert networks.ids() == []


def test_a_link_says_all_that_a_plug_needs(networks):
    networks.ensure(PLAN)
    link = networks.link("vpc-1", PLAN.interfaces[0], 1)
    assert (link.interface, link.index, link.mac) == ("one", 1, PLAN.interfaces[0].mac)
    assert (link.addresses, link.prefix, link.gateway) == (("10.0.1.10", "10.0.1.11"), 24, "10.0.1.1")
    assert 0 < len(link.name) <= 15
    assert link.name != networks.link("vpc-1", PLAN.interfaces[1], 0).name
    assert networks.link("vpc-1", PLAN.interfaces[0], 1) == link
    with pytest.raises(Unable, match="stranger"):
        networks.link("vpc-1", interface("stranger", "a", "10.0.1.77"), 0)
    with pytest.raises(Unable, match="vpc-9"):
        networks.link("vpc-9", PLAN.interfaces[0], 0)


def test_what_is_plugged_in_is_told(networks, plug):
    networks.ensure(PLAN)
    assert networks.plugged("vpc-1") == []
    plug("two")
    assert networks.plugged("vpc-1") == ["two"]
    plug("one")
    assert networks.plugged("vpc-1") == ["one", "two"]
    assert networks.plugged("vpc-9") == []
    networks.destroy("vpc-1")
    assert networks.plugged("vpc-1") == []


def test_a_machine_that_is_plugged_in_answers_until_it_takes_its_interface_down(networks, plug, silence):
    networks.ensure(PLAN)
    assert not networks.answers("vpc-9", "one", 0.2)
    assert not networks.answers("vpc-1", "stranger", 0.2)
    plug("one")
    assert networks.answers("vpc-1", "one", 60.0)
    silence("one")
    assert not networks.answers("vpc-1", "one", 0.2)


def test_a_network_that_names_what_it_does_not_have_is_refused_and_nothing_changes(networks):
    networks.ensure(PLAN)
    for wrong in (
        replace(PLAN, groups=()),
        replace(PLAN, tables=()),
        replace(PLAN, acls=()),
        replace(PLAN, subnets=PLAN.subnets[:1]),
        replace(PLAN, interfaces=(*PLAN.interfaces, replace(PLAN.interfaces[0], id="copy"))),
    ):
        with pytest.raises(Unable, match="vpc-1"):
            networks.ensure(wrong)
    assert networks.link("vpc-1", PLAN.interfaces[1], 0).gateway == "10.0.2.1"


def test_sockets_listen_in_a_network_and_at_the_edge(networks):
    networks.ensure(PLAN)
    with (
        networks.listen("vpc-1", "169.254.169.254", 80) as metadata,
        networks.listen("", networks.edge_address(2), 443) as edge,
    ):
        assert metadata.fileno() >= 0
        assert edge.fileno() >= 0
    with pytest.raises(Unable):
        networks.listen("vpc-9", "169.254.169.254", 80)


def test_nothing_is_told_of_flows_that_were_not(networks):
    networks.ensure(PLAN)
    assert networks.flows("vpc-1") == []
    assert networks.flows("vpc-9") == []


def test_a_public_range_that_was_taken_stays(site):
    chosen, home = site.networks.public_range(), Path(site.home, "networks", "range")
    assert home.read_text() == chosen
    assert site.again().public_range() == chosen


def test_a_plain_user_is_told_what_he_lacks_and_how_to_get_it(site):
    program = (
        "import os\nfrom pileus.drivers.networks.capability import lacks\n"
        "os.setuid(65534)\nprint([(lack.what, lack.remedy) for lack in lacks()])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "the rights of root" in told
    assert "sudo" in told
