"""Checksums as requests give and ask them.

Source: Amazon S3 User Guide, "Checking object integrity in Amazon S3"; Amazon S3 API Reference, PutObject. An object
whose client gave none gets a CRC64NVME.
"""

from base64 import b64decode
from typing import Any

from pileus.base.checksums import ALGORITHMS

from ..errors import S3Error, bad_digest, invalid_request
from ..tables import Version

DEFAULT = "CRC64NVME"
MEMBERS = {f"Checksum{name}": name for name in ALGORITHMS}
_MEMBERS = frozenset(MEMBERS)
SIZES = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32, "SHA512": 64, "MD5": 16,
         "XXHASH64": 8, "XXHASH3": 8, "XXHASH128": 16}  # fmt: skip
FULL, COMPOSITE = "FULL_OBJECT", "COMPOSITE"


def given(request: dict[str, Any]) -> tuple[str, str] | None:
    """The checksum a request's headers carry: (algorithm, Base64)."""
    found: tuple[str, str] | None = None
    if _MEMBERS.isdisjoint(request):
        return None
    for member in _MEMBERS & request.keys():
        if found is not None:
            raise invalid_request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
        found = MEMBERS[member], request[member]
    if found is not None:
        check_form(*found)
    return found


def check_form(algorithm: str, value: str) -> None:
    try:
        size = len(b64decode(value, validate=True))
    except ValueError:
        size = -1
    if size != SIZES[algorithm]:
        raise invalid_request(f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")


def asked(request: dict[str, Any], trailing: str | None = None) -> str:
    """The algorithm an upload is to be checked with. `trailing`: the checksum its body promises to carry behind it."""
    carried = given(request)
    named = request.get("ChecksumAlgorithm")
    if named is not None and named not in ALGORITHMS:
        raise invalid_request(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types"
        )
    if carried is not None:
        return carried[0]
    if trailing is not None:
        return trailing
    if named is not None:
        raise invalid_request(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers"
            " were found."
        )
    return DEFAULT


def check_md5_form(wanted: str) -> str:
    """A Content-MD5 header in hexadecimal."""
    try:
        raw = b64decode(wanted, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != 16:
        raise S3Error("InvalidDigest", 400, "The Content-MD5 you specified was invalid.", **{"Content-MD5": wanted})
    return raw.hex()


def check_md5(wanted: str | None, md5: str) -> None:
    """`wanted`: a Content-MD5 header; `md5`: what was found, in hexadecimal."""
    if wanted is None:
        return
    expected = check_md5_form(wanted)
    if expected != md5:
        raise bad_digest(ExpectedDigest=expected, CalculatedDigest=md5)


def check_value(request: dict[str, Any], algorithm: str, found: str) -> None:
    """Bodies are judged on arrival; what is computed here must agree with the header too (a POST form's, a copy's)."""
    carried = given(request)
    if carried is not None and carried != (algorithm, found):
        raise bad_digest(f"The {algorithm} you specified did not match the calculated checksum.")


def shown(version: Version) -> dict[str, str]:
    """A version's checksum as members of an answer."""
    if not version.checksum:
        return {}
    return {f"Checksum{version.checksum_algorithm}": version.checksum, "ChecksumType": version.checksum_type}
