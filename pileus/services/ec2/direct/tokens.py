"""Block tokens: which block of which snapshot may be read with it, and until when.

Source: EBS direct APIs Reference, "ListSnapshotBlocks" (ExpiryTime).
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from typing import Any

from pileus.service import Call
from pileus.service.paginate import BadToken, seal, unseal

from .service import invalid

LASTS_SECONDS = 7 * 86_400.0
PURPOSE = "ebs.block"


def packed(purpose: str, key: tuple[Any, ...]) -> str:
    """Sealed, in the letters that the model allows."""
    return b64encode(seal(purpose, key).encode()).decode()


def unpacked(purpose: str, given: str) -> tuple[Any, ...]:
    """Raises BadToken."""
    try:
        return unseal(purpose, b64decode(given, validate=True).decode("ascii"))
    except (NotBase64, UnicodeDecodeError) as error:
        raise BadToken(given) from error


def token(snapshot: str, number: int, expires: float) -> str:
    return packed(PURPOSE, (snapshot, number, expires))


def check(call: Call, given: str, snapshot: str, number: int) -> None:
    """Raises ValidationException INVALID_BLOCK_TOKEN."""
    try:
        parts = unpacked(PURPOSE, given)
    except BadToken:
        raise invalid("INVALID_BLOCK_TOKEN", "The block token is not valid.") from None
    if parts[:2] != (snapshot, number):
        raise invalid("INVALID_BLOCK_TOKEN", "The block token is of another block.")
    if parts[2] < call.now:
        raise invalid("INVALID_BLOCK_TOKEN", "The block token has expired.")
