"""Networks outlive who made them, are taken over, and leave nothing when they go."""

import signal
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from msgspec.structs import replace

from pileus.drivers.networks import inside
from pileus.drivers.networks.api import NatGateway, Peering, Route, RouteTable
from pileus.drivers.networks.namespaces import NamespaceNetworks

from .guests import echoes, host_reaches
from .plans import EVERYWHERE, OPEN, TO_INTERNET, group, interface, network, tcp


def test_a_driver_that_starts_anew_takes_over_what_runs_and_changes_what_differs(site):
    trusting = group("trusting", tcp("http", 80, "10.0.0.0/16"))
    plan = network(
        "vpc-1",
        interface("one", "b", "10.0.2.10", groups=("trusting",)),
        interface("two", "a", f"10.0.1.10={site.public(20)}"),
        groups=(trusting, OPEN),
        names={"one.internal": ("10.0.2.10",)},
    )
    site.networks.ensure(plan)
    one, two = site.plugged(plan)
    for guest in (one, two):
        guest.serve(80)
    resolver = site.networks._resolver("vpc-1").program.number()
    with two.connect("10.0.2.10", 80) as running:
        again = site.again()
        assert again.ids() == ["vpc-1"]
        assert again.plugged("vpc-1") == ["one", "two"]
        assert echoes(running)
        again.ensure(replace(plan, groups=(group("trusting"), OPEN)))
        assert echoes(running), "it was tracked"
    assert two.refused("10.0.2.10", 80)
    assert host_reaches(site.public(20), 80)
    assert site.networks._resolver("vpc-1").program.number() == resolver


def test_a_half_made_network_is_finished_by_the_next_ensure(site):
    """As after a kill at any line: each of its parts is taken away in turn."""
    plan = network(
        "vpc-1",
        interface("one", "b", "10.0.2.10"),
        interface("two", "a", f"10.0.1.10={site.public(20)}"),
        nat_gateways=(NatGateway("nat-1", "a", "10.0.1.5", site.public(30)),),
        tables=(TO_INTERNET, RouteTable("private", (Route(EVERYWHERE, "nat", "nat-1"),))),
    )
    site.networks.ensure(plan)
    namespace, gateway = f"{site.tag}.vpc-1", f"{site.tag}..vpc-1.nat-1"
    one, two = site.plugged(plan)
    two.serve(80)

    def lose(*command: str) -> None:
        inside.run("ip", "-n", namespace, *command)

    for loss in (
        lambda: inside.nft(namespace, "delete table inet pileus\n"),
        lambda: lose("link", "del", "edge"),
        lambda: lose("rule", "del", "priority", "30000"),
        lambda: lose("rule", "flush"),
        lambda: lose("addr", "flush", "dev", "lo"),
        lambda: inside.remove(gateway),
        lambda: site.networks._resolver("vpc-1").program.end(),
        lambda: site.networks._resolver("vpc-1").program.file.unlink(),
    ):
        loss()
        site.again().ensure(plan)
        assert host_reaches(site.public(20), 80)
        assert one.reaches(site.public(20), 80) == f"two hears {site.public(30)}"
        assert site.networks._resolver("vpc-1").program.number()


def test_a_process_that_is_killed_leaves_its_networks_to_the_next(site):
    """It goes on ensuring, this way and that, until it is killed in the middle."""
    program = f"""
from pathlib import Path
from tests.drivers.networks.plans import interface, network
from pileus.drivers.networks.namespaces import NamespaceNetworks
networks = NamespaceNetworks(Path({str(site.home)!r}), {site.tag!r})
while True:
    for last in range(10, 14):
        public = networks.public_range().rsplit(".", 1)[0] + ".20"
        networks.ensure(network("vpc-1", interface("one", "a", f"10.0.1.{{last}}={{public}}")))
        print("ensured", flush=True)
        networks.destroy("vpc-1") if last == 13 else None
"""
    for rounds in (1, 2, 3, 5):
        killed = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert killed.stdout
        for _ in range(rounds):
            assert killed.stdout.readline()
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        killed.stdout.close()
        plan = network("vpc-1", interface("one", "a", f"10.0.1.10={site.public(20)}"))
        site.again().ensure(plan)
        (one,) = site.plugged(plan)
        one.serve(80)
        assert host_reaches(site.public(20), 80)
        one.unplug()


def test_nothing_is_left_of_a_driver_that_vanishes(site):
    peering = Peering("pcx-1", "vpc-2", ("10.0.0.0/16",))
    plan = network(
        "vpc-1",
        interface("one", "a", f"10.0.1.10={site.public(20)}", flows=True),
        nat_gateways=(NatGateway("nat-1", "a", "10.0.1.5"),),
        peerings=(peering,),
    )
    site.networks.ensure(plan)
    site.networks.ensure(network("vpc-2", peerings=(replace(peering, network="vpc-1"),)))
    chosen, device = site.networks.public_range(), site.networks._edge.device
    processes = {site.networks._resolver(f"vpc-{number}").program.number() for number in (1, 2)}
    assert len(inside.named(f"{site.tag}.")) == 4
    site.networks.vanish()
    assert inside.named(f"{site.tag}.") == []
    assert not Path("/sys/class/net", device).exists()
    assert chosen not in inside.run("ip", "route", "show", "table", "all")
    assert not Path(f"/run/pileus-networks.{site.tag}").exists()
    assert list(site.home.rglob("*")) == []
    assert not [process for process in processes if Path(f"/proc/{process}/cmdline").exists() and alive(process)]


def alive(process):
    """A process that nobody has reaped yet is not."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_two_clouds_on_one_host_have_ranges_of_their_own(site, tmp_path):
    other = NamespaceNetworks(tmp_path / "other", f"{site.tag}b")
    try:
        assert other.public_range() != site.networks.public_range()
    finally:
        other.vanish()


def test_a_thousand_interfaces_and_a_thousand_rules(site):
    """Printed, not judged: this machine is shared."""
    rules = tuple(tcp(f"rule-{number}", number, f"10.0.{number % 250}.0/24") for number in range(1_000))
    inner = group("inner", *rules, tcp("last", 2_000, groups=("front",)))
    crowd = [
        interface(f"eni-{number}", "ab"[number % 2], f"10.0.{1 + number % 2}.{3 + number // 2}", groups=("inner",))
        for number in range(500)
    ]
    crowd += [
        interface(f"more-{number}", "a", f"10.0.{8 + number // 250}.{3 + number % 250}", groups=("front",))
        for number in range(500)
    ]
    plan = network("vpc-1", *crowd, groups=(inner, group("front"), OPEN))
    lap = perf_counter()

    def took(what: str) -> None:
        nonlocal lap
        print(f"\n{what}: {(perf_counter() - lap) * 1e3:.0f} ms", end="")
        lap = perf_counter()

    site.networks.ensure(plan)
    took("ensured 1,000 interfaces and 1,000 rules")
    site.networks.ensure(plan)
    took("ensured again, nothing new")
    plan = replace(plan, interfaces=(*plan.interfaces, interface("late", "a", "10.0.1.254", groups=("front",))))
    site.networks.ensure(plan)
    took("one interface more")
    site.networks.ensure(replace(plan, groups=(group("inner", *rules[1:]), group("front"), OPEN)))
    took("two rules fewer")
    site.networks.ensure(plan)
    site.again().ensure(plan)
    took("two rules more, and adopted")
    served, late = site.plugged(plan, "eni-0", "late")
    served.serve(2_000)
    lap = perf_counter()
    for _ in range(200):
        assert late.reaches("10.0.1.3", 2_000)
    print(f"\n{200 / (perf_counter() - lap):.0f} new connections a second past 1,000 rules")
