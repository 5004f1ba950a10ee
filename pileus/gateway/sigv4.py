"""Stop 3: who is calling. AWS Signature Version 4, in headers and in the query.

Source: IAM User Guide, "AWS Signature Version 4 for API requests", "Create a signed AWS API request" and "Troubleshoot
Signature Version 4"; Amazon S3 API Reference, "Authenticating Requests". Signatures alone are judged by the machine's
clock.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from pileus.base.errors import ApiError
from pileus.identity.keys import AccessKey, Conveniences, Session, find_key, token_matches
from pileus.store import Transaction
from pileus.wire import HttpRequest

from . import refusals

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW_S = 15 * 60
PRESIGNED_MAX_S = 7 * 24 * 3600
UNSIGNED = "UNSIGNED-PAYLOAD"
UNSIGNED_BODIES = frozenset({"ebs"})
"""Services whose clients leave a body unsigned over TLS and do not say so in a header (botocore: v4-unsigned-body)."""
STREAMING = "STREAMING-"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
CLAIM_CHARACTERS_KEPT_MAX = 1_024
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)
_SCOPE_PART = re.compile(r"[A-Za-z0-9_*.-]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SECONDS = re.compile(r"\d{1,6}", re.ASCII)


@dataclass(slots=True)
class Claim:
    """What a request says of its signature, before anything of it is believed."""

    key_id: str
    date: str
    region: str
    service: str
    signed: list[str]
    signature: str
    stamp: str
    token: str | None
    expires: int | None = None
    """Presigned requests only: seconds."""
    query: str | None = None
    """Presigned requests only: the query without the signature."""
    text: str | None = None
    """A form's only: the string that was signed, its policy as it came."""
    old: bool = False
    """Of Signature Version 2 (sigv2.py); `stamp` is then the moment it expires."""
    bucket: str | None = None
    """The bucket that the host name stands for, where it is none of this cloud's own."""

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(slots=True)
class Signed:
    """A request whose signature is right. `signer` verifies the chunks of a streamed body too."""

    key: AccessKey | Session
    claim: Claim
    payload: str
    signer: "SigningKey"


def claim_of(request: HttpRequest) -> Claim | None:
    """None when the request is not signed at all. Raises the refusal AWS gives to a signature it cannot read."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return _header_claim(request, authorization)
    query = request.query
    if _newly_signed(query):
        return _query_claim(query)
    if _anciently_signed(query):
        from . import sigv2

        return sigv2.claim_of(query)
    return None


def signed_twice(request: HttpRequest) -> bool:
    """In its head and in its query."""
    query = request.query
    return "authorization" in request.headers and (_newly_signed(query) or _anciently_signed(query))


def _newly_signed(query: str) -> bool:
    return "X-Amz-" in query and ("X-Amz-Algorithm=" in query or "X-Amz-Signature=" in query)


def _anciently_signed(query: str) -> bool:
    return "Signature=" in query and "AWSAccessKeyId=" in query


def _header_claim(request: HttpRequest, authorization: str) -> Claim:
    headers = request.headers
    stamp = headers.get("x-amz-date") or _stamp_of_date(headers.get("date"))
    before, name, signature = authorization.rpartition("Signature=")
    if not name or stamp is None or "," in signature:
        before, signature = _reordered(authorization)
    read = _before_signature if len(before) <= CLAIM_CHARACTERS_KEPT_MAX else _before_signature.__wrapped__
    key_id, date, region, service, signed = read(before, stamp is None)
    if stamp is None or not signature:
        raise refusals.incomplete([] if signature else ["Signature"], stamp is None, authorization)
    return Claim(key_id, date, region, service, signed, signature, stamp, headers.get("x-amz-security-token"))


def _reordered(authorization: str) -> tuple[str, str]:
    """(all but the signature, the signature) when the signature does not stand last."""
    parts = authorization.split(",")
    signature = next((part for part in parts if part.strip().startswith("Signature=")), "")
    return ",".join(part for part in parts if part is not signature), signature.strip().removeprefix("Signature=")


@lru_cache(maxsize=1_024)
def _before_signature(text: str, no_date: bool) -> tuple[str, str, str, str, list[str]]:
    """Key id, date, region, service and signed headers. One client sends this part unchanged for a day."""
    algorithm, _, rest = text.partition(" ")
    if algorithm != ALGORITHM:
        raise _other_algorithm(algorithm)
    fields: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if equals:
            fields[name] = value
    absent = [name for name in ("Credential", "SignedHeaders") if not fields.get(name)]
    if absent:
        raise refusals.incomplete(absent, no_date, text)
    return *credential(fields["Credential"]), fields["SignedHeaders"].split(";")


def _query_claim(query: str) -> Claim:
    fields: dict[str, str] = {}
    kept = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name.startswith("X-Amz-"):
            fields[name] = unquote_to_bytes(value).decode("utf-8", "replace")
        if name != "X-Amz-Signature":
            kept.append(part)
    algorithm = fields.get("X-Amz-Algorithm")
    if algorithm is not None and algorithm != ALGORITHM:
        raise _other_algorithm(algorithm, query=True)
    wanted = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
    absent = [name for name in wanted if not fields.get(name)]
    if absent:
        raise refusals.incomplete_query(absent)
    key_id, date, region, service = credential(fields["X-Amz-Credential"], query=True)
    if service == "s3" and "X-Amz-Expires" not in fields:
        raise refusals.incomplete_query(["X-Amz-Expires"])
    expires = fields.get("X-Amz-Expires", "900")
    if not _SECONDS.fullmatch(expires) or int(expires) > PRESIGNED_MAX_S:
        raise refusals.bad_expiry(expires)
    return Claim(
        key_id,
        date,
        region,
        service,
        fields["X-Amz-SignedHeaders"].lower().split(";"),
        fields["X-Amz-Signature"],
        fields["X-Amz-Date"],
        fields.get("X-Amz-Security-Token"),
        int(expires),
        "&".join(kept),
    )


def credential(text: str, query: bool = False) -> tuple[str, str, str, str]:
    parts = text.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request" or not all(parts):
        raise refusals.bad_credential(text, query)
    if not (_SCOPE_PART.fullmatch(parts[2]) and _SCOPE_PART.fullmatch(parts[3])):
        raise refusals.bad_credential(text, query)
    return parts[0], parts[1], parts[2], parts[3]


def _other_algorithm(algorithm: str, query: bool = False) -> ApiError:
    if algorithm.startswith("AWS4-ECDSA-P256-SHA256"):
        return refusals.signature_version_4a()
    if algorithm == "AWS":
        return refusals.signature_version_2()
    return refusals.unknown_algorithm(algorithm, query)


def _stamp_of_date(text: str | None) -> str | None:
    """A `Date` header serves where `x-amz-date` is absent."""
    if not text:
        return None
    if _STAMP.fullmatch(text):
        return text
    try:
        moment = datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment.strftime("%Y%m%dT%H%M%SZ")


def verify(
    tx: Transaction, request: HttpRequest, claim: Claim, conveniences: Conveniences | None, machine: float, now: float
) -> Signed:
    """Raises the refusal that fits. `machine` judges the signature's age, `now` (the cloud's clock) the session's."""
    _check_age(claim, machine)
    key = holder(tx, claim, conveniences, now)
    payload = _payload(request, claim) if claim.text is None else UNSIGNED
    signer = signing_key(key.secret, claim.date, claim.region, claim.service)
    text = claim.text if claim.text is not None else string_to_sign(request, claim, payload)
    if not _signs(signer, text, claim):
        if claim.service not in UNSIGNED_BODIES or "x-amz-content-sha256" in request.headers:
            raise refusals.mismatch()
        if not _signs(signer, string_to_sign(request, claim, UNSIGNED), claim):
            raise refusals.mismatch()
        payload = UNSIGNED
    if isinstance(key, AccessKey) and not key.active:
        raise refusals.unknown_key(claim.key_id)
    return Signed(key, claim, payload, signer)


def _signs(signer: "SigningKey", text: str, claim: Claim) -> bool:
    return hmac.compare_digest(signer.sign(text).encode(), claim.signature.encode("utf-8", "replace"))


def holder(tx: Transaction, claim: Claim, conveniences: Conveniences | None, now: float) -> AccessKey | Session:
    """Whose key it is, before the signature is looked at. Raises the refusal that fits."""
    key = find_key(tx, claim.key_id, conveniences)
    if key is None:
        raise refusals.unknown_key(claim.key_id)
    if isinstance(key, Session):
        if claim.token is None or not token_matches(key, claim.token):
            raise refusals.unknown_key(claim.key_id)
        if key.expires <= now:
            raise refusals.expired_token()
    elif claim.token and conveniences is None:
        # LocalStack's users often carry a made-up token beside `test`; AWS refuses one beside a long-term key.
        raise refusals.unknown_key(claim.key_id)
    return key


def _check_age(claim: Claim, machine: float) -> None:
    moment = moment_of(claim.stamp)
    if moment is None:
        raise refusals.bad_date(claim.stamp, claim.query is not None)
    if claim.stamp[:8] != claim.date:
        raise refusals.date_mismatch(claim.date, claim.stamp, claim.query is not None)
    if moment > machine + SKEW_S:
        raise refusals.not_yet(claim.stamp, machine, SKEW_S)
    if claim.expires is None:
        if moment < machine - SKEW_S:
            raise refusals.too_old(claim.stamp, machine, SKEW_S)
    elif machine > moment + claim.expires:
        raise refusals.expired(claim.stamp, moment + claim.expires, machine)


@lru_cache(maxsize=64)
def moment_of(stamp: str) -> float | None:
    found = _STAMP.fullmatch(stamp)
    if found is None:
        return None
    try:
        year, month, day, hour, minute, second = (int(part) for part in found.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _payload(request: HttpRequest, claim: Claim) -> str:
    """The payload hash the signature covers, once it is known to be that of the body."""
    declared = request.headers.get("x-amz-content-sha256")
    if declared is None:
        if claim.service == "s3":
            if claim.expires is None:
                raise refusals.missing_payload_hash()
            return UNSIGNED
        body = request.body
        if not isinstance(body, bytes):
            raise refusals.missing_payload_hash()
        return hashlib.sha256(body).hexdigest() if body else EMPTY_SHA256
    if declared == UNSIGNED or declared.startswith(STREAMING):
        return declared
    if claim.service == "s3" and not _SHA256.fullmatch(declared):
        raise refusals.no_payload_hash(declared)
    if not isinstance(request.body, bytes):
        return declared
    actual = hashlib.sha256(request.body).hexdigest()
    if declared != actual:
        raise refusals.payload_differs(declared, actual)
    return declared


class SigningKey:
    """One day's key for a service in a region. The two keyed halves of HMAC-SHA256 are kept (RFC 2104), which makes
    signing with the same key again less than half the work."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: str, date: str, region: str, service: str):
        key = b"AWS4" + secret.encode()
        for part in (date, region, service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        block = key.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in block))
        self._outer = hashlib.sha256(bytes(octet ^ 0x5C for octet in block))

    def sign(self, text: str) -> str:
        """The signature of a string to sign, in lower-case hexadecimal."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode())
        outer.update(inner.digest())
        return outer.hexdigest()


@lru_cache(maxsize=4_096)
def signing_key(secret: str, date: str, region: str, service: str) -> SigningKey:
    return SigningKey(secret, date, region, service)


def string_to_sign(request: HttpRequest, claim: Claim, payload: str) -> str:
    headers = request.headers
    # A header that was signed and has not arrived has an empty line, and the signature will not match.
    lines = [f"{name}:{_trimmed(headers.get(name, ''))}" for name in claim.signed]
    if "host" not in claim.signed:
        raise refusals.host_not_signed()
    # What says which operation is meant, and how, must be what was signed: else a presigned URL would run another one.
    for name in headers:
        if name.startswith("x-amz-") and name not in claim.signed and not _may_go_unsigned(name, claim):
            raise refusals.header_not_signed(name)
    path = request.path
    if path != "/":
        path = path if claim.service == "s3" else _canonical_path(path)
    query = request.query if claim.query is None else claim.query
    canonical = "\n".join(
        (
            request.method,
            path,
            canonical_query(query) if query else "",
            *lines,
            "",
            ";".join(claim.signed),
            payload,
        )
    )
    # Heads are read as Latin-1: encoded so again, they are the bytes that were sent.
    digest = hashlib.sha256(canonical.encode("latin-1", "replace")).hexdigest()
    return f"{ALGORITHM}\n{claim.stamp}\n{claim.date}/{claim.region}/{claim.service}/aws4_request\n{digest}"


def _may_go_unsigned(name: str, claim: Claim) -> bool:
    """A presigned S3 request's payload is unsigned anyway; some clients say so in the header too."""
    return name == "x-amz-content-sha256" and claim.expires is not None and claim.service == "s3"


def _trimmed(value: str) -> str:
    if "  " not in value and value[-1:] != " " and "\t" not in value:
        return value
    return " ".join([part for part in value.replace("\t", " ").split(" ") if part])


def _canonical_path(path: str) -> str:
    """Every service but S3 signs the path normalised and encoded a second time."""
    kept: list[str] = []
    for step in path.split("/"):
        if step in ("", "."):
            continue
        if step == "..":
            if kept:
                kept.pop()
            continue
        kept.append(quote(step.encode("latin-1", "replace"), safe="-_.~"))
    clean = "/" + "/".join(kept)
    return clean + "/" if path.endswith("/") and kept else clean


def canonical_query(query: str) -> str:
    pairs = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((_encoded(name), _encoded(value)))
    pairs.sort()
    return "&".join(f"{name}={value}" for name, value in pairs)


def _encoded(text: str) -> str:
    if text.isalnum() and text.isascii():
        return text
    return quote(unquote_to_bytes(text.replace("+", "%20")), safe="-_.~")
