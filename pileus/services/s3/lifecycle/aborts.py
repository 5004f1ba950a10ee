"""When the lifecycle will give up an unfinished upload, as its headers tell.

Source: Amazon S3 API Reference, CreateMultipartUpload, ListParts (x-amz-abort-date, x-amz-abort-rule-id).
"""

from typing import Any

from pileus.service import Call

from ..tables import Bucket, configs
from .rules import abort_of, parse


def shown_abort(call: Call, bucket: Bucket, key: str, begun: float) -> dict[str, Any]:
    """`AbortDate` and `AbortRuleId`, when a rule says so."""
    if "lifecycle" not in bucket.configured:
        return {}
    found = configs.get(call.tx, bucket.id, "lifecycle", "")
    due = abort_of(parse(found), key, begun) if found is not None else None
    return {"AbortDate": due.moment, "AbortRuleId": due.rule} if due is not None else {}
