"""ExportTableToPointInTime: a table as it was, as gzipped lines of DynamoDB JSON in a bucket, with manifests.

Source: DynamoDB Developer Guide, "DynamoDB data export to Amazon S3: how it works", "DynamoDB table export output
format". The objects are put with the permissions of who asked.
"""

import asyncio
import gzip
import hashlib
from base64 import b64encode
from typing import Any

import msgspec
import orjson

from pileus.base import ids
from pileus.base.clock import iso_millis
from pileus.base.errors import ApiError
from pileus.control import Done, Outcome
from pileus.service import Actor, Call
from pileus.store import Transaction

from ..addressing import find, policy_of
from ..backups.continuous import earliest, since
from ..backups.copying import Copy, begin, rows_of
from ..errors import (
    ExportConflict,
    ExportNotFound,
    Invalid,
    InvalidExportTime,
    PointInTimeRecoveryUnavailable,
    TableNotFound,
)
from ..items.keys import rows_after
from ..items.rows import Kept
from ..items.transactions import fingerprint
from ..records import TableRecord
from ..service import dynamodb
from ..spaces import give_up
from .listing import by_arn, listed
from .records import TOKEN_HOLDS_S, Export, File, exports, new_id, signer_of

Request = dict[str, Any]
FILE_BYTES = 4 * 1024 * 1024
CHUNK = 500
replace = msgspec.structs.replace


def _resource(call: Call, request: Request) -> str:
    call.subject = find(call, request["TableArn"])
    return str(request["TableArn"])


@dynamodb.operation(
    "ExportTableToPointInTime",
    resource=_resource,
    resource_policy=policy_of,
    partial="the format ION and incremental exports are refused",
    without=("FilterSpecification", "IncrementalExportSpecification"),
)
def export_table_to_point_in_time(call: Call, request: Request) -> dict[str, Any]:
    table: TableRecord | None = call.subject
    if table is None or table.status in ("CREATING", "DELETING"):
        raise TableNotFound(f"Table not found: {request['TableArn']}")
    if (
        request.get("ExportFormat", "DYNAMODB_JSON") != "DYNAMODB_JSON"
        or request.get("ExportType") == "INCREMENTAL_EXPORT"
    ):
        raise Invalid("Pileus exports whole tables in the format DYNAMODB_JSON")
    if not table.recoverable_since:
        raise PointInTimeRecoveryUnavailable(f"Point in time recovery is not enabled for table '{table.name}'")
    at = request.get("ExportTime", call.now)
    if not int(earliest(table, call.now)) <= at <= call.now:
        raise InvalidExportTime("The specified ExportTime is not within the point in time recovery window")
    token, print_ = (
        request.get("ClientToken", ""),
        fingerprint({k: v for k, v in request.items() if k != "ClientToken"}),
    )
    place = (table.account, table.region, table.name)
    for _, known in exports.scan(call.tx, *place) if token else ():
        if known.token == token and known.started + TOKEN_HOLDS_S > call.now:
            if known.request != print_:
                raise ExportConflict("The ClientToken was used with other parameters")
            return {"ExportDescription": description(known)}
    assert call.caller.key is not None
    id_ = new_id(call.now)
    rows = rows_of(table, ids.rising(call.now))
    export = Export(
        f"{table.arn}/export/{id_}",
        place,
        table.arn,
        table.id,
        table.keys,
        rows,
        at,
        request["S3Bucket"],
        request.get("S3Prefix", ""),
        call.caller.key.id,
        call.now,
        owner=request.get("S3BucketOwner", ""),
        sse=request.get("S3SseAlgorithm", ""),
        sse_key=request.get("S3SseKmsKeyId", ""),
        token=token,
        request=print_,
    )
    exports.put(call.tx, *place, id_, record=export)
    copy = Copy(rows_of(table), rows, since(call, table, at), place)
    begin(call.tx, replace(copy, export=export.arn), call.now)
    return {"ExportDescription": description(export)}


def description(export: Export) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ExportArn": export.arn,
        "ExportStatus": export.status,
        "StartTime": export.started,
        "TableArn": export.table_arn,
        "TableId": export.table_id,
        "ExportTime": export.at,
        "S3Bucket": export.bucket,
        "ExportFormat": "DYNAMODB_JSON",
        "ExportType": "FULL_EXPORT",
    }
    optional = {"S3Prefix": export.prefix, "S3BucketOwner": export.owner, "S3SseAlgorithm": export.sse,
                "S3SseKmsKeyId": export.sse_key, "ClientToken": export.token, "EndTime": export.ended,
                "FailureCode": export.failure[0], "FailureMessage": export.failure[1]}  # fmt: skip
    found.update({name: value for name, value in optional.items() if value})
    if export.status == "COMPLETED":
        found["ExportManifest"] = f"{folder(export)}/manifest-summary.json"
        found["ItemCount"], found["BilledSizeBytes"] = export.items, export.octets
    return found


def folder(export: Export) -> str:
    head = f"{export.prefix.rstrip('/')}/" if export.prefix else ""
    return f"{head}AWSDynamoDB/{export.arn.rpartition('/')[2]}"


@dynamodb.operation("DescribeExport", resource=by_arn("ExportArn", exports))
def describe_export(call: Call, request: Request) -> dict[str, Any]:
    if call.subject is None:
        raise ExportNotFound(f"Export not found: {request['ExportArn']}")
    return {"ExportDescription": description(call.subject)}


@dynamodb.operation("ListExports")
def list_exports(call: Call, request: Request) -> dict[str, Any]:
    page = listed(call, request, exports, request.get("MaxResults"))
    shown = [{"ExportArn": one.arn, "ExportStatus": one.status, "ExportType": "FULL_EXPORT"} for one in page.items]
    return {"ExportSummaries": shown, **({"NextToken": page.next_token} if page.next_token else {})}


# -- the work -------------------------------------------------------------------------------------------------------


class WriteExports:
    """Writes a copied table out, a file at a time; where it stands is kept with what was written."""

    watches = exports.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        while True:
            export: Export | None = await world.store.transact(lambda tx: exports.get(tx, *key))
            if export is None or not export.copied or export.status != "IN_PROGRESS":
                return Done
            try:
                actor = await world.store.transact(
                    lambda tx, one=export: signer_of(world, tx, one.signer, one.table[1])
                )
                done = await _write_file(world, actor, key, export)
                if done is not None:
                    await _finish(world, actor, key, done)
            except ApiError as error:
                failed = (error.wire_code(True), error.message)
                await world.store.transact(
                    lambda tx, failed=failed: _end(tx, key, world.clock.now(), status="FAILED", failure=failed)
                )
            await asyncio.sleep(0)  # callers go first


async def _put(actor: Actor, export: Export, name: str, body: bytes, kind: str) -> str:
    request: dict[str, Any] = {"Bucket": export.bucket, "Key": name, "Body": body, "ContentType": kind}
    if export.owner:
        request["ExpectedBucketOwner"] = export.owner
    if export.sse:
        request["ServerSideEncryption"] = "aws:kms" if export.sse == "KMS" else export.sse
    if export.sse_key:
        request["SSEKMSKeyId"] = export.sse_key
    found: list[str] = []

    def then(tx: Transaction, answer: Any) -> Any:
        found.append(answer["ETag"].strip('"'))
        return answer

    await actor.perform("s3", "PutObject", request, then)
    return found[-1]


async def _write_file(world: Any, actor: Actor, key: tuple[Any, ...], export: Export) -> Export | None:
    """Writes the next file; the whole export once there are none left."""
    lines, cursor, octets = await world.store.transact(lambda tx: _lines(world, tx, export))
    if not lines:
        return export
    body = gzip.compress(b"".join(lines), mtime=0)
    name = f"{folder(export)}/data/{hashlib.sha256(export.arn.encode() + cursor).hexdigest()[:32]}.json.gz"
    etag = await _put(actor, export, name, body, "application/gzip")
    file = File(name, len(lines), b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(), etag)

    def note(tx: Transaction) -> None:
        now = exports.get(tx, *key)
        if now is not None and now.cursor == export.cursor:
            changed = replace(now, cursor=cursor, files=(*now.files, file), items=now.items + len(lines),
                              octets=now.octets + octets)  # fmt: skip
            exports.put(tx, *key, record=changed)

    await world.store.transact(note)
    return None


def _lines(world: Any, tx: Transaction, export: Export) -> tuple[list[bytes], bytes, int]:
    """(lines of a file, the last row's key, the items' bytes)."""
    opened = export.rows.sealing(world, tx).open
    lines, size, octets, cursor = [], 0, 0, export.cursor
    while size < FILE_BYTES:
        rows = rows_after(tx, export.rows.space, cursor, CHUNK)
        for row, sealed in rows:
            kept = Kept(opened(row, sealed))
            lines.append(orjson.dumps({"Item": kept.whole}) + b"\n")
            size, octets, cursor = size + len(lines[-1]), octets + kept.size, row
            if size >= FILE_BYTES:
                break
        if len(rows) < CHUNK:
            break
    return lines, cursor, octets


async def _finish(world: Any, actor: Actor, key: tuple[Any, ...], export: Export) -> None:
    now, base = world.clock.now(), folder(export)
    listed = b"".join(
        orjson.dumps({"itemCount": one.items, "md5Checksum": one.md5, "etag": one.etag, "dataFileS3Key": one.key})
        + b"\n"
        for one in export.files
    )
    summary = orjson.dumps(
        {
            "version": "2020-06-30",
            "exportArn": export.arn,
            "startTime": f"{iso_millis(export.started)}Z",
            "endTime": f"{iso_millis(now)}Z",
            "tableArn": export.table_arn,
            "tableId": export.table_id,
            "exportTime": f"{iso_millis(export.at)}Z",
            "s3Bucket": export.bucket,
            "s3Prefix": export.prefix or None,
            "s3SseAlgorithm": export.sse or "AES256",
            "s3SseKmsKeyId": export.sse_key or None,
            "manifestFilesS3Key": f"{base}/manifest-files.json",
            "billedSizeBytes": export.octets,
            "itemCount": export.items,
            "outputFormat": "DYNAMODB_JSON",
            "exportType": "FULL_EXPORT",
        }
    )
    await _put(actor, export, f"{base}/_started", b"", "binary/octet-stream")
    for name, body in (("manifest-files", listed), ("manifest-summary", summary)):
        digest = b64encode(hashlib.md5(body, usedforsecurity=False).digest())
        await _put(actor, export, f"{base}/{name}.json", body, "application/json")
        await _put(actor, export, f"{base}/{name}.md5", digest, "text/plain")
    await world.store.transact(lambda tx: _end(tx, key, now, status="COMPLETED"))


def _end(tx: Transaction, key: tuple[Any, ...], now: float, **changes: Any) -> None:
    export = exports.get(tx, *key)
    if export is not None and export.status == "IN_PROGRESS":
        give_up(tx, export.rows.space)
        exports.put(tx, *key, record=replace(export, ended=now, **changes))
