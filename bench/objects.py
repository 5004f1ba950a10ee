"""What S3 costs: small and large objects, uploads in parts, lists of short and of very long buckets."""

import asyncio
import hashlib
import re
import shutil
import time
from collections.abc import Callable
from typing import Any

from . import servers, signing
from .servers import Server

BUCKET = "bench"
PART = 8 * 1024 * 1024
LONG = 1_000_000


def payload(size: int) -> bytes:
    return (hashlib.sha256(b"payload").digest() * (size // 32 + 1))[:size]


def bucket(server: Server, name: str = BUCKET) -> signing.Client:
    client = signing.Client(server.port)
    client.call(signing.s3(server.port, "PUT", f"/{name}"))
    return client


def puts(server: Server, prefix: str, size: int, count: int) -> list[bytes]:
    bucket(server).close()
    body = payload(size)
    return [signing.s3(server.port, "PUT", f"/{BUCKET}/{prefix}/{n:05d}", body=body) for n in range(count)]


def gets(server: Server, prefix: str, size: int, count: int) -> list[bytes]:
    client = bucket(server)
    for raw in puts(server, prefix, size, count):
        client.call(raw)
    client.close()
    return [signing.s3(server.port, "GET", f"/{BUCKET}/{prefix}/{n:05d}") for n in range(count)]


def multipart(server: Server) -> dict[str, float]:
    """Eight parts up and completed, then the object back."""
    client, path, part = bucket(server), f"/{BUCKET}/multipart", payload(PART)
    found = re.search(rb"<UploadId>([^<]+)<", client.call(signing.s3(server.port, "POST", path, "uploads=")))
    assert found is not None
    upload = found[1].decode()
    raws = [signing.s3(server.port, "PUT", path, f"partNumber={n}&uploadId={upload}", part) for n in range(1, 9)]
    tag = hashlib.md5(part, usedforsecurity=False).hexdigest()
    listed = "".join(f'<Part><PartNumber>{n}</PartNumber><ETag>"{tag}"</ETag></Part>' for n in range(1, 9))
    done = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
    begin = time.perf_counter()
    for raw in raws:
        client.call(raw)
    client.call(signing.s3(server.port, "POST", path, f"uploadId={upload}", done))
    up = time.perf_counter() - begin
    begin = time.perf_counter()
    size = len(client.call(signing.s3(server.port, "GET", path)))
    down = time.perf_counter() - begin
    assert size == 8 * PART
    client.close()
    return {"up ms": up * 1e3, "up MiB/s": 64 / up, "down MiB/s": 64 / down}


def page(server: Server) -> bytes:
    client = bucket(server, "list10k")
    for n in range(10_000):
        client.call(signing.s3(server.port, "PUT", f"/list10k/dir/{n:05d}", body=b"x" * 16))
    client.close()
    return signing.s3(server.port, "GET", "/list10k", "list-type=2&max-keys=1000")


def growth(seconds: int, wrk: Callable[..., dict[str, float]]) -> dict[str, float]:
    """The CPU of a page from the middle of a bucket of a thousand keys, and of a million; of a put and a get there."""
    found = {}
    for count in (1_000, LONG):
        server = servers.ours()
        try:
            server.start()
            bucket(server, "short").close()
            server.stop(keep=True)
            asyncio.run(fill(server, count))
            server.start()
            label = f"{count:,} keys"
            raw = signing.s3(
                server.port, "GET", "/short", f"list-type=2&max-keys=1000&start-after=key%2F{count // 3:09d}"
            )
            if count == 1_000:
                raw = signing.s3(server.port, "GET", "/short", "list-type=2&max-keys=1000")
            found[f"page of {label}, us"] = wrk(server, raw, 16, seconds)["cpu us"]
            body = payload(1024)
            many = [signing.s3(server.port, "PUT", f"/short/new/{n:05d}", body=body) for n in range(500)]
            found[f"put at {label}, us"] = wrk(server, many, 16, seconds)["cpu us"]
            many = [signing.s3(server.port, "GET", f"/short/new/{n:05d}") for n in range(500)]
            found[f"get at {label}, us"] = wrk(server, many, 16, seconds)["cpu us"]
        finally:
            server.stop()
            shutil.rmtree(server.data, ignore_errors=True)
    return found


async def fill(server: Server, count: int) -> None:
    """Writes a long bucket's records straight into a stopped server's store: through the front it takes minutes."""
    from pileus.services.s3.tables import Piece, Version, buckets, current
    from pileus.store.rocks import RocksStore

    store = RocksStore(server.data / "state")
    made = await store.transact(lambda tx: buckets.get(tx, "aws", "short"))
    assert made is not None
    moment = time.time()

    def some(first: int) -> Callable[[Any], None]:
        def write(tx: Any) -> None:
            for n in range(first, min(first + 10_000, count)):
                piece = (Piece(n, 16, True),)
                etag = hashlib.md5(b"%d" % n).hexdigest()
                record = Version(moment, 16, etag, "000000000000", "", "CRC32", "FULL_OBJECT", pieces=piece)
                current.put(tx, made.id, f"key/{n:09d}", record=record)

        return write

    for first in range(0, count, 10_000):
        await store.transact(some(first))
    # The work of tidying up after so many writes belongs to them, not to what is measured next.
    store._db.compact_range(b"", b"\xff")
    store.close()
