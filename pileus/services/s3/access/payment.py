"""Requester pays: who reads from such a bucket agrees to be charged, or is turned away.

Source: Amazon S3 User Guide, "Using Requester Pays general purpose buckets for storage transfers and usage"; Amazon S3
API Reference, PutBucketRequestPayment, GetBucketRequestPayment.
"""

from typing import Any

from pileus.service import Call, Outside, Reply

from ..errors import access_denied
from ..tables import Bucket

HEADER = "x-amz-request-payer"


def pays(call: Call, bucket: Bucket) -> bool:
    """Whether the caller, and not the bucket's owner, is charged. Services of the cloud act for the owner."""
    return bucket.requester_pays and call.account != bucket.account and not call.via


def check_payer(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    """The anonymous cannot be charged. Not every operation has the member, but each may carry the header."""
    if not pays(call, bucket):
        return
    agreed = request.get("RequestPayer") or call.headers.get(HEADER)
    if call.caller.key is None or agreed != "requester":
        raise access_denied()


def charged(call: Call, bucket: Bucket, result: Any) -> Any:
    """The answer, with the word that its caller was charged where the model has it."""
    if not pays(call, bucket) or "RequestCharged" not in call.operation.model.output.members:
        return result
    if isinstance(result, Outside):
        return Outside(lambda: _outside(call, bucket, result))
    if isinstance(result, Reply):
        return result._replace(result={**result.result, "RequestCharged": "requester"})
    return {**(result or {}), "RequestCharged": "requester"}


async def _outside(call: Call, bucket: Bucket, outside: Outside) -> Any:
    end = call.end
    if end is not None:
        call.end = lambda tx, result: end(tx, charged(call, bucket, result))
    result = await outside.work()
    return charged(call, bucket, result) if isinstance(result, dict | Reply) else result
