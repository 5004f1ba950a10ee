"""Names that machines ask for."""

import os
import signal
import socket
import struct

from msgspec.structs import replace

from tests.drivers.real import eventually

from .plans import group, interface, network

A, AAAA, PTR = 1, 28, 12
REFUSED, UNKNOWN = 5, 3


def asked(guest, server, name, kind=A, by=socket.SOCK_DGRAM):
    """The status, and the addresses or names that end the answers."""
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    question = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + question + struct.pack("!HH", kind, 1)
    with guest.made(by) as dial:
        dial.settimeout(60)
        dial.connect((server, 53))
        if by == socket.SOCK_DGRAM:
            dial.send(question)
            said = dial.recv(4_096)
        else:
            dial.send(struct.pack("!H", len(question)) + question)
            said = dial.recv(struct.unpack("!H", dial.recv(2, socket.MSG_WAITALL))[0], socket.MSG_WAITALL)
    status, count, at, found = said[3] & 15, struct.unpack_from("!H", said, 6)[0], len(question), []
    for _ in range(count):
        length = struct.unpack_from("!H", said, at + 10)[0]
        data = said[at + 12 : at + 12 + length]
        found.append(socket.inet_ntoa(data) if kind == A else data)
        at += 12 + length
    return status, sorted(found)


def test_names_and_domains_are_answered_inside_the_network_and_change_at_once(site):
    plan = network(
        "vpc-1",
        interface("one", "a", "10.0.1.10", groups=("mute",)),
        groups=(group("mute", outward=()),),
        names={
            "ip-10-0-1-10.internal": ("10.0.1.10",),
            "db.internal": ("10.0.2.1", "10.0.2.9"),
            "me.aws.com": ("10.0.1.7",),
        },
        domains={"aws.com": "198.18.0.2", "s3.aws.com": "198.18.0.3"},
    )
    site.networks.ensure(plan)
    (one,) = site.plugged(plan)
    for server in ("10.0.0.2", "10.0.1.2", "10.0.2.2", "169.254.169.253"):
        assert asked(one, server, "ip-10-0-1-10.internal") == (0, ["10.0.1.10"])
    server = "10.0.1.2"
    assert asked(one, server, "db.internal") == (0, ["10.0.2.1", "10.0.2.9"])
    assert asked(one, server, "sqs.aws.com") == (0, ["198.18.0.2"])
    assert asked(one, server, "bucket.s3.aws.com") == (0, ["198.18.0.3"])
    assert asked(one, server, "me.aws.com") == (0, ["10.0.1.7"])
    assert asked(one, server, "sqs.aws.com", AAAA) == (0, [])
    assert asked(one, server, "example.com") == (UNKNOWN, [])
    assert b"ip-10-0-1-10" in asked(one, server, "10.1.0.10.in-addr.arpa", PTR)[1][0]
    process = site.networks._resolver("vpc-1").program.number()
    site.networks.ensure(replace(plan, names={"new.internal": ("10.0.1.99",)}))
    assert any(asked(one, server, "new.internal") == (0, ["10.0.1.99"]) for _ in range(5_000))
    assert asked(one, server, "db.internal") == (UNKNOWN, [])
    assert site.networks._resolver("vpc-1").program.number() == process
    assert os.stat(f"/proc/{process}").st_uid != 0
    site.networks.ensure(replace(plan, domains={"aws.com": "198.18.0.4"}))
    assert asked(one, server, "sqs.aws.com") == (0, ["198.18.0.4"])
    site.networks.ensure(replace(plan, resolver=False))
    assert site.networks._resolver("vpc-1").program.number() is None


def test_a_resolver_that_was_killed_answers_again(site):
    plan = network("vpc-1", interface("one", "a", "10.0.1.10"), names={"db.internal": ("10.0.2.1",)})
    site.networks.ensure(plan)
    (one,) = site.plugged(plan)
    for _ in range(2):
        killed = site.networks._resolver("vpc-1").program.number()
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: site.networks._resolver("vpc-1").program.number() not in (None, killed))  # noqa: B023
        assert asked(one, "10.0.1.2", "db.internal") == (0, ["10.0.2.1"])
    # One that nobody wants any more stays away.
    site.networks.ensure(replace(plan, resolver=False))
    assert site.networks._resolver("vpc-1").program.number() is None
    site.networks.ensure(replace(plan, names={}))
    assert asked(one, "10.0.1.2", "db.internal") == (UNKNOWN, [])


def test_two_networks_answer_the_same_name_each_in_its_own_way(site):
    guests = []
    for number in (1, 2):
        plan = network(
            f"vpc-{number}", interface("one", "a", "10.0.1.10"), names={"db.internal": (f"10.0.1.{number}",)}
        )
        site.networks.ensure(plan)
        guests += site.plugged(plan)
    assert [asked(guest, "10.0.1.2", "db.internal")[1] for guest in guests] == [["10.0.1.1"], ["10.0.1.2"]]
