"""A change of an object, marked for replication in its own transaction.

Source: Amazon S3 User Guide, "What does Amazon S3 replicate?", "What isn't replicated with replication
configurations?", "Getting replication status information".
"""

from msgspec.structs import replace

from pileus.service import Call

from ..tables import Bucket, Version
from .rules import configuration, enabled, rules_for

SUBJECT = "s3.replication "
PENDING, COMPLETED, FAILED, REPLICA = "PENDING", "COMPLETED", "FAILED", "REPLICA"

OPERATIONS = {
    "ObjectCreated:Put": "OBJECT_PUT",
    "ObjectCreated:Post": "OBJECT_PUT",
    "ObjectCreated:Copy": "OBJECT_PUT",
    "ObjectCreated:CompleteMultipartUpload": "OBJECT_PUT",
    "ObjectRemoved:DeleteMarkerCreated": "OBJECT_DELETE",
    "ObjectTagging:Put": "OBJECT_PUT_TAGGING",
    "ObjectTagging:Delete": "OBJECT_DELETE_TAGGING",
    "ObjectAcl:Put": "OBJECT_PUT_ACL",
    "ObjectRetention:Put": "OBJECT_PUT_RETENTION",
    "ObjectLegalHold:Put": "OBJECT_PUT_LEGAL_HOLD",
}
"""What is replicated, and how the events of replication name it. Deletions of versions and what the lifecycle does
never are; of the last one here no notification tells."""

_NEW = ("ObjectCreated:", "ObjectRemoved:")


def subject_of(bucket: Bucket) -> str:
    return f"{SUBJECT}{bucket.partition} {bucket.name} {bucket.id}"


def mark(call: Call, bucket: Bucket, event: str, key: str, version: Version) -> None:
    operation = OPERATIONS.get(event)
    if operation is None or not version.id or bucket.versioning != "Enabled":
        return
    found = configuration(call.tx, bucket)
    if found is None:
        return
    rules = rules_for(found, key, version)
    if event.startswith(_NEW):
        if version.replication == REPLICA:
            return  # what came from elsewhere goes no further
    elif version.replication == REPLICA:
        rules = [rule for rule in rules if enabled(rule, "SourceSelectionCriteria", "ReplicaModifications")]
    elif not version.replication:
        return  # it was there before the rules
    if not rules:
        return
    if version.replication != REPLICA and not version.marker:
        from ..objects.storing import change_version

        change_version(call.tx, bucket, key, replace(version, replication=PENDING))
    named = [rule["ID"] for rule in rules]
    body = {"key": key, "version": version.id, "rules": named, "operation": operation, "at": call.now}
    call.emit(subject_of(bucket), body)
