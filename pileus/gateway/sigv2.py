"""Presigned URLs and forms of Signature Version 2, which SDKs still make for S3 where a region once took them.

boto3 does so by default in us-east-1. Requests with a Version 2 `Authorization` header are refused: no SDK of today
sends them. Source: Amazon S3 User Guide, "Signing and authenticating REST requests (AWS signature version 2)" ("Query
string request authentication alternative", "Constructing the CanonicalizedResource element"); "Examples: Browser-based
upload using HTTP POST (Using AWS signature version 2)".
"""

import hmac
from base64 import b64encode
from urllib.parse import unquote_to_bytes

from pileus.identity.keys import AccessKey, Conveniences
from pileus.store import Transaction
from pileus.wire import HttpRequest

from . import addresses, refusals, sigv4

SUBRESOURCES = frozenset({
    "abac", "accelerate", "acl", "analytics", "annotation", "annotations", "attributes", "cors", "delete", "encryption",
    "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "location", "logging", "metadataAnnotationTable",
    "metadataConfiguration", "metadataInventoryTable", "metadataJournalTable", "metadataTable", "metrics",
    "notification", "object-lock", "ownershipControls", "partNumber", "policy", "policyStatus", "publicAccessBlock",
    "renameObject", "replication", "requestPayment", "restore", "retention", "select", "select-type", "session",
    "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website",
    "response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language",
    "response-content-type", "response-expires",
})  # fmt: skip
"""Amazon's list, and whatever else makes another operation of a request since: what is not signed must not."""


def claim_of(query: str) -> sigv4.Claim:
    fields = _fields(query)
    expires = fields.get("Expires", "")
    if not (expires.isascii() and expires.isdigit() and len(expires) < 12):
        raise refusals.old_query_incomplete()
    return sigv4.Claim(
        fields.get("AWSAccessKeyId", ""),
        "",
        "",
        "s3",
        [],
        fields.get("Signature", ""),
        expires,
        fields.get("x-amz-security-token"),
        query=query,
        old=True,
    )


def verify(
    tx: Transaction,
    request: HttpRequest,
    claim: sigv4.Claim,
    conveniences: Conveniences | None,
    machine: float,
    now: float,
) -> sigv4.Signed:
    """Raises the refusal that fits."""
    if claim.text is None and machine > int(claim.stamp):
        raise refusals.expired(claim.stamp, int(claim.stamp), machine)
    key = sigv4.holder(tx, claim, conveniences, now)
    texts = [claim.text] if claim.text is not None else strings_to_sign(request, claim)
    if not any(_fits(key.secret, text, claim.signature) for text in texts):
        raise refusals.mismatch()
    if isinstance(key, AccessKey) and not key.active:
        raise refusals.unknown_key(claim.key_id)
    return sigv4.Signed(key, claim, sigv4.UNSIGNED, sigv4.signing_key(key.secret, "", "", "s3"))


def _fits(secret: str, text: str, signature: str) -> bool:
    wanted = b64encode(hmac.digest(secret.encode(), text.encode("latin-1", "replace"), "sha1"))
    return hmac.compare_digest(wanted, signature.encode("utf-8", "replace"))


def strings_to_sign(request: HttpRequest, claim: sigv4.Claim) -> list[str]:
    """A bucket alone is signed with or without a last slash, however it is sent."""
    fields, headers = _fields(request.query), request.headers
    held = {name: value for name, value in fields.items() if name.startswith("x-amz-")}
    held |= {name: value for name, value in headers.items() if name.startswith("x-amz-")}
    own = [f"{name}:{held[name].strip()}" for name in sorted(held)]
    plain = [headers.get(name, fields.get(name, "")) for name in ("content-md5", "content-type")]
    bucket = claim.bucket or addresses.bucket_of(addresses.host_of(request))
    path = f"/{bucket}{request.path}" if bucket is not None else request.path
    paths = [path, f"{path}/"] if path.count("/") == 1 and len(path) > 1 else [path]
    head, asked = [request.method, *plain, claim.stamp, *own], _asked(request, fields)
    return ["\n".join([*head, path + asked]) for path in paths]


def _asked(request: HttpRequest, fields: dict[str, str]) -> str:
    """The subresources of the query, as they are signed."""
    bare = {part for part in request.query.split("&") if "=" not in part}
    named = sorted(name for name in fields if name in SUBRESOURCES)
    shown = "&".join(name if name in bare else f"{name}={fields[name]}" for name in named)
    return f"?{shown}" if shown else ""


def _fields(query: str) -> dict[str, str]:
    found = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        found[name] = unquote_to_bytes(value.replace("+", " ")).decode("latin-1")
    return found


def hoisted(request: HttpRequest) -> None:
    """What a presigned URL carries in its query in place of headers (JavaScript's SDK puts every x-amz-* header there)
    counts as they would. It was signed with the URL."""
    if "x-amz-" not in request.query:
        return
    for name, value in _fields(request.query).items():
        if name.startswith("x-amz-"):
            request.headers.setdefault(name, value)
