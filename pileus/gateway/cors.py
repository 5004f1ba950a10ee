"""Browsers: which web pages may speak to this cloud.

A page of another site must not use a cloud that listens on the visitor's own machine with well-known keys. So a request
that names an `Origin` is only taken from pages of this machine, or from origins the settings name; all others are
refused, not merely left without headers. (S3's buckets have CORS rules of their own: visits.py.)
"""

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from pileus.base.errors import ApiError
from pileus.wire import HttpRequest, HttpResponse

from . import sigv4

METHODS = "HEAD,GET,PUT,POST,DELETE,OPTIONS,PATCH"
EXPOSED = "etag,x-amz-request-id,x-amzn-requestid,x-amz-id-2,x-amz-version-id,x-amzn-errortype,x-amzn-query-error"
AGE_SECONDS = "600"
OWN_ENDINGS = (
    ".localhost", ".localhost.localstack.cloud", ".amazonaws.com", ".amazonaws.com.cn", ".internal", ".local", ".test"
)  # fmt: skip


def allowed(origin: str, extra: tuple[str, ...]) -> bool:
    if origin in extra or "*" in extra:
        return True
    host = urlsplit(origin).hostname or ""
    return host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")


@lru_cache(maxsize=1_024)
def of_this_machine(host: str, extra: tuple[str, ...]) -> bool:
    """Whether a `Host` is a name that no stranger can own: an address, a name without dots or under a reserved ending,
    AWS's names, and the hosts of the origins the settings name.

    A web page can have its own name point at 127.0.0.1 (DNS rebinding); its script is then of the same origin as this
    cloud, names no `Origin`, and knows the well-known keys. What it cannot do is send another `Host`.
    """
    name = host.lower()
    if name.startswith("["):
        return True
    name = name.partition(":")[0]
    if "." not in name or name.endswith(OWN_ENDINGS) or name == "localhost.localstack.cloud":
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return any(urlsplit(origin).hostname == name for origin in extra) or "*" in extra
    return True


def foreign(host: str) -> ApiError:
    return ApiError(
        f"This cloud listens on this machine only and is not called '{host[:253]}'. Use localhost, name"
        " http://<that name> in PILEUS_CORS_ORIGINS, or start it with --secure.",
        code="AccessDenied",
        status=403,
    )


def lured(request: HttpRequest, extra: tuple[str, ...]) -> bool:
    """Whether a page of another site has a browser fetch an address signed with the well-known keys, as an image or a
    link: browsers name no `Origin` then, but say where it comes from (W3C, "Fetch Metadata Request Headers"). An object
    in S3 may be shown anywhere; every other service has operations that a GET runs."""
    if request.headers.get("sec-fetch-site") != "cross-site" or "*" in extra:
        return False
    referer = urlsplit(request.headers.get("referer", ""))
    if allowed(f"{referer.scheme}://{referer.netloc}", extra):
        return False
    try:
        claim = sigv4.claim_of(request)
    except ApiError:
        return False  # it is refused anyway
    return claim is not None and claim.service != "s3"


def preflight(request: HttpRequest, extra: tuple[str, ...]) -> HttpResponse | None:
    """The answer to a browser's question before the request itself; None when this is no such question."""
    origin = request.headers.get("origin")
    if request.method != "OPTIONS" or origin is None or "access-control-request-method" not in request.headers:
        return None
    if not allowed(origin, extra):
        return HttpResponse(403, [("content-type", "text/plain")], b"This origin is not allowed (PILEUS_CORS_ORIGINS).")
    return agreed(request)


def agreed(request: HttpRequest) -> HttpResponse:
    """Yes to a preflight of an allowed origin."""
    wanted = request.headers.get("access-control-request-headers", "*")
    return HttpResponse(
        200,
        [
            *headers(request.headers["origin"]),
            ("access-control-allow-methods", METHODS),
            ("access-control-allow-headers", wanted),
            ("access-control-max-age", AGE_SECONDS),
        ],
    )


def headers(origin: str) -> list[tuple[str, str]]:
    return [
        ("access-control-allow-origin", origin),
        ("access-control-expose-headers", EXPOSED),
        ("vary", "origin"),
    ]


def refusal(origin: str) -> ApiError:
    return ApiError(
        f"A page of {origin} may not use this cloud. Name the origin in PILEUS_CORS_ORIGINS to allow it.",
        code="AccessDenied",
        status=403,
    )
