"""When the lifecycle will give up an unfinished upload, as its headers tell."""

from typing import Any

from pileus.service import Call

from ..tables import Bucket


def shown_abort(call: Call, bucket: Bucket, key: str, begun: float) -> dict[str, Any]:
    """`AbortDate` and `AbortRuleId`, when a rule says so."""
    return {}
