"""The Call: all an operation may know or touch. There is no other way to reach time, state or the caller."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from pileus.base.arns import partition_of
from pileus.base.clock import Clock
from pileus.blobs import Blobs
from pileus.drivers import Drivers
from pileus.identity.keys import AccessKey, Session
from pileus.identity.standing import Standing
from pileus.keyring import Keyring
from pileus.policy import Principal
from pileus.store import Store, Transaction, wake

from .outbox import append
from .records import Recorder

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: their standing before policies, and the key it signed with (None: anonymous, or a service of the
    cloud). `source_arn`, `source_account`: for which resource, of which account, a service calls."""

    standing: Standing
    account: str
    arn: str
    user_id: str
    key: AccessKey | Session | None = None
    source_arn: str = ""
    source_account: str = ""

    @property
    def principal(self) -> Principal:
        return self.standing.principal

    @property
    def session(self) -> Session | None:
        return self.key if isinstance(self.key, Session) else None


@dataclass(frozen=True, slots=True)
class Wait:
    """An operation's answer when it has none yet: run me again when `key` is signalled, or at `until` (the cloud's
    clock). What it wrote before it waits is kept.

    Those who wait on one key are woken in order, and only as long as each finds what it waited for: a waiter that
    waits again means that the others would too. If the cloud stops meanwhile, the caller gets the empty answer.
    """

    key: bytes
    until: float


@dataclass(frozen=True, slots=True)
class Outside:
    """An operation's answer when the rest of its work is not for a transaction: bytes to take in, a file to open.

    `work` runs after what the operation wrote so far is committed, and gives the answer. It opens transactions of its
    own (`call.transact`); the last one, whose change the caller is told of, with `call.conclude`.
    """

    work: Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Concluded:
    """The answer of a work outside whose last change is committed together with the record of the call."""

    response: Any


class Reply(NamedTuple):
    """An answer whose status or headers are not the model's: a part of an object (206), a website's redirect."""

    result: dict[str, Any]
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()


class Body(Protocol):
    """A body that is still arriving (gateway/payload.py). A short one is plain `bytes` instead."""

    length: int
    """Bytes so far; the whole body's after `pour`."""

    @property
    def declared_length(self) -> int | None:
        """What the client said the body's own length is, in bytes."""
        ...

    @property
    def trailing_checksum(self) -> str | None:
        """The algorithm of the checksum that the body's head gives or promises to come behind it; 'CRC32', …"""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    @property
    def checksum(self) -> str | None:
        """After `pour`: the value of that checksum, in Base64, found to be right."""
        ...

    async def pour(self, sink: Callable[[bytes], None], *beside: Callable[[bytes], None]) -> None:
        """Reads to the end: each block passes in order through `sink` and each function of `beside`, in worker
        threads, while the next one arrives. Raises ApiError when the bytes are not what was signed or promised."""
        ...


class Vantage(NamedTuple):
    """From inside which network a request comes, through which endpoint. `policy`: reads the endpoint's, '' for one
    that lets everything through."""

    vpc: str
    endpoint: str
    policy: Callable[[Transaction], str]


class Cloud(Protocol):
    """What the composition root gives to the kit."""

    store: Store
    clock: Clock
    keyring: Keyring
    blobs: Blobs
    recorder: Recorder
    drivers: Drivers
    unknown_images: str
    vantage: Vantage | None
    zone_latency: float

    @property
    def trust(self) -> Callable[[], str]: ...

    def service(self, name: str) -> Any: ...

    def authorize(self, call: "Call") -> None: ...


@dataclass(slots=True)
class Call:
    """One call of one operation. `now` is the cloud's clock at its start; `endpoint` is the base URL the client
    used."""

    cloud: Cloud
    tx: Transaction
    caller: Caller
    region: str
    now: float
    request_id: str
    endpoint: str = ""
    source_ip: str = ""
    user_agent: str = ""
    secure_transport: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    via: tuple[str, ...] = ()
    started: float = 0.0
    """When the caller's first attempt began (the cloud's clock): differs from `now` when a waiting call runs again."""
    operation: Any = None
    request: dict[str, Any] = field(default_factory=dict)
    resource: str = "*"
    """What the operation was authorised on, for the record."""
    subject: Any = None
    """What the service found the request to be about while it was authorised, so that its handler need not look again.
    """

    tls: str = ""
    """The version of TLS the caller speaks ('TLSv1.3'), or ''."""
    signed_at: float | None = None
    """When the request says it was signed (the machine's clock); None when it is not signed, or one service calls."""

    end: Callable[[Transaction, Any], Any] | None = None
    """Encodes the answer and records the call, in the transaction of its last change; set by the pipeline."""

    scoped: bool = True
    """Whether the signature names the region (Signature Version 2 names none: then the resource's own is meant)."""

    @property
    def account(self) -> str:
        return self.caller.account

    @property
    def partition(self) -> str:
        return partition_of(self.region)

    @property
    def scope(self) -> tuple[str, str]:
        return self.caller.account, self.region

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a regional resource of the caller's account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def emit(self, subject: str, event: dict[str, Any]) -> None:
        """Adds an event to the outbox in the same transaction as the change it tells of; ordered per subject."""
        append(self.tx, subject, self.now, event)

    def wake(self, table: str, *key: str | int) -> None:
        """Has the reconcilers that watch `table` look at `key` after the commit."""
        wake(self.tx, table, *key)

    def invoke(self, service: str, operation: str, request: dict[str, Any], *, as_: Caller | None = None) -> Any:
        """Another service's operation, in this transaction, with the same authorisation. No HTTP.

        `as_`: the service principal or role it is done as; the caller itself by default (then `aws:ViaAWSService` is
        true).
        """
        target = self.cloud.service(service).operations[operation]
        inner = Call(
            self.cloud,
            self.tx,
            as_ or self.caller,
            self.region,
            self.now,
            self.request_id,
            endpoint=self.endpoint,
            source_ip=self.source_ip,
            user_agent=self.user_agent,
            secure_transport=self.secure_transport,
            via=(*self.via, self.operation.service.name),
            started=self.started,
            operation=target,
            request=request,
        )
        target.refuse_missing(request)
        self.cloud.authorize(inner)
        return target.handler(inner, request)

    def transact(self, work: Callable[["Call"], T]) -> Awaitable[T]:
        """For async operations: runs `work` with a call like this one over a fresh transaction."""

        def run(tx: Transaction) -> T:
            self.tx = tx
            self.now = self.cloud.clock.now()
            return work(self)

        return self.cloud.store.transact(run)

    async def conclude(self, work: Callable[["Call"], Any]) -> Concluded:
        """As `transact`, for the change the call is about: its record is written by the same commit."""

        def run(tx: Transaction) -> Any:
            self.tx = tx
            self.now = self.cloud.clock.now()
            result = work(self)
            return self.end(tx, result) if self.end is not None else result

        return Concluded(await self.cloud.store.transact(run))
