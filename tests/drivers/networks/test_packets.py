"""What real packets may do in a network: by groups, by routes, through the edge."""

from msgspec.structs import replace

from .guests import echoes, host_reaches
from .plans import EVERYWHERE, group, interface, network, tcp


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


def test_a_public_address_is_reached_from_the_host_and_from_another_network_and_from_its_own(site):
    public = [str(site.networks._edge.range()[number]) for number in (20, 21, 22)]
    here = network(
        "vpc-1", interface("one", "a", f"10.0.1.10={public[0]}"), interface("two", "a", f"10.0.1.11={public[1]}")
    )
    there = network("vpc-2", interface("three", "a", f"10.0.1.10={public[2]}"))
    for each in (here, there):
        site.networks.ensure(each)
    one, two = site.plugged(here)
    (three,) = site.plugged(there)
    one.serve(22)
    assert host_reaches(public[0], 22) == f"one hears {site.networks._edge.range()[1]}"
    assert three.reaches(public[0], 22) == f"one hears {public[2]}"
    assert two.reaches(public[0], 22) == f"one hears {public[1]}"


def test_a_group_lets_in_what_its_rules_say_and_answers_to_it(site):
    web = group("web", tcp("http", 80, EVERYWHERE), outward=())
    jump = group("jump", tcp("ssh", 22, groups=("front",)))
    plan = network(
        "vpc-1",
        interface("web", "a", "10.0.1.10", groups=("web",)),
        interface("app", "b", "10.0.2.10", groups=("jump",)),
        interface("front", "a", "10.0.1.11", groups=("front",)),
        groups=(web, jump, group("front")),
    )
    site.networks.ensure(plan)
    web_guest, app, front = site.plugged(plan)
    for guest in (web_guest, app):
        guest.serve(80)
        guest.serve(22)
    assert front.reaches("10.0.1.10", 80)
    assert front.refused("10.0.1.10", 22)
    assert front.reaches("10.0.2.10", 22)
    assert web_guest.refused("10.0.2.10", 22)
    still = front.connect("10.0.2.10", 22)
    site.networks.ensure(replace(plan, groups=(web, group("jump"), group("front"))))
    assert front.refused("10.0.2.10", 22)
    assert echoes(still)
    still.close()
