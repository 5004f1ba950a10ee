"""Objects from browsers' forms: POST Object, which S3's model leaves out.

The gateway reads the fields and verifies the signature; here the signed policy has its say, and the file takes the way
of every other object. Source: Amazon S3 API Reference, "POST Object"; "Browser-based uploads using POST".
"""

from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from pileus.service import Body, Call, Reply, ResourcePolicy

from .. import events
from ..access.context import context_of
from ..access.grants import object_grants
from ..addressing import addressed
from ..errors import S3Error
from ..lifecycle.expiry import shown_expiry
from ..names import check_key
from ..objects import checksums
from ..objects.drafting import draft
from ..objects.intake import Taken, take_in
from ..objects.putting import OBJECT_BYTES_MAX, answer, check_further_permissions, still_there, stored
from ..service import s3
from .post_policy import Bounds, check

STATUSES = ("200", "201", "204")


def _resource(call: Call, request: dict[str, Any]) -> str:
    bucket = addressed(call, request)
    check_key(request["Key"])
    return f"{bucket.arn}/{request['Key']}"


def _policy(call: Call, request: dict[str, Any]) -> ResourcePolicy | None:
    return object_grants(call, call.subject, request["Key"], None)


@s3.door(
    "PostObject", like="PutObject", action="PutObject", resource=_resource, resource_policy=_policy, context=context_of
)
def post_object(call: Call, request: dict[str, Any]) -> Any:
    bucket, key, fields = call.subject, request["Key"], request["Form"]
    bounds = Bounds()
    if "policy" in fields:
        bounds = check(fields["policy"], fields, key, bucket.name, call.cloud.clock.machine())
    check_further_permissions(call, bucket, request)
    made = draft(call, bucket, request)
    given = checksums.given(request)
    algorithm = given[0] if given is not None else checksums.DEFAULT
    body = request.get("Body", b"")
    if isinstance(body, bytes):
        check_size(len(body), bounds)
    else:
        body = Bounded(body, bounds)

    def then(call: Call, taken: Taken) -> Reply:
        check_size(taken.piece.size, bounds, whole=True)
        checksums.check_value(request, algorithm, taken.checksum)
        bucket = still_there(call, request)
        version = stored(call, bucket, key, made, taken, algorithm)
        events.happened(call, bucket, "ObjectCreated:Post", key, version)
        expiry = shown_expiry(call, bucket, key, version)
        return _answer(call, request, {**answer(bucket, version), **expiry, "ETag": f'"{version.etag}"'})

    return take_in(call, body, made.sealed.ciphers, algorithm, then)


def _answer(call: Call, request: dict[str, Any], shown: dict[str, Any]) -> Reply:
    fields, key = request["Form"], request["Key"]
    location = f"{call.endpoint}{request['Path'].rstrip('/')}/{quote(key)}"
    target = fields.get("success_action_redirect") or fields.get("redirect")
    if target and (redirected := _with_facts(target, request["Bucket"], key, shown["ETag"])) is not None:
        return Reply(shown, 303, (("location", redirected),))
    status = fields.get("success_action_status", "204")
    if status == "201":
        facts = {"Location": location, "Bucket": request["Bucket"], "Key": key, "ETag": shown["ETag"]}
        shown = {**shown, "PostResponse": facts}
    return Reply(shown, int(status) if status in STATUSES else 204, (("location", location),))


def _with_facts(target: str, bucket: str, key: str, etag: str) -> str | None:
    """The address a browser is sent to afterwards; None for one that is none, which counts as if it were not there."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc or not target.isascii() or not target.isprintable():
        return None
    facts = urlencode({"bucket": bucket, "key": key, "etag": etag})
    return urlunsplit(parts._replace(query=f"{parts.query}&{facts}" if parts.query else facts))


def check_size(size: int, bounds: Bounds, whole: bool = True) -> None:
    """`whole`: no more bytes will come."""
    most = OBJECT_BYTES_MAX if bounds.most is None else min(bounds.most, OBJECT_BYTES_MAX)
    if size > most:
        raise S3Error(
            "EntityTooLarge",
            400,
            "Your proposed upload exceeds the maximum allowed size",
            ProposedSize=size,
            MaxSizeAllowed=most,
        )
    if whole and size < bounds.least:
        raise S3Error(
            "EntityTooSmall",
            400,
            "Your proposed upload is smaller than the minimum allowed size",
            ProposedSize=size,
            MinSizeAllowed=bounds.least,
        )


class Bounded:
    """A file that is still arriving and may be too long: it is refused as soon as that is known."""

    def __init__(self, body: Body, bounds: Bounds):
        self._body, self._bounds, self.length = body, bounds, 0

    @property
    def declared_length(self) -> int | None:
        return None

    @property
    def trailing_checksum(self) -> str | None:
        return None

    def __aiter__(self) -> AsyncIterator[bytes]:
        raise TypeError("a form's file is poured")

    async def pour(self, sink: Callable[[bytes], None], *beside: Callable[[bytes], None]) -> None:
        def counted(block: bytes) -> None:
            self.length += len(block)
            check_size(self.length, self._bounds, whole=False)
            sink(block)

        await self._body.pour(counted, *beside)
