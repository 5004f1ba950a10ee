"""Jobs: InitiateJob, DescribeJob, ListJobs.

Source: Amazon Glacier Developer Guide, "Initiate Job", "Describe Job", "List Jobs", "Archive Retrieval Options" (how
long each tier takes), "Range Inventory Retrieval". Of the documented spans the upper end is taken: 5 minutes, 5 hours,
12 hours; an inventory takes 5 hours. Selecting and notifying are refused by name.
"""

import re
from typing import Any

from pileus.base import ids
from pileus.base.clock import iso
from pileus.base.errors import ApiError, NotImplementedYet
from pileus.service import Call

from .address import vault_operation
from .archiving import find_archive
from .errors import invalid, missing, not_found
from .names import OCTETS, moment_of, new_id, serial_of, stamp
from .pages import page
from .pieces import range_hash
from .retrieval import admit
from .tables import Archive, Job, Listing, Vault, contents, jobs
from .tree_hash import megabyte_aligned, tree_aligned

TIERS_S = {"Expedited": 300.0, "Standard": 5 * 3_600.0, "Bulk": 12 * 3_600.0}
INVENTORY_S = 5 * 3_600.0
STATUSES = ("InProgress", "Succeeded", "Failed")
DESCRIPTION_MAX = 1_024
LIST_MAX = 1_000
_RANGE = re.compile(r"(\d{1,18})-(\d{1,18})")
_OF_ARCHIVES = ("ArchiveId", "RetrievalByteRange", "Tier")
_OF_INVENTORIES = ("Format", "InventoryRetrievalParameters")
PARTIAL = "SNSTopic is refused until there is SNS; the type select, SelectParameters and OutputLocation are refused"


@vault_operation("InitiateJob", partial=PARTIAL)
def initiate_job(call: Call, vault: Vault, request: dict[str, Any]) -> dict[str, Any]:
    asked = request.get("jobParameters") or {}
    _refuse_what_is_not_done(asked)
    kind, description = asked.get("Type"), asked.get("Description", "")
    if not kind:
        raise missing("Type")
    if len(description) > DESCRIPTION_MAX or not (description.isascii() and (description.isprintable())):
        raise invalid(f"Invalid description: {description[:DESCRIPTION_MAX]}")
    if kind == "archive-retrieval":
        serial, job = _archive_job(call, vault, asked, description)
    elif kind == "inventory-retrieval":
        serial, job = _inventory_job(call, vault, asked, description)
    else:
        raise invalid(f"Invalid job type: {kind}")
    jobs.put(call.tx, vault.uid, serial, record=job)
    return {"jobId": job.id, "location": f"/{vault.account}/vaults/{vault.name}/jobs/{job.id}"}


def _refuse_what_is_not_done(asked: dict[str, Any]) -> None:
    if asked.get("Type") == "select" or "SelectParameters" in asked or "OutputLocation" in asked:
        raise _refused("Glacier Select")
    if asked.get("SNSTopic"):
        raise _refused("SNSTopic: there is no SNS yet; ask DescribeJob whether the job is done.")


def _refused(what: str) -> ApiError:
    return NotImplementedYet(f"InitiateJob does not do this (docs/ledger.md): {what}")


def _archive_job(call: Call, vault: Vault, asked: dict[str, Any], description: str) -> tuple[int, Job]:
    _none_of(asked, _OF_INVENTORIES)
    archive_id = asked.get("ArchiveId")
    if not archive_id:
        raise missing("ArchiveId")
    tier = asked.get("Tier") or "Standard"
    if tier not in TIERS_S:
        raise invalid(f"Invalid tier: {tier}")
    number, archive = find_archive(call, vault, archive_id)
    start, stop = _bounds(asked.get("RetrievalByteRange"), archive.size)
    if tier == "Standard":
        admit(call, vault.account, stop - start)
    serial = ids.rising(call.now)
    return serial, Job(
        new_id(serial, OCTETS),
        vault.key,
        "ArchiveRetrieval",
        call.now,
        call.now + TIERS_S[tier],
        description,
        tier=tier,
        archive=number,
        archive_id=archive.id,
        archive_size=archive.size,
        archive_hash=archive.tree_hash,
        archive_description=archive.description,
        start=start,
        stop=stop,
        range_hash=_range_hash(call, number, archive, start, stop),
    )


def _range_hash(call: Call, number: int, archive: Archive, start: int, stop: int) -> str:
    """The tree hash of a tree-hash aligned range, '' of any other."""
    if stop - start == archive.size:
        return archive.tree_hash
    if not tree_aligned(start, stop, archive.size):
        return ""
    return range_hash(call.tx, contents.get(call.tx, number) or (), start, stop)


def _bounds(text: str | None, size: int) -> tuple[int, int]:
    if not text:
        return 0, size
    found = _RANGE.fullmatch(text)
    start, stop = (int(found[1]), int(found[2]) + 1) if found is not None else (0, 0)
    if not start < stop <= size or not megabyte_aligned(start, stop, size):
        raise invalid(f"Invalid byte range: {text}. It must lie in the archive and be megabyte aligned.")
    return start, stop


def _inventory_job(call: Call, vault: Vault, asked: dict[str, Any], description: str) -> tuple[int, Job]:
    _none_of(asked, _OF_ARCHIVES)
    if not vault.inventoried:
        raise not_found(f"An inventory is not yet available for vault: {vault.arn}")
    listing = _listing(asked.get("Format") or "JSON", asked.get("InventoryRetrievalParameters") or {})
    serial = ids.rising(call.now)
    due = call.now + INVENTORY_S
    job_id = new_id(serial, OCTETS)
    return serial, Job(job_id, vault.key, "InventoryRetrieval", call.now, due, description, listing=listing)


def _none_of(asked: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if asked.get(name):
            raise invalid(f"{name} does not go with the job type {asked['Type']}.")


def _listing(form: str, asked: dict[str, Any]) -> Listing:
    if form not in ("JSON", "CSV"):
        raise invalid(f"Invalid format: {form}")
    start, end = (_date(asked, name) for name in ("StartDate", "EndDate"))
    if start is not None and end is not None and start > end:
        raise invalid(f"Invalid date range: {asked['StartDate']} is after {asked['EndDate']}")
    limit, marker = asked.get("Limit"), asked.get("Marker", "")
    if limit is not None and not (limit.isascii() and limit.isdigit() and len(limit) < 19 and int(limit) >= 1):
        raise invalid(f"Invalid limit: {limit}")
    if marker and serial_of(marker) is None:
        raise invalid(f"Invalid marker: {marker}")
    return Listing(form, start, end, int(limit) if limit is not None else None, marker)


def _date(asked: dict[str, Any], name: str) -> float | None:
    text = asked.get(name)
    if not text:
        return None
    found = moment_of(text)
    if found is None:
        raise invalid(f"Invalid {name}: {text}")
    return found


def find_job(call: Call, vault: Vault, job_id: str) -> Job:
    serial = serial_of(job_id)
    found = jobs.get(call.tx, vault.uid, serial) if serial is not None else None
    if found is None or found.id != job_id:
        raise not_found(f"The job ID was not found: {job_id}")
    return found


@vault_operation("DescribeJob")
def describe_job(call: Call, vault: Vault, request: dict[str, Any]) -> dict[str, Any]:
    return shown(vault, find_job(call, vault, request["jobId"]))


def shown(vault: Vault, job: Job) -> dict[str, Any]:
    found: dict[str, Any] = {
        "JobId": job.id,
        "Action": job.action,
        "VaultARN": vault.arn,
        "CreationDate": stamp(job.created),
        "Completed": bool(job.completed),
        "StatusCode": job.status,
    }
    if job.description:
        found["JobDescription"] = job.description
    if job.completed:
        found["CompletionDate"] = stamp(job.completed)
        found["StatusMessage"] = job.failure or job.status
    if job.listing is not None:
        found["InventoryRetrievalParameters"] = _shown_listing(job.listing)
        if job.output is not None:
            found["InventorySizeInBytes"] = job.output.size
        return found
    found["Tier"] = job.tier
    found["ArchiveId"] = job.archive_id
    found["ArchiveSizeInBytes"] = job.archive_size
    found["ArchiveSHA256TreeHash"] = job.archive_hash
    found["RetrievalByteRange"] = f"{job.start}-{job.stop - 1}"
    if job.range_hash:
        found["SHA256TreeHash"] = job.range_hash
    return found


def _shown_listing(listing: Listing) -> dict[str, Any]:
    found = {"Format": listing.format}
    if listing.start is not None:
        found["StartDate"] = iso(listing.start)
    if listing.end is not None:
        found["EndDate"] = iso(listing.end)
    if listing.limit is not None:
        found["Limit"] = str(listing.limit)
    if listing.marker:
        found["Marker"] = listing.marker
    return found


@vault_operation("ListJobs")
def list_jobs(call: Call, vault: Vault, request: dict[str, Any]) -> dict[str, Any]:
    status, completed = request.get("statuscode"), request.get("completed")
    if status is not None and status not in STATUSES:
        raise invalid(f"Invalid status code: {status}")
    if completed is not None and completed not in ("true", "false"):
        raise invalid(f"Invalid completed: {completed}")

    def rows(after: tuple[Any, ...] | None, limit: int) -> Any:
        return jobs.scan(call.tx, vault.uid, after=after, limit=limit)

    def keep(job: Job) -> bool:
        fits = completed is None or (completed == "true") == bool(job.completed)
        return fits and (status is None or job.status == status)

    purpose = f"jobs/{vault.uid}/{status}/{completed}"
    return page(request, "JobList", purpose, rows, lambda job: shown(vault, job), largest=LIST_MAX, keep=keep)
