"""What is kept of flow logs: who wants to know, what was seen and not delivered yet."""

import msgspec

from pileus.drivers.networks.api import Flow
from pileus.store import Index, Table, Transaction

from .things import Thing


class FlowLog(Thing, frozen=True, kw_only=True):
    """`resource`: of a VPC, a subnet or an interface in `vpc`. `traffic`: ACCEPT, REJECT or ALL. `bucket`, `prefix`:
    where to. `fields`: of a line, in order. `error`: why the last delivery failed."""

    vpc: str
    resource: str
    traffic: str
    bucket: str
    prefix: str
    destination: str
    format: str
    fields: tuple[str, ...]
    interval: int
    hive: bool = False
    hourly: bool = False
    error: str = ""

    def of(self, interface: str, subnet: str) -> bool:
        """Whether it is about this interface."""
        return self.resource in (self.vpc, subnet, interface)


class Seen(msgspec.Struct, frozen=True):
    """A flow (its times by the cloud's clock), and whose interface it was then."""

    flow: Flow
    subnet: str
    zone: str
    instance: str


flow_logs = Table(
    "ec2.flow_logs",
    FlowLog,
    watched=True,
    indexes=(logs_of_vpc := Index[FlowLog]("ec2.flow_logs.of_vpc", lambda key, log: [(*key[:2], log.vpc, log.id)]),),
)
seen = Table("ec2.flow_logs.seen", list[Seen])  # flow log, rising number -> some
windows = Table("ec2.flow_logs.windows", float)  # flow log -> until when it was delivered


def logs_in(tx: Transaction, account: str, region: str, vpc: str) -> list[FlowLog]:
    return [log for _, log in flow_logs.find(tx, logs_of_vpc, account, region, vpc)]
