"""The probe: a server started as users start it, hammered, killed with -9 at random moments, started again on the
same files.

What was acknowledged must be there, whole; what was not may be there, but only whole; what was deleted must not come
back.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

WRITERS = 4
SENT_BYTES = 40


class Server:
    """`pileus serve` as a process of its own."""

    def __init__(self, data_dir: Path, store: str):
        self.data_dir, self.store = data_dir, store
        self.process: subprocess.Popen[bytes]
        self.port = 0

    def start(self) -> None:
        reading, writing = os.pipe()
        command = [sys.executable, "-m", "pileus", "serve", "--port", "0", "--store", self.store]
        command += ["--data-dir", str(self.data_dir), "--ready-fd", str(writing)]
        with (self.data_dir / "out.txt").open("ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, pass_fds=(writing,))
        os.close(writing)
        with os.fdopen(reading, "rb") as ready:
            if ready.read() != b"ready":
                raise AssertionError((self.data_dir / "out.txt").read_text()[-2000:])
        described = (self.data_dir / "run.json").read_text()
        self.port = int(described.split('"port": ')[1].split(",")[0])

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def client(self, service: str):
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}, connect_timeout=2, read_timeout=5),
        )


class Writer(threading.Thread):
    """Sends, deletes and makes users until the server dies; remembers what was acknowledged."""

    def __init__(self, server: Server, url: str, name: str):
        super().__init__(daemon=True)
        self.sqs, self.iam, self.url, self.label = server.client("sqs"), server.client("iam"), url, name
        self.tried: set[str] = set()
        self.sent: set[str] = set()
        self.batches: list[list[str]] = []
        self.deleting: set[str] = set()
        self.deleted: set[str] = set()
        self.users: set[str] = set()

    def run(self) -> None:
        number = 0
        with contextlib.suppress(ClientError, BotoCoreError, OSError):
            while True:
                number += 1
                self._send(f"{self.label}-{number}")
                if number % 5 == 0:
                    self._send_batch(f"{self.label}-{number}")
                if number % 3 == 0:
                    self._delete_one()
                if number % 4 == 0:
                    self._user(f"{self.label}-{number}")

    def _send(self, name: str) -> None:
        body = name.ljust(SENT_BYTES, ".")
        self.tried.add(body)
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body)
        self.sent.add(body)

    def _send_batch(self, name: str) -> None:
        bodies = [f"{name}-batch{n}".ljust(SENT_BYTES, ".") for n in range(5)]
        self.tried.update(bodies)
        self.batches.append(bodies)
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
        self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
        self.sent.update(bodies)

    def _delete_one(self) -> None:
        for message in self.sqs.receive_message(QueueUrl=self.url, VisibilityTimeout=0).get("Messages", []):
            self.deleting.add(message["Body"])
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            self.deleted.add(message["Body"])

    def _user(self, name: str) -> None:
        """A user and its key: two calls, each whole by itself."""
        self.iam.create_user(UserName=name)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
        self.users.add(f"{name} {key}")


def drain(sqs, url: str) -> list[str]:
    """Every message that is there, by receiving and deleting all."""
    bodies = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [message["Body"] for message in messages]
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
        assert not sqs.delete_message_batch(QueueUrl=url, Entries=entries).get("Failed")
    return bodies


def one_life(server: Server, life: int, random: Random) -> None:
    url = server.client("sqs").create_queue(QueueName=f"life-{life}")["QueueUrl"]
    path = url.partition(":")[2].partition("/")[2].partition("/")[2]
    writers = [Writer(server, url, f"life-{life}-{n}") for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    time.sleep(random.uniform(0.05, 0.5))
    server.kill()
    for writer in writers:
        writer.join(20)
    server.start()
    sqs, iam = server.client("sqs"), server.client("iam")
    url = f"http://127.0.0.1:{server.port}/{path.partition('/')[2]}"
    found = drain(sqs, url)
    tried = set().union(*(writer.tried for writer in writers))
    sent = set().union(*(writer.sent for writer in writers))
    deleting = set().union(*(writer.deleting for writer in writers))
    deleted = set().union(*(writer.deleted for writer in writers))
    assert len(found) == len(set(found)), "a message was there twice"
    assert set(found) <= tried, "a message that nobody sent, or half of one"
    assert sent - deleting <= set(found), "an acknowledged message is lost"
    assert not deleted & set(found), "a deleted message came back"
    for bodies in (bodies for writer in writers for bodies in writer.batches):
        there = [body in found for body in bodies if body not in deleting]
        assert all(there) or not any(there), "half of a batch is visible"
    for user in set().union(*(writer.users for writer in writers)):
        name, key = user.split()
        keys = [k["AccessKeyId"] for k in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]]
        assert keys == [key], "an acknowledged user or key is lost"


def probe(tmp_path: Path, store: str, lives: int) -> None:
    server = Server(tmp_path, store)
    random = Random(lives)
    server.start()
    try:
        for life in range(lives):
            one_life(server, life, random)
    finally:
        server.kill()


def test_nothing_acknowledged_is_lost_in_twenty_kills(tmp_path):
    probe(tmp_path, "rocks", 20)


def test_nothing_acknowledged_is_lost_on_sqlite_either(tmp_path):
    probe(tmp_path, "sqlite", 4)


@pytest.mark.long
@pytest.mark.parametrize("store", ["rocks", "sqlite"])
def test_nothing_acknowledged_is_lost_in_three_hundred_kills(tmp_path, store):
    probe(tmp_path, store, 300)
