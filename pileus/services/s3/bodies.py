"""Documents in requests arrive as they were sent: Content-MD5 and checksum headers of bodies that do not stream.

Source: Amazon S3 API Reference, "Common request headers"; Amazon S3 User Guide, "Checking object integrity in Amazon
S3". The bodies of objects are judged where they pass (the gateway's payload.py).
"""

import hashlib
from base64 import b64encode
from typing import Any

from pileus.base.checksums import ALGORITHMS, checksum

from .errors import bad_digest, invalid_request, malformed_xml
from .objects.checksums import check_md5

PREFIX = "x-amz-checksum-"
TAGS_MAX = {"DeleteObjects": 30_000, "CompleteMultipartUpload": 300_000}
TAGS_OTHERWISE = 100_000
"""How many tags the longest document of its kind may have, with room to spare: nobody is made to read what is surely
refused, least of all for a stranger."""


def check_body(model: Any, headers: dict[str, str], body: bytes) -> None:
    """`model`: the operation's; it says whether a checksum must be there. Raises S3's error."""
    if body.count(b"<") > TAGS_MAX.get(model.name, TAGS_OTHERWISE):
        raise malformed_xml()
    declared = model.http_checksum
    md5 = headers.get("content-md5")
    if md5 is not None:
        check_md5(md5, hashlib.md5(body, usedforsecurity=False).hexdigest())
    given = [name for name in ALGORITHMS if f"{PREFIX}{name.lower()}" in headers]
    if len(given) > 1:
        raise invalid_request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    for name in given:
        digest = checksum(name)
        digest.update(body)
        if b64encode(digest.digest()).decode() != headers[f"{PREFIX}{name.lower()}"]:
            raise bad_digest(f"The {name} you specified did not match the calculated checksum.")
    if declared and declared.get("requestChecksumRequired") and md5 is None and not given:
        raise invalid_request("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
