"""How SQS's tests ask: short names for long requests."""

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import TestCloud


def refused(call: Any, **request: Any) -> tuple[str, str]:
    """The code and message of the error that a call must raise."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def receive(sqs: Any, url: str, **options: Any) -> list[dict[str, Any]]:
    return sqs.receive_message(QueueUrl=url, **options).get("Messages", [])


def bodies(sqs: Any, url: str, **options: Any) -> list[str]:
    return [message["Body"] for message in receive(sqs, url, MaxNumberOfMessages=10, **options)]


def attributes(sqs: Any, url: str, *names: str) -> dict[str, str]:
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names) or ["All"]).get("Attributes", {})


def make(sqs: Any, name: str, **attributes: Any) -> str:
    given = {key: str(value) for key, value in attributes.items()}
    if name.endswith(".fifo"):
        given["FifoQueue"] = "true"
    return sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]


class LongPoll:
    """A receive that waits in a thread; `start` returns once the cloud holds it."""

    def __init__(self, cloud: TestCloud, url: str, seconds: int = 20):
        self.found: list[dict[str, Any]] | None = None
        self._cloud = cloud
        self._thread = threading.Thread(target=self._run, args=(url, seconds), daemon=True)
        held = len(cloud.app.cloud.waiting)
        self._thread.start()
        while len(cloud.app.cloud.waiting) == held and self._thread.is_alive():
            cloud.settle()

    def _run(self, url: str, seconds: int) -> None:
        self.found = receive(self._cloud.client("sqs"), url, WaitTimeSeconds=seconds, MaxNumberOfMessages=10)

    def bodies(self) -> list[str]:
        self._thread.join(15)
        assert self.found is not None, "the long poll was not answered"
        return [message["Body"] for message in self.found]
