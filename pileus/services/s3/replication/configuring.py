"""PutBucketReplication, GetBucketReplication, DeleteBucketReplication.

Source: Amazon S3 API Reference, the pages of these operations.
"""

from base64 import b64encode
from typing import Any

from pileus.base import ids
from pileus.service import Call

from ..addressing import bucket_operation
from ..buckets.configuring import absent, configure, configured, forget
from ..errors import invalid_request, malformed_xml, not_implemented
from ..tables import Bucket
from .checking import check_role, check_rules
from .rules import KIND

PARTIAL = (
    "ExistingObjectReplication, ReplicationTime and Metrics are refused; objects sealed with a customer's key (SSE-C)"
    " fail to replicate"
)


@bucket_operation("PutBucketReplication", action="PutReplicationConfiguration", partial=PARTIAL)
def put_bucket_replication(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    wanted = request.get("ReplicationConfiguration") or {}
    if "Token" in request:
        raise not_implemented("Pileus takes no x-amz-bucket-object-lock-token: leave Token out.")
    if not wanted.get("Role") or "Rules" not in wanted:
        raise malformed_xml()
    if bucket.versioning != "Enabled":
        raise invalid_request("Versioning must be 'Enabled' on the bucket to apply a replication configuration")
    check_rules(call, bucket, wanted["Rules"])
    check_role(call, bucket, wanted["Role"])
    rules = [{**rule, "ID": rule.get("ID") or _new_id()} for rule in wanted["Rules"]]
    configure(call, bucket, KIND, {"Role": wanted["Role"], "Rules": rules})


@bucket_operation("GetBucketReplication", action="GetReplicationConfiguration")
def get_bucket_replication(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    found = configured(call, bucket, KIND)
    if found is None:
        raise absent("ReplicationConfigurationNotFoundError", "The replication configuration was not found", bucket)
    return {"ReplicationConfiguration": found}


@bucket_operation("DeleteBucketReplication", action="PutReplicationConfiguration")
def delete_bucket_replication(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    forget(call, bucket, KIND)


def _new_id() -> str:
    return b64encode(ids.secret_uuid().encode()).decode()
