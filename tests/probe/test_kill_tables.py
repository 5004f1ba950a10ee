"""The probe for tables: puts, updates, deletes and transactions, killed with -9 at random moments.

After the restart every acknowledged item is there as it was acknowledged, every index says what its table says, the two
halves of a transaction are both there or both not, and the stream tells of every change.
"""

import contextlib
import threading
import time
from random import Random

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.probe.test_kill import Server
from tests.services.dynamodb.dynamodb_asking import index, item, make, whole


class Writer(threading.Thread):
    """Works on keys of its own until the server dies. `acknowledged`: key -> value (None: deleted); `tried`: the value
    a key may also have by the request that got no answer."""

    def __init__(self, server, table, name, seed):
        super().__init__(daemon=True)
        self.db, self.table, self.label, self.random = server.client("dynamodb"), table, name, Random(seed)
        self.acknowledged, self.tried = {}, {}
        self.count = 0

    def run(self):
        with contextlib.suppress(ClientError, BotoCoreError, OSError):
            while True:
                self.count += 1
                key = f"{self.label}-{self.random.randrange(8)}"
                self.random.choice((self._put, self._put, self._update, self._remove, self._transact))(key)

    def _do(self, values, call, **request):
        self.tried = dict(values)
        call(**request)
        self.acknowledged.update(values)
        self.tried = {}

    def _put(self, key):
        given = item(pk=key, v=self.count, group=f"g{self.count % 3}")
        self._do({key: self.count}, self.db.put_item, TableName=self.table, Item=given)

    def _update(self, key):
        self._do(
            {key: self.count},
            self.db.update_item,
            TableName=self.table,
            Key=item(pk=key),
            UpdateExpression="SET v = :v, #g = :g",
            ExpressionAttributeNames={"#g": "group"},
            ExpressionAttributeValues={":v": {"N": str(self.count)}, ":g": {"S": f"g{self.count % 3}"}},
        )

    def _remove(self, key):
        self._do({key: None}, self.db.delete_item, TableName=self.table, Key=item(pk=key))

    def _transact(self, key):
        pair = {f"{self.label}-left": self.count, f"{self.label}-right": self.count}
        steps = [
            {"Put": {"TableName": self.table, "Item": item(pk=name, v=value, group="pair")}}
            for name, value in pair.items()
        ]
        self._do(pair, self.db.transact_write_items, TransactItems=steps)


def look(server, table, writers):
    db = server.client("dynamodb")
    there = {one["pk"]["S"]: int(one["v"]["N"]) for one in whole(db.scan, TableName=table, ConsistentRead=True)}
    indexed = {one["pk"]["S"]: int(one["v"]["N"]) for one in whole(db.scan, TableName=table, IndexName="by-group")}
    assert indexed == there, "the index and its table tell different stories"
    assert db.describe_table(TableName=table)["Table"]["ItemCount"] == len(there)
    for writer in writers:
        for key in writer.acknowledged.keys() | writer.tried.keys():
            allowed = {writer.acknowledged.get(key)} | ({writer.tried[key]} if key in writer.tried else set())
            assert there.get(key) in allowed, f"{key}: lost, torn, or come back"
        assert there.get(f"{writer.label}-left") == there.get(f"{writer.label}-right"), "half a transaction"
    assert told(server, db, table) == there, "the stream does not tell what happened"


def told(server, db, table):
    """What a table must hold by what its stream says."""
    streams = server.client("dynamodbstreams")
    arn = db.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    at = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    found = {}
    while records := (page := streams.get_records(ShardIterator=at))["Records"]:
        for record in records:
            key = record["dynamodb"]["Keys"]["pk"]["S"]
            new = record["dynamodb"].get("NewImage")
            if new is None:
                found.pop(key)
            else:
                found[key] = int(new["v"]["N"])
        at = page["NextShardIterator"]
    return found


def probe(tmp_path, lives, seed):
    random = Random(seed)
    server = Server(tmp_path, "rocks")
    server.start()
    try:
        for life in range(lives):
            table = make(
                server.client("dynamodb"),
                f"life-{life}",
                GlobalSecondaryIndexes=[index("by-group", "group:S")],
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
            )
            writers = [Writer(server, table, f"w{n}", random.random()) for n in range(3)]
            for writer in writers:
                writer.start()
            time.sleep(random.uniform(0.2, 0.8))
            server.kill()
            for writer in writers:
                writer.join(20)
            server.start()
            assert all(writer.acknowledged for writer in writers), "nothing was written at all"
            look(server, table, writers)
    finally:
        server.kill()


def test_every_acknowledged_item_is_there_after_kills(tmp_path):
    probe(tmp_path, 8, 1)


@pytest.mark.long
def test_every_acknowledged_item_is_there_after_a_hundred_kills(tmp_path):
    probe(tmp_path, 100, 2)
