"""Whether an account's snapshots may be made public, in a region.

Source: EC2 API Reference, "GetSnapshotBlockPublicAccessState" and its kin.
"""

from typing import Any

from pileus.service import Call
from pileus.store import Table

from ..service import Request, operation

OPEN, NEW, ALL = "unblocked", "block-new-sharing", "block-all-sharing"
states = Table("ec2.snapshots.public_access", str)  # account, region -> state, where it is not OPEN


def access(call: Call, account: str, region: str) -> str:
    return states.get(call.tx, account, region) or OPEN


@operation("GetSnapshotBlockPublicAccessState")
def get_snapshot_access(call: Call, request: Request) -> dict[str, Any]:
    return {"State": access(call, call.account, call.region), "ManagedBy": "account"}


@operation("EnableSnapshotBlockPublicAccess")
def block_snapshot_access(call: Call, request: Request) -> dict[str, Any]:
    states.put(call.tx, call.account, call.region, record=request["State"])
    return {"State": request["State"]}


@operation("DisableSnapshotBlockPublicAccess")
def open_snapshot_access(call: Call, request: Request) -> dict[str, Any]:
    states.delete(call.tx, call.account, call.region)
    return {"State": OPEN}
