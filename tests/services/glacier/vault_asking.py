"""What the tests of Glacier ask again and again."""

import hashlib
import io
from typing import Any

from botocore.exceptions import ClientError
from botocore.utils import calculate_tree_hash

MIB = 1024 * 1024
DAY = 86_400.0
HOUR = 3_600.0


def some_bytes(count: int, seed: bytes = b"seed") -> bytes:
    """Bytes that do not repeat from MiB to MiB."""
    block = hashlib.shake_256(seed).digest(min(count, 64 * 1024))
    whole = b"".join(hashlib.sha256(block + n.to_bytes(4, "big")).digest() + block for n in range(count // 65_536 + 1))
    return whole[:count]


def tree_hash(data: bytes) -> str:
    found: str = calculate_tree_hash(io.BytesIO(data))
    return found


def code_of(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def upload(client: Any, vault: str, data: bytes, description: str = "") -> str:
    options = {"archiveDescription": description} if description else {}
    answer = client.upload_archive(vaultName=vault, body=data, **options)
    assert answer["checksum"] == tree_hash(data)
    return str(answer["archiveId"])


def multipart(client: Any, vault: str, data: bytes, part_size: int = MIB) -> str:
    upload_id = client.initiate_multipart_upload(vaultName=vault, partSize=str(part_size))["uploadId"]
    for start in range(0, len(data), part_size):
        put_part(client, vault, upload_id, data, start, part_size)
    done = client.complete_multipart_upload(
        vaultName=vault, uploadId=upload_id, archiveSize=str(len(data)), checksum=tree_hash(data)
    )
    return str(done["archiveId"])


def put_part(client: Any, vault: str, upload_id: str, data: bytes, start: int, part_size: int = MIB) -> Any:
    piece = data[start : start + part_size]
    span = f"bytes {start}-{start + len(piece) - 1}/*"
    return client.upload_multipart_part(vaultName=vault, uploadId=upload_id, range=span, body=piece)


def start(client: Any, vault: str, **parameters: Any) -> str:
    return str(client.initiate_job(vaultName=vault, jobParameters=parameters)["jobId"])


def retrieval(client: Any, vault: str, archive: str, **parameters: Any) -> str:
    return start(client, vault, Type="archive-retrieval", ArchiveId=archive, **parameters)


def output(client: Any, vault: str, job: str, **options: Any) -> bytes:
    body: bytes = client.get_job_output(vaultName=vault, jobId=job, **options)["body"].read()
    return body


def blobs_of(cloud: Any) -> int:
    """How many files of bytes there are on the disk."""
    return sum(1 for path in cloud.settings.data_dir.rglob("blobs/*/*") if path.is_file())
