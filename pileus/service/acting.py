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
from pileus.identity.standing import Standing, compile_standing, service_standing
from pileus.store import Transaction

from .call import Call, Caller, Cloud, Outside


@lru_cache(maxsize=1_024)
def service_caller(host: str, source_arn: str = "", source_account: str = "") -> Caller:
    """A service of the cloud by its host name; for which resource it acts, and whose that is."""
    return Caller(_standing(host), "", host, host, source_arn=source_arn, source_account=source_account)


@lru_cache(maxsize=64)
def _standing(host: str) -> Standing:
    """One object a service, so that what it was allowed is remembered."""
    return service_standing(host)


def session_caller(tx: Transaction, session: Session) -> Caller:
    """Whoever the session's credentials are of."""
    standing = compile_standing(tx, session)
    return Caller(standing, session.account, standing.principal.arn, standing.principal.unique_id, session)


class Actor(NamedTuple):
    """Who acts in the background, and where."""

    cloud: Cloud
    caller: Caller
    region: str

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
