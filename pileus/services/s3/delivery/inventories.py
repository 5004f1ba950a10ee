"""The reconciler that writes inventory reports: at midnight of the cloud's clock, daily or on Sundays.

Source: Amazon S3 User Guide, "Configuring Amazon S3 Inventory", "Locating your inventory list". A report that a crash
cuts short is written anew: its manifest comes last, and with it the date of the next report.
"""

import asyncio
import gzip
import hashlib
import io
import logging
from time import gmtime, strftime
from typing import Any, NamedTuple

import orjson

from pileus.base import ids
from pileus.base.errors import ApiError
from pileus.control import Done, Outcome, RequeueAt
from pileus.service import Actor, service_caller
from pileus.store import Transaction

from ..listing.walk import Place
from ..tables import Bucket, buckets, by_id, configs, inventory_due
from .inventory_rows import batch, columns

KIND = "inventory"
S3 = "s3.amazonaws.com"
DAY_S = 86_400
BATCH = 1_000
FILE_ROWS_MAX = 200_000
RETRY_S = 3_600.0
VERSION = "2016-11-30"

log = logging.getLogger("pileus.s3")


class Inventories:
    watches = configs.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> Outcome:
        bucket_id, kind, id = key
        if kind != KIND:
            return Done
        found = await world.store.transact(lambda tx: _due(tx, bucket_id, id, world.clock.now()))
        if found is None or isinstance(found, RequeueAt):
            return found
        bucket, wanted = found
        report = Report(world, bucket, wanted, world.clock.now())
        try:
            again: float = await report.write()
        except ApiError as error:
            log.warning("the inventory %s of %s was not delivered: %s", id, bucket.name, error.message)
            return RequeueAt(world.clock.now() + RETRY_S)
        return RequeueAt(again)


def _due(tx: Transaction, bucket_id: int, id: str, now: float) -> "tuple[Bucket, dict[str, Any]] | RequeueAt | None":
    wanted = configs.get(tx, bucket_id, KIND, id)
    bucket = next((bucket for _, bucket in buckets.find(tx, by_id, bucket_id, limit=1)), None)
    if wanted is None or bucket is None or not wanted["IsEnabled"]:
        inventory_due.delete(tx, bucket_id, id)
        return Done
    due = inventory_due.get(tx, bucket_id, id)
    if due is None:
        due = _midnight_after(now)
        inventory_due.put(tx, bucket_id, id, record=due)
    return (bucket, wanted) if due <= now else RequeueAt(due)


def _midnight_after(now: float) -> float:
    return float((int(now) // DAY_S + 1) * DAY_S)


def _next(wanted: dict[str, Any], now: float) -> float:
    """After the first report a weekly one comes on Sundays."""
    due = _midnight_after(now)
    while wanted["Schedule"]["Frequency"] == "Weekly" and gmtime(due).tm_wday != 6:
        due += DAY_S
    return due


class Written(NamedTuple):
    key: str
    size: int
    md5: str


class Report:
    """One report on its way. `began`: the cloud's clock when the bucket was first looked at."""

    def __init__(self, world: Any, bucket: Bucket, wanted: dict[str, Any], began: float):
        self._world, self._bucket, self._wanted, self._began = world, bucket, wanted, began
        self._target = wanted["Destination"]["S3BucketDestination"]
        self._actor = Actor(world, service_caller(S3, bucket.arn, bucket.account), bucket.region)
        prefix = self._target.get("Prefix", "").rstrip("/")
        self._folder = f"{prefix}/{bucket.name}/{wanted['Id']}".lstrip("/")

    async def write(self) -> float:
        """Raises the errors of PutObject. Returns when the next report is due."""
        files: list[Written] = []
        after: Place | None = None
        while True:
            data, after = await self._file(after)
            if data is not None:
                files.append(await self._put(f"{self._folder}/data/{ids.secret_uuid()}.csv.gz", data))
            if after is None:
                break
        manifest = self._manifest(files)
        stamp = gmtime(self._began)
        place = f"{self._folder}/{strftime('%Y-%m-%dT%H-%MZ', stamp)}"
        links = "\n".join(f"s3://{self._name}/{file.key}" for file in files)
        await self._put(f"{self._folder}/hive/dt={strftime('%Y-%m-%d-%H-%M', stamp)}/symlink.txt", links.encode())
        await self._put(f"{place}/manifest.json", manifest)
        again = _next(self._wanted, self._began)
        digest = hashlib.md5(manifest, usedforsecurity=False).hexdigest()
        await self._put(f"{place}/manifest.checksum", digest.encode(), again)
        return again

    @property
    def _name(self) -> str:
        return str(self._target["Bucket"]).rpartition(":")[2]

    async def _file(self, after: Place | None) -> tuple[bytes | None, Place | None]:
        """The bytes of one file, None when there are no rows for it; and where the next file begins."""
        buffer, rows = io.BytesIO(), 0
        with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed:
            while rows < FILE_ROWS_MAX:
                found = await self._world.store.transact(
                    lambda tx: batch(tx, self._bucket, self._wanted, after, BATCH)  # noqa: B023
                )
                await asyncio.to_thread(packed.write, found.text)
                rows, after = rows + found.number, found.after
                if after is None:
                    break
        return (buffer.getvalue() if rows else None), after

    async def _put(self, key: str, data: bytes, again: float | None = None) -> Written:
        """`again`: this is the last of it; the next report is due then."""
        request = {
            "Bucket": self._name,
            "Key": key,
            "Body": data,
            "ContentLength": len(data),
            "ACL": "bucket-owner-full-control",
            **self._encryption(),
        }
        if "AccountId" in self._target:
            request["ExpectedBucketOwner"] = self._target["AccountId"]

        def settle(tx: Transaction, answer: Any) -> None:
            if again is not None and configs.get(tx, self._bucket.id, KIND, self._wanted["Id"]) is not None:
                inventory_due.put(tx, self._bucket.id, self._wanted["Id"], record=again)

        await self._actor.perform("s3", "PutObject", request, settle)
        return Written(key, len(data), hashlib.md5(data, usedforsecurity=False).hexdigest())

    def _encryption(self) -> dict[str, str]:
        asked = self._target.get("Encryption", {})
        if "SSEKMS" in asked:
            return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": asked["SSEKMS"]["KeyId"]}
        return {"ServerSideEncryption": "AES256"} if "SSES3" in asked else {}

    def _manifest(self, files: list[Written]) -> bytes:
        return orjson.dumps(
            {
                "sourceBucket": self._bucket.name,
                "destinationBucket": self._target["Bucket"],
                "version": VERSION,
                "creationTimestamp": str(int(self._began * 1000)),
                "fileFormat": "CSV",
                "fileSchema": ", ".join(columns(self._wanted)),
                "files": [{"key": file.key, "size": file.size, "MD5checksum": file.md5} for file in files],
            },
            option=orjson.OPT_INDENT_2,
        )
