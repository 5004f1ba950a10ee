"""ImportTable: a new table from objects in a bucket: DynamoDB JSON or CSV, plain or gzipped.

Source: DynamoDB Developer Guide, "DynamoDB data import from Amazon S3: how it works", "Amazon S3 import formats for
DynamoDB" (of CSV, all but the keys are strings; what is no item is counted and left out). Objects are read with the
permissions of who asked; where the work stands is written with the items.
"""

import csv
import io
import zlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import orjson

from pileus.base.errors import ApiError
from pileus.control import Done, Outcome
from pileus.service import Actor, Call, Reply
from pileus.store import Transaction

from ..addressing import place_of as table_place
from ..addressing import table_resource
from ..errors import ImportConflict, ImportNotFound, Invalid, ResourceInUse
from ..items import changing
from ..items.keys import placed_item
from ..items.transactions import fingerprint
from ..records import TableRecord, keep, tables
from ..service import dynamodb
from ..tables import encryption
from ..tables.creating import planned
from ..values import Item, checked_item
from .listing import by_arn, listed
from .records import TOKEN_HOLDS_S, Import, imports, new_id, signer_of

Request = dict[str, Any]
CHUNK = 200
replace = msgspec.structs.replace


def _resource(call: Call, request: Request) -> str:
    return table_resource(call, request["TableCreationParameters"])


@dynamodb.operation("ImportTable", resource=_resource, partial="the format ION and the packing ZSTD are refused")
def import_table(call: Call, request: Request) -> dict[str, Any]:
    given = request["TableCreationParameters"]
    if "VectorIndexes" in given:
        raise Invalid("Pileus imports into tables without VectorIndexes")
    form, packing = request["InputFormat"], request.get("InputCompressionType", "NONE")
    if form == "ION" or packing == "ZSTD":
        raise Invalid("Pileus imports DYNAMODB_JSON and CSV, plain or GZIP")
    options = request.get("InputFormatOptions", {}).get("Csv", {})
    if options and form != "CSV":
        raise Invalid("InputFormatOptions can only be given with the InputFormat CSV")
    place = table_place(call, given["TableName"])
    token, print_ = (
        request.get("ClientToken", ""),
        fingerprint({k: v for k, v in request.items() if k != "ClientToken"}),
    )
    for _, known in imports.scan(call.tx, *place) if token else ():
        if known.token == token and known.started + TOKEN_HOLDS_S > call.now:
            if known.request != print_:
                raise ImportConflict("The ClientToken was used with other parameters")
            return {"ImportTableDescription": description(known)}
    if call.subject is not None:
        raise ResourceInUse(f"Table already exists: {given['TableName']}")
    key_id = encryption.wanted(given.get("SSESpecification"))
    table = encryption.locked(call, replace(planned(call, given), held=True), key_id)
    keep(call.tx, table)
    id_, source = new_id(call.now), request["S3BucketSource"]
    assert call.caller.key is not None
    made = Import(
        f"{table.arn}/import/{id_}",
        place,
        table.arn,
        table.id,
        source["S3Bucket"],
        source.get("S3KeyPrefix", ""),
        call.caller.key.id,
        call.now,
        form,
        packing,
        given,
        owner=source.get("S3BucketOwner", ""),
        delimiter=options.get("Delimiter", ","),
        header=tuple(options.get("HeaderList", ())),
        token=token,
        request=print_,
    )
    imports.put(call.tx, *place, id_, record=made)
    return {"ImportTableDescription": description(made)}


def description(made: Import) -> dict[str, Any]:
    source = {"S3Bucket": made.bucket}
    if made.prefix:
        source["S3KeyPrefix"] = made.prefix
    if made.owner:
        source["S3BucketOwner"] = made.owner
    found: dict[str, Any] = {
        "ImportArn": made.arn,
        "ImportStatus": made.status,
        "TableArn": made.table_arn,
        "TableId": made.table_id,
        "S3BucketSource": source,
        "ErrorCount": made.errors,
        "InputFormat": made.form,
        "InputCompressionType": made.packing,
        "TableCreationParameters": made.given,
        "StartTime": made.started,
        "ProcessedSizeBytes": made.octets,
        "ProcessedItemCount": made.items,
        "ImportedItemCount": made.imported,
    }
    optional = {"ClientToken": made.token, "EndTime": made.ended, "FailureCode": made.failure[0],
                "FailureMessage": made.failure[1]}  # fmt: skip
    return {**found, **{name: value for name, value in optional.items() if value}}


@dynamodb.operation("DescribeImport", resource=by_arn("ImportArn", imports))
def describe_import(call: Call, request: Request) -> dict[str, Any]:
    if call.subject is None:
        raise ImportNotFound(f"Import not found: {request['ImportArn']}")
    return {"ImportTableDescription": description(call.subject)}


@dynamodb.operation("ListImports")
def list_imports(call: Call, request: Request) -> dict[str, Any]:
    page = listed(call, request, imports, request.get("PageSize"))
    names = ("ImportArn", "ImportStatus", "TableArn", "S3BucketSource", "InputFormat", "StartTime", "EndTime")
    shown = [{name: value for name, value in description(one).items() if name in names} for one in page.items]
    return {"ImportSummaryList": shown, **({"NextToken": page.next_token} if page.next_token else {})}


# -- the work -------------------------------------------------------------------------------------------------------


class ReadImports:
    watches = imports.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        made: Import | None = await world.store.transact(lambda tx: imports.get(tx, *key))
        if made is None or made.status != "IN_PROGRESS":
            return Done
        try:
            actor = await world.store.transact(lambda tx: signer_of(world, tx, made.signer, made.table[1]))
            while (name := await _next_object(actor, made)) is not None:
                made = await _read_object(world, actor, key, made, name)
        except ApiError as error:
            failed = (error.wire_code(True), error.message)
            await world.store.transact(lambda tx: _end(world, tx, key, "FAILED", failed))
            return Done
        await world.store.transact(lambda tx: _end(world, tx, key, "COMPLETED", ("", "")))
        return Done


def _asked(made: Import, **more: Any) -> dict[str, Any]:
    owner = {"ExpectedBucketOwner": made.owner} if made.owner else {}
    return {"Bucket": made.bucket, **owner, **more}


def _plain(tx: Transaction, answer: Any) -> Any:
    return answer.result if isinstance(answer, Reply) else answer


async def _next_object(actor: Actor, made: Import) -> str | None:
    """The next object with the prefix that is not empty."""
    after = made.after
    while True:
        asked = _asked(made, Prefix=made.prefix, MaxKeys=100, **({"StartAfter": after} if after else {}))
        answer = await actor.perform("s3", "ListObjectsV2", asked, _plain)
        for entry in answer.get("Contents", []):
            if entry["Size"]:
                return str(entry["Key"])
        if not answer.get("IsTruncated"):
            return None
        after = answer["Contents"][-1]["Key"]


async def _pieces(actor: Actor, made: Import, name: str) -> AsyncIterator[bytes]:
    """An object's bytes, unpacked."""
    answer = await actor.perform("s3", "GetObject", _asked(made, Key=name), _plain)
    body = answer["Body"]
    unpack = _Unpacking() if made.packing == "GZIP" else None
    try:
        if isinstance(body, bytes):
            yield unpack.more(body) if unpack is not None else body
        else:
            async for piece in body:
                yield unpack.more(bytes(piece)) if unpack is not None else bytes(piece)
        if unpack is not None:
            unpack.end()
    except zlib.error as error:
        raise Invalid(f"{name} is not gzip: {error}") from None
    finally:
        if not isinstance(body, bytes):
            await body.aclose()


class _Unpacking:
    """gzip, which may be of several members one after the other."""

    def __init__(self) -> None:
        self._member: Any = None

    def more(self, packed: bytes) -> bytes:
        """Raises zlib.error."""
        found = []
        while packed:
            if self._member is None:
                self._member = zlib.decompressobj(wbits=31)
            found.append(self._member.decompress(packed))
            packed = self._member.unused_data if self._member.eof else b""
            if self._member.eof:
                self._member = None
        return b"".join(found)

    def end(self) -> None:
        """Raises zlib.error when something is missing."""
        if self._member is not None:
            raise zlib.error("it ends too early")


async def _lines(actor: Actor, made: Import, name: str) -> AsyncIterator[bytes]:
    rest = b""
    async for piece in _pieces(actor, made, name):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line
    if rest:
        yield rest


async def _read_object(world: Any, actor: Actor, key: tuple[Any, ...], made: Import, name: str) -> Import:
    """Enters an object's items, from where the work stands on; the import as it stands then."""
    header = list(made.header)
    number, batch = 0, []
    async for line in _lines(actor, made, name):
        text = line.strip(b"\r")
        if made.form == "CSV" and not header:
            header = next(csv.reader([text.decode("utf-8", "replace")], delimiter=made.delimiter), [])
            continue
        number += 1
        if number <= made.lines or not text:
            continue
        batch.append(text)
        if len(batch) == CHUNK:
            made = await _enter(world, key, made, batch, header, lines=number)
            batch = []
    return await _enter(world, key, made, batch, header, lines=0, after=name)


async def _enter(
    world: Any, key: tuple[Any, ...], made: Import, batch: list[bytes], header: list[str], **place: Any
) -> Import:
    def work(tx: Transaction) -> Import:
        table = tables.get(tx, *made.table)
        now = imports.get(tx, *key)
        if table is None or now is None or now.status != "IN_PROGRESS":
            raise Invalid("The table was deleted while it was being imported")
        actor = signer_of(world, tx, made.signer, made.table[1])
        call = actor.call(tx, "dynamodb", "PutItem")
        good = sum(_put(call, table, line, made, header) for line in batch)
        changed = replace(
            now,
            items=now.items + len(batch),
            imported=now.imported + good,
            errors=now.errors + len(batch) - good,
            octets=now.octets + sum(map(len, batch)),
            **place,
        )
        imports.put(tx, *key, record=changed)
        return changed

    return await world.store.transact(work)


def _put(call: Call, table: TableRecord, line: bytes, made: Import, header: list[str]) -> bool:
    """Whether the line was an item."""
    try:
        item = _item(table, line, made, header)
        row, size = placed_item(table, item), changing.checked_size(item)
        changing.change(call, table, row, changing.read(call, table, row), item, size, free=True)
    except (ApiError, ValueError):
        return False
    return True


def _item(table: TableRecord, line: bytes, made: Import, header: list[str]) -> Item:
    """Raises ValueError, Invalid."""
    if made.form != "CSV":
        found = orjson.loads(line)
        if not isinstance(found, dict) or "Item" not in found:
            raise ValueError("no item")
        return checked_item(found["Item"])
    values = next(csv.reader(io.StringIO(line.decode()), delimiter=made.delimiter), [])
    if len(values) != len(header):
        raise ValueError("another number of columns than the header")
    pairs = zip(header, values, strict=True)
    return checked_item({name: {table.types.get(name, "S"): value} for name, value in pairs if value})


def _end(world: Any, tx: Transaction, key: tuple[Any, ...], status: str, failure: tuple[str, str]) -> None:
    made = imports.get(tx, *key)
    if made is None or made.status != "IN_PROGRESS":
        return
    imports.put(tx, *key, record=replace(made, status=status, failure=failure, ended=world.clock.now()))
    table = tables.get(tx, *made.table)
    if table is not None and table.id == made.table_id:
        keep(tx, replace(table, status="ACTIVE", held=False))
