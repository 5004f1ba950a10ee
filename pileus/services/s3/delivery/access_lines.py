"""A bucket's access log, line by line: written with the record of each request, so that no crash loses one.

Source: Amazon S3 User Guide, "Amazon S3 server access log format". The cipher suite is not known here, nor is the
moment of the last octet of an answer that streams: total time is turn-around time. Requests whose signature fails reach
no bucket and no log.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from time import gmtime, strftime
from typing import Any, NamedTuple
from urllib.parse import quote

from pileus.base import ids
from pileus.identity.canonical import canonical_id
from pileus.service import Call, Ended

from ..errors import S3Error
from ..tables import Bucket, LoggingDue, Version, accesses, buckets, logging_due

KIND = "logging"
EVERY_S = 300.0
_VERB = re.compile(r"^(Get|Put|Delete|List|Head|Create|Abort|Complete|Upload|Restore|Rename|Select)")
_CUSTOMER_KEY = re.compile(r"((?:^|[?&])[^=&]*customer-key=)[^&]*", re.IGNORECASE)
_RESOURCES = {
    "Object": "OBJECT",
    "Objects": "BUCKET",
    "ObjectsV2": "BUCKET",
    "Bucket": "BUCKET",
    "ObjectVersions": "BUCKETVERSIONS",
    "MultipartUploads": "UPLOADS",
    "MultipartUpload": "UPLOAD",
    "Parts": "UPLOAD",
    "Part": "PART",
    "ObjectAcl": "ACL",
    "BucketLogging": "LOGGING_STATUS",
    "BucketPolicy": "BUCKETPOLICY",
    "BucketPolicyStatus": "POLICY_STATUS",
    "ObjectRetention": "OBJECT_LOCK_RETENTION",
    "ObjectLegalHold": "OBJECT_LOCK_LEGALHOLD",
}
_WHOLE = {
    "CopyObject": "REST.COPY.OBJECT",
    "UploadPartCopy": "REST.COPY.PART",
    "CreateMultipartUpload": "REST.POST.UPLOADS",
    "PostObject": "REST.POST.OBJECT",
    "DeleteObjects": "REST.POST.MULTI_OBJECT_DELETE",
    "RestoreObject": "REST.POST.RESTORE",
    "SelectObjectContent": "REST.SELECT.OBJECT",
}
_LIFECYCLE = {
    "LifecycleExpiration:Delete": "S3.EXPIRE.OBJECT",
    "LifecycleExpiration:DeleteMarkerCreated": "S3.CREATE.DELETEMARKER",
}
_TRANSITIONS = {
    "STANDARD_IA": "_SIA",
    "ONEZONE_IA": "_ZIA",
    "INTELLIGENT_TIERING": "_INT",
    "GLACIER_IR": "_GIR",
    "DEEP_ARCHIVE": "_GDA",
}
_SIZED = ("GetObject", "HeadObject", "PutObject", "UploadPart", "Website", "WebsiteHead")
"""Whose headers tell an object's size."""

_READ_PART = {"CopyObject": "REST.COPY.OBJECT_GET", "UploadPartCopy": "REST.COPY.PART_GET"}


class Line(NamedTuple):
    """The fields that differ between the lines of one request."""

    operation: str
    key: str
    status: str
    error: str
    sent: int
    size: int
    version: str


def observe(call: Call, how: Callable[[], Ended]) -> bool:
    """At the end of every request; whether a line was written."""
    bucket = call.subject
    wrote = False
    name = call.operation.name
    if type(bucket) is Bucket and KIND in bucket.configured:
        ended = how()
        _write(call, bucket, [_line(call, ended), *_of_batch(call, ended)], ended)
        wrote = True
    if name in _READ_PART:
        wrote = _observe_source(call, how, _READ_PART[name]) or wrote
    return wrote


def tell_lifecycle(call: Call, bucket: Bucket, event: str, key: str, version: Version) -> None:
    """What the lifecycle did, for the log: nobody requested it (Amazon S3 User Guide, "Lifecycle and logging")."""
    operation = _LIFECYCLE.get(event) or f"S3.TRANSITION{_TRANSITIONS.get(version.storage, '')}.OBJECT"
    line = Line(operation, key, "-", "", 0, -1 if version.marker else version.size, version.id)
    _write(call, bucket, [line], None)


@lru_cache(maxsize=512)
def operation_name(operation: str, method: str) -> str:
    """`GetObjectTagging` is `REST.GET.OBJECT_TAGGING`."""
    if operation.startswith("Website"):
        return f"WEBSITE.{method}.OBJECT"
    if operation in _WHOLE:
        return _WHOLE[operation]
    noun = _VERB.sub("", operation)
    resource = _RESOURCES.get(noun)
    if resource is None:
        noun = re.sub(r"^Bucket|Configurations?$", "", noun) if noun.startswith("Bucket") else noun
        resource = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", noun).upper()
    return f"REST.{method}.{resource}"


def _line(call: Call, ended: Ended) -> Line:
    request = call.request
    return Line(
        operation_name(call.operation.name, ended.method),
        request.get("Key", ""),
        str(ended.status),
        ended.error,
        ended.sent,
        ended.size if call.operation.name in _SIZED and not ended.error else -1,
        request.get("VersionId", ""),
    )


def _of_batch(call: Call, ended: Ended) -> list[Line]:
    """DeleteObjects tells of each object besides. How each ended is in the answer, not here."""
    if call.operation.name != "DeleteObjects" or ended.error:
        return []
    asked = call.request["Delete"].get("Objects", ())
    return [Line("BATCH.DELETE.OBJECT", o.get("Key", ""), "-", "", 0, -1, o.get("VersionId", "")) for o in asked]


def _observe_source(call: Call, how: Callable[[], Ended], operation: str) -> bool:
    """A copy is told of in its source's log too."""
    from ..objects.copying import parsed_source

    try:
        name, key, version = parsed_source(call.request["CopySource"])
    except S3Error:
        return False
    bucket = buckets.get(call.tx, call.partition, name)
    if bucket is None or KIND not in bucket.configured:
        return False
    ended = how()
    line = Line(operation, key, str(ended.status), ended.error, 0, -1, version or "")
    _write(call, bucket, [line], ended)
    return True


def _write(call: Call, bucket: Bucket, lines: list[Line], ended: Ended | None) -> None:
    moment = int(call.now * 1e6)
    for line in lines:
        accesses.put(call.tx, bucket.id, moment, ids.rising(call.now), record=_text(call, bucket, line, ended))
    if logging_due.get(call.tx, bucket.partition, bucket.name) is None:
        due = LoggingDue(call.now + EVERY_S, bucket.id)
        logging_due.put(call.tx, bucket.partition, bucket.name, record=due)


def _text(call: Call, bucket: Bucket, line: Line, ended: Ended | None) -> str:
    """`ended` is None where there was no request."""
    signed = ended.signed if ended is not None else ""
    millis = str(max(1, ended.micros // 1000)) if ended is not None else "-"
    asked = _quoted(f"{ended.method} {_without_keys(ended.target)} HTTP/1.1") if ended is not None else "-"
    fields: list[Any] = [
        canonical_id(bucket.account),
        bucket.name,
        strftime("[%d/%b/%Y:%H:%M:%S +0000]", gmtime(call.now)),
        call.source_ip or "-",
        _requester(call) if ended is not None else "AmazonS3",
        call.request_id,
        line.operation,
        quote(line.key, safe="/-_.~!*'()") or "-",
        asked,
        line.status,
        line.error or "-",
        line.sent or "-",
        line.size if line.size >= 0 else "-",
        millis,
        millis,
        _quoted(call.headers.get("referer", "")),
        _quoted(call.user_agent),
        quote(line.version) or "-",
        ids.host_id(call.request_id),
        _signature(ended),
        "-",
        {"header": "AuthHeader", "query": "QueryString"}.get(signed, "-"),
        quote(call.headers.get("host", ""), safe=":.-_[]") or "-",
        call.tls or "-",
        "-",
        "-",
    ]
    return " ".join(str(field) for field in fields)


def _signature(ended: Ended | None) -> str:
    if ended is None or not ended.signed:
        return "-"
    return "SigV2" if ended.old else "SigV4"


def _requester(call: Call) -> str:
    """The canonical id of an account's root, the ARN of others."""
    caller = call.caller
    if caller.key is None:
        return "-"
    return canonical_id(caller.account) if caller.principal.kind == "root" else caller.arn


def _without_keys(target: str) -> str:
    """A presigned URL may carry a customer's key in its query, and that is kept nowhere."""
    return _CUSTOMER_KEY.sub(r"\1", target) if "ustomer" in target.lower() else target


def _quoted(text: str) -> str:
    """One line, whatever the client sent."""
    clean = "".join(c for c in text[:2_048] if c.isprintable()).replace('"', "%22")
    return f'"{clean or "-"}"'
