"""Where exports and imports live, and who they are done as."""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.base.errors import ApiError
from pileus.identity.keys import AccessKey, find_key
from pileus.identity.standing import compile_standing
from pileus.service import Actor, Caller
from pileus.store import Table, Transaction

from ..backups.copying import Rows
from ..records import Keys

TOKEN_HOLDS_S = 8 * 3600.0


class File(msgspec.Struct, frozen=True, array_like=True):
    """A data file of an export."""

    key: str
    items: int
    md5: str
    etag: str


class Export(msgspec.Struct, frozen=True):
    """`status`: IN_PROGRESS, COMPLETED or FAILED. `rows`: the copy of the table that is written out, from `cursor` on;
    `signer`: the key id of who asked for it. `since`: an incremental export's beginning, 0 for a whole one."""

    arn: str
    table: tuple[str, str, str]
    table_arn: str
    table_id: str
    keys: Keys
    rows: Rows
    at: float
    bucket: str
    prefix: str
    signer: str
    started: float
    owner: str = ""
    sse: str = ""
    sse_key: str = ""
    token: str = ""
    request: bytes = b""
    status: str = "IN_PROGRESS"
    copied: bool = False
    ended: float = 0.0
    cursor: bytes = b""
    files: tuple[File, ...] = ()
    items: int = 0
    octets: int = 0
    failure: tuple[str, str] = ("", "")


class Import(msgspec.Struct, frozen=True):
    """`after`: the last object that was read to its end; `lines`: how many lines of the next one were."""

    arn: str
    table: tuple[str, str, str]
    table_arn: str
    table_id: str
    bucket: str
    prefix: str
    signer: str
    started: float
    form: str
    packing: str
    given: dict[str, Any]
    owner: str = ""
    delimiter: str = ","
    header: tuple[str, ...] = ()
    token: str = ""
    request: bytes = b""
    status: str = "IN_PROGRESS"
    ended: float = 0.0
    after: str = ""
    lines: int = 0
    errors: int = 0
    items: int = 0
    imported: int = 0
    octets: int = 0
    failure: tuple[str, str] = ("", "")


exports = Table("dynamodb.export", Export, watched=True)  # account, region, table, id
imports = Table("dynamodb.import", Import, watched=True)  # account, region, table, id


def new_id(now: float) -> str:
    return f"{int(now * 1_000):014d}-{ids.unique_hex(8)}"


class Gone(ApiError):
    """Whoever asked is not there any more."""

    code, status = "AccessDenied", 403


def signer_of(world: Any, tx: Transaction, key_id: str, region: str) -> Actor:
    """To act as who asked for it: with what they may now. Raises Gone."""
    key = find_key(tx, key_id, world.conveniences)
    if key is None or (isinstance(key, AccessKey) and not key.active):
        raise Gone("The credentials that asked for this are gone")
    standing = compile_standing(tx, key)
    caller = Caller(standing, key.account, standing.principal.arn, standing.principal.unique_id, key)
    return Actor(world, caller, region)
