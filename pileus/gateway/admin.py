"""Administration under `/_pileus/`: the clock, the call records, explanations, the ledger. For the root of account
000000000000.

Requests are signed like any other (service name `pileus`): whoever may read records or move the clock has shown who
they are.
"""

import logging
from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from pileus.base.errors import ApiError
from pileus.identity.keys import ROOT_ACCOUNT
from pileus.service import records
from pileus.store import Transaction
from pileus.wire import HttpRequest, HttpResponse

from . import refusals, sigv4

log = logging.getLogger("pileus.gateway")

SERVICE = "pileus"
PAGE_MAX = 5_000
Page = Callable[[Transaction, dict[str, Any]], Any]


class Admin:
    """`pages` maps (method, path) to a function of a transaction and the request's JSON body. Extended by the
    composition root."""

    def __init__(self, cloud: Any):
        self._cloud = cloud
        self.pages: dict[tuple[str, str], Page] = {
            ("POST", "/_pileus/calls"): self._calls,
            ("POST", "/_pileus/explain"): self._explain,
        }

    def handle(self, request: HttpRequest, respond: Callable[[HttpResponse], None]) -> None:
        def done(answer: Any, error: BaseException | None) -> None:
            if error is None:
                respond(json_response(answer))
            elif isinstance(error, ApiError):
                respond(json_response({"error": error.wire_code(), "message": error.message}, error.status))
            else:
                log.error("administration failed", exc_info=error)
                respond(json_response({"error": "InternalFailure", "message": "see the cloud's log"}, 500))

        self._cloud.store.submit(lambda tx: self._run(tx, request), done)

    def _run(self, tx: Transaction, request: HttpRequest) -> Any:
        page = self.pages.get((request.method, request.path))
        if page is None:
            raise ApiError(f"no page {request.method} {request.path}", code="NotFound", status=404)
        self._authenticate(tx, request)
        try:
            body = orjson.loads(request.whole_body() or b"{}")
        except orjson.JSONDecodeError:
            raise ApiError("the body is not JSON", code="BadRequest", status=400) from None
        if not isinstance(body, dict):
            raise ApiError("the body is not a JSON object", code="BadRequest", status=400)
        return page(tx, body)

    def _authenticate(self, tx: Transaction, request: HttpRequest) -> None:
        claim = sigv4.claim_of(request)
        if claim is None:
            raise refusals.missing_token()
        if claim.service != SERVICE:
            raise refusals.wrong_service(SERVICE)
        clock = self._cloud.clock
        signed = sigv4.verify(tx, request, claim, self._cloud.conveniences, clock.machine(), clock.now())
        principal = self._cloud.standings.of(tx, signed.key).principal
        if principal.kind != "root" or principal.account != ROOT_ACCOUNT:
            raise ApiError(
                f"only the root of account {ROOT_ACCOUNT} administers this cloud", code="AccessDenied", status=403
            )

    def _calls(self, tx: Transaction, body: dict[str, Any]) -> Any:
        """Records after position `after`, or the `last` n of them."""
        if "after" in body:
            limit = int(number(body, "limit", 500, 1, PAGE_MAX))
            found = records.read(tx, int(number(body, "after", 0, 0, 2**62)), limit)
        else:
            found = records.latest(tx, int(number(body, "last", 20, 1, PAGE_MAX)))
        return {"calls": [{"position": position, **msgspec.to_builtins(record)} for position, record in found]}

    def _explain(self, tx: Transaction, body: dict[str, Any]) -> Any:
        """Why a past call was denied: by its request id, or the latest denial."""
        request_id = body.get("request_id")
        if not request_id:
            request_id = records.latest_denial(tx)
            if request_id is None:
                raise ApiError("no call has been denied yet", code="NotFound", status=404)
        denial = records.denials.get(tx, str(request_id))
        if denial is None:
            raise ApiError(f"no denial is recorded under request id {request_id}", code="NotFound", status=404)
        return {"request_id": request_id, **msgspec.to_builtins(denial)}


def number(body: dict[str, Any], name: str, default: float, low: float, high: float) -> float:
    """A number of a request's body within its bounds. Raises ApiError."""
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ApiError(f"{name} is a number between {low:g} and {high:g}", code="BadRequest", status=400)
    return value


def json_response(body: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(status, [("content-type", "application/json")], orjson.dumps(body))
