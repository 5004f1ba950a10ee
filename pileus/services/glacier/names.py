"""Ids of archives, uploads and jobs, and moments as Glacier writes them.

An id is as opaque and as long as AWS's; its first eight octets say where the record stands.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from calendar import monthrange
from datetime import UTC, datetime

from pileus.base import ids
from pileus.base.clock import iso

ARCHIVE_OCTETS = 103
"""138 characters (Initiate Job, "ArchiveId")."""
OCTETS = 69
"""92 characters: uploads, jobs, locks."""


def new_id(serial: int, octets: int) -> str:
    random = ids.secret_int((octets - 8) * 8).to_bytes(octets - 8, "big")
    return urlsafe_b64encode(serial.to_bytes(8, "big") + random).decode().rstrip("=")


def serial_of(text: str) -> int | None:
    """Where the record of this id stands; None for what is no id of ours."""
    try:
        raw = urlsafe_b64decode((text + "=" * (-len(text) % 4)).encode())
    except ValueError:
        return None
    return int.from_bytes(raw[:8], "big") & (2**63 - 1) if len(raw) in (ARCHIVE_OCTETS, OCTETS) else None


def stamp(moment: float) -> str:
    """`2012-02-20T17:01:45.198Z`."""
    return f"{iso(moment)[:-1]}.{int(moment * 1000) % 1000:03d}Z"


def moment_of(text: str) -> float | None:
    """A date in ISO 8601; None when it is none. Without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()


def month_later(moment: float) -> float:
    """The same time of the same day of the next month, or of its last day."""
    at = datetime.fromtimestamp(moment, UTC)
    year, month = (at.year, at.month + 1) if at.month < 12 else (at.year + 1, 1)
    return at.replace(year=year, month=month, day=min(at.day, monthrange(year, month)[1])).timestamp()
