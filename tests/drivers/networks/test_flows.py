"""What is told of the packets that passed and of those that did not."""

import pytest

from .guests import host_reaches
from .plans import EVERYWHERE, OPEN, TCP, group, interface, network, tcp


def told(site, wanted):
    """Flows since the last time, summed up until `wanted` holds for one of them."""
    found = []
    for _ in range(3_000):
        found += site.networks.flows("vpc-1")
        if any(wanted(flow) for flow in found):
            return found
    pytest.fail(f"no such flow was told: {found}")


def test_what_passed_and_what_was_refused_is_told_by_interface_and_direction(site):
    web = group("web", tcp("http", 80, EVERYWHERE))
    plan = network(
        "vpc-1",
        interface("web", "b", "10.0.2.10", groups=("web",), flows=True),
        interface("client", "a", f"10.0.1.10={site.public(20)}", flows=True),
        interface("quiet", "a", "10.0.1.11"),
        groups=(web, OPEN),
    )
    site.networks.ensure(plan)
    web_guest, client, quiet = site.plugged(plan)
    web_guest.serve(80)
    client.serve(80)
    assert site.networks.flows("vpc-1") == []
    assert client.reaches("10.0.2.10", 80)
    assert quiet.reaches("10.0.2.10", 80)
    assert client.refused("10.0.2.10", 22)
    flows = told(site, lambda flow: not flow.accepted)
    accepted = {(flow.interface, flow.source, flow.destination, flow.inward) for flow in flows if flow.accepted}
    assert accepted == {
        ("client", "10.0.1.10", "10.0.2.10", False),
        ("client", "10.0.2.10", "10.0.1.10", True),
        ("web", "10.0.1.10", "10.0.2.10", True),
        ("web", "10.0.2.10", "10.0.1.10", False),
        ("web", "10.0.1.11", "10.0.2.10", True),
        ("web", "10.0.2.10", "10.0.1.11", False),
    }
    asked = next(flow for flow in flows if flow.interface == "client" and flow.destination_port == 80)
    assert (asked.protocol, asked.packets > 3, asked.bytes > 200, asked.flags & 2) == (TCP, True, True, 2)
    assert asked.started <= asked.ended
    refused = [flow for flow in flows if not flow.accepted]
    assert {(flow.interface, flow.destination_port, flow.inward) for flow in refused} == {("web", 22, True)}
    left = [flow for flow in flows if flow.accepted and flow.destination_port == 22]
    assert {(flow.interface, flow.inward) for flow in left} == {("client", False)}
    assert host_reaches(site.public(20), 80)
    (outside,) = [flow for flow in told(site, lambda flow: flow.inward) if flow.inward]
    assert (outside.source, outside.destination) == (site.public(1), "10.0.1.10")
