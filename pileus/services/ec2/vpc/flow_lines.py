"""Lines of flow logs: fields by name, as a format asks for them. Pure.

Source: Amazon VPC User Guide, "Flow log records" (available fields, their versions; log status NODATA).
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pileus.drivers.networks.api import Flow
from pileus.model import regions as facts

from .flow_records import FlowLog, Seen

DEFAULT_FIELDS = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets",
    "bytes", "start", "end", "action", "log-status",
)  # fmt: skip
DEFAULT_FORMAT = " ".join(f"${{{name}}}" for name in DEFAULT_FIELDS)
FORMAT = re.compile(r"\$\{([a-z-]+)\}")


class Line(NamedTuple):
    """`flow`: None for an interface without any in the window."""

    log: FlowLog
    interface: str
    subnet: str
    zone: str
    instance: str
    start: int
    end: int
    flow: Flow | None


def _of_flow(read: Callable[[Flow], object]) -> Callable[[Line], object]:
    return lambda line: "-" if line.flow is None else read(line.flow)


_FIELDS: dict[str, tuple[int, Callable[[Line], object]]] = {
    "version": (2, lambda line: _version(line.log.fields)),
    "account-id": (2, lambda line: line.log.account),
    "interface-id": (2, lambda line: line.interface),
    "srcaddr": (2, _of_flow(lambda flow: flow.source)),
    "dstaddr": (2, _of_flow(lambda flow: flow.destination)),
    "srcport": (2, _of_flow(lambda flow: flow.source_port)),
    "dstport": (2, _of_flow(lambda flow: flow.destination_port)),
    "protocol": (2, _of_flow(lambda flow: flow.protocol)),
    "packets": (2, _of_flow(lambda flow: flow.packets)),
    "bytes": (2, _of_flow(lambda flow: flow.bytes)),
    "start": (2, lambda line: line.start),
    "end": (2, lambda line: line.end),
    "action": (2, _of_flow(lambda flow: "ACCEPT" if flow.accepted else "REJECT")),
    "log-status": (2, lambda line: "NODATA" if line.flow is None else "OK"),
    "vpc-id": (3, lambda line: line.log.vpc),
    "subnet-id": (3, lambda line: line.subnet),
    "instance-id": (3, lambda line: line.instance or "-"),
    "tcp-flags": (3, _of_flow(lambda flow: flow.flags)),
    "type": (3, _of_flow(lambda flow: "IPv4")),
    "pkt-srcaddr": (3, _of_flow(lambda flow: flow.source)),
    "pkt-dstaddr": (3, _of_flow(lambda flow: flow.destination)),
    "region": (4, lambda line: line.log.region),
    "az-id": (4, lambda line: facts.zone_id(line.zone)),
    "sublocation-type": (4, lambda line: "-"),
    "sublocation-id": (4, lambda line: "-"),
    "flow-direction": (5, _of_flow(lambda flow: "ingress" if flow.inward else "egress")),
    "reject-reason": (8, lambda line: "-"),
}


def fields_of(format: str) -> tuple[str, ...]:
    """Raises ValueError, with a sentence, when it is no format, or holds a field that is not there."""
    names = tuple(FORMAT.findall(format))
    if not names or " ".join(f"${{{name}}}" for name in names) != " ".join(format.split()):
        raise ValueError(f"LogFormat is no list of ${{fields}}: {format}")
    for name in names:
        if name not in _FIELDS:
            raise ValueError(f"LogFormat: there is no field ${{{name}}} here")
    return names


def _version(fields: tuple[str, ...]) -> int:
    return max(_FIELDS[name][0] for name in fields)


def text(log: FlowLog, lines: Iterable[Line]) -> str:
    """The whole file, its header first."""
    readers = [_FIELDS[name][1] for name in log.fields]
    rows = (" ".join(str(read(line)) for read in readers) for line in lines)
    return "\n".join((" ".join(log.fields), *rows)) + "\n"


def lines_of(
    log: FlowLog, found: Iterable[Seen], quiet: Iterable[tuple[str, str, str, str]], window: tuple[float, float]
) -> list[Line]:
    """What of one conversation was seen in parts is one line. `quiet`: (interface, subnet, zone, instance) of those the
    log is about: each without a flow gets a line that says so."""
    whole: dict[tuple[object, ...], Seen] = {}
    for part in found:
        flow = part.flow
        key = (
            flow.interface, flow.source, flow.destination, flow.source_port, flow.destination_port, flow.protocol,
            flow.accepted, flow.inward,
        )  # fmt: skip
        there = whole.get(key)
        whole[key] = part if there is None else Seen(_together(there.flow, flow), part.subnet, part.zone, part.instance)
    made = [
        Line(
            log,
            each.flow.interface,
            each.subnet,
            each.zone,
            each.instance,
            int(each.flow.started),
            int(each.flow.ended),
            each.flow,
        )
        for each in whole.values()
    ]
    heard = {line.interface for line in made}
    start, end = int(window[0]), int(window[1])
    made += [Line(log, *each, start, end, None) for each in quiet if each[0] not in heard]
    return made


def _together(one: Flow, other: Flow) -> Flow:
    return Flow(
        one.interface,
        one.source,
        one.destination,
        one.source_port,
        one.destination_port,
        one.protocol,
        one.packets + other.packets,
        one.bytes + other.bytes,
        min(one.started, other.started),
        max(one.ended, other.ended),
        one.accepted,
        one.inward,
        one.flags | other.flags,
    )
