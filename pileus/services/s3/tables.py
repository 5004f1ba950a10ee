"""What S3 keeps: buckets, their configurations, and objects' versions.

    s3.buckets   partition, name           -> Bucket (nearly every request reads one)
    s3.configs   bucket id, kind, id       -> a configuration as the model has it ("cors", "lifecycle", …)
    s3.current   bucket id, key            -> the Version that a plain GET sees; never a delete marker
    s3.versions  bucket id, key, age       -> every other Version, delete markers too; `age` falls as time goes on
    s3.nulls     bucket id, key            -> age of the null version, while it is in s3.versions
    s3.bytes     piece id                  -> the sealed bytes of a small piece
    s3.layouts   number                    -> the pieces of a large multipart object
    s3.uploads   bucket id, key, upload id -> a multipart upload under way (ids rise with time)
    s3.parts     upload id, number         -> a part of it
    s3.completed bucket id, upload id      -> what became of it
    s3.discarded kind, number or text      -> what is to be cleared away piece by piece (clearing.py)
    s3.accesses  bucket id, moment, number -> a line of the access log that is yet to be delivered
    s3.logging   partition, name           -> when the bucket's lines are delivered
    s3.inventory bucket id, id             -> when the next report of an inventory is due

A key that has no row in `s3.current` has a delete marker on top, or does not exist: a listing costs what it shows.
"""

from typing import Any

import msgspec

from pileus.store import Index, Table

AGE_MAX = 2**62


class Encryption(msgspec.Struct, frozen=True, omit_defaults=True):
    """How new objects are encrypted when their request does not say. `key`: a KMS key's ARN or id, empty for S3's own
    or the AWS managed one. `bucket_key`: S3 Bucket Keys are on. `blocked`: kinds that no request may have ('SSE-C')."""

    algorithm: str = "AES256"
    key: str = ""
    bucket_key: bool = False
    blocked: tuple[str, ...] = ()


class PublicAccess(msgspec.Struct, frozen=True, omit_defaults=True):
    """Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage"."""

    block_acls: bool = False
    ignore_acls: bool = False
    block_policy: bool = False
    restrict: bool = False


ALL_BLOCKED = PublicAccess(True, True, True, True)


class Bucket(msgspec.Struct, frozen=True, omit_defaults=True):
    """`id` tells a bucket from an earlier one of the same name. `versioning`: '', 'Enabled' or 'Suspended'.
    `acl`: (grantee, permission) pairs beside the owner's full control (access/acl.py). `configured`: the kinds of
    configuration that requests on objects must mind, so that those without cost no look."""

    name: str
    id: int
    account: str
    region: str
    created: float
    data_key: bytes
    versioning: str = ""
    mfa_delete: bool = False
    ownership: str = "BucketOwnerEnforced"
    acl: tuple[tuple[str, str], ...] = ()
    policy: str = ""
    public_access: PublicAccess | None = ALL_BLOCKED
    encryption: Encryption = Encryption()
    object_lock: bool = False
    lock_mode: str = ""
    lock_days: int = 0
    lock_years: int = 0
    requester_pays: bool = False
    configured: frozenset[str] = frozenset()
    partition: str = "aws"

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:s3:::{self.name}"


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """A run of an object's bytes. `small`: they lie in the store, else in a blob. `size` is before sealing."""

    id: int
    size: int
    small: bool = False


class Part(msgspec.Struct, frozen=True, array_like=True):
    """One part of a multipart object: its size and its checksum (Base64), for `?partNumber=`."""

    number: int
    size: int
    checksum: str = ""


class Seal(msgspec.Struct, frozen=True, array_like=True):
    """How an object is sealed, when not with its bucket's data key (SSE-S3). `kind`: 'aws:kms', 'aws:kms:dsse' or 'C'.
    `key`: the data key as KMS wrapped it; `name`: the KMS key's ARN, or for SSE-C the key's MD5."""

    kind: str
    key: bytes = b""
    name: str = ""
    context: str = ""
    bucket_key: bool = False


class Lock(msgspec.Struct, frozen=True, array_like=True):
    """`mode`: '', 'GOVERNANCE' or 'COMPLIANCE'; `until`: seconds; `hold`: a legal hold is on."""

    mode: str = ""
    until: float = 0.0
    hold: bool = False


class Listed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The part of a Version that listings show: its first fields, read without the rest."""

    modified: float
    size: int
    etag: str
    owner: str
    storage: str = ""
    checksum_algorithm: str = ""
    checksum_type: str = ""
    restored_until: float = 0.0
    restoring: bool = False


class Version(msgspec.Struct, frozen=True, array_like=True):
    """One version of an object, or a delete marker. The first fields are those of Listed, in its order.

    `modified`: the cloud's clock. `etag` without quotes. `owner`: an account id. `storage`: '' is STANDARD.
    `checksum` in Base64, of `checksum_algorithm` ('CRC32', …) and type 'FULL_OBJECT' or 'COMPOSITE'. `id`: '' is the
    null version. `headers`: system metadata by the model's member names. `acl`: as a bucket's; None when the ACL is
    the default. `replication`: 'PENDING', 'COMPLETED', 'FAILED', 'REPLICA' or ''.
    """

    modified: float
    size: int
    etag: str
    owner: str
    storage: str = ""
    checksum_algorithm: str = ""
    checksum_type: str = ""
    restored_until: float = 0.0
    restoring: bool = False
    # -- beyond what is listed
    id: str = ""
    age: int = 0
    marker: bool = False
    checksum: str = ""
    pieces: tuple[Piece, ...] = ()
    parts: tuple[Part, ...] = ()
    seal: Seal | None = None
    headers: dict[str, str] = {}
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    lock: Lock | None = None
    acl: tuple[tuple[str, str], ...] | None = None
    replication: str = ""
    redirect: str = ""
    retired: float = 0.0
    """When it became noncurrent; 0 for the current version."""
    layout: int = 0
    """Where its pieces and parts are told, if they are many; then `pieces` and `parts` are empty."""


class Layout(msgspec.Struct, frozen=True, array_like=True):
    """The pieces and parts of an object that has many, apart from its record: lists need not read them."""

    pieces: tuple[Piece, ...]
    parts: tuple[Part, ...]


class Upload(msgspec.Struct, frozen=True, array_like=True):
    """A multipart upload under way. `account`, `arn`: who began it. `data_key`: what an SSE-KMS upload's parts are
    sealed with, wrapped by KMS, is in its seal."""

    id: str
    begun: float
    account: str
    arn: str
    owner: str
    storage: str
    algorithm: str
    checksum_type: str
    asked_checksum: bool
    seal: Seal | None
    headers: dict[str, str]
    metadata: dict[str, str]
    tags: dict[str, str]
    lock: Lock | None
    acl: tuple[tuple[str, str], ...] | None
    redirect: str


class UploadedPart(msgspec.Struct, frozen=True, array_like=True):
    modified: float
    size: int
    etag: str
    checksum: str
    piece: Piece


class Completed(msgspec.Struct, frozen=True, array_like=True):
    """What a completed upload became, so that completing it again gives the same answer."""

    at: float
    key: str
    version_id: str
    etag: str
    manifest: str


class LoggingDue(msgspec.Struct, frozen=True, array_like=True):
    """`bucket`: the id of the bucket whose lines they are."""

    at: float
    bucket: int


buckets = Table(
    "s3.buckets",
    Bucket,
    hot=True,
    indexes=(
        owned := Index[Bucket]("s3.buckets.owned", lambda key, b: [(b.partition, b.account, b.name)]),
        by_id := Index[Bucket]("s3.buckets.by_id", lambda key, b: [(b.id,)]),
    ),
)
configs = Table("s3.configs", dict[str, Any], watched=True)
current = Table("s3.current", Version)
versions = Table("s3.versions", Version)
nulls = Table("s3.nulls", int)
small_bytes = Table("s3.bytes", bytes)
layouts = Table("s3.layouts", Layout)
uploads = Table("s3.uploads", Upload)
parts = Table("s3.parts", UploadedPart)
completed = Table("s3.completed", Completed, watched=True)
discarded = Table("s3.discarded", float, watched=True)
accesses = Table("s3.accesses", str)
logging_due = Table("s3.logging", LoggingDue, watched=True)
inventory_due = Table("s3.inventory", float)
