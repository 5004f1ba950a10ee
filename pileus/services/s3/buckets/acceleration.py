"""Transfer acceleration: one machine has no edge to accelerate from, so PutBucketAccelerateConfiguration is refused
(the ledger), and no bucket ever has it.

Source: Amazon S3 API Reference, GetBucketAccelerateConfiguration: a bucket that never had it answers no state.
"""

from typing import Any

from pileus.service import Call

from ..addressing import bucket_operation
from ..tables import Bucket


@bucket_operation("GetBucketAccelerateConfiguration", action="GetAccelerateConfiguration")
def get_bucket_accelerate_configuration(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    return {}
