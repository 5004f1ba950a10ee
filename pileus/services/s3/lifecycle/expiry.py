"""What the lifecycle will do to an object, as its headers tell.

Source: Amazon S3 User Guide, "How to find when objects will expire"; Amazon S3 API Reference, PutObject, HeadObject
(x-amz-expiration; the rule's id is URL-encoded).
"""

from typing import Any
from urllib.parse import quote

from pileus.base.clock import http_date
from pileus.service import Call

from ..tables import Bucket, Version, configs
from .rules import expiry_of, parse


def shown_expiry(call: Call, bucket: Bucket, key: str, version: Version) -> dict[str, Any]:
    """`Expiration`, when a rule says when this object expires. It speaks of current versions only."""
    if "lifecycle" not in bucket.configured or version.retired:
        return {}
    found = configs.get(call.tx, bucket.id, "lifecycle", "")
    due = expiry_of(parse(found), key, version.size, version.tags, version.modified) if found is not None else None
    if due is None:
        return {}
    return {"Expiration": f'expiry-date="{http_date(due.moment)}", rule-id="{quote(due.rule, safe="")}"'}
