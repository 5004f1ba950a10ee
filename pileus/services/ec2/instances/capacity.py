"""How many more machines this host can run.

What a type promises is a limit to its machines, not memory set aside: a host runs far more of them than would fit if
all were busy. What is counted is what an idle one needs, so that a launch of a thousand ends in AWS's error and not in
a host that stands still.

Source: Amazon EC2 User Guide, "Troubleshoot Amazon EC2 instance launch issues"; EC2 API Reference, "RunInstances"
(MaxCount: as many as can be, if they are MinCount at least) and "Error codes" (a server error).
"""

from pileus.service import Call

from ..service import Ec2Error
from .records import instances

PAGE = 1_000_000


def fitting(call: Call, least: int, most: int, type: str, zone: str) -> int:
    """How many of `most` may be started now. Raises InsufficientInstanceCapacity for less than `least`."""
    total = call.cloud.drivers.machines.most()
    running = sum(one.wanted == "running" for _, one in instances.scan(call.tx, limit=PAGE))
    if total - running < least:
        raise Ec2Error(
            "InsufficientInstanceCapacity",
            f"We currently do not have sufficient {type} capacity in the Availability Zone you requested ({zone}). "
            f"This host can run {total} machines at once, of all accounts and regions, and runs {running}: stop or "
            "terminate some.",
            status=500,
        )
    return min(most, total - running)
