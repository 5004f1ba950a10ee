"""Calls outside of a request: what a service of the cloud does in the background, as itself or with a role.

A reconciler makes a `Call` in each of its transactions, or performs a whole operation. Policies have the same say as
over requests: a service's own name (`s3.amazonaws.com`) is let in by resources' policies only, on whose behalf it comes
is told by `aws:SourceArn` and `aws:SourceAccount` (IAM User Guide, "The confused deputy problem").
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from pileus.base import ids
from pileus.base.clock import monotonic
from pileus.base.errors import ApiError
from pileus.identity.keys import Session
from pileus.identity.standing import Standing, compile_standing, service_standing
from pileus.policy.explain import explain
from pileus.store import Transaction

from .authorize import AccessDenied
from .call import Call, Caller, Cloud, Outside
from .records import CallRecord, Denial, keep_denial


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
        """Authorises, runs and records a whole operation. `then(tx, answer)` runs in the transaction of its last change
        and gives the result. Raises the operation's errors."""
        started, made = monotonic(), []

        def begin(tx: Transaction) -> Any:
            call = self.call(tx, service, operation, request)
            made.append(call)
            self.cloud.authorize(call)
            answer = call.operation.handler(call, request)
            if type(answer) is Outside:
                call.end = end
                return answer
            return end(tx, answer)

        def end(tx: Transaction, answer: Any) -> Any:
            result = then(tx, answer)
            self._record(tx, made[-1], started, None)
            return result

        try:
            outcome = await self.cloud.store.transact(begin)
            return (await outcome.work()).response if type(outcome) is Outside else outcome
        except ApiError as error:
            refused = error
            await self.cloud.store.transact(lambda tx: self._record(tx, made[-1], started, refused))
            raise

    def _record(self, tx: Transaction, call: Call, started: float, error: ApiError | None) -> None:
        """As the gateway does for requests: a denial can be explained."""
        now = self.cloud.clock.now()
        if isinstance(error, AccessDenied):
            keep_denial(tx, call.request_id, Denial(now, call.account, explain(error.request, error.grants)))
        record = CallRecord(
            now,
            call.request_id,
            call.operation.service.name,
            call.operation.name,
            call.account,
            self.caller.arn,
            200 if error is None else 403 if isinstance(error, AccessDenied) else error.status,
            int((monotonic() - started) * 1e6),
            error.wire_code(True) if error is not None else "",
            error.message[:512] if error is not None else "",
            region=self.region,
            resource=call.resource[:1024],
            wrote=True,
        )
        self.cloud.recorder.record(tx, record, True)
