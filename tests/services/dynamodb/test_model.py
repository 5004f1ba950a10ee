"""Random changes and questions on real tables, against a few lines of plain Python that do the same."""

import shutil
import tempfile
from base64 import b64encode
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.conftest import TestCloud

from .dynamodb_asking import index, make, whole

PARTITIONS = st.sampled_from(["a", "b", "\0", "p" * 2048])
NUMBERS = st.sampled_from(
    ["0", "1", "-1", "10", "9", "-9", "0.1", "-0.1", "1E-130", "-1E-130", "9.9E+125", "-9.9E+125", "1.5", "1.50000001"]
)
TEXTS = st.sampled_from(["a", "aa", "a\0", "a\0\0", "a\0b", "ab", "\0", "é", "￿", "😀", "z" * 1024, "\0" * 1024])
BYTES = st.sampled_from([b"a", b"a\0", b"\0", b"\xff", b"\xff\xff", b"\xff" * 1024, b"\0" * 1024, b"\0\1", b"a\xff"])
INDEXES = {
    "": ("pk", "sk"),
    "local": ("pk", "text"),
    "keys": ("pk", "bytes"),
    "global": ("text", "sk"),
    "sparse": ("bytes", ""),
}
KINDS = {"pk": "S", "sk": "N", "text": "S", "bytes": "B"}
SHOWN = {"keys": {"pk", "sk", "bytes"}, "sparse": {"pk", "sk", "bytes", "v"}}
VALUES = {"pk": PARTITIONS, "sk": NUMBERS, "text": TEXTS, "bytes": BYTES}
OPERATORS = st.sampled_from(["", "=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"])
Item = dict[str, Any]
TESTS: dict[str, Callable[[Any, Any, Any], bool]] = {
    "=": lambda own, low, high: own == low,
    "<": lambda own, low, high: own < low,
    "<=": lambda own, low, high: own <= low,
    ">": lambda own, low, high: own > low,
    ">=": lambda own, low, high: own >= low,
    "BETWEEN": lambda own, low, high: low <= own <= high,
}


def order(value: dict[str, Any]) -> Any:
    kind, content = next(iter(value.items()))
    return Decimal(content) if kind == "N" else content.encode() if kind == "S" else content


def matches(operator: str, own: Any, low: Any, high: Any) -> bool:
    if not operator:
        return True
    if operator == "begins_with":
        return bool(own.startswith(low))
    return bool(TESTS[operator](own, low, high))


def bare(items: list[Item]) -> list[str]:
    """In an order of their own, to be compared as sets."""
    return sorted(repr(sorted(item.items())) for item in items)


class Tables(RuleBasedStateMachine):
    """`items`: the plain table, by the key's values."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.cloud = TestCloud(self.folder)
        self.db = self.cloud.client("dynamodb")
        self.streams = self.cloud.client("dynamodbstreams")
        make(
            self.db,
            "model",
            "pk:S",
            "sk:N",
            LocalSecondaryIndexes=[index("local", "pk:S", "text:S"), index("keys", "pk:S", "bytes:B", "KEYS_ONLY")],
            GlobalSecondaryIndexes=[
                index("global", "text:S", "sk:N"),
                index("sparse", "bytes:B", "", "INCLUDE", "v"),
            ],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.items: dict[tuple[str, Decimal], Item] = {}

    def teardown(self) -> None:
        try:
            self.check_stream()
        finally:
            self.cloud.stop()
            shutil.rmtree(self.folder)

    def note(self, item: Item) -> None:
        self.items[item["pk"]["S"], Decimal(item["sk"]["N"])] = item

    def stored(self, key: Item) -> Item | None:
        return self.items.get((key["pk"]["S"], Decimal(key["sk"]["N"])))

    @rule(pk=PARTITIONS, sk=NUMBERS, text=st.none() | TEXTS, data=st.none() | BYTES, v=st.integers(0, 9))
    def put(self, pk: str, sk: str, text: str | None, data: bytes | None, v: int) -> None:
        made = {"pk": {"S": pk}, "sk": {"N": str(Decimal(sk))}, "v": {"N": str(v)}}
        if text is not None:
            made["text"] = {"S": text}
        if data is not None:
            made["bytes"] = {"B": data}  # type: ignore[dict-item]
        old = self.db.put_item(TableName="model", Item=made, ReturnValues="ALL_OLD").get("Attributes")
        self.same(old, self.stored(made))
        self.note(made)

    @rule(pk=PARTITIONS, sk=NUMBERS)
    def delete(self, pk: str, sk: str) -> None:
        key = {"pk": {"S": pk}, "sk": {"N": sk}}
        old = self.db.delete_item(TableName="model", Key=key, ReturnValues="ALL_OLD").get("Attributes")
        self.same(old, self.items.pop((pk, Decimal(sk)), None))

    @rule(pk=PARTITIONS, sk=NUMBERS, text=st.none() | TEXTS, v=st.integers(0, 9))
    def update(self, pk: str, sk: str, text: str | None, v: int) -> None:
        key = {"pk": {"S": pk}, "sk": {"N": sk}}
        change = "SET v = :v, #t = :t" if text is not None else "SET v = :v REMOVE #t"
        values = {":v": {"N": str(v)}, **({":t": {"S": text}} if text is not None else {})}
        answer = self.db.update_item(
            TableName="model", Key=key, UpdateExpression=change, ExpressionAttributeValues=values,
            ExpressionAttributeNames={"#t": "text"}, ReturnValues="ALL_NEW",
        )  # fmt: skip
        made = {**(self.stored(key) or key), "v": values[":v"], **({"text": values[":t"]} if text is not None else {})}
        if text is None:
            made.pop("text", None)
        self.same(answer["Attributes"], made)
        self.note(made)

    @rule(
        rows=st.lists(st.tuples(PARTITIONS, NUMBERS, st.booleans()), min_size=1, max_size=8),
        all_or_nothing=st.booleans(),
    )
    def many(self, rows: list[tuple[str, str, bool]], all_or_nothing: bool) -> None:
        keys = {(pk, Decimal(sk)): puts for pk, sk, puts in rows}
        made = {key: {"pk": {"S": key[0]}, "sk": {"N": str(key[1])}} for key in keys}
        if all_or_nothing:
            steps = [
                {"Put": {"TableName": "model", "Item": made[key]}}
                if puts
                else {"Delete": {"TableName": "model", "Key": made[key], "ConditionExpression": "attribute_exists(pk)"}}
                for key, puts in keys.items()
            ]
            fails = any(not puts and key not in self.items for key, puts in keys.items())
            if fails:
                with pytest.raises(self.db.exceptions.TransactionCanceledException):
                    self.db.transact_write_items(TransactItems=steps)
                return
            self.db.transact_write_items(TransactItems=steps)
        else:
            writes = [
                {"PutRequest": {"Item": made[key]}} if puts else {"DeleteRequest": {"Key": made[key]}}
                for key, puts in keys.items()
            ]
            assert not self.db.batch_write_item(RequestItems={"model": writes})["UnprocessedItems"]
        for key, puts in keys.items():
            if puts:
                self.items[key] = made[key]
            else:
                self.items.pop(key, None)

    @rule(data=st.data(), name=st.sampled_from(sorted(INDEXES)), operator=OPERATORS, forward=st.booleans(),
          limit=st.none() | st.integers(1, 4))  # fmt: skip
    def query(self, data: st.DataObject, name: str, operator: str, forward: bool, limit: int | None) -> None:
        hash_key, sort_key = INDEXES[name]
        if not sort_key or (operator == "begins_with" and KINDS[sort_key] == "N"):
            operator = ""
        wanted = {KINDS[hash_key]: data.draw(VALUES[hash_key])}
        request: dict[str, Any] = {"TableName": "model", "ScanIndexForward": forward}
        names, values, text = {"#h": hash_key}, {":h": wanted}, "#h = :h"
        low = high = {"N": "0"}
        if operator:
            low, high = sorted(({KINDS[sort_key]: data.draw(VALUES[sort_key])} for _ in range(2)), key=order)
            names["#s"], values[":l"] = sort_key, low
            text += f" AND {'begins_with(#s, :l)' if operator == 'begins_with' else f'#s {operator} :l'}"
            if operator == "BETWEEN":
                text, values[":u"] = f"{text} AND :u", high
        request.update(KeyConditionExpression=text, ExpressionAttributeNames=names, ExpressionAttributeValues=values)
        if name:
            request["IndexName"] = name
        found = whole(self.db.query, **request, **({"Limit": limit} if limit is not None else {}))
        there = [
            item for item in self.items.values()
            if item.get(hash_key) is not None and order(item[hash_key]) == order(wanted)
            and (not sort_key or (sort_key in item
                                  and matches(operator, order(item[sort_key]), order(low), order(high))))
        ]  # fmt: skip
        shown = [{k: v for k, v in item.items() if name not in SHOWN or k in SHOWN[name]} for item in there]
        assert bare([canonical(item) for item in found]) == bare([canonical(item) for item in shown])
        if sort_key:
            sorts = [order(item[sort_key]) for item in found]
            assert sorts == sorted(sorts, reverse=not forward)
        assert self.db.query(Select="COUNT", **request)["Count"] == len(there)

    @rule(total=st.integers(1, 5), name=st.sampled_from(sorted(INDEXES)))
    def scan(self, total: int, name: str) -> None:
        more = {"IndexName": name} if name else {}
        found = []
        for segment in range(total):
            found += whole(self.db.scan, TableName="model", Segment=segment, TotalSegments=total, Limit=3, **more)
        there = [item for item in self.items.values() if all(key in item for key in INDEXES[name] if key)]
        shown = [{k: v for k, v in item.items() if name not in SHOWN or k in SHOWN[name]} for item in there]
        assert bare([canonical(item) for item in found]) == bare([canonical(item) for item in shown])

    @rule()
    def restart(self) -> None:
        self.cloud.restart()
        self.db, self.streams = self.cloud.client("dynamodb"), self.cloud.client("dynamodbstreams")

    @invariant()
    def counts_are_the_tables(self) -> None:
        table = self.db.describe_table(TableName="model")["Table"]
        assert table["ItemCount"] == len(self.items)
        for one in (*table["LocalSecondaryIndexes"], *table["GlobalSecondaryIndexes"]):
            keys = [key for key in INDEXES[one["IndexName"]] if key]
            assert one["ItemCount"] == sum(all(key in item for key in keys) for item in self.items.values())
            assert bool(one["IndexSizeBytes"]) == bool(one["ItemCount"])

    def check_stream(self) -> None:
        arn = self.db.describe_table(TableName="model")["Table"]["LatestStreamArn"]
        shards = self.streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        replay: dict[tuple[str, Decimal], Item] = {}
        for shard in shards:
            at = self.streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while at:
                page = self.streams.get_records(ShardIterator=at)
                at = page.get("NextShardIterator") if page["Records"] else None
                for told in (record["dynamodb"] for record in page["Records"]):
                    key = told["Keys"]["pk"]["S"], Decimal(told["Keys"]["sk"]["N"])
                    self.same(told.get("OldImage"), replay.pop(key, None))
                    if "NewImage" in told:
                        replay[key] = told["NewImage"]
        assert bare([canonical(item) for item in replay.values()]) == bare(
            [canonical(item) for item in self.items.values()]
        )

    def same(self, one: Item | None, other: Item | None) -> None:
        assert (one and canonical(one)) == (other and canonical(other))


def canonical(item: Item) -> Item:
    """Numbers as numbers are equal, however they were written."""
    return {
        name: f"N{Decimal(value['N']).normalize()}"
        if "N" in value
        else b64encode(value["B"])
        if "B" in value
        else value["S"]
        for name, value in item.items()
    }


TestTables = Tables.TestCase
TestTables.settings = settings(
    max_examples=8,
    stateful_step_count=40,
    deadline=None,
    # Without shrinking: each step of it would start a cloud.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
