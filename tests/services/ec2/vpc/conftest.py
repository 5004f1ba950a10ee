"""A cloud whose networks are in memory, and a way to look at what they are told."""

from typing import Any

import pytest

from pileus.services.ec2.vpc.compiling import network_of
from tests.conftest import REGION, TestCloud

ACCOUNT = "000000000000"


@pytest.fixture
def ec2(cloud: TestCloud) -> Any:
    return cloud.client("ec2")


@pytest.fixture
def compiled(cloud: TestCloud) -> Any:
    """A function that gives a VPC as the driver would be told it."""

    def see(vpc: str, account: str = ACCOUNT, region: str = REGION) -> Any:
        edge = cloud.drivers.networks.edge_address
        return cloud.run(cloud.app.store.transact(lambda tx: network_of(tx, account, region, vpc, edge)))

    return see


@pytest.fixture
def realized(cloud: TestCloud) -> Any:
    """A function that gives the networks the driver has, once the reconcilers are done."""

    def see() -> dict[str, Any]:
        cloud.settle()
        return dict(cloud.drivers.networks.networks)  # type: ignore[attr-defined]

    return see


@pytest.fixture
def plugged(cloud: TestCloud) -> Any:
    """A function that attaches an interface to a machine that is only a name."""
    from pileus.services.ec2.vpc import joining
    from pileus.services.ec2.vpc.defaults import settle

    def attach(interface: str, instance: str = "i-0123456789abcdef0", index: int = 0, region: str = REGION) -> None:
        async def work() -> None:
            await cloud.app.store.transact(lambda tx: step(tx))

        def step(tx: Any) -> None:
            call = acting(cloud, tx, region)
            settle(call)
            joining.attach_interface(call, interface, instance, index, delete_on_termination=True)

        cloud.run(work())

    return attach


def acting(cloud: TestCloud, tx: Any, region: str = REGION) -> Any:
    """A call of the default account's root, for what has no operation of its own."""
    from pileus.identity.keys import AccessKey
    from pileus.identity.standing import compile_standing
    from pileus.service import Call, Caller

    key = AccessKey("test", "test", ACCOUNT, "", ACCOUNT, 0.0)
    standing = compile_standing(tx, key)
    caller = Caller(standing, ACCOUNT, standing.principal.arn, ACCOUNT, key)
    operation = cloud.app.cloud.service("ec2").operations["DescribeVpcs"]
    return Call(cloud.app.cloud, tx, caller, region, cloud.app.clock.now(), "test", operation=operation)
