"""Calls outside of a request: what a service of the cloud does in the background, as itself or with a role.

A reconciler makes a `Call` in each of its transactions, or performs a whole operation. Policies have the same say as
over requests: a service's own name (`s3.amazonaws.com`) is let in by resources' policies only, on whose behalf it comes
is told by `aws:SourceArn` and `aws:SourceAccount` (IAM User Guide, "The confused deputy problem").
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from pileus.base import ids
from pileus.identity.keys import Session
from pileus.identity.standing import compile_standing, service_standing
from pileus.store import Transaction

from .call import NO_SOURCE, Call, Caller, Cloud, Outside, Source


@lru_cache(maxsize=64)
def service_caller(host: str) -> Caller:
    """A service of the cloud, by its host name."""
    return Caller(service_standing(host), "", host, host)


def session_caller(tx: Transaction, session: Session) -> Caller:
    """Whoever the session's credentials are of."""
    standing = compile_standing(tx, session)
    return Caller(standing, session.account, standing.principal.arn, standing.principal.unique_id, session)


class Actor(NamedTuple):
    """Who acts in the background, where, and for which resource."""

    cloud: Cloud
    caller: Caller
    region: str
    source: Source = NO_SOURCE

    def call(self, tx: Transaction, service: str, operation: str, request: dict[str, Any] | None = None) -> Call:
        """A call of this operation, not authorised yet. What needs no operation as a whole names the one whose
        permissions and condition keys it asks for."""
        now = self.cloud.clock.now()
        return Call(
            self.cloud,
            tx,
            self.caller,
            self.region,
            now,
            ids.request_id(),
            started=now,
            operation=self.cloud.service(service).operations[operation],
            request=request or {},
            source=self.source,
        )

    async def perform(
        self,
        service: str,
        operation: str,
        request: dict[str, Any],
        then: Callable[[Transaction, Any], Any] = lambda tx, answer: answer,
    ) -> Any:
        """Authorises and runs a whole operation. `then(tx, answer)` runs in the transaction of its last change and
        gives the result. Raises the operation's errors."""

        def begin(tx: Transaction) -> Any:
            call = self.call(tx, service, operation, request)
            self.cloud.authorize(call)
            answer = call.operation.handler(call, request)
            if type(answer) is Outside:
                call.end = then
                return answer
            return then(tx, answer)

        outcome = await self.cloud.store.transact(begin)
        return (await outcome.work()).response if type(outcome) is Outside else outcome
