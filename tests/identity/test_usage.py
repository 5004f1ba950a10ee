import asyncio

from pileus.identity.keys import AccessKey
from pileus.identity.usage import EVERY_S, Uses, uses
from pileus.store.memory import MemoryStore

KEY = AccessKey("AKIA", "s", "123456789012", "bob", "AIDA", 0.0)


def test_a_use_is_written_once_a_minute_for_each_service_and_region():
    noted = Uses()

    def work(tx):
        calls = [
            (0, "r", "sqs"),
            (1, "r", "sqs"),
            (2, "r", "sts"),
            (3, "r", "sqs"),
            (4, "q", "sqs"),
            (EVERY_S, "r", "sqs"),
        ]
        wrote = [noted.note(tx, KEY, float(at), region, service) for at, region, service in calls]
        last = uses.get(tx, KEY.id)
        return wrote, (last.at, last.region, last.service)

    wrote, last = asyncio.run(MemoryStore().transact(work))
    assert wrote == [True, False, True, False, True, True]
    assert last == (EVERY_S, "r", "sqs")
