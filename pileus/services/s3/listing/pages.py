"""What all of S3's lists share: page sizes, the encoding of names, owners.

Source: Amazon S3 API Reference, ListObjectsV2, ListObjectVersions, ListMultipartUploads.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from pileus.identity.canonical import canonical_id

from ..errors import invalid_argument

PAGE_MAX = 1_000


def page_size(request: dict[str, Any], member: str, argument: str, most: int = PAGE_MAX) -> int:
    """How many entries this page has at most."""
    asked = request.get(member, most)
    if not 0 <= asked < 2**31:
        raise invalid_argument(f"Argument {argument} must be an integer between 0 and 2147483647", argument, asked)
    return min(int(asked), most)


def part_marker(request: dict[str, Any]) -> int:
    """The number of the part behind which a list of parts begins."""
    text = str(request.get("PartNumberMarker", "0"))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise invalid_argument(
            "Provided part-number-marker not an integer or within integer range", "part-number-marker", text
        )
    return int(text)


def encoder(request: dict[str, Any]) -> Any:
    """How names are shown: as they are, or percent-encoded for XML's sake."""
    kind = request.get("EncodingType")
    if kind is None:
        return lambda text: text
    if kind != "url":
        raise invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", kind)
    return lambda text: quote(text, safe="/-_.~*")


def encoded(names: Sequence[str], encode: Any) -> Sequence[str]:
    """Many names at once: of most, nothing is encoded."""
    joined = "".join(names)
    return names if encode(joined) == joined else [encode(name) for name in names]


def owner(account: str) -> dict[str, str]:
    return {"ID": canonical_id(account)}


def echoed(request: dict[str, Any], encode: Any, *names: str) -> dict[str, Any]:
    """What a list says again of its request; names travel encoded if they were asked to."""
    found = {name: encode(request[name]) for name in names if name in request}
    if "EncodingType" in request:
        found["EncodingType"] = request["EncodingType"]
    return found
