"""UploadArchive and DeleteArchive.

Source: Amazon Glacier Developer Guide, "Upload Archive", "Delete Archive"; quotas: 1 byte to 4 GB in one request.
"""

from typing import Any

from msgspec.structs import replace

from pileus.base import ids
from pileus.service import Call
from pileus.store import Transaction

from .address import still_there, vault_operation
from .errors import invalid, not_found
from .intake import Taken, check_hashes, declared_size, keep, take_in
from .names import ARCHIVE_OCTETS, new_id, serial_of
from .pieces import let_go
from .tables import Archive, Piece, Vault, Writes, archives, contents, vaults, writes

REQUEST_BYTES_MAX = 4 * 1024**3
DESCRIPTION_MAX = 1_024


@vault_operation("UploadArchive")
def upload_archive(call: Call, vault: Vault, request: dict[str, Any]) -> Any:
    description = checked_description(request.get("archiveDescription", ""))
    check_hashes(call, request)
    body = request.get("body", b"")
    declared_size(call, body, REQUEST_BYTES_MAX)

    def then(call: Call, taken: Taken) -> dict[str, Any]:
        vault_now = still_there(call, request, vault)
        keep(call.tx, taken)
        archive = store(call, vault_now, (taken.piece,), taken.tree_hash, description)
        return created(vault_now, archive)

    return take_in(call, vault, body, request["checksum"], then)


def checked_description(text: str) -> str:
    """Printable ASCII without control codes, at most 1,024 characters."""
    if len(text) > DESCRIPTION_MAX or not (text.isascii() and (text.isprintable() or not text)):
        raise invalid(f"Invalid x-amz-archive-description: {text[:DESCRIPTION_MAX]}")
    return text


def store(call: Call, vault: Vault, pieces: tuple[Piece, ...], tree_hash: str, description: str) -> Archive:
    """Writes an archive whose pieces are kept already."""
    serial = ids.rising(call.now)
    size = sum(piece.size for piece in pieces)
    archive = Archive(new_id(serial, ARCHIVE_OCTETS), call.now, size, tree_hash, description)
    archives.put(call.tx, vault.uid, serial, record=archive)
    contents.put(call.tx, serial, record=pieces)
    _written(call, vault)
    return archive


def created(vault: Vault, archive: Archive) -> dict[str, Any]:
    return {
        "archiveId": archive.id,
        "checksum": archive.tree_hash,
        "location": f"/{vault.account}/vaults/{vault.name}/archives/{archive.id}",
    }


def _written(call: Call, vault: Vault) -> None:
    """Tells the next inventory that there is something to see."""
    known = writes.get(call.tx, *vault.key)
    writes.put(call.tx, *vault.key, record=Writes(known.first if known is not None else call.now, call.now))


def find_archive(call: Call, vault: Vault, archive_id: str) -> tuple[int, Archive]:
    """Raises for an archive of another vault, and for one that never was or is no more."""
    serial = serial_of(archive_id)
    found = archives.get(call.tx, vault.uid, serial) if serial is not None else None
    if serial is None or found is None or found.id != archive_id or found.deleted:
        if serial is not None and _elsewhere(call, vault, serial, archive_id):
            raise invalid(f"Invalid vault name: {vault.arn}")
        raise not_found(f"The archive ID was not found: {archive_id}")
    return serial, found


def _elsewhere(call: Call, vault: Vault, serial: int, archive_id: str) -> bool:
    """Whether another vault of the account has it."""
    for _, other in vaults.scan(call.tx, vault.account, vault.region):
        found = archives.get(call.tx, other.uid, serial)
        if found is not None and found.id == archive_id and other.uid != vault.uid:
            return True
    return False


@vault_operation("DeleteArchive")
def delete_archive(call: Call, vault: Vault, request: dict[str, Any]) -> None:
    """Idempotent. The last inventory goes on to list it."""
    archive_id = request["archiveId"]
    serial = serial_of(archive_id)
    if serial is None:
        raise invalid(f"Invalid archive ID: {archive_id}")
    found = archives.get(call.tx, vault.uid, serial)
    if found is None or found.id != archive_id:
        if _elsewhere(call, vault, serial, archive_id):
            raise invalid(f"Invalid vault name: {vault.arn}")
        return
    if found.deleted:
        return
    archives.put(call.tx, vault.uid, serial, record=replace(found, deleted=call.now))
    drop_contents(call.tx, serial)
    _written(call, vault)


def drop_contents(tx: Transaction, serial: int) -> None:
    for piece in contents.get(tx, serial) or ():
        let_go(tx, piece)
    contents.delete(tx, serial)
