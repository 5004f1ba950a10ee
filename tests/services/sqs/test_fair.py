"""Fair queues: a tenant with too much in flight lets the others go first."""

from typing import Any

import pytest

from tests.conftest import TestCloud
from tests.services.sqs.sqs_asking import attributes, bodies, make, receive


@pytest.fixture
def sqs(cloud: TestCloud) -> Any:
    return cloud.client("sqs")


@pytest.fixture
def url(sqs: Any) -> str:
    return make(sqs, "q")


def send(sqs: Any, url: str, tenant: str, count: int) -> None:
    for start in range(0, count, 10):
        numbers = range(start, min(start + 10, count))
        entries = [{"Id": str(n), "MessageBody": f"{tenant}{n}", "MessageGroupId": tenant} for n in numbers]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)


def take(sqs: Any, url: str, count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        found += bodies(sqs, url)
    return found


def test_a_quiet_tenant_s_message_passes_a_noisy_one_s_backlog(sqs: Any, url: str) -> None:
    send(sqs, url, "noisy", 200)
    take(sqs, url, 30)
    send(sqs, url, "quiet", 1)
    assert [m["Body"] for m in receive(sqs, url)] == ["quiet0"]
    assert [m["Body"] for m in receive(sqs, url)] == ["noisy30"]  # nobody else waits


def test_a_tenant_with_little_in_flight_is_not_passed(sqs: Any, url: str) -> None:
    send(sqs, url, "a", 60)
    take(sqs, url, 20)
    send(sqs, url, "b", 1)
    assert [m["Body"] for m in receive(sqs, url)] == ["a20"]


def test_a_tenant_is_quiet_again_once_its_messages_are_deleted(sqs: Any, url: str) -> None:
    send(sqs, url, "a", 60)
    for _ in range(3):
        for message in receive(sqs, url, MaxNumberOfMessages=10):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    send(sqs, url, "b", 1)
    assert [m["Body"] for m in receive(sqs, url)] == ["a30"]


def test_a_tenant_is_quiet_again_once_its_messages_are_visible_again(sqs: Any, url: str, cloud: TestCloud) -> None:
    send(sqs, url, "a", 60)
    take(sqs, url, 40)
    send(sqs, url, "b", 1)
    cloud.advance(31)
    assert [m["Body"] for m in receive(sqs, url)] == ["a40"]


def test_of_noisy_tenants_the_one_with_less_in_flight_goes_first(sqs: Any, url: str) -> None:
    send(sqs, url, "a", 50)
    take(sqs, url, 40)
    send(sqs, url, "b", 50)
    assert take(sqs, url, 30) == [f"b{n}" for n in range(30)]  # quiet, and first
    assert bodies(sqs, url) == [f"b{n}" for n in range(30, 40)]  # noisy, with 30 against 40
    assert sorted(take(sqs, url, 20)) == sorted([*(f"a{n}" for n in range(40, 50)), *(f"b{n}" for n in range(40, 50))])


def test_a_message_without_a_group_is_a_tenant_of_its_own(sqs: Any, url: str) -> None:
    send(sqs, url, "noisy", 45)
    take(sqs, url, 30)
    sqs.send_message(QueueUrl=url, MessageBody="alone")
    assert bodies(sqs, url)[0] == "alone"


def test_counts_and_groups_are_answered_as_ever(sqs: Any, url: str) -> None:
    send(sqs, url, "a", 45)
    take(sqs, url, 40)
    [message] = receive(sqs, url, MessageSystemAttributeNames=["MessageGroupId"])
    assert message["Attributes"] == {"MessageGroupId": "a"}
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    assert [attributes(sqs, url, name)[name] for name in names] == ["4", "41"]
