"""What SQS's storage leans on: keys packed in one stroke, hints that may be wrong, costs that do not grow."""

from base64 import b64decode, b64encode
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.base.errors import ApiError
from pileus.identity.keys import AccessKey, root_arn
from pileus.identity.standing import Standing
from pileus.keyring import Keyring
from pileus.policy import Principal, compile_policy
from pileus.service import Call, Caller
from pileus.services.sqs import fifo, receipts, sqs, standard
from pileus.services.sqs.address import read_url
from pileus.services.sqs.hints import FORGET_AFTER_US, Hints
from pileus.services.sqs.receipts import Receipt
from pileus.services.sqs.rows import NumberTable, pack_numbers
from pileus.services.sqs.tables import Queue
from pileus.store import Table, pack
from pileus.store.memory import MemoryStore

ALLOW = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
numbers = st.integers(min_value=0, max_value=(1 << 63) - 1)


@given(st.lists(numbers, min_size=1, max_size=4))
def test_numbers_are_packed_as_every_table_packs_them(parts: list[int]) -> None:
    assert NumberTable("t", int).head(parts[0]) + pack_numbers(tuple(parts[1:])) == pack(("t", *parts))


@given(st.sets(st.tuples(numbers, numbers), max_size=20), numbers, numbers, st.integers(1, 30))
def test_a_page_is_what_a_scan_gives(keys: set[tuple[int, int]], after: int, before: int, limit: int) -> None:
    fast, plain = NumberTable("t", int), Table("t", int)
    store = MemoryStore()

    def work(tx: Any) -> None:
        for key in keys:
            fast.put(tx, 7, *key, record=1)
        fast.put(tx, 8, 1, 1, record=2)
        assert fast.page(tx, 7, (after,), before, limit) == list(
            plain.scan(tx, 7, after=(after,), before=(before,), limit=limit)
        )
        assert fast.page(tx, 7, None, None, limit) == list(plain.scan(tx, 7, limit=limit))

    store.submit(work, raise_error)


def raise_error(result: Any, error: BaseException | None) -> None:
    if error is not None:
        raise error


def test_a_hint_rises_is_lowered_by_a_write_and_forgotten() -> None:
    hints = Hints()
    assert hints.start(1, 1_000) == 0
    hints.empty_before(1, 900, 1_000)
    assert hints.start(1, 1_000) == 900
    hints.empty_before(1, 950, 1_000)
    hints.empty_before(1, 940, 1_000)
    assert hints.start(1, 1_000) == 950
    hints.written(1, 500)
    assert hints.start(1, 1_000) == 500
    assert hints.start(1, 1_000 + FORGET_AFTER_US) == 0
    assert hints.start(1, 999) == 0  # the clock was set back


QUEUES = [
    Queue("000000000000", "us-east-1", name, f"arn:{name}", 5, 6, 0.0, 0.0, fifo=name.endswith(".fifo"))
    for name in ("q", "q.fifo")
]


@given(st.sampled_from(QUEUES), st.binary(max_size=90), st.integers(0, 89), st.booleans())
def test_an_altered_receipt_is_refused_or_names_nothing(queue: Queue, noise: bytes, at: int, whole: bool) -> None:
    group, sequence = ("g", 9) if queue.fifo else ("", 0)
    good = Receipt(6, 1, 2, 3, 4, 1, group, sequence)
    assert receipts.read(queue, receipts.write(5, good)) == good
    raw = b64decode(receipts.write(5, good))
    handle = b64encode(noise if whole else raw[:at] + noise + raw[at + len(noise) :]).decode()
    engine = fifo if queue.fifo else standard
    store = MemoryStore()

    def work(tx: Any) -> None:
        try:
            receipt = receipts.read(queue, handle)
        except ApiError as error:
            assert error.code in ("ReceiptHandleIsInvalid", "MissingRequiredParameterException")  # noqa: PT017
            return
        engine.delete(tx, queue, receipt, 10, handle)

    store.submit(work, raise_error)


@pytest.mark.parametrize(
    ("url", "region", "account"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/111111111111/q", "eu-west-1", "111111111111"),
        ("https://sqs-fips.us-gov-west-1.amazonaws.com/111111111111/q", "us-gov-west-1", "111111111111"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/111111111111/q", "cn-north-1", "111111111111"),
        ("https://queue.amazonaws.com/111111111111/q", "us-east-1", "111111111111"),
        ("https://eu-west-1.queue.amazonaws.com/111111111111/q", "eu-west-1", "111111111111"),
        ("http://sqs.eu-west-1.localhost.localstack.cloud:4566/111111111111/q", "eu-west-1", "111111111111"),
        ("http://localhost:4566/queue/eu-west-1/111111111111/q", "eu-west-1", "111111111111"),
        ("http://127.0.0.1:4566/111111111111/q", "ap-south-1", "111111111111"),
        ("q", "ap-south-1", "999999999999"),
    ],
)
def test_a_url_says_account_and_name_and_the_region_if_its_host_does(url: str, region: str, account: str) -> None:
    found = read_url(url, "999999999999", "ap-south-1")
    assert found is not None
    assert (found.account, found.region, found.name) == (account, region, "q")


@pytest.mark.parametrize("url", ["http://localhost/q", "/", "http://[/111111111111/q", "http://h/1111/q"])
def test_a_url_that_names_no_queue_is_none(url: str) -> None:
    assert read_url(url, "999999999999", "us-east-1") is None


class Watched(MemoryStore):
    """Counts what a closure asks of the store."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def read(self, key: bytes, hot: bool) -> bytes | None:
        self.asked += 1
        return super().read(key, hot)

    def range(self, start: bytes, stop: bytes, limit: int, reverse: bool) -> list[tuple[bytes, bytes]]:
        found = super().range(start, stop, limit, reverse)
        self.asked += 1 + len(found)
        return found


class Meter:
    """Asks operations and counts the rows each one reads."""

    def __init__(self) -> None:
        self.store = Watched()
        self.cloud: Any = SimpleNamespace(store=self.store, keyring=Keyring())
        key = AccessKey("test", "test", "000000000000", "", "000000000000", 0.0)
        root = Principal("root", key.account, root_arn(key.account), key.account)
        standing = Standing(root, (compile_policy(ALLOW, "identity"),))
        self.caller = Caller(standing, key.account, standing.principal.arn, key.account, key)
        self.moment = 1_700_000_000.0
        self.sent = 0

    def ask(self, name: str, **request: Any) -> tuple[Any, int]:
        self.moment += 0.001
        answers: list[Any] = []

        def done(result: Any, error: BaseException | None) -> None:
            raise_error(result, error)
            answers.append(result)

        def work(tx: Any) -> Any:
            call = Call(self.cloud, tx, self.caller, "us-east-1", self.moment, "r", started=self.moment)
            return sqs.operations[name].handler(call, request)

        before = self.store.asked
        self.store.submit(work, done)
        return answers[0], self.store.asked - before

    def send(self, group: str = "") -> int:
        self.sent += 1
        more = {"MessageGroupId": group, "MessageDeduplicationId": str(self.sent)} if group else {}
        return self.ask("SendMessage", QueueUrl="q.fifo" if group else "q", MessageBody="x", **more)[1]

    def cycle(self, group: str = "") -> list[int]:
        url, sent = "q.fifo" if group else "q", self.send(group)
        answer, received = self.ask("ReceiveMessage", QueueUrl=url)
        _, deleted = self.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=answer["Messages"][0]["ReceiptHandle"])
        return [sent, received, deleted]


def test_a_send_a_receive_and_a_delete_cost_the_same_however_long_the_queue_is() -> None:
    meter = Meter()
    meter.ask("CreateQueue", QueueName="q")
    empty = meter.cycle()
    for _ in range(2_000):
        meter.send()
    assert meter.cycle() == empty
    assert meter.ask("GetQueueAttributes", QueueUrl="q", AttributeNames=["All"])[1] < 20


@pytest.mark.parametrize("groups", [1, 1_000])
def test_a_fifo_queue_s_cost_is_bounded_however_many_messages_and_groups_it_has(groups: int) -> None:
    meter = Meter()
    meter.ask("CreateQueue", QueueName="q.fifo", Attributes={"FifoQueue": "true"})
    for number in range(1_000):
        meter.send(f"g{number % groups}")
    assert max(meter.cycle("g0")) < 60
