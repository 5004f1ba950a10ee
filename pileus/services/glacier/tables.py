"""Where vaults and what is in them live.

    vaults    account, region, name -> the vault          writes   account, region, name -> since the last inventory
    archives  vault, serial -> what is known of one       contents serial -> its pieces
    leaves    piece -> the SHA-256 of each of its MiB     uploads  vault, serial -> one     parts  upload, number -> one
    jobs      vault, serial -> one                        accounts account, region -> its policy and capacity

Serials rise with time, so that lists come in order of creation. The bytes themselves are blobs, sealed with keys
derived from the vault's.
"""

import msgspec

from pileus.store import Table

MIB = 1024 * 1024


class Piece(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A blob of an archive: a whole one, or one part of it."""

    blob: int
    size: int


class Lock(msgspec.Struct, frozen=True):
    """A vault lock. `expires` counts only until it is complete."""

    id: str
    policy: str
    trusted: dict[str, str]
    created: float
    expires: float
    locked: bool = False


class Vault(msgspec.Struct, frozen=True):
    """`inventoried`, `archives` and `bytes` are those of the last inventory. `trusted` maps the ARNs of users and roles
    in the policy to their unique ids."""

    account: str
    region: str
    name: str
    arn: str
    uid: int
    created: float
    data_key: bytes
    tags: dict[str, str] = {}
    policy: str = ""
    trusted: dict[str, str] = {}
    lock: Lock | None = None
    inventoried: float = 0.0
    archives: int = 0
    bytes: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        return self.account, self.region, self.name


class Writes(msgspec.Struct, frozen=True, array_like=True):
    """The first and the last since the last inventory."""

    first: float
    last: float


class Archive(msgspec.Struct, frozen=True):
    """`deleted`: when; it is still in the last inventory then, and its row stays until the next."""

    id: str
    created: float
    size: int
    tree_hash: str
    description: str = ""
    deleted: float = 0.0


class Upload(msgspec.Struct, frozen=True):
    """A multipart upload. `archive`: the id of what it became; `aborted`: it is kept only to be idempotent."""

    id: str
    vault: tuple[str, str, str]
    created: float
    part_size: int
    description: str
    touched: float
    archive: str = ""
    checksum: str = ""
    size: int = 0
    aborted: bool = False

    @property
    def over(self) -> bool:
        return self.aborted or bool(self.archive)


class Part(msgspec.Struct, frozen=True, array_like=True):
    piece: Piece
    tree_hash: str


class Listing(msgspec.Struct, frozen=True):
    """What an inventory job was asked to list; `marker` is where the next one may go on."""

    format: str = "JSON"
    start: float | None = None
    end: float | None = None
    limit: int | None = None
    after: str = ""
    marker: str = ""


class Job(msgspec.Struct, frozen=True):
    """`start` and `stop` bound the bytes of the archive that are retrieved. `held`: the pieces of it that
    this job keeps alive, which begin at `held_at`; an inventory is `output`."""

    id: str
    vault: tuple[str, str, str]
    action: str
    created: float
    due: float
    description: str = ""
    tier: str = ""
    archive: int = 0
    archive_id: str = ""
    archive_size: int = 0
    archive_hash: str = ""
    archive_description: str = ""
    start: int = 0
    stop: int = 0
    range_hash: str = ""
    listing: Listing | None = None
    completed: float = 0.0
    failure: str = ""
    held: tuple[Piece, ...] = ()
    held_at: int = 0
    output: Piece | None = None

    @property
    def status(self) -> str:
        if not self.completed:
            return "InProgress"
        return "Failed" if self.failure else "Succeeded"


class Capacity(msgspec.Struct, frozen=True):
    """A provisioned capacity unit."""

    id: str
    start: float
    end: float


class Settings(msgspec.Struct, frozen=True):
    """An account's, in a region. `retrievals`: (when, bytes) of Standard retrievals of the last day, in that order."""

    strategy: str = "None"
    bytes_per_hour: int | None = None
    retrievals: tuple[tuple[float, int], ...] = ()
    capacity: tuple[Capacity, ...] = ()


vaults = Table("glacier.vaults", Vault)
writes = Table("glacier.writes", Writes, watched=True)
archives = Table("glacier.archives", Archive)
contents = Table("glacier.contents", tuple[Piece, ...])
leaves = Table("glacier.leaves", bytes)
uploads = Table("glacier.uploads", Upload, watched=True)
parts = Table("glacier.parts", Part)
jobs = Table("glacier.jobs", Job, watched=True)
accounts = Table("glacier.accounts", Settings)
