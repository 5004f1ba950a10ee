"""What a replica is to be, and what the role must be allowed for it.

Source: Amazon S3 User Guide, "Setting up permissions for live replication", "What does Amazon S3 replicate?", "Changing
the replica owner", "Replicating encrypted objects", "Amazon S3 replication failure reasons".
"""

from typing import Any, NamedTuple

from msgspec.structs import replace

from pileus.base.errors import ApiError
from pileus.service import AccessDenied, Actor, Call, Caller, must_allow
from pileus.store import Transaction

from ..access.grants import object_grants
from ..objects import encryption
from ..objects.outflow import Source
from ..objects.storing import contents
from ..protection.lock import new_lock
from ..tables import Bucket, Part, Piece, Version, buckets
from .marking import REPLICA
from .rules import Rule

ENFORCED = "BucketOwnerEnforced"


class Failed(Exception):
    """Replication of a version failed, for the reason that S3's failure events give."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class Plan(NamedTuple):
    """A replica before its bytes: each of `sources` is read and sealed anew by `sealed`."""

    target: Bucket
    call: Call
    replica: Version
    sources: list[tuple[Piece, Source]]
    parts: tuple[Part, ...]
    sealed: encryption.Sealed


class Way(NamedTuple):
    """From where to where a version goes, and whose permissions count. In one transaction."""

    source: Bucket
    target: Bucket
    key: str
    version: Version
    rule: Rule
    reading: Call
    writing: Call

    def may_read(self, action: str) -> None:
        call = self.reading
        own = object_grants(call, self.source, self.key, self.version.id)
        _must(call, action, f"{self.source.arn}/{self.key}", own, "SrcGetObjNotPermitted")

    def may_write(self, action: str, reason: str) -> None:
        call = self.writing
        own = object_grants(call, self.target, self.key, None)
        _must(call, action, f"{self.target.arn}/{self.key}", own, reason)


def _must(call: Call, action: str, resource: str, own: Any, reason: str) -> None:
    try:
        must_allow(call, action, resource, own=own)
    except AccessDenied:
        raise Failed(reason) from None


def way(world: Any, tx: Transaction, role: Caller, source: Bucket, key: str, version: Version, rule: Rule) -> Way:
    """Raises Failed when the destination is not as it must be."""
    wanted = rule["Destination"]
    name = wanted["Bucket"].rpartition(":")[2]
    target = buckets.get(tx, source.partition, name)
    if target is None or wanted.get("Account", target.account) != target.account:
        raise Failed("DstBucketNotFound")
    if target.versioning != "Enabled":
        raise Failed("DstBucketUnversioned")
    asked = {"Bucket": source.name, "Key": key, "VersionId": version.id}
    reading = Actor(world, role, source.region).call(tx, "s3", "GetObject", asked)
    writing = Actor(world, role, target.region).call(tx, "s3", "PutObject", {"Bucket": name, "Key": key})
    return Way(source, target, key, version, rule, reading, writing)


def check_marker(found: Way) -> Version:
    """The delete marker of the destination."""
    found.may_write("s3:ReplicateDelete", "DstDelObjNotPermitted")
    return replace(found.version, owner=found.target.account, replication=REPLICA, retired=0.0)


def changed(found: Way, there: Version) -> Version:
    """A replica whose tags, ACL and lock are those its source has now."""
    version = found.version
    found.may_read("s3:GetObjectVersionForReplication")
    tags, lock = there.tags, _lock(found) or there.lock
    if version.tags != there.tags:
        _may_tag(found)
        tags = version.tags
    owner, acl = there.owner, there.acl
    if _keeps_owner(found) and version.acl != there.acl:
        found.may_read("s3:GetObjectVersionAcl")
        found.may_write("s3:ReplicateObject", "DstPutObjNotPermitted")
        owner, acl = version.owner, version.acl
    if lock != there.lock:
        found.may_write("s3:ReplicateObject", "DstPutObjNotPermitted")
    return replace(there, tags=tags, lock=lock, owner=owner, acl=acl)


def plan(found: Way) -> Plan:
    """Raises Failed when something does not permit it."""
    version, target, wanted = found.version, found.target, found.rule["Destination"]
    found.may_read("s3:GetObjectVersionForReplication")
    found.may_write("s3:ReplicateObject", "DstPutObjNotPermitted")
    if version.tags:
        _may_tag(found)
    owner, acl = _access(found)
    try:
        ciphers = encryption.opened_by(found.reading, found.source, version.seal, None)
    except ApiError:
        by_customer = version.seal is not None and version.seal.kind == "C"
        raise Failed("SrcObjectNotEligible" if by_customer else "SrcGetObjNotPermitted") from None
    try:
        sealed = encryption.new_seal(found.writing, target, _encryption(found))
    except ApiError as error:
        gone = "NotFound" in error.code
        raise Failed("DstKmsKeyNotFound" if gone else "DstKmsKeyInvalidState" if "State" in error.code
                     else "DstPutObjNotPermitted") from None  # fmt: skip
    storage = wanted.get("StorageClass", version.storage)
    replica = replace(
        version,
        owner=owner,
        acl=acl,
        storage="" if storage == "STANDARD" else storage,
        seal=sealed.seal,
        lock=_lock(found) or new_lock(found.writing, target, {}),
        replication=REPLICA,
        restored_until=0.0,
        restoring=False,
        retired=0.0,
        pieces=(),
        parts=(),
        layout=0,
    )
    pieces, parts = contents(found.reading.tx, version)
    sources: list[tuple[Piece, Source]] = []
    try:
        for piece in pieces:
            sources.append((piece, Source(found.reading, (piece,), ciphers, 0, piece.size)))
    except BaseException:
        for _, source in sources:
            source.close()
        raise
    return Plan(target, found.writing, replica, sources, parts, sealed)


def _may_tag(found: Way) -> None:
    found.may_read("s3:GetObjectVersionTagging")
    found.may_write("s3:ReplicateTags", "DstPutTagsNotPermitted")


def _keeps_owner(found: Way) -> bool:
    overridden = "AccessControlTranslation" in found.rule["Destination"]
    return found.target.ownership != ENFORCED and not overridden


def _access(found: Way) -> tuple[str, tuple[tuple[str, str], ...] | None]:
    """(the replica's owner, its grants)."""
    if "AccessControlTranslation" in found.rule["Destination"]:
        found.may_write("s3:ObjectOwnerOverrideToBucketOwner", "DstPutObjNotPermitted")
    if not _keeps_owner(found):
        return found.target.account, None
    if found.version.acl is not None:
        found.may_read("s3:GetObjectVersionAcl")
    return found.version.owner, found.version.acl


def _lock(found: Way) -> Any:
    lock = found.version.lock
    if lock is not None and not found.target.object_lock:
        raise Failed("DstBucketObjectLockConfigMissing")
    return lock


def _encryption(found: Way) -> dict[str, Any]:
    """The members of a put by which the replica is sealed as the rule says."""
    seal = found.version.seal
    asked = {"Bucket": found.target.name, "Key": found.key}
    if seal is None:
        return {**asked, "ServerSideEncryption": "AES256"}
    key = found.rule["Destination"].get("EncryptionConfiguration", {}).get("ReplicaKmsKeyID", "")
    given = {**asked, "ServerSideEncryption": seal.kind, "SSEKMSKeyId": key}
    return {**given, "BucketKeyEnabled": True} if seal.bucket_key else given
