"""GetJobOutput: what a finished job brought, whole or a range of it, with its tree hash.

Source: Amazon Glacier Developer Guide, "Get Job Output", "Receiving Checksums When Downloading Data".
"""

import re
from typing import Any

from pileus.service import Call, Reply
from pileus.store import Transaction

from .address import vault_operation
from .errors import invalid
from .jobs import find_job
from .pieces import Source, range_hash
from .tables import Job, Vault
from .tree_hash import megabyte_aligned

_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
_TYPES = {"JSON": "application/json", "CSV": "text/csv"}


@vault_operation("GetJobOutput")
def get_job_output(call: Call, vault: Vault, request: dict[str, Any]) -> Any:
    job = find_job(call, vault, request["jobId"])
    if job.status != "Succeeded":
        raise invalid(f"The job is not currently available for download: {job.id}")
    size = job.output.size if job.output is not None else job.stop - job.start
    first, last = _bounds(request.get("range"), size)
    found: dict[str, Any] = {"acceptRanges": "bytes", "status": 206 if last - first < size else 200}
    if last - first < size:
        found["contentRange"] = f"bytes {first}-{last - 1}/{size}"
    if job.listing is not None:
        found["contentType"] = _TYPES[job.listing.format]
    else:
        found["contentType"] = "application/octet-stream"
        if job.archive_description:
            found["archiveDescription"] = job.archive_description
        checksum = _checksum(call.tx, job, job.start + first, job.start + last)
        if checksum:
            found["checksum"] = checksum
    pieces, offset = ((job.output,), 0) if job.output is not None else (job.held, job.start - job.held_at)

    found["body"] = Source(call, vault, pieces, first + offset, last + offset).blocks()
    return Reply(found, headers=(("content-length", str(last - first)),))


def _bounds(text: str | None, size: int) -> tuple[int, int]:
    if not text:
        return 0, size
    found = _RANGE.fullmatch(text)
    start = int(found[1]) if found is not None else size
    stop = min(int(found[2]) + 1, size) if found is not None and found[2] else size
    if not start < stop:
        raise invalid(f"Invalid range: {text}")
    return start, stop


def _checksum(tx: Transaction, job: Job, start: int, stop: int) -> str:
    """The tree hash of what is sent; '' unless it begins and ends on a MiB or at an end of the archive."""
    if stop - start == job.archive_size:
        return job.archive_hash
    if not megabyte_aligned(start, stop, job.archive_size):
        return ""
    return range_hash(tx, job.held, start - job.held_at, stop - job.held_at)
