"""Multipart uploads: initiate, upload parts by range, list, complete, abort.

Source: Amazon Glacier Developer Guide, "Uploading Large Archives in Parts (Multipart Upload)" and the pages of these
actions. A part's size is a power of two of MiB, so the tree hash of the whole is that of the parts' tree hashes.
"""

import re
from typing import Any

from msgspec.structs import replace

from pileus.base import ids
from pileus.service import Call

from .address import still_there, vault_operation
from .archiving import checked_description, created, store
from .errors import invalid, missing, not_found
from .intake import Taken, check_hashes, declared_size, keep, take_in
from .names import OCTETS, new_id, serial_of, stamp
from .pages import page
from .pieces import let_go
from .tables import MIB, Archive, Part, Upload, Vault, parts, uploads
from .tree_hash import root

PARTS_MAX = 10_000
PART_BYTES_MAX = 4 * 1024**3
LIST_MAX = 1_000
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/\*")


@vault_operation("InitiateMultipartUpload")
def initiate_multipart_upload(call: Call, vault: Vault, request: dict[str, Any]) -> dict[str, Any]:
    text = request.get("partSize", "")
    size = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    if not MIB <= size <= PART_BYTES_MAX or size & (size - 1):
        raise invalid(
            f"Invalid part size: {text or 'null'}. Part size must not be null, must be a power of two and be between"
            f" {MIB} and {PART_BYTES_MAX} bytes."
        )
    description = checked_description(request.get("archiveDescription", ""))
    serial = ids.rising(call.now)
    upload = Upload(new_id(serial, OCTETS), vault.key, call.now, size, description, call.now)
    uploads.put(call.tx, vault.uid, serial, record=upload)
    location = f"/{vault.account}/vaults/{vault.name}/multipart-uploads/{upload.id}"
    return {"location": location, "uploadId": upload.id}


def _known(call: Call, vault: Vault, upload_id: str) -> tuple[int, Upload]:
    """The upload, also one that is over."""
    serial = serial_of(upload_id)
    found = uploads.get(call.tx, vault.uid, serial) if serial is not None else None
    if serial is None or found is None or found.id != upload_id:
        raise not_found(f"The upload ID was not found: {upload_id}")
    return serial, found


def _open(call: Call, vault: Vault, upload_id: str) -> tuple[int, Upload]:
    serial, found = _known(call, vault, upload_id)
    if found.over:
        raise not_found(f"The upload ID was not found: {upload_id}")
    return serial, found


@vault_operation("UploadMultipartPart")
def upload_multipart_part(call: Call, vault: Vault, request: dict[str, Any]) -> Any:
    """The same range again replaces the part."""
    _, upload = _open(call, vault, request["uploadId"])
    check_hashes(call, request)
    body = request.get("body", b"")
    number = _part_number(request.get("range"), upload.part_size, declared_size(call, body, PART_BYTES_MAX))

    def then(call: Call, taken: Taken) -> dict[str, Any]:
        serial, upload = _open(call, still_there(call, request, vault), request["uploadId"])
        before = parts.get(call.tx, serial, number)
        if before is not None:
            let_go(call.tx, before.piece)
        keep(call.tx, taken)
        parts.put(call.tx, serial, number, record=Part(taken.piece, taken.tree_hash))
        uploads.put(call.tx, vault.uid, serial, record=replace(upload, touched=call.now))
        return {"checksum": taken.tree_hash}

    return take_in(call, vault, body, request["checksum"], then)


def _part_number(text: str | None, part_size: int, length: int) -> int:
    """Which part a Content-Range means. Raises unless it lies on the upload's parts and holds `length` bytes."""
    if not text:
        raise missing("Content-Range")
    found = _RANGE.fullmatch(text)
    if found is None or int(found[2]) < int(found[1]):
        raise invalid(f"Invalid Content-Range: {text}")
    start, stop = int(found[1]), int(found[2]) + 1
    if stop - start != length:
        raise invalid(f"Content-Range: {text} is incompatible with Content-Length: {length}")
    if start % part_size or stop - start > part_size or start // part_size >= PARTS_MAX:
        raise invalid(f"Invalid Content-Range: {text}. It does not lie on the parts of {part_size} bytes.")
    return start // part_size


@vault_operation("CompleteMultipartUpload")
def complete_multipart_upload(call: Call, vault: Vault, request: dict[str, Any]) -> dict[str, Any]:
    """Idempotent for a day."""
    serial, upload = _known(call, vault, request["uploadId"])
    size, checksum = _asked(request)
    if upload.archive:
        if (upload.checksum, upload.size) != (checksum, size):
            raise invalid(f"The upload {upload.id} was completed with another size or tree hash.")
        return created(vault, Archive(upload.archive, upload.touched, size, checksum))
    _open(call, vault, upload.id)
    found = [(int(str(key[0])), part) for key, part in parts.scan(call.tx, serial, limit=PARTS_MAX)]
    _check_whole(found, upload, size)
    tree_hash = root(bytes.fromhex(part.tree_hash) for _, part in found)
    if tree_hash != checksum:
        raise invalid(f"Invalid x-amz-sha256-tree-hash: {checksum}")
    for number, _ in found:
        parts.delete(call.tx, serial, number)
    archive = store(call, vault, tuple(part.piece for _, part in found), tree_hash, upload.description)
    done = replace(upload, archive=archive.id, checksum=checksum, size=size, touched=call.now)
    uploads.put(call.tx, vault.uid, serial, record=done)
    return created(vault, archive)


def _asked(request: dict[str, Any]) -> tuple[int, str]:
    text, checksum = request.get("archiveSize"), request.get("checksum")
    if not text:
        raise missing("x-amz-archive-size")
    if not checksum:
        raise missing("x-amz-sha256-tree-hash")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise invalid(f"Invalid x-amz-archive-size: {text}")
    return int(text), checksum.lower()


def _check_whole(found: list[tuple[int, Part]], upload: Upload, size: int) -> None:
    """No part is missing, and none but the last is short."""
    whole = [number for number, _ in found] == list(range(len(found)))
    full = all(part.piece.size == upload.part_size for _, part in found[:-1])
    if not found or not whole or not full:
        raise invalid(f"The parts of the upload {upload.id} leave byte ranges of the archive missing.")
    if sum(part.piece.size for _, part in found) != size:
        raise invalid(f"Invalid x-amz-archive-size: {size}")


@vault_operation("AbortMultipartUpload")
def abort_multipart_upload(call: Call, vault: Vault, request: dict[str, Any]) -> None:
    """Idempotent for a day. The parts go in the background."""
    serial, upload = _known(call, vault, request["uploadId"])
    if upload.archive:
        raise not_found(f"The upload ID was not found: {upload.id}")
    if not upload.aborted:
        uploads.put(call.tx, vault.uid, serial, record=replace(upload, aborted=True, touched=call.now))


@vault_operation("ListMultipartUploads")
def list_multipart_uploads(call: Call, vault: Vault, request: dict[str, Any]) -> dict[str, Any]:
    def rows(after: tuple[Any, ...] | None, limit: int) -> Any:
        return uploads.scan(call.tx, vault.uid, after=after, limit=limit)

    return page(
        request,
        "UploadsList",
        f"uploads/{vault.uid}",
        rows,
        lambda upload: _shown(vault, upload),
        largest=LIST_MAX,
        keep=lambda upload: not upload.over,
    )


def _shown(vault: Vault, upload: Upload) -> dict[str, Any]:
    found = {
        "MultipartUploadId": upload.id,
        "VaultARN": vault.arn,
        "PartSizeInBytes": upload.part_size,
        "CreationDate": stamp(upload.created),
    }
    if upload.description:
        found["ArchiveDescription"] = upload.description
    return found


@vault_operation("ListParts")
def list_parts(call: Call, vault: Vault, request: dict[str, Any]) -> dict[str, Any]:
    serial, upload = _open(call, vault, request["uploadId"])

    def rows(after: tuple[Any, ...] | None, limit: int) -> Any:
        for key, part in parts.scan(call.tx, serial, after=after, limit=limit):
            yield key, (int(str(key[0])) * upload.part_size, part)

    def shown(item: tuple[int, Part]) -> dict[str, Any]:
        start, part = item
        return {"RangeInBytes": f"{start}-{start + part.piece.size - 1}", "SHA256TreeHash": part.tree_hash}

    return {**_shown(vault, upload), **page(request, "Parts", f"parts/{serial}", rows, shown, largest=LIST_MAX)}
