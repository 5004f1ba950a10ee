"""Stop 2: which operation is meant, of which service, in which protocol.

A request says it in up to five ways; the first that speaks is believed: `X-Amz-Target`, the CBOR path, the signature's
scope, the host name, and (unsigned query calls) the API version beside `Action`.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from pileus.base.errors import ApiError, NotImplementedYet
from pileus.model import Api, index, load
from pileus.service import Operation, Service
from pileus.wire import Codec, HttpRequest, codec
from pileus.wire.names import action_of, cbor_of, parameter
from pileus.wire.rest_routes import Routes

from . import addresses

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

    def route(self, request: HttpRequest, scope_service: str | None) -> Route:
        """Raises ApiError when not even a service is meant."""
        target = request.headers.get("x-amz-target")
        if target is not None:
            return self._remembered("json", scope_service or "", target)
        if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
            service_id, name = cbor_of(request)
            return self._remembered("smithy-rpc-v2-cbor", scope_service or service_id or "", name or "")
        host = request.headers.get("host", "")
        service = scope_service or addresses.service_of(host)
        if service is not None and self._speaks_rest(service):
            # Before anything is looked for in its body: that may be an object that only looks like a form.
            return self._rest(service, request, host)
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

    def _rest(self, signing_name: str, request: HttpRequest, host: str) -> Route:
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
        if name == "s3" and (bucket := addresses.bucket_of(host)) is not None:
            path = f"/{bucket}{path}"
        matched = routes.match(request.method, path, request.query, request.headers)
        if matched is None:
            return self._to(name, protocol, f"{request.method} {request.path}")
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
        message = "The specified method is not allowed against this resource."
        return ApiError(message, code="MethodNotAllowed", status=405)
    if protocol.startswith("rest-"):
        return ApiError(f"{api.service_id} has no operation at {name}.", code="UnknownOperationException", status=404)
    return ApiError(f"{api.service_id} has no operation '{name}'.", code="UnknownOperationException", status=400)


def region_of(scope_region: str | None, host: str) -> str:
    """The region of a request: its signature's scope, else its host name, else us-east-1."""
    return scope_region or addresses.region_of(host) or "us-east-1"
