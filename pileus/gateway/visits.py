"""Web pages of other origins: a bucket's own CORS rules are asked first, then the machine's (cors.py).

A page that a bucket's rules allow may do with that bucket what they say. Where a bucket has no rules, or they do not
allow it, pages of this machine are treated as AWS does (the answer simply lacks the headers that would let the page
read it), and those of strangers are refused, since they might know the well-known keys.
"""

from collections.abc import Callable
from typing import Any

from pileus.base.errors import ApiError
from pileus.base.ids import request_id
from pileus.service import Answered, CrossOrigin
from pileus.wire import HttpRequest, HttpResponse

from . import cors
from .serving import Respond

Begin = Callable[[HttpRequest, Respond], Any]


def asked_of(request: HttpRequest, origin: str, bucket: str) -> CrossOrigin:
    headers = request.headers
    preflight = request.method == "OPTIONS" and "access-control-request-method" in headers
    wanted = headers.get("access-control-request-headers", "") if preflight else ""
    names = tuple(name.strip().lower() for name in wanted.split(",") if name.strip())
    method = headers["access-control-request-method"] if preflight else request.method
    return CrossOrigin(origin, method, names, bucket, preflight)


class Visit:
    """A request from another origin, until its bucket's rules are known."""

    def __init__(self, asked: CrossOrigin, request: HttpRequest, respond: Respond, begin: Begin, local: bool):
        self._asked, self._request, self._respond, self._begin = asked, request, respond, begin
        self._local = local
        self._exchange: Any = None
        self._gone = False

    def answered(self, answer: Answered | None, encode: Callable[[ApiError, str], HttpResponse]) -> None:
        """`answer` is None when there is no such bucket; it has neither headers nor an error when it has no rules."""
        if self._gone:
            return
        asked = self._asked
        if answer is not None and answer.headers is not None:
            if asked.preflight:
                self._respond(HttpResponse(200, answer.headers))
            else:
                self._go_on(answer.headers)
        elif self._local and (answer is None or answer.error is None):
            if asked.preflight:
                self._respond(cors.agreed(self._request))
            else:
                self._go_on(cors.headers(asked.origin))
        elif asked.preflight:
            self._respond(encode((answer.error if answer is not None else _no_bucket()) or _no_rules(), request_id()))
        elif self._local:
            self._go_on([])
        else:
            self._respond(encode(cors.refusal(asked.origin), request_id()))

    def _go_on(self, headers: list[tuple[str, str]]) -> None:
        self._exchange = self._begin(self._request, with_headers(self._respond, headers) if headers else self._respond)

    def gone(self) -> None:
        self._gone = True
        if self._exchange is not None:
            self._exchange.gone()


def _no_rules() -> ApiError:
    return ApiError("CORSResponse: CORS is not enabled for this bucket.", code="AccessForbidden", status=403)


def _no_bucket() -> ApiError:
    return ApiError("CORSResponse: Bucket not found", code="AccessForbidden", status=403)


def with_headers(respond: Respond, extra: list[tuple[str, str]]) -> Respond:
    def answer(response: HttpResponse) -> None:
        response.headers.extend(extra)
        respond(response)

    return answer
