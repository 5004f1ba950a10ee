"""The probe for objects: uploads, overwrites, completions and deletes, killed with -9 at random moments.

After the restart every acknowledged object is whole and readable, nothing torn is ever seen, what was deleted stays
deleted, and no bytes are left that nobody points at.
"""

import contextlib
import hashlib
import os
import threading
import time
from random import Random

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.probe.test_kill import Server

SIZES = (100, 10_000, 20_000, 100_000, 700_000)
PART = 5 * 1024 * 1024


class Writer(threading.Thread):
    """Works on keys of its own until the server dies. `acknowledged`: key -> digest (None: deleted); `tried`: the
    digests a key may also have by the request that got no answer."""

    def __init__(self, server, bucket, name, seed):
        super().__init__(daemon=True)
        self.s3, self.bucket, self.label, self.random = server.client("s3"), bucket, name, Random(seed)
        self.acknowledged = {}
        self.tried = {}

    def run(self):
        with contextlib.suppress(ClientError, BotoCoreError, OSError):
            while True:
                key = f"{self.label}-{self.random.randrange(6)}"
                self.random.choice((self._put, self._put, self._put, self._remove, self._multipart, self._copy))(key)

    def _doing(self, key, digest):
        self.tried[key] = digest

    def _done(self, key, digest):
        self.acknowledged[key] = digest
        self.tried.pop(key, None)

    def _put(self, key):
        body = os.urandom(self.random.choice(SIZES))
        digest = hashlib.sha256(body).hexdigest()
        self._doing(key, digest)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        self._done(key, digest)

    def _remove(self, key):
        self._doing(key, None)
        self.s3.delete_object(Bucket=self.bucket, Key=key)
        self._done(key, None)

    def _copy(self, key):
        source = next((one for one, digest in self.acknowledged.items() if digest and one != key), None)
        if source is None:
            return
        self._doing(key, self.acknowledged[source])
        self.s3.copy_object(Bucket=self.bucket, Key=key, CopySource=f"{self.bucket}/{source}")
        self._done(key, self.acknowledged[source])

    def _multipart(self, key):
        head, tail = os.urandom(64) * (PART // 64), os.urandom(1000)
        digest = hashlib.sha256(head + tail).hexdigest()
        ask = {"Bucket": self.bucket, "Key": key}
        ask["UploadId"] = self.s3.create_multipart_upload(**ask)["UploadId"]
        parts = [{"PartNumber": n, "ETag": self.s3.upload_part(PartNumber=n, Body=body, **ask)["ETag"]}
                 for n, body in ((1, head), (2, tail))]  # fmt: skip
        self._doing(key, digest)
        self.s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **ask)
        self._done(key, digest)


def look(server, bucket, writers):
    s3 = server.client("s3")
    listed = {entry["Key"]: entry for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}
    for writer in writers:
        for key in writer.acknowledged.keys() | writer.tried.keys():
            body = s3.get_object(Bucket=bucket, Key=key)["Body"].read() if key in listed else None
            found = None if body is None else hashlib.sha256(body).hexdigest()
            allowed = {writer.acknowledged.get(key)} | ({writer.tried[key]} if key in writer.tried else set())
            assert found in allowed, f"{key}: lost, torn, or come back"
            assert body is None or listed[key]["Size"] == len(body)


def bytes_left(server):
    """The blobs that lie there once the reaper and the sweep have done their work."""
    folder, before = server.data_dir / "blobs", -1
    for _ in range(100):
        found = sum(path.is_file() for path in folder.rglob("*"))
        if found == before:
            return found
        before = found
        time.sleep(0.1)
    return before


def probe(tmp_path, lives, seed):
    random = Random(seed)
    server = Server(tmp_path, "rocks")
    server.start()
    try:
        for life in range(lives):
            bucket = f"life-{life}"
            server.client("s3").create_bucket(Bucket=bucket)
            writers = [Writer(server, bucket, f"w{n}", random.random()) for n in range(3)]
            for writer in writers:
                writer.start()
            time.sleep(random.uniform(0.2, 1.2))
            server.kill()
            for writer in writers:
                writer.join(20)
            server.start()
            look(server, bucket, writers)
        s3 = server.client("s3")
        for life in range(lives):
            bucket = f"life-{life}"
            for upload in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
                s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
            for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
                s3.delete_object(Bucket=bucket, Key=entry["Key"])
            s3.delete_bucket(Bucket=bucket)
        deadline = time.monotonic() + 20
        while (left := bytes_left(server)) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert left == 0, "bytes that nobody points at"
    finally:
        server.kill()


def test_every_acknowledged_object_is_whole_after_kills(tmp_path):
    probe(tmp_path, 8, 1)


@pytest.mark.long
def test_every_acknowledged_object_is_whole_after_a_hundred_kills(tmp_path):
    probe(tmp_path, 100, 2)
