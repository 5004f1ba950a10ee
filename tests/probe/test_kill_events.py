"""The probe for what S3 tells others: a cloud killed with -9 while it notifies, replicates and logs.

After the restart every acknowledged version is told of at least once and has its replica, nothing is told of that is
not there, each acknowledged request is in the access log once, and no bytes are left that nobody points at.
"""

import contextlib
import json
import os
import threading
import time
import urllib.request
from random import Random

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from tests.probe.test_kill import Server
from tests.probe.test_kill_objects import bytes_left
from tests.services.s3.events_asking import put_policy, queue_for, rule, tell
from tests.services.s3.test_logging import FIELD
from tests.services.s3.test_replication import ROLE, allow, newer, replicate

SIZES = (10, 16_000, 20_000, 300_000)
PATIENCE_S = 60
TRUST = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}


class Writer(threading.Thread):
    """`made`: (version id, request id) of every put that was acknowledged."""

    def __init__(self, server, name, seed):
        super().__init__(daemon=True)
        self.s3, self.label, self.random = server.client("s3"), name, Random(seed)
        self.made = []

    def run(self):
        with contextlib.suppress(ClientError, BotoCoreError, OSError):
            while True:
                key, body = f"{self.label}-{self.random.randrange(5)}", os.urandom(self.random.choice(SIZES))
                answer = self.s3.put_object(Bucket="source", Key=key, Body=body)
                self.made.append((answer["VersionId"], answer["ResponseMetadata"]["RequestId"]))


def prepare(server):
    """The queue's URL path."""
    s3, sqs, iam = (server.client(name) for name in ("s3", "sqs", "iam"))
    for name in ("source", "target", "logs"):
        s3.create_bucket(Bucket=name)
    for name in ("source", "target"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    trust = {"Version": "2012-10-17", "Statement": [TRUST]}
    iam.create_role(RoleName=ROLE.rpartition("/")[2], AssumeRolePolicyDocument=json.dumps(trust))
    allow(iam, ROLE.rpartition("/")[2], ["s3:*"])
    replicate(s3, "source", newer("target"))
    _, arn = queue_for(sqs, "told", "source")
    tell(s3, "source", rule(arn, "s3:ObjectCreated:*"))
    statement = {"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject"}
    put_policy(s3, "logs", {**statement, "Resource": "arn:aws:s3:::logs/*"})
    enabled = {"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": ""}}
    s3.put_bucket_logging(Bucket="source", BucketLoggingStatus=enabled)


def all_versions(s3, bucket):
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    return {one["VersionId"]: one["Key"] for page in pages for one in page.get("Versions", [])}


def patiently(look):
    """Until it is so; background work takes its time on a busy machine."""
    deadline = time.monotonic() + PATIENCE_S
    while not look() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert look()


def told(server, seen):
    """Drains the queue into `seen`: version ids."""
    sqs = server.client("sqs")
    url = sqs.get_queue_url(QueueName="told")["QueueUrl"]
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            seen.update(one["s3"]["object"]["versionId"] for one in json.loads(message["Body"]).get("Records", []))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return seen


def advance(server, seconds):
    request = AWSRequest(
        "POST", f"http://127.0.0.1:{server.port}/_pileus/clock", data=json.dumps({"advance": seconds}).encode()
    )
    SigV4Auth(Credentials("test", "test"), "pileus", "us-east-1").add_auth(request)
    sent = urllib.request.Request(request.url, request.data, dict(request.headers))
    with urllib.request.urlopen(sent) as answer:
        assert answer.status == 200


def logged(server):
    """The request ids of puts in the access logs."""
    s3 = server.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="logs")
    found = []
    for key in [one["Key"] for page in pages for one in page.get("Contents", [])]:
        for line in s3.get_object(Bucket="logs", Key=key)["Body"].read().decode().splitlines():
            fields = FIELD.findall(line)
            if fields[6] == "REST.PUT.OBJECT":
                found.append(fields[5])
    return found


def look(server, made, seen):
    s3 = server.client("s3")
    versions = {version for version, _ in made}
    patiently(lambda: versions <= told(server, seen))
    assert seen <= all_versions(s3, "source").keys(), "told of what is not there"
    patiently(lambda: all_versions(s3, "source") == all_versions(s3, "target"))
    advance(server, 301)
    requests = {request for _, request in made}
    patiently(lambda: requests <= set(logged(server)))
    lines = logged(server)
    assert len(lines) == len(set(lines)), "a request is logged twice"


def probe(tmp_path, lives, seed):
    random = Random(seed)
    server = Server(tmp_path, "rocks")
    server.start()
    try:
        prepare(server)
        made, seen = [], set()
        for _ in range(lives):
            writers = [Writer(server, f"w{n}", random.random()) for n in range(2)]
            for writer in writers:
                writer.start()
            time.sleep(random.uniform(0.1, 0.6))
            server.kill()
            for writer in writers:
                writer.join(20)
                made += writer.made
            server.start()
        look(server, made, seen)
        s3 = server.client("s3")
        for bucket in ("source", "target"):
            for version, key in all_versions(s3, bucket).items():
                s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
        for one in s3.list_objects_v2(Bucket="logs")["Contents"]:
            s3.delete_object(Bucket="logs", Key=one["Key"])
        patiently(lambda: bytes_left(server) == 0)
    finally:
        server.kill()


def test_what_was_acknowledged_is_told_replicated_and_logged_after_kills(tmp_path):
    probe(tmp_path, 6, 1)


@pytest.mark.long
def test_what_was_acknowledged_is_told_replicated_and_logged_after_many_kills(tmp_path):
    probe(tmp_path, 40, 2)
