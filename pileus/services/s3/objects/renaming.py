"""RenameObject: an object takes another key, in one transaction and without its bytes being touched.

Source: Amazon S3 API Reference, RenameObject; Amazon S3 User Guide, "Renaming objects in directory buckets". AWS has it
for directory buckets only; here a bucket without versions has it too, since it costs nothing.
"""

import hashlib
from typing import Any

import orjson

from pileus.service import Call

from .. import events
from ..access.permission import must_allow_object
from ..addressing import object_operation
from ..errors import S3Error, invalid_request
from ..tables import Bucket, Completed, completed, current
from . import conditions
from .copying import parsed_source
from .getting import version_asked
from .storing import release


@object_operation("RenameObject", action="PutObject", partial="only in buckets without versions")
def rename_object(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    if _done_before(call, bucket, request):
        return
    if bucket.versioning:
        raise invalid_request("RenameObject is not supported in buckets that have versions")
    source_text = request["RenameSource"]
    source = parsed_source(source_text if source_text.lstrip("/").startswith(f"{bucket.name}/")
                           else f"{bucket.name}/{source_text.lstrip('/')}")[1]  # fmt: skip
    must_allow_object(call, bucket, "s3:GetObject", source, reads=True)
    must_allow_object(call, bucket, "s3:DeleteObject", source, reads=False)
    version = version_asked(call, bucket, source, None)
    there = current.get(call.tx, bucket.id, request["Key"])
    asked = {name.removeprefix("Destination"): value for name, value in request.items()}
    conditions.check_write(asked, request["Key"], there)
    conditions.check_read({name.removeprefix("Source"): v for name, v in request.items() if name.startswith("Source")},
                          version)  # fmt: skip
    if source == request["Key"]:
        return
    if there is not None:
        release(call.tx, there)
    current.delete(call.tx, bucket.id, source)
    current.put(call.tx, bucket.id, request["Key"], record=version)
    events.happened(call, bucket, "ObjectRemoved:Delete", source, version)
    events.happened(call, bucket, "ObjectCreated:Put", request["Key"], version)


def _done_before(call: Call, bucket: Bucket, request: dict[str, Any]) -> bool:
    """A request sent again with its token changes nothing; the token of another request is refused."""
    token = request.get("ClientToken")
    if token is None:
        return False
    asked = orjson.dumps(sorted((k, str(v)) for k, v in request.items() if k != "ClientToken"))
    digest, name = hashlib.sha256(asked).hexdigest(), f"rename {token}"
    known = completed.get(call.tx, bucket.id, name)
    if known is None:
        completed.put(call.tx, bucket.id, name, record=Completed(call.now, request["Key"], "", "", digest))
        return False
    if known.manifest != digest:
        raise S3Error(
            "IdempotencyParameterMismatch",
            400,
            "Parameters on this idempotent request are inconsistent with parameters used in previous request(s).",
        )
    return True
