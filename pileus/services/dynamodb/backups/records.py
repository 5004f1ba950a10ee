"""Where backups live."""

import re

import msgspec

from pileus.store import Table

from ..records import TableRecord
from .copying import Rows


class Backup(msgspec.Struct, frozen=True):
    """`table` is the table as it was; `status`: CREATING or AVAILABLE; `kind`: USER, or SYSTEM for what is left of a
    table that was deleted while it could be recovered; `restoring`: how many restores read it."""

    arn: str
    name: str
    table: TableRecord
    rows: Rows
    created: float
    status: str
    kind: str = "USER"
    expires: float = 0.0
    items: int = 0
    octets: int = 0
    restoring: int = 0


backups = Table("dynamodb.backup", Backup, watched=True)  # account, region, table, id
_ARN = re.compile(r"arn:[a-z-]+:dynamodb:([a-z0-9-]+):(\d{12}):table/([a-zA-Z0-9_.-]+)/backup/([0-9]{14}-[0-9a-f]{8})")


def place_of(arn: str) -> tuple[str, str, str, str] | None:
    found = _ARN.fullmatch(arn)
    return (found[2], found[1], found[3], found[4]) if found is not None else None
