"""Stop 2: which operation is meant, of which service, in which protocol.

A request says it in up to five ways; the first that speaks is believed: `X-Amz-Target`, the CBOR path, the signature's
scope, the host name, and (unsigned query calls) the API version beside `Action`.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from pileus.base.errors import ApiError, NotImplementedYet
from pileus.model import Api, index, load
from pileus.service import Operation, Service
from pileus.store import Transaction
from pileus.wire import Codec, HttpRequest, codec
from pileus.wire.multipart import FormRequest
from pileus.wire.names import action_of, cbor_of, parameter
from pileus.wire.rest_routes import Routes, decoded

from . import addresses, sigv4
from .forms import sent_as_form

KEPT_MAX = 4_096
ROUTES_MAX = 64


class Route(NamedTuple):
    """Where a request goes. `operation` is None for one that is refused; then `refusal` says why."""

    service: str
    protocol: str
    codec: Codec
    operation: Operation | None = None
    labels: dict[str, str] | None = None
    refusal: ApiError | None = None
    query_compatible: bool = False
    asked: str = ""
    """The operation's name as the request says it, refused or not; for the record."""


class Services(Protocol):
    """The services that are there (pileus/catalog.py)."""

    def __contains__(self, name: object) -> bool: ...

    def __getitem__(self, name: str) -> Service: ...

    def get(self, name: str) -> Service | None: ...

    def __iter__(self) -> Iterator[str]: ...

    def described(self) -> list[index.Entry]: ...


class Router:
    def __init__(self, services: Services):
        self._services = services
        self._entries = services.described()
        self._kept: dict[tuple[str, ...], Route] = {}
        self._routes: dict[str, Routes] = {}
        self._rest_names: dict[str, bool] = {}

    def hosted(self, tx: Transaction, request: HttpRequest) -> str:
        """What the host name stands for when it is not one of this cloud's own: 'bucket', 'website', or ''."""
        name = addresses.foreign_name(addresses.host_of(request))
        if name is None or "s3" not in self._services or len(name) > 255:
            return ""
        known = self._services["s3"].hosted
        return known(tx, name) if known is not None else ""

    def door(self, request: HttpRequest, hosted: str = "") -> Route | None:
        """A way into S3 that its model does not describe: a website, or a browser's form."""
        host = addresses.host_of(request)
        site = addresses.site_of(host, request.path)
        if site is None and hosted == "website" and request.method in ("GET", "HEAD") and _unsigned(request):
            site = addresses.Site(addresses.name_of(host).lower(), None, request.path)
        if site is not None and "s3" in self._services:
            name = {"GET": "Website", "HEAD": "WebsiteHead"}.get(request.method, "WebsiteOther")
            request.query, request.body = "", b""
            return self._doorway(name, "rest-xml", {"Bucket": site.bucket, "Key": decoded(site.path[1:])})
        if isinstance(request, FormRequest):
            bucket = name_of_bucket(request, hosted)
            return self._doorway("PostObject", "post-object", {"Bucket": bucket or ""})
        if self._form_for_object(request, host, hosted):
            s3 = codec(self._services["s3"].api, "rest-xml")
            return Route("s3", "rest-xml", s3, refusal=_not_allowed("POST", "OBJECT"), asked="PostObject")
        return None

    def _form_for_object(self, request: HttpRequest, host: str, hosted: str) -> bool:
        """A form goes to a bucket, never to an object."""
        return (
            request.method == "POST"
            and not request.query
            and "s3" in self._services
            and sent_as_form(request)
            and self._is_s3(host)
            and name_of_bucket(request, hosted) is None
        )

    def _doorway(self, name: str, protocol: str, labels: dict[str, str]) -> Route:
        s3 = self._services["s3"]
        return Route("s3", "rest-xml", codec(s3.api, protocol), s3.doors[name], labels, asked=name)

    def takes_form(self, request: HttpRequest) -> bool:
        """Whether this is a form sent to a bucket."""
        if request.method != "POST" or "s3" not in self._services or not sent_as_form(request):
            return False
        host = addresses.host_of(request)
        if addresses.site_of(host, request.path) is not None or not self._is_s3(host):
            return False
        return name_of_bucket(request, "") is not None

    def bucket_asked(self, request: HttpRequest) -> str | None:
        """The bucket a web page's request may be about; None when it is surely about none."""
        host, headers = addresses.host_of(request), request.headers
        if "s3" not in self._services or "x-amz-target" in headers or "smithy-protocol" in headers:
            return None
        site = addresses.site_of(host, request.path)
        if site is not None:
            return site.bucket
        if request.path.startswith("/_") or not self._is_s3(host):
            return None
        if _signed_for(request) not in (None, "s3"):
            return None
        bucket = addresses.bucket_of(host) or request.path[1:].partition("/")[0]
        return bucket or None

    def is_buckets(self, host: str) -> bool:
        """Whether a host name is a bucket's, so that all paths under it are keys."""
        return addresses.bucket_of(host) is not None and self._is_s3(host)

    def _is_s3(self, host: str) -> bool:
        service = addresses.service_of(host)
        return service in (None, "s3") or (addresses.may_be_bucket(host) and not self._is_service(host, service))

    def _is_service(self, host: str, name: str | None) -> bool:
        return (
            name is not None
            and addresses.is_service(host)
            and (
                any(entry.signing_name == name for entry in self._entries)
                or index.find_service(endpoint_prefix=name) is not None
            )
        )

    def route(self, request: HttpRequest, scope_service: str | None, hosted: bool = False) -> Route:
        """Raises ApiError when not even a service is meant. `hosted`: the host name is a bucket's own."""
        target = request.headers.get("x-amz-target")
        if target is not None:
            return self._remembered("json", scope_service or "", target)
        if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
            service_id, name = cbor_of(request)
            return self._remembered("smithy-rpc-v2-cbor", scope_service or service_id or "", name or "")
        host = addresses.host_of(request)
        service = scope_service or addresses.service_of(host)
        if scope_service is None and service is not None and self._is_s3(host):
            service = self._fallback()
        if hosted and service is None:
            service = self._fallback()
        if service is not None and self._speaks_rest(service):
            # Before anything is looked for in its body: that may be an object that only looks like a form.
            return self._rest(service, request, host, hosted)
        action = _leading_action(request.body) or action_of(request)
        if service is None:
            if action is None:
                return self._rest(self._fallback(), request, host)
            service = self._by_version(parameter(request, "Version"))
        return self._remembered("query", service, action or "")

    def _fallback(self) -> str:
        """What names no service at all is S3's (a public object's plain URL), once there is an S3."""
        if "s3" in self._services:
            return "s3"
        raise _no_service()

    def _speaks_rest(self, signing_name: str) -> bool:
        known = self._rest_names.get(signing_name)
        if known is None:
            protocols = index.entry(self._name_of(signing_name, "")).protocols
            known = self._rest_names[signing_name] = bool(protocols) and protocols[0].startswith("rest-")
        return known

    def _rest(self, signing_name: str, request: HttpRequest, host: str, hosted: bool = False) -> Route:
        """By method and path."""
        name = self._name_of(signing_name, "")
        service = self._services.get(name)
        api = service.api if service is not None else load(name)
        protocol = api.protocols[0]
        routes = self._routes.get(name)
        if routes is None:
            if len(self._routes) >= ROUTES_MAX:
                self._routes.clear()
            routes = self._routes[name] = Routes(api)
        path = request.path
        if name == "s3":
            if addresses.accelerated(host):
                raise _no_edge()
            bucket = addresses.name_of(host).lower() if hosted else addresses.bucket_of(host)
            path = f"/{bucket}{path}" if bucket is not None else path
        matched = routes.match(request.method, path, request.query, request.headers)
        if matched is None:
            return self._to(name, protocol, f"{request.method} {path}")
        route = self._remembered(protocol, signing_name, matched[0])
        return route._replace(labels=matched[1]) if matched[1] else route

    def _remembered(self, protocol: str, service: str, name: str) -> Route:
        key = (protocol, service, name)
        route = self._kept.get(key)
        if route is None:
            route = self._find(protocol, service, name)
            if route.operation is None:
                return route  # of names that mean nothing there is no end
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            self._kept[key] = route
        return route

    def _find(self, protocol: str, signing_name: str, name: str) -> Route:
        prefix = ""
        if protocol == "json":
            prefix, _, name = name.rpartition(".")
        return self._to(self._name_of(signing_name, prefix), protocol, name)

    def _name_of(self, signing_name: str, target_prefix: str) -> str:
        """Our (botocore's) name of a service. Raises ApiError for one that AWS does not have."""
        mine = self._registered(signing_name, target_prefix)
        if mine is not None:
            return mine
        entry = index.find_service(target_prefix=target_prefix) if target_prefix else None
        entry = (
            entry or index.find_service(signing_name=signing_name) or index.find_service(endpoint_prefix=signing_name)
        )
        if entry is None:
            raise ApiError(f"AWS has no service '{signing_name}'.", code="UnknownServiceException", status=404)
        return entry.name

    def _registered(self, signing_name: str, target_prefix: str) -> str | None:
        """The index of all of AWS's services is only opened for one that Pileus does not have."""
        for entry in self._entries:
            if entry.target_prefix == target_prefix if target_prefix else entry.signing_name == signing_name:
                return entry.name
        return None

    def _to(self, service_name: str, protocol: str, name: str) -> Route:
        service = self._services.get(service_name)
        api: Api = service.api if service is not None else load(service_name)
        if protocol not in api.protocols and not (protocol == "query" and service_name == "sqs"):
            protocol = api.protocols[0]
        spoken = codec(api, protocol)
        compatible = api.aws_query_compatible
        refusal: ApiError
        if service is not None and name in service.operations:
            found = service.operations[name]
            return Route(service_name, protocol, spoken, found, query_compatible=compatible, asked=name)
        if name in api.operation_names:
            refusal = NotImplementedYet(
                f"Pileus does not have {service_name}:{name} yet. `pileus ledger {service_name}` lists what it has."
            )
        else:
            refusal = _unknown(protocol, name, api)
        return Route(service_name, protocol, spoken, None, None, refusal, compatible, name[:128])

    def _by_version(self, version: str | None) -> str:
        """Unsigned query calls (AssumeRoleWithWebIdentity) name their service by the API's version alone."""
        for entry in self._entries:
            if entry.api_version == version:
                return entry.signing_name
        raise _no_service()


def name_of_bucket(request: HttpRequest, hosted: str) -> str | None:
    """The bucket of a request whose path has no key: before the path, or all of it."""
    host = addresses.host_of(request)
    named = addresses.name_of(host).lower() if hosted else addresses.bucket_of(host)
    path = request.path.strip("/")
    if named is not None:
        return named if not path else None
    return decoded(path) if path and "/" not in path else None


def _signed_for(request: HttpRequest) -> str | None:
    """The service a request is signed for, in its headers or its query; None when it is not, or not readably."""
    try:
        claim = sigv4.claim_of(request)
    except ApiError:
        return None
    return claim.service if claim is not None else None


def _unsigned(request: HttpRequest) -> bool:
    return "authorization" not in request.headers and "X-Amz-Signature=" not in request.query


def _no_edge() -> ApiError:
    return ApiError(
        "S3 Transfer Acceleration is not configured on this bucket: one machine has no edge to accelerate from.",
        code="InvalidRequest",
        status=400,
    )


def _no_service() -> ApiError:
    return ApiError(
        "The request names no service: sign it (Signature Version 4), or address the service's host.",
        code="MissingAuthenticationToken",
        status=403,
    )


def _leading_action(body: Any) -> str | None:
    """SDKs put the action first: then the form need not be read to know it."""
    if type(body) is bytes and body.startswith(b"Action="):
        end = body.find(b"&", 7)
        name = body[7:end] if end > 0 else body[7:]
        if name.isalnum():
            return name.decode("ascii", "replace")
    return None


def _unknown(protocol: str, name: str, api: Api) -> ApiError:
    if protocol in ("query", "ec2"):
        if not name:
            return ApiError("The request must contain the parameter Action", code="MissingAction", status=400)
        return ApiError(
            f"Could not find operation {name} for version {api.api_version}", code="InvalidAction", status=400
        )
    if api.name == "s3":
        method, _, path = name.partition(" ")
        return _not_allowed(method, "OBJECT" if path.strip("/").count("/") else "BUCKET" if path[1:] else "SERVICE")
    if protocol.startswith("rest-"):
        return ApiError(f"{api.service_id} has no operation at {name}.", code="UnknownOperationException", status=404)
    return ApiError(f"{api.service_id} has no operation '{name}'.", code="UnknownOperationException", status=400)


def _not_allowed(method: str, kind: str = "SERVICE") -> ApiError:
    if method == "OPTIONS":
        message = "Insufficient information. Origin request header needed."
        return ApiError(message, code="BadRequest", status=400)
    return ApiError(
        "The specified method is not allowed against this resource.",
        code="MethodNotAllowed",
        status=405,
        members={"Method": method, "ResourceType": kind},
    )


def region_of(scope_region: str | None, host: str) -> str:
    """The region of a request: its signature's scope, else its host name, else us-east-1."""
    return scope_region or addresses.region_of(host) or "us-east-1"
