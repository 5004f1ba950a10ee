"""The whole path of a request, on one screen: stops 2 to 6, in one closure over one transaction."""

import asyncio
import logging
from functools import partial
from typing import Any

from pileus.base import ids
from pileus.base.clock import monotonic
from pileus.base.errors import ApiError, ValidationError
from pileus.identity.standing import ANONYMOUS
from pileus.model import constraints
from pileus.policy.explain import explain
from pileus.service import (
    AccessDenied,
    Call,
    Caller,
    Concluded,
    Ended,
    Operation,
    Outside,
    Reply,
    Wait,
)
from pileus.service.records import CallRecord, Denial, keep_denial
from pileus.store import Transaction
from pileus.wire import HttpRequest, HttpResponse
from pileus.wire.multipart import FormRequest
from pileus.wire.xml_writer import escape

from . import addresses, cors, forms, payload, refusals, sigv2, sigv4, whole_bodies
from .cloud import Cloud
from .route import Route, region_of
from .serving import Respond

log = logging.getLogger("pileus.gateway")

NOBODY = Caller(ANONYMOUS, "", "", "anonymous")


class HungUp(ApiError):
    """What the record says of a call whose client did not wait for the answer. Nobody receives it."""

    code, status = "ClientHungUp", 499


class Exchange:
    """One request on its way through the stops."""

    __slots__ = (
        "call",
        "claim",
        "cloud",
        "error",
        "foreign",
        "http",
        "hung_up",
        "peer",
        "request_id",
        "respond",
        "route",
        "signed",
        "started",
        "task",
        "tls",
    )

    def __init__(self, cloud: Cloud, http: HttpRequest, peer: str, tls: str, respond: Respond, foreign: bool = False):
        """`foreign`: it came under a host name that is not this machine's, and may only see a bucket of that name."""
        self.cloud, self.http, self.peer, self.tls, self.respond = cloud, http, peer, tls, respond
        self.foreign = foreign
        self.request_id = ids.request_id()
        self.started = monotonic()
        self.route: Route | None = None
        self.claim: sigv4.Claim | None = None
        self.signed: sigv4.Signed | None = None
        self.call: Call | None = None
        self.error: ApiError | None = None
        self.task: asyncio.Task[None] | None = None
        self.hung_up = False

    def begin(self) -> None:
        self.cloud.store.submit(self.attempt, self.done)

    # -- the stops ------------------------------------------------------------------------------------------------

    def attempt(self, tx: Transaction) -> "HttpResponse | Wait | Outside":
        self.error = None
        try:
            if self.hung_up:
                raise HungUp("The client hung up before its answer was ready.")
            if self.call is None:
                self.call = self.admit(tx)
            else:
                self.call.tx, self.call.now = tx, self.cloud.clock.now()
            self.cloud.authorize(self.call)
            operation: Operation = self.call.operation
            call = self.call
            if operation.is_async:
                return Outside(lambda: operation.handler(call, call.request))
            result = operation.handler(call, call.request)
            if type(result) is Wait or type(result) is Outside:
                return result
            response = self.encode(result)
        except Exception as error:  # noqa: BLE001 - not swallowed: answered, and a defect is logged with its trace
            tx.reset()
            response = self.failed(error)
        self.record(tx, response, tx.wrote)
        return response

    def admit(self, tx: Transaction) -> Call:
        """Stops 2 to 4: route, authenticate, decode."""
        http, cloud = self.http, self.cloud
        claim, route = self.enter(tx)
        if route.operation is None:
            raise route.refusal or AssertionError("a route has an operation or a refusal")
        now = cloud.clock.now()
        caller = self.authenticate(tx, route.operation, claim, now)
        if route.operation.streams_in:
            body = http.body
            # Short bodies are judged here and now, so that a short object costs no task of its own.
            short = isinstance(body, bytes) and not route.operation.is_async
            http.body = whole_bodies.whole(http, self.signed) if short else payload.stream_of(http, self.signed)
        elif route.operation.service.inspect is not None and http.body:
            route.operation.service.inspect(route.operation.model, http.headers, http.whole_body())
        request = route.codec.decode(route.operation.model, http, route.labels or {})
        host = http.headers.get("host", "")
        endpoint = f"{'https' if self.tls else 'http'}://{host}"
        service = route.operation.service
        if service.adjust is not None:
            service.adjust(request, http.path, endpoint)
        if service.validation is not None:
            broken = constraints.check(route.operation.model, request)
            if broken is not None:
                raise ValidationError(broken, code=service.validation)
        route.operation.refuse_missing(request)
        return Call(
            cloud,
            tx,
            caller,
            region_of(claim.region if claim is not None else None, addresses.host_of(http)),
            now,
            self.request_id,
            endpoint,
            self.peer,
            http.headers.get("user-agent", ""),
            bool(self.tls),
            http.headers,
            (),
            now,
            route.operation,
            request,
            scoped=claim is None or not claim.old,
            tls=self.tls,
            signed_at=sigv4.moment_of(claim.stamp) if claim is not None and not claim.old else None,
        )

    def enter(self, tx: Transaction) -> tuple[sigv4.Claim | None, Route]:
        """Stop 2, and what the request says of its signature."""
        http, router = self.http, self.cloud.router
        hosted = router.hosted(tx, http)
        if self.foreign and not hosted:
            raise cors.foreign(http.headers.get("host", ""))
        door = router.door(http, hosted)
        if door is not None:
            self.route = door
            # A website is open to nobody in particular; whatever else a request carries does not count.
            self.claim = forms.claim_of(http) if isinstance(http, FormRequest) else None
            return self.claim, door
        try:
            self.claim = claim = sigv4.claim_of(http)
        except refusals.Refusal as refusal:
            self.route = self.meant(hosted)
            raise refusals.two_mechanisms() if self.route and sigv4.signed_twice(http) else refusal from None
        if hosted and claim is not None:
            claim.bucket = addresses.name_of(addresses.host_of(http)).lower()
        self.route = router.route(http, claim.service if claim is not None else None, bool(hosted))
        if self.route.service == "s3" and sigv4.signed_twice(http):
            raise refusals.two_mechanisms()
        return claim, self.route

    def meant(self, hosted: Any) -> Route | None:
        """S3, if a request whose signature cannot be read means it: it is refused in S3's words then."""
        try:
            route = self.cloud.router.route(self.http, None, bool(hosted))
        except ApiError:
            return None  # the signature's fault comes first
        return route if route.service == "s3" else None

    def authenticate(self, tx: Transaction, operation: Operation, claim: sigv4.Claim | None, now: float) -> Caller:
        if claim is None:
            if operation.unsigned:
                return NOBODY
            raise refusals.missing_token()
        expected = operation.service.api.signing_name
        if claim.service != expected:
            raise refusals.wrong_service(expected)
        clock = self.cloud.clock
        verify = sigv2.verify if claim.old else sigv4.verify
        self.signed = signed = verify(tx, self.http, claim, self.cloud.conveniences, clock.machine(), now)
        if claim.query is not None and expected == "s3":
            sigv2.hoisted(self.http)
        standing = self.cloud.standings.of(tx, signed.key)
        principal = standing.principal
        return Caller(standing, signed.key.account, principal.arn, principal.unique_id, signed.key)

    # -- the answer -----------------------------------------------------------------------------------------------

    def done(self, outcome: Any, error: BaseException | None) -> None:
        if error is not None:
            self.respond(self.failed(error))
        elif type(outcome) is Wait:
            if self.hung_up:
                self.cloud.store.submit(self.attempt, self.done)
            else:
                self.cloud.waiting.add(self, outcome)
        elif type(outcome) is Outside:
            self.task = asyncio.get_running_loop().create_task(self.run_outside(outcome))
        else:
            self.respond(outcome)

    async def run_outside(self, outside: Outside) -> None:
        assert self.call is not None
        self.call.end = self.end
        try:
            result = await outside.work()
            if type(result) is Concluded:
                self.respond(result.response)
                return
            response = self.encode(result)
        except (asyncio.CancelledError, ConnectionResetError) as error:
            response = self.failed(HungUp("The client hung up before its answer was ready."))
            self.keep(response)
            if isinstance(error, asyncio.CancelledError):
                raise
            return
        except Exception as error:  # noqa: BLE001 - as above
            response = self.failed(error)
        self.keep(response)

    def end(self, tx: Transaction, result: Any) -> HttpResponse:
        """Encodes and records in the transaction of an outside work's last change."""
        response = self.encode(result)
        self.record(tx, response, tx.wrote)
        return response

    def keep(self, response: HttpResponse) -> None:
        """Records a call that ended outside a closure, then answers it. What was done stays done, so the answer goes
        out even if the store cannot take the record."""

        def recorded(outcome: Any, error: BaseException | None) -> None:
            if error is not None:
                log.error("request %s could not be recorded", self.request_id, exc_info=error)
            self.respond(response)

        self.cloud.store.submit(lambda tx: self.record(tx, response, False), recorded)

    def gone(self) -> None:
        """The client hung up: what waits for it is dropped, so that nothing is handed to nobody."""
        self.hung_up = True
        if self.cloud.waiting.drop(self):
            self.cloud.store.submit(self.attempt, self.done)
        if self.task is not None:
            self.task.cancel()

    def give_up(self) -> None:
        """A wait that ends because the cloud stops: the empty answer, as when its time is up."""
        self.keep(self.encode(None))

    def encode(self, result: dict[str, Any] | Reply | None) -> HttpResponse:
        assert self.route is not None
        assert self.route.operation is not None
        codec, model = self.route.codec, self.route.operation.model
        if not isinstance(result, Reply):
            return codec.encode(model, result, self.request_id)
        response = codec.encode(model, result.result, self.request_id)
        response.status = result.status or response.status
        response.headers.extend(result.headers)
        return response

    def failed(self, error: BaseException) -> HttpResponse:
        """Any error as the caller sees it. The one place where a defect becomes a 500, and its trace is logged."""
        if not isinstance(error, ApiError):
            log.error("request %s failed", self.request_id, exc_info=error)
            error = ApiError(
                "Pileus failed to handle this request; its log has the trace under the request id.",
                code="InternalFailure",
                status=500,
            )
            error.sender = False
        route = self.route
        if route is None:
            self.error = error
            return plain_error(error, self.request_id)
        if isinstance(error, refusals.Refusal):
            error = refusals.dressed(error, route.service, route.protocol, route.query_compatible)
        elif isinstance(error, AccessDenied) and (route.query_compatible or route.protocol in refusals.DENIED_IS_403):
            error.status = 403
        self.error = error
        return route.codec.encode_error(route.operation.model if route.operation else None, error, self.request_id)

    def ended(self, response: HttpResponse) -> Ended:
        http = self.http
        given = {name.lower(): value for name, value in response.headers}
        length = given.get("content-length") or (len(response.body) if isinstance(response.body, bytes) else 0)
        size = given.get("content-range", "").rpartition("/")[2] or (length if http.method in ("GET", "HEAD") else -1)
        if http.method == "PUT":
            size = http.headers.get("x-amz-decoded-content-length") or http.headers.get("content-length") or -1
        return Ended(
            http.method,
            f"{http.path}?{http.query}" if http.query else http.path,
            "" if self.claim is None else "header" if "authorization" in http.headers else "query",
            self.claim is not None and self.claim.old,
            response.status,
            self.error.wire_code(True) if self.error is not None else "",
            0 if http.method == "HEAD" else int(length),
            int(size),
            int((monotonic() - self.started) * 1e6),
        )

    def record(self, tx: Transaction, response: HttpResponse, wrote: bool) -> None:
        call, route, error = self.call, self.route, self.error
        now = self.cloud.clock.now()
        if isinstance(error, AccessDenied) and call is not None:
            keep_denial(tx, self.request_id, Denial(now, call.account, explain(error.request, error.grants)))
            wrote = True
        if call is not None and call.caller.key is not None and route is not None:
            wrote = self.cloud.uses.note(tx, call.caller.key, now, call.region, route.service) or wrote
        if call is not None and (observer := call.operation.service.observer) is not None:
            call.tx = tx
            wrote = observer(call, partial(self.ended, response)) or wrote
        self.cloud.recorder.record(
            tx,
            CallRecord(
                now,
                self.request_id,
                route.service if route is not None else "",
                route.asked if route is not None else "",
                call.caller.account if call is not None else "",
                call.caller.arn if call is not None else "",
                response.status,
                int((monotonic() - self.started) * 1e6),
                error.wire_code() if error is not None else "",
                error.message[:512] if error is not None else "",
                self.claim.key_id[:128] if self.claim is not None else "",
                call.region if call is not None else "",
                call.resource[:1024] if call is not None else "",
                self.peer,
                self.http.headers.get("user-agent", "")[:256],
                wrote,
            ),
            wrote,
        )


def plain_error(error: ApiError, request_id: str) -> HttpResponse:
    """For what reached no service: the form of AWS's query errors, which every SDK can read."""
    kind = "Sender" if error.sender and error.status < 500 else "Receiver"
    body = (
        f"<ErrorResponse><Error><Type>{kind}</Type><Code>{escape(error.wire_code())}</Code>"
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    headers = [("content-type", "text/xml"), ("x-amzn-requestid", request_id)]
    return HttpResponse(error.status, headers, body.encode())
