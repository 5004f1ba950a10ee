"""What stands before the pipeline: health, LocalStack's conventions, administration, CORS, and which bodies stream."""

from collections.abc import Callable
from typing import Any

from pileus.base import ids
from pileus.base.errors import ApiError
from pileus.wire import HttpRequest, HttpResponse

from . import cors, sigv4
from .admin import Admin, json_response
from .pipeline import Cloud, Exchange, plain_error
from .serving import Respond


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
            claim = sigv4.claim_of(head)
            operation = self.cloud.router.route(head, claim.service if claim is not None else None).operation
        except ApiError:
            return False
        return operation is not None and operation.streams_in

    def start(self, request: HttpRequest, peer: str, tls: str, respond: Respond) -> Any:
        if self._guarded and not cors.of_this_machine(request.headers.get("host", "")[:256], self.origins):
            respond(plain_error(cors.foreign(request.headers["host"]), ids.request_id()))
            return None
        origin = request.headers.get("origin")
        if origin is not None:
            asked = cors.preflight(request, self.origins)
            if asked is not None:
                respond(asked)
                return None
            if not cors.allowed(origin, self.origins):
                respond(plain_error(cors.refusal(origin), ids.request_id()))
                return None
            respond = _with_headers(respond, cors.headers(origin))
        if request.path.startswith("/_"):
            page = self.pages.get(request.path)
            if page is not None:
                respond(json_response(page()))
                return None
            if request.path.startswith("/_pileus/"):
                self.admin.handle(request, respond)
                return None
        exchange = Exchange(self.cloud, request, peer, tls, respond)
        exchange.begin()
        return exchange

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


def _with_headers(respond: Respond, extra: list[tuple[str, str]]) -> Respond:
    def answer(response: HttpResponse) -> None:
        response.headers.extend(extra)
        respond(response)

    return answer
