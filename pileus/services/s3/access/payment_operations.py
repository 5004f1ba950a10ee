"""PutBucketRequestPayment, GetBucketRequestPayment.

Source: Amazon S3 API Reference, the pages of these actions.
"""

from typing import Any

from msgspec.structs import replace

from pileus.service import Call

from ..addressing import bucket_operation
from ..errors import malformed_xml
from ..tables import Bucket, buckets

PAYERS = {"Requester": True, "BucketOwner": False}


@bucket_operation("PutBucketRequestPayment")
def put_bucket_request_payment(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    payer = request.get("RequestPaymentConfiguration", {}).get("Payer")
    if payer not in PAYERS:
        raise malformed_xml()
    buckets.put(call.tx, call.partition, bucket.name, record=replace(bucket, requester_pays=PAYERS[payer]))


@bucket_operation("GetBucketRequestPayment")
def get_bucket_request_payment(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    return {"Payer": "Requester" if bucket.requester_pays else "BucketOwner"}
