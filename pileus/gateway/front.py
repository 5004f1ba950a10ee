"""What stands before the pipeline: health, LocalStack's conventions, administration, CORS, and which bodies stream."""

import logging
from collections.abc import Callable
from typing import Any

from pileus.base import ids
from pileus.base.errors import ApiError
from pileus.service import Answered
from pileus.store import Transaction
from pileus.wire import HttpRequest, HttpResponse, codec

from . import addresses, cors, forms, sigv4
from .admin import Admin, json_response
from .cloud import Cloud
from .pipeline import Exchange, plain_error
from .serving import Respond
from .visits import Begin, Visit, asked_of, with_headers

log = logging.getLogger("pileus.gateway")


class Front:
    """The app the server serves (gateway/serving.py: App)."""

    def __init__(self, cloud: Cloud, admin: Admin, version: str, origins: tuple[str, ...] = (), guarded: bool = False):
        """`guarded`: only reached from this machine, and with keys that everybody knows."""
        self._guarded = guarded
        self.cloud, self.admin, self.version, self.origins = cloud, admin, version, origins
        self.pages: dict[str, Callable[[], Any]] = {
            "/_pileus/health": self._health,
            "/_localstack/health": self._localstack_health,
            "/_localstack/info": self._localstack_info,
        }

    def wants_stream(self, head: HttpRequest) -> bool:
        try:
            if self.cloud.router.takes_form(head):
                return True
            claim = sigv4.claim_of(head)
            operation = self.cloud.router.route(head, claim.service if claim is not None else None).operation
        except ApiError:
            return False
        return operation is not None and operation.streams_in

    def start(self, request: HttpRequest, peer: str, tls: str, respond: Respond) -> Any:
        foreign = self._guarded and not cors.of_this_machine(addresses.host_of(request), self.origins)
        if foreign and not _plain(request):
            respond(plain_error(cors.foreign(request.headers["host"]), ids.request_id()))
            return None

        def begin(request: HttpRequest, respond: Respond) -> Any:
            if self.cloud.router.takes_form(request):
                return forms.FormReading(request, lambda form: self._begin(form, peer, tls, respond, foreign))
            return self._begin(request, peer, tls, respond, foreign)

        origin = request.headers.get("origin")
        if self._guarded and origin is None and cors.lured(request, self.origins):
            respond(plain_error(cors.refusal(request.headers.get("referer", "another site")), ids.request_id()))
            return None
        if origin is not None:
            bucket = self.cloud.router.bucket_asked(request)
            if bucket is not None:
                return self._visited(request, origin, bucket, respond, begin)
            asked = cors.preflight(request, self.origins)
            if asked is not None:
                respond(asked)
                return None
            if not cors.allowed(origin, self.origins):
                respond(plain_error(cors.refusal(origin), ids.request_id()))
                return None
            respond = with_headers(respond, cors.headers(origin))
        if request.path.startswith("/_") and not self.cloud.router.is_buckets(addresses.host_of(request)):
            page = self.pages.get(request.path)
            if page is not None:
                respond(json_response(page()))
                return None
            if request.path.startswith("/_pileus/"):
                self.admin.handle(request, respond)
                return None
        return begin(request, respond)

    def _begin(self, request: HttpRequest, peer: str, tls: str, respond: Respond, foreign: bool) -> Exchange:
        exchange = Exchange(self.cloud, request, peer, tls, respond, foreign)
        exchange.begin()
        return exchange

    def _visited(self, request: HttpRequest, origin: str, bucket: str, respond: Respond, begin: Begin) -> Visit:
        s3 = self.cloud.service("s3")
        asked = asked_of(request, origin, bucket)
        visit = Visit(asked, request, respond, begin, cors.allowed(origin, self.origins))

        def encode(error: ApiError, request_id: str) -> HttpResponse:
            return codec(s3.api, s3.api.protocols[0]).encode_error(None, error, request_id)

        def look(tx: Transaction) -> Answered | None:
            return s3.cross_origin(tx, asked) if s3.cross_origin is not None else None

        def looked(answer: Any, error: BaseException | None) -> None:
            if error is not None:
                log.error("a bucket's CORS rules could not be read", exc_info=error)
                respond(encode(ApiError("The store could not be read.", code="InternalError", status=500), ""))
            else:
                visit.answered(answer, encode)

        self.cloud.store.submit(look, looked)
        return visit

    def refuse(self, status: int, code: str, message: str) -> HttpResponse:
        return plain_error(ApiError(message, code=code, status=status), ids.request_id())

    def _health(self) -> dict[str, Any]:
        return {"status": "ready", "version": self.version, "services": sorted(self.cloud.services)}

    def _localstack_info(self) -> dict[str, Any]:
        return {"version": self.version, "edition": "pileus", "is_license_activated": False, "is_docker": False}

    def _localstack_health(self) -> dict[str, Any]:
        """The shape that scripts written for LocalStack wait for."""
        return {
            "services": dict.fromkeys(sorted(self.cloud.services), "running"),
            "edition": "pileus",
            "version": self.version,
        }


def _plain(request: HttpRequest) -> bool:
    """A request that only reads, and as nobody: under a name that is not this machine's it may see a public bucket of
    that name."""
    headers = request.headers
    return (
        request.method in ("GET", "HEAD")
        and not request.path.startswith("/_")
        and "authorization" not in headers
        and "origin" not in headers
        and "X-Amz-" not in request.query
        and "Signature=" not in request.query
        and addresses.foreign_name(addresses.host_of(request)) is not None
    )
