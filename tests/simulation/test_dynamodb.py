"""DynamoDB's background work under a simulated clock: in any order, with crashes, while requests go on.

Whatever happens on the way: streams tell every change once, indexes show what their tables have, copies are of the
moment they were asked for, regions come to the same, and nothing is left of what was given up.
"""

import asyncio
import gzip
from random import Random
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from pileus.base.clock import SimClock
from pileus.base.errors import ApiError
from pileus.control import Loop
from pileus.keyring import Keyring
from pileus.service import Reply
from pileus.services.dynamodb import dynamodb, reconcilers, spaces
from pileus.services.dynamodb.backups import continuous, copying
from pileus.services.dynamodb.backups.records import backups
from pileus.services.dynamodb.items.changing import projected
from pileus.services.dynamodb.items.keys import entry_key, space_prefix
from pileus.services.dynamodb.items.locks import as_service, sealer
from pileus.services.dynamodb.items.rows import Kept
from pileus.services.dynamodb.records import TableRecord, doomed, tables
from pileus.services.dynamodb.replicas import carrying
from pileus.services.dynamodb.streams import dynamodbstreams, trimming
from pileus.services.dynamodb.streams.records import streams
from pileus.services.dynamodb.tables import deleting, expiring, filling
from pileus.services.dynamodb.transfers import exporting, importing
from pileus.services.s3 import s3
from pileus.store import Transaction
from pileus.store.memory import MemoryStore

from .asking import ACCOUNT, KEY, REGION, call_of
from .crashes import Crash, CrashingStore

FAR, TABLE, BUCKET = "eu-west-1", "sea", "cellar"
BUSY = {"ResourceInUseException", "ResourceNotFoundException", "ValidationException", "LimitExceededException",
        "TableInUseException", "BackupInUseException", "TableNotFoundException",
        "InvalidRestoreTimeException"}  # fmt: skip
HOUR = 3600.0
ON_DEMAND: dict[str, Any] = {"BillingMode": "PAY_PER_REQUEST"}
SERVICES = {"dynamodb": dynamodb, "dynamodbstreams": dynamodbstreams, "s3": s3}
Items = dict[bytes, dict[str, Any]]


def key_schema(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


def defined(*names: str, kind: str = "S") -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": kind} for name in names]


class World:
    """The cloud, who asks it, and what was learned of it. `replay`: the table as its stream tells it."""

    def __init__(self, seed: int):
        self.random = Random(seed)
        self.store = MemoryStore(Random(seed))
        self.clock = SimClock()
        self.crashing = CrashingStore(self.store, self.random)
        self.world = SimpleNamespace(
            store=self.crashing,
            clock=self.clock,
            keyring=Keyring(),
            service=SERVICES.__getitem__,
            authorize=lambda call: call.operation.resource(call, call.request),
            recorder=SimpleNamespace(record=lambda *told: None),
            conveniences=SimpleNamespace(key=lambda id_: KEY),
        )
        self.crashes = 0
        self.work: asyncio.Task[None] | None = None
        self.copies: dict[str, Items] = {}
        self.exports: dict[str, Items] = {}
        self.replay: Items = {}
        self.told: set[str] = set()
        self.start()

    def start(self) -> None:
        self.loop = Loop(self.world, reconcilers(), self.random.randrange(1 << 30))

    async def ask(self, name: str, service: str = "dynamodb", region: str = REGION, **request: Any) -> Any:
        return (await self.ask_and_look(name, service, region, **request))[0]

    async def ask_and_look(
        self, name: str, service: str = "dynamodb", region: str = REGION, **request: Any
    ) -> tuple[Any, Items]:
        """The answer, and the table at that very moment."""
        operation = SERVICES[service].operations[name]

        def work(tx: Transaction) -> tuple[Any, Items]:
            call = call_of(self.world, tx, operation, request, region)
            operation.resource(call, request)
            answer = operation.handler(call, request)
            return answer.result if isinstance(answer, Reply) else answer, self.items(tx, TABLE)

        return await self.store.transact(work)

    async def try_(self, name: str, **request: Any) -> tuple[Any, Items] | None:
        try:
            return await self.ask_and_look(name, **request)
        except ApiError as error:
            if error.code not in BUSY:
                raise
            return None

    async def nudge(self, steps: int) -> None:
        """Lets the background go on for a while; it may be left in the middle of its work."""
        if self.work is None or self.work.done():
            await self.finish()
            self.work = asyncio.create_task(self.loop.run_until_idle())
        for _ in range(steps):
            await asyncio.sleep(0)

    async def finish(self) -> None:
        work, self.work = self.work, None
        while work is not None:
            try:
                await work
                return
            except Crash:
                self.crashes += 1
                self.start()
                work = asyncio.create_task(self.loop.run_until_idle())

    async def pass_by(self, seconds: float) -> None:
        await self.finish()
        end = self.clock.now() + seconds
        while True:
            try:
                await self.loop.advance(end - self.clock.now())
                return
            except Crash:
                self.crashes += 1
                self.start()

    def items(self, tx: Transaction, name: str, region: str = REGION) -> Items:
        table = tables.get(tx, ACCOUNT, region, name)
        return {} if table is None else self.rows(tx, table, table.space)

    def rows(self, tx: Transaction, table: TableRecord, space: int) -> Items:
        head = space_prefix(space)
        opened = sealer(as_service(self.world, tx, table.region), table).open
        return {
            row[len(head) :]: Kept(opened(row, sealed)).item
            for row, sealed in tx.scan(head, head + b"\xff" * 17, 100_000)
        }

    async def read_stream(self) -> None:
        """Every record that was not read yet, in the order of the shards."""

        async def ask(name: str, **request: Any) -> Any:
            return await self.ask(name, "dynamodbstreams", **request)

        for stream in (await ask("ListStreams", TableName=TABLE))["Streams"]:
            arn = stream["StreamArn"]
            shards = (await ask("DescribeStream", StreamArn=arn))["StreamDescription"]["Shards"]
            for shard in shards:
                asked = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
                at = (await ask("GetShardIterator", StreamArn=arn, **asked))["ShardIterator"]
                seen: set[str] = set()
                while at is not None:
                    page = await ask("GetRecords", ShardIterator=at, Limit=7)
                    at = page.get("NextShardIterator") if page["Records"] else None
                    for record in page["Records"]:
                        self.note(shard["ShardId"], record, seen)

    def note(self, shard: str, record: dict[str, Any], seen: set[str]) -> None:
        told = record["dynamodb"]
        number = told["SequenceNumber"]
        assert number not in seen, "told twice in one reading"
        seen.add(number)
        if f"{number} {shard}" in self.told:
            return
        assert not any(one.startswith(f"{number} ") for one in self.told), "told by two shards"
        self.told.add(f"{number} {shard}")
        key = orjson.dumps(told["Keys"])
        assert self.replay.get(key) == told.get("OldImage")
        if "NewImage" in told:
            self.replay[key] = told["NewImage"]
        else:
            del self.replay[key]
            if "userIdentity" in record:
                assert "N" in told["OldImage"]["gone"]


def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash finds every work somewhere on its way."""
    for module in (filling, deleting, expiring, trimming, copying, continuous, exporting, importing):
        monkeypatch.setattr(module, "CHUNK", 3)
    monkeypatch.setattr(carrying, "BATCH", 3)
    monkeypatch.setattr(exporting, "FILE_BYTES", 200)


def some_item(world: World) -> dict[str, Any]:
    random = world.random
    made: dict[str, Any] = {"pk": {"S": random.choice("abc")}, "sk": {"N": str(random.randrange(8))}}
    if random.random() < 0.7:
        made["colour"] = {"S": random.choice(["red", "blue", "b\0"])}
    if random.random() < 0.7:
        made["at"] = {"S": random.choice(["x", "xy", "x\0", "x\0y", "z" * 1024])}
    if random.random() < 0.5:
        # An index that comes later does not take all of these.
        made["late"] = random.choice([{"S": "one"}, {"N": "1"}, {"S": ""}, {"S": "y" * 5000}, {"S": "two"}])
    if random.random() < 0.3:
        moment = world.clock.now() + random.choice([-3 * HOUR, HOUR, 8 * HOUR, -6 * 366 * 86_400])
        made["gone"] = random.choice([{"N": str(int(moment))}, {"S": str(int(moment))}])
    made["v"] = {"N": str(random.randrange(1000))}
    return made


async def some_write(world: World) -> None:
    random, made = world.random, some_item(world)
    key = {name: made.pop(name) for name in ("pk", "sk")}
    region = FAR if random.random() < 0.2 else REGION
    try:
        if random.random() < 0.6:
            await world.ask("PutItem", region=region, TableName=TABLE, Item={**key, **made})
        elif random.random() < 0.5:
            await world.ask("DeleteItem", region=region, TableName=TABLE, Key=key)
        else:
            change = {"UpdateExpression": "SET v = :v REMOVE colour", "ExpressionAttributeValues": {":v": made["v"]}}
            await world.ask("UpdateItem", region=region, TableName=TABLE, Key=key, **change)
    except ApiError as error:
        # The region has no such table, or the late index does not take the value.
        if error.code not in ("ResourceNotFoundException", "ValidationException"):
            raise


async def some_change(world: World, number: int) -> None:
    random = world.random
    deed = random.randrange(8)
    if deed == 0:
        created = {"IndexName": "late", "KeySchema": key_schema("late"), "Projection": {"ProjectionType": "KEYS_ONLY"}}
        asked = {"GlobalSecondaryIndexUpdates": [{"Create": created}], "AttributeDefinitions": defined("late")}
        await world.try_("UpdateTable", TableName=TABLE, **asked)
    elif deed == 1:
        gone = {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "late"}}]}
        await world.try_("UpdateTable", TableName=TABLE, **gone)
    elif deed == 2:
        way = random.choice(["Create", "Create", "Delete"])
        await world.try_("UpdateTable", TableName=TABLE, ReplicaUpdates=[{way: {"RegionName": FAR}}])
    elif deed in (3, 4):
        made = await world.try_("CreateBackup", TableName=TABLE, BackupName=f"backup{number}")
        if made is not None:
            world.copies[made[0]["BackupDetails"]["BackupArn"]] = made[1]
    elif deed in (5, 6):
        name = f"restored{number}"
        asked = {"SourceTableName": TABLE, "TargetTableName": name, "UseLatestRestorableTime": True}
        made = await world.try_("RestoreTableToPointInTime", **asked)
        if made is not None:
            world.copies[name] = made[1]
    else:
        arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}"
        made = await world.try_("ExportTableToPointInTime", TableArn=arn, S3Bucket=BUCKET)
        if made is not None:
            world.exports[made[0]["ExportDescription"]["ExportArn"]] = made[1]


async def begin(world: World) -> None:
    await world.ask("CreateBucket", "s3", Bucket=BUCKET)
    projection = {"Projection": {"ProjectionType": "ALL"}}
    local = {"IndexName": "local", "KeySchema": key_schema("pk", "at"), "Projection": {"ProjectionType": "KEYS_ONLY"}}
    first = {"IndexName": "first", "KeySchema": key_schema("colour", "sk"), **projection}
    await world.ask(
        "CreateTable",
        TableName=TABLE,
        KeySchema=key_schema("pk", "sk"),
        AttributeDefinitions=defined("pk", "at", "colour") + defined("sk", kind="N"),
        LocalSecondaryIndexes=[local],
        GlobalSecondaryIndexes=[first],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        **ON_DEMAND,
    )
    await world.pass_by(1)
    ttl = {"Enabled": True, "AttributeName": "gone"}
    await world.ask("UpdateTimeToLive", TableName=TABLE, TimeToLiveSpecification=ttl)
    recovery = {"PointInTimeRecoveryEnabled": True}
    await world.ask("UpdateContinuousBackups", TableName=TABLE, PointInTimeRecoverySpecification=recovery)


@pytest.mark.parametrize("seed", range(10))
def test_background_work_comes_to_the_same_end_whatever_happens(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    small_steps(monkeypatch)

    async def scenario() -> None:
        world = World(seed)
        await begin(world)
        for number in range(60):
            for _ in range(world.random.randrange(8)):
                await some_write(world)
                if world.random.random() < 0.5:
                    world.clock.advance(0.001)
                await world.nudge(world.random.randrange(12))
            await some_change(world, number)
            await world.nudge(world.random.randrange(40))
            await world.read_stream()
            if world.random.random() < 0.3:
                await world.pass_by(world.random.choice([1.0, 20 * 60.0, 5 * HOUR]))
                await world.read_stream()
        assert world.crashes
        world.crashing.calm = True
        await world.pass_by(2 * HOUR)
        await world.read_stream()
        await check_the_end(world)

    asyncio.run(scenario())


async def check_the_end(world: World) -> None:
    found = await world.store.transact(lambda tx: world.items(tx, TABLE))
    assert sorted(map(orjson.dumps, found.values())) == sorted(map(orjson.dumps, world.replay.values()))
    now = world.clock.now()
    assert not any(expiring.expired(item, "gone", now - 2 * expiring.EVERY_S) for item in found.values())
    await world.store.transact(lambda tx: check_indexes_and_counts(world, tx))
    await world.store.transact(lambda tx: check_replicas(world, tx, found))
    await check_copies(world)
    await check_exports(world)
    await check_nothing_is_left(world)


def check_indexes_and_counts(world: World, tx: Transaction) -> None:
    for _, table in tables.scan(tx):
        assert (table.status, table.captures) == ("ACTIVE", 0)
        items = world.rows(tx, table, table.space)
        assert spaces.counts(tx, table.space).items == len(items)
        for index in table.indexes:
            assert index.status == "ACTIVE"
            wanted = {}
            for suffix, item in items.items():
                at = entry_key(index, item, space_prefix(table.space) + suffix)
                if at is not None:
                    wanted[at[len(space_prefix(index.space)) :]] = projected(table, index, item)
            assert world.rows(tx, table, index.space) == wanted, (table.name, table.region, index.name)
            assert spaces.counts(tx, index.space).items == len(wanted)


def check_replicas(world: World, tx: Transaction, found: Items) -> None:
    table = tables.get(tx, ACCOUNT, REGION, TABLE)
    assert table is not None
    for region in table.replicas:
        assert world.items(tx, TABLE, region) == found


async def check_copies(world: World) -> None:
    for number, (name, wanted) in enumerate(world.copies.items()):
        if name.startswith("arn:"):
            target = f"again{number}"
            await world.ask("RestoreTableFromBackup", BackupArn=name, TargetTableName=target)
            await world.pass_by(1)
            name = target
        assert await world.store.transact(lambda tx, name=name: world.items(tx, name)) == wanted, name
    await world.store.transact(lambda tx: check_indexes_and_counts(world, tx))


async def check_exports(world: World) -> None:
    for arn, wanted in world.exports.items():
        made = (await world.ask("DescribeExport", ExportArn=arn))["ExportDescription"]
        assert (made["ExportStatus"], made["ItemCount"]) == ("COMPLETED", len(wanted)), made
        folder = made["ExportManifest"].removesuffix("manifest-summary.json")
        listed = await world.ask("GetObject", "s3", Bucket=BUCKET, Key=f"{folder}manifest-files.json")
        lines: list[bytes] = []
        for file in bytes(listed["Body"]).splitlines():
            got = await world.ask("GetObject", "s3", Bucket=BUCKET, Key=orjson.loads(file)["dataFileS3Key"])
            lines += gzip.decompress(bytes(got["Body"])).splitlines()
        assert sorted(lines) == sorted(orjson.dumps({"Item": item}) for item in wanted.values())


async def check_nothing_is_left(world: World) -> None:
    """After the tables are gone, and a day, and the weeks that system backups are kept."""
    for region in (FAR, REGION):
        names = (await world.ask("ListTables", region=region))["TableNames"]
        for name in names:
            await world.ask("DeleteTable", region=region, TableName=name)
        await world.pass_by(1)
    for arn in [name for name in world.copies if name.startswith("arn:")]:
        await world.ask("DeleteBackup", BackupArn=arn)
    await world.pass_by(36 * 86_400)

    def look(tx: Transaction) -> None:
        assert not list(tables.scan(tx)) + list(doomed.scan(tx)) + list(backups.scan(tx)) + list(streams.scan(tx))
        assert not list(copying.copies.scan(tx))
        kinds = ("i", "n", "p", "s", "sh", "w")  # items and entries, counts, the past, stream records, heads, stamps
        for kind in kinds:
            head = b"\x02dynamodb." + kind.encode() + b"\0"
            assert not tx.scan(head, head + b"\xff" * 17, 3), kind

    await world.store.transact(look)


@pytest.mark.parametrize("seed", range(6))
def test_an_import_enters_every_line_once(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    small_steps(monkeypatch)

    async def scenario() -> None:
        world = World(seed)
        await world.ask("CreateBucket", "s3", Bucket=BUCKET)
        wanted: dict[str, Any] = {}
        lines = 0
        for file in range(4):
            items = [{"pk": {"S": f"{file}-{n}"}, "v": {"N": str(n)}} for n in range(world.random.randrange(12))]
            wanted.update((one["pk"]["S"], one) for one in items)
            text = b"".join(orjson.dumps({"Item": one}) + b"\n" for one in items) + b"{}\n"
            lines += len(items) + 1
            body = gzip.compress(text[:50]) + gzip.compress(text[50:])
            await world.ask("PutObject", "s3", Bucket=BUCKET, Key=f"in/{file}", Body=body)
        given = {"TableName": TABLE, "KeySchema": key_schema("pk"), **ON_DEMAND,
                 "AttributeDefinitions": defined("pk")}  # fmt: skip
        made = await world.ask(
            "ImportTable",
            TableCreationParameters=given,
            S3BucketSource={"S3Bucket": BUCKET, "S3KeyPrefix": "in/"},
            InputFormat="DYNAMODB_JSON",
            InputCompressionType="GZIP",
        )
        await world.pass_by(60)
        arn = made["ImportTableDescription"]["ImportArn"]
        told = (await world.ask("DescribeImport", ImportArn=arn))["ImportTableDescription"]
        counted = (told["ImportStatus"], told["ProcessedItemCount"], told["ImportedItemCount"], told["ErrorCount"])
        assert counted == ("COMPLETED", lines, len(wanted), 4)
        found = await world.store.transact(lambda tx: world.items(tx, TABLE))
        assert {item["pk"]["S"]: item for item in found.values()} == wanted

    asyncio.run(scenario())
