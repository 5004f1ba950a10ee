"""SSE-SQS: messages are unreadable in the data directory, and only with the master key are they readable again."""

from pathlib import Path
from typing import Any

import pytest

from pileus.base.errors import ApiError
from pileus.keyring import KeyLost, Keyring
from tests.conftest import TestCloud
from tests.services.sqs.sqs_asking import attributes, bodies, make, receive, refused

SECRET = "a-plain-word-that-nothing-else-contains"
HIDDEN = {"Note": {"DataType": "String", "StringValue": f"attribute-{SECRET}"}}


def readable(cloud: TestCloud) -> list[str]:
    """The files of the data directory in which the secret can be read."""
    files = [file for file in cloud.settings.data_dir.rglob("*") if file.is_file()]
    return [file.name for file in files if SECRET.encode() in file.read_bytes()]


@pytest.fixture
def sqs(cloud: TestCloud) -> Any:
    return cloud.client("sqs")


@pytest.mark.parametrize("name", ["q", "q.fifo"])
@pytest.mark.parametrize("length", [1, 5_000])
def test_a_message_cannot_be_read_in_the_data_directory(sqs: Any, cloud: TestCloud, name: str, length: int) -> None:
    url = make(sqs, name)
    more = {"MessageGroupId": "g", "MessageDeduplicationId": "d"} if name.endswith(".fifo") else {}
    body = SECRET + "x" * length
    sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=HIDDEN, **more)
    assert bodies(sqs, url, VisibilityTimeout=0) == [body]
    assert readable(cloud) == []
    cloud.restart()
    found = receive(cloud.client("sqs"), url.replace(url.split("/")[2], f"127.0.0.1:{cloud.port}"), **ALL)
    assert [(one["Body"], one["MessageAttributes"]) for one in found] == [(body, HIDDEN)]


ALL: dict[str, Any] = {"MessageAttributeNames": ["All"], "VisibilityTimeout": 0}


def test_without_encryption_it_can(sqs: Any, cloud: TestCloud) -> None:
    url = make(sqs, "q", SqsManagedSseEnabled="false")
    sqs.send_message(QueueUrl=url, MessageBody=SECRET)
    assert readable(cloud)


def test_new_queues_encrypt_and_say_so(sqs: Any) -> None:
    url = make(sqs, "q")
    assert attributes(sqs, url)["SqsManagedSseEnabled"] == "true"
    assert make(sqs, "q", SqsManagedSseEnabled="true") == url
    assert refused(sqs.create_queue, QueueName="q", Attributes={"SqsManagedSseEnabled": "false"})[0] == (
        "QueueAlreadyExists"
    )
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "false"})
    assert attributes(sqs, url, "SqsManagedSseEnabled") == {"SqsManagedSseEnabled": "false"}


def test_a_message_stays_readable_when_the_setting_changes(sqs: Any) -> None:
    url = make(sqs, "q", SqsManagedSseEnabled="false")
    sqs.send_message(QueueUrl=url, MessageBody="plain")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "true"})
    sqs.send_message(QueueUrl=url, MessageBody="sealed")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "false"})
    assert bodies(sqs, url) == ["plain", "sealed"]


def test_a_letter_of_an_encrypting_queue_is_sealed_anew_for_its_dead_letter_queue(sqs: Any, cloud: TestCloud) -> None:
    dead = make(sqs, "dead")
    policy = f'{{"deadLetterTargetArn":"{attributes(sqs, dead)["QueueArn"]}","maxReceiveCount":1}}'
    work = make(sqs, "work", RedrivePolicy=policy, VisibilityTimeout=0)
    sqs.send_message(QueueUrl=work, MessageBody=SECRET)
    assert bodies(sqs, work) == [SECRET]
    assert bodies(sqs, work) == []
    assert bodies(sqs, dead, VisibilityTimeout=0) == [SECRET]
    sqs.start_message_move_task(SourceArn=attributes(sqs, dead)["QueueArn"])
    cloud.settle()
    assert bodies(sqs, work) == [SECRET]
    assert readable(cloud) == []


def test_the_master_key_is_a_file_that_only_its_owner_reads(sqs: Any, cloud: TestCloud) -> None:
    file = cloud.settings.data_dir / "keys" / "sse"
    assert not file.exists()  # a cloud that encrypts nothing has none
    make(sqs, "q")
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_with_another_master_key_nothing_opens(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "keys" / "sse")
    wrapped = ring.new_key("sqs/q")
    sealed = ring.cipher(wrapped, "sqs/q").encrypt(b"n" * 12, b"text", None)
    again = Keyring(tmp_path / "keys" / "sse")
    assert again.cipher(wrapped, "sqs/q").decrypt(b"n" * 12, sealed, None) == b"text"
    with pytest.raises(KeyLost):
        Keyring(tmp_path / "keys" / "other").cipher(wrapped, "sqs/q")
    with pytest.raises(KeyLost):
        Keyring(tmp_path / "keys" / "sse").cipher(wrapped, "sqs/another")
    (tmp_path / "keys" / "sse").write_bytes(b"short")
    with pytest.raises(KeyLost):
        Keyring(tmp_path / "keys" / "sse").cipher(wrapped, "sqs/q")
    assert not issubclass(KeyLost, ApiError)  # the caller is told of a fault of the cloud's


def test_a_key_of_kms_is_refused_by_name(sqs: Any) -> None:
    for name in ("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds"):
        code, text = refused(sqs.create_queue, QueueName="q", Attributes={name: "300"})
        assert code == "AWS.SimpleQueueService.UnsupportedOperation"
        assert name in text
