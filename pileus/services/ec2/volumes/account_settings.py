"""What an account says of all its disks in a region: whether snapshots may be made public, whether new ones are
encrypted (no: EnableEbsEncryptionByDefault is refused until they can be).

Source: EC2 API Reference, "GetSnapshotBlockPublicAccessState" and its kin, "GetEbsEncryptionByDefault".
"""

from typing import Any

from pileus.service import Call
from pileus.store import Table

from ..service import Request, operation

OPEN, NEW, ALL = "unblocked", "block-new-sharing", "block-all-sharing"
public_access = Table("ec2.snapshots.public_access", str)  # account, region -> state, where it is not OPEN


def access(call: Call, account: str, region: str) -> str:
    return public_access.get(call.tx, account, region) or OPEN


@operation("GetSnapshotBlockPublicAccessState")
def get_snapshot_access(call: Call, request: Request) -> dict[str, Any]:
    return {"State": access(call, call.account, call.region), "ManagedBy": "account"}


@operation("EnableSnapshotBlockPublicAccess")
def block_snapshot_access(call: Call, request: Request) -> dict[str, Any]:
    public_access.put(call.tx, call.account, call.region, record=request["State"])
    return {"State": request["State"]}


@operation("DisableSnapshotBlockPublicAccess")
def open_snapshot_access(call: Call, request: Request) -> dict[str, Any]:
    public_access.delete(call.tx, call.account, call.region)
    return {"State": OPEN}
