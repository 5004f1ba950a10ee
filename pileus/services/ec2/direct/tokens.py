"""Block tokens: which block of which snapshot may be read with it, and until when.

Source: EBS direct APIs Reference, "ListSnapshotBlocks" (ExpiryTime).
"""

from pileus.service import Call
from pileus.service.paginate import BadToken, seal, unseal

from .service import invalid

LASTS_SECONDS = 7 * 86_400.0
PURPOSE = "ebs.block"


def token(snapshot: str, number: int, expires: float) -> str:
    return seal(PURPOSE, (snapshot, number, expires))


def check(call: Call, given: str, snapshot: str, number: int) -> None:
    """Raises ValidationException INVALID_BLOCK_TOKEN."""
    try:
        parts = unseal(PURPOSE, given)
    except BadToken:
        raise invalid("INVALID_BLOCK_TOKEN", "The block token is not valid.") from None
    if parts[:2] != (snapshot, number):
        raise invalid("INVALID_BLOCK_TOKEN", "The block token is of another block.")
    if parts[2] < call.now:
        raise invalid("INVALID_BLOCK_TOKEN", "The block token has expired.")
