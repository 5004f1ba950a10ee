"""EC2's own background work on an account's things: calls that no request made."""

from dataclasses import replace
from typing import Any

from pileus.service import Call
from pileus.service.acting import Actor, service_caller
from pileus.service.call import Cloud
from pileus.store import Transaction

HOST = "ec2.amazonaws.com"


def call_for(cloud: Cloud, tx: Transaction, account: str, region: str, operation: str = "DescribeInstances") -> Call:
    """A call in the account's name, not authorised: what a person asked for earlier is being done."""
    caller: Any = replace(service_caller(HOST), account=account)
    return Actor(cloud, caller, region).call(tx, "ec2", operation)
