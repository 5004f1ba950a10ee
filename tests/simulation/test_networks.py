"""Networks under a simulated clock: seeded operations and background work in any order, with crashes.

In the end the driver has what the records say and nothing else, and no address has two owners.
"""

import asyncio
from collections import Counter
from ipaddress import IPv4Network
from random import Random
from typing import Any

import pytest

from pileus.base.clock import SimClock
from pileus.base.errors import ApiError
from pileus.catalog import Catalog
from pileus.control import Loop
from pileus.drivers import Drivers
from pileus.drivers.machines.fake import FakeMachines
from pileus.drivers.networks.fake import FakeNetworks
from pileus.drivers.volumes.fake import FakeVolumes
from pileus.service import Call
from pileus.services.ec2 import ec2, vpc
from pileus.services.ec2.vpc import joining, records
from pileus.services.ec2.vpc.compiling import in_use, network_of
from pileus.services.ec2.vpc.realizing import adopt
from pileus.store.memory import MemoryStore

from .asking import Permissive, call_of
from .crashes import Crash, CrashingStore


class Simulation:
    def __init__(self, seed: int):
        self.random = Random(seed)
        self.store = MemoryStore(Random(seed))
        self.clock = SimClock()
        self.crashing = CrashingStore(self.store, self.random)
        self.driver = FakeNetworks()
        self.done: Counter[str] = Counter()
        self.crashes = self.machines = 0
        self.start()

    def start(self) -> None:
        """A process over what store and host hold: its driver is new, the networks are not."""
        found, self.driver = self.driver.networks, FakeNetworks()
        self.driver.networks = found
        drivers = Drivers(FakeMachines(FakeVolumes()), FakeVolumes(), self.driver)
        self.world = Permissive(self.crashing, self.clock, Catalog(), drivers=drivers)
        self.loop = Loop(self.world, vpc.reconcilers(), self.random.randrange(1 << 30))

    async def ask(self, name: str, **request: Any) -> Any:
        def work(tx: Any) -> Any:
            call = call_of(self.world, tx, ec2.operations[name], request)
            return call.operation.handler(call, request)

        try:
            answer = await self.store.transact(work)
        except ApiError as error:
            self.done[error.code] += 1
            return None
        self.done[name] += 1
        return answer

    async def step(self, work: Any) -> None:
        """What machines do with their interfaces."""
        await self.store.transact(lambda tx: work(call_of(self.world, tx, ec2.operations["DescribeVpcs"], {})))

    async def all(self, table: Any) -> list[Any]:
        return await self.store.transact(lambda tx: [record for _, record in table.scan(tx, limit=10_000)])

    async def any(self, table: Any, keep: Any = lambda record: True) -> Any:
        found = sorted((record for record in await self.all(table) if keep(record)), key=lambda record: record.created)
        return self.random.choice(found) if found else None

    async def background(self, seconds: float) -> None:
        """Lets time pass; a process that dies is started again, and looks at what there is."""
        end = self.clock.now() + seconds
        while True:
            try:
                await self.loop.advance(end - self.clock.now())
                return
            except Crash:
                self.crashes += 1
                await self.begin_again()

    async def begin_again(self) -> None:
        while True:
            self.start()
            try:
                await adopt(self.world)
                return
            except Crash:
                self.crashes += 1


async def create_interface(sim: Simulation) -> None:
    subnet = await sim.any(records.subnets)
    if subnet is not None:
        await sim.ask("CreateNetworkInterface", SubnetId=subnet.id)


async def attach(sim: Simulation) -> None:
    free = await sim.any(records.interfaces, lambda each: each.attachment is None and not each.requester)
    if free is not None:
        sim.machines += 1
        machine = f"i-{sim.machines:017x}"

        def work(call: Call) -> None:
            joining.attach_interface(call, free.id, machine, 1, delete_on_termination=True)
            if free.vpc and joining.subnet_of(call, free.subnet).map_public:
                joining.give_launch_address(call, free.id)

        await sim.step(work)
        sim.done["attach"] += 1


async def detach(sim: Simulation) -> None:
    found = await sim.any(records.interfaces, lambda each: each.attachment is not None)
    if found is not None:
        await sim.step(lambda call: joining.detach_interface(call, found.id))
        sim.done["detach"] += 1


async def delete_interface(sim: Simulation) -> None:
    found = await sim.any(records.interfaces)
    if found is not None:
        await sim.ask("DeleteNetworkInterface", NetworkInterfaceId=found.id)


async def associate(sim: Simulation) -> None:
    address = await sim.any(records.elastic_addresses)
    found = await sim.any(records.interfaces, lambda each: not each.requester)
    if address is not None and found is not None:
        await sim.ask("AssociateAddress", AllocationId=address.id, NetworkInterfaceId=found.id)


async def disassociate(sim: Simulation) -> None:
    address = await sim.any(records.elastic_addresses, lambda each: each.association)
    if address is not None:
        await sim.ask("DisassociateAddress", AssociationId=address.association)


async def release(sim: Simulation) -> None:
    address = await sim.any(records.elastic_addresses)
    if address is not None:
        await sim.ask("ReleaseAddress", AllocationId=address.id)


async def create_nat(sim: Simulation) -> None:
    address, subnet = await sim.any(records.elastic_addresses), await sim.any(records.subnets)
    if address is not None and subnet is not None:
        await sim.ask("CreateNatGateway", SubnetId=subnet.id, AllocationId=address.id)


async def delete_nat(sim: Simulation) -> None:
    nat = await sim.any(records.nat_gateways)
    if nat is not None:
        await sim.ask("DeleteNatGateway", NatGatewayId=nat.id)


async def peer(sim: Simulation) -> None:
    one, other = await sim.any(records.vpcs), await sim.any(records.vpcs)
    if one.id != other.id:
        made = await sim.ask("CreateVpcPeeringConnection", VpcId=one.id, PeerVpcId=other.id)
        if made is not None:
            id = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
            await sim.ask("AcceptVpcPeeringConnection", VpcPeeringConnectionId=id)


async def part(sim: Simulation) -> None:
    peering = await sim.any(records.peerings)
    if peering is not None:
        await sim.ask("DeleteVpcPeeringConnection", VpcPeeringConnectionId=peering.id)


async def rule(sim: Simulation) -> None:
    group = await sim.any(records.groups)
    port = sim.random.randrange(20, 30)
    await sim.ask(
        "AuthorizeSecurityGroupIngress",
        GroupId=group.id,
        IpProtocol="tcp",
        FromPort=port,
        ToPort=port,
        CidrIp="0.0.0.0/0",
    )


ACTIONS = [
    create_interface, create_interface, attach, attach, detach, delete_interface, associate, disassociate, release,
    create_nat, delete_nat, peer, part, rule,
]  # fmt: skip


async def simulate(seed: int) -> Simulation:
    sim = Simulation(seed)
    await sim.ask("DescribeVpcs")
    for number in range(2):
        made = await sim.ask("CreateVpc", CidrBlock=f"10.{number}.0.0/16")
        await sim.ask("CreateSubnet", VpcId=made["Vpc"]["VpcId"], CidrBlock=f"10.{number}.1.0/28")
    for _ in range(120):
        if sim.random.random() < 0.3:
            await sim.ask("AllocateAddress")
        await sim.random.choice(ACTIONS)(sim)
        if sim.random.random() < 0.4:
            await sim.background(sim.random.choice([0.0, 1.0, 60.0, 4_000.0]))
    sim.crashing.calm = True
    await sim.background(20.0)
    return sim


async def check(sim: Simulation) -> None:
    def wanted(tx: Any) -> dict[str, Any]:
        networks = [
            network_of(tx, record.account, record.region, record.id, sim.driver.edge_address)
            for _, record in records.vpcs.scan(tx)
        ]
        return {network.id: network for network in networks if network is not None and in_use(network)}

    assert sim.driver.networks == await sim.store.transact(wanted)
    interfaces, subnets = await sim.all(records.interfaces), await sim.all(records.subnets)
    owned = Counter((each.subnet, private.address) for each in interfaces for private in each.addresses)
    assert set(owned.values()) <= {1}
    for subnet in subnets:
        held = [address for home, address in owned if home == subnet.id]
        assert subnet.used == len(held)
        assert all(IPv4Network(subnet.range).overlaps(IPv4Network(address)) for address in held)
    publics = Counter(p.public.address for each in interfaces for p in each.addresses if p.public is not None)
    elastic = {each.public: each for each in await sim.all(records.elastic_addresses)}
    assert set(publics.values()) <= {1}
    taken = await sim.store.transact(lambda tx: len(list(records.public_addresses.scan(tx))))
    assert taken == len(set(publics) | set(elastic))
    associated = {address for address, each in elastic.items() if each.association}
    assert associated == set(publics) & set(elastic)
    for nat in await sim.all(records.nat_gateways):
        # One that cannot be is made and fails, with AWS's reason; none is on its way any more.
        assert nat.state in ("available", "deleted") or (nat.state == "failed" and nat.failure_code)


@pytest.mark.parametrize("seed", range(12))
def test_the_driver_has_what_the_records_say_after_any_order_and_any_crash(seed):
    async def main() -> Simulation:
        sim = await simulate(seed)
        await check(sim)
        return sim

    sim = asyncio.run(main())
    assert sim.done["attach"] > 0


def test_the_simulation_crashes_and_does_everything():
    async def main() -> tuple[int, Counter[str]]:
        crashes, done = 0, Counter()
        for seed in range(100, 104):
            sim = await simulate(seed)
            crashes += sim.crashes
            done += sim.done
        return crashes, done

    crashes, done = asyncio.run(main())
    assert crashes > 0
    for name in (
        "attach",
        "detach",
        "AssociateAddress",
        "CreateNatGateway",
        "DeleteNatGateway",
        "AcceptVpcPeeringConnection",
    ):
        assert done[name] > 0, name
