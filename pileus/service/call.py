"""The Call: all an operation may know or touch. There is no other way to reach time, state or the caller."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pileus.base.arns import partition_of
from pileus.base.clock import Clock
from pileus.identity.keys import AccessKey, Session
from pileus.identity.standing import Standing
from pileus.keyring import Keyring
from pileus.policy import Principal
from pileus.store import Store, Transaction, wake

from .outbox import append

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: their standing before policies, and the key it signed with (None: anonymous, or a service of the
    cloud)."""

    standing: Standing
    account: str
    arn: str
    user_id: str
    key: AccessKey | Session | None = None

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


class Cloud(Protocol):
    """What the composition root gives to the kit."""

    store: Store
    clock: Clock
    keyring: Keyring

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
        self.cloud.authorize(inner)
        return target.handler(inner, request)

    def transact(self, work: Callable[["Call"], T]) -> Awaitable[T]:
        """For async operations: runs `work` with a call like this one over a fresh transaction."""

        def run(tx: Transaction) -> T:
            self.tx = tx
            self.now = self.cloud.clock.now()
            return work(self)

        return self.cloud.store.transact(run)
