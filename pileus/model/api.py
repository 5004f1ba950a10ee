"""One service's API: its operations, shapes and errors, read from data and never restated."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from pileus.model import files, query_names
from pileus.model.overlays import overlaid
from pileus.model.shapes import Member, Shape


class ErrorShape(NamedTuple):
    """How an error travels: `code` is the shape's name, `query_code` what the query protocol calls it."""

    name: str
    code: str
    query_code: str
    status: int
    sender: bool
    shape: Shape


class Operation:
    """One operation of an API."""

    def __init__(self, api: Api, name: str, raw: dict[str, Any]):
        http = raw.get("http", {})
        self.api = api
        self.name = name
        self.raw = raw
        self.http_method: str = http.get("method", "POST")
        self.request_uri: str = http.get("requestUri", "/")
        self.response_code: int = http.get("responseCode", 200)
        self.deprecated = bool(raw.get("deprecated"))
        self.host_prefix: str | None = (raw.get("endpoint") or {}).get("hostPrefix")
        self.http_checksum: dict[str, Any] | None = raw.get("httpChecksum")
        self.takes_gzip = "gzip" in (raw.get("requestcompression") or {}).get("encodings", ())
        self.auth_type: str | None = raw.get("authtype")

    @cached_property
    def input_use(self) -> Member | None:
        """The input with the traits of its use (locationName, xmlNamespace)."""
        use = self.raw.get("input")
        return Member(self.name, self.api.shape(use["shape"]), use) if use else None

    @cached_property
    def output_use(self) -> Member | None:
        use = self.raw.get("output")
        return Member(self.name, self.api.shape(use["shape"]), use) if use else None

    @property
    def input(self) -> Shape | None:
        return self.input_use.shape if self.input_use else None

    @property
    def output(self) -> Shape | None:
        return self.output_use.shape if self.output_use else None

    @property
    def result_wrapper(self) -> str | None:
        """The query protocol's element around the output."""
        return (self.raw.get("output") or {}).get("resultWrapper")

    @cached_property
    def errors(self) -> tuple[str, ...]:
        return tuple(error["shape"] for error in self.raw.get("errors", ()))

    @cached_property
    def streaming_input(self) -> str | None:
        """The input member that is a stream of bytes."""
        return _streaming(self.input)

    @cached_property
    def streaming_output(self) -> str | None:
        return _streaming(self.output)

    @cached_property
    def event_stream_input(self) -> str | None:
        """The input member that is a stream of events."""
        return _event_stream(self.input)

    @cached_property
    def event_stream_output(self) -> str | None:
        return _event_stream(self.output)

    @cached_property
    def idempotency_tokens(self) -> tuple[str, ...]:
        """Members that clients fill in by themselves."""
        return tuple(n for n, m in self.input.members.items() if m.idempotency_token) if self.input else ()

    def __repr__(self) -> str:
        return f"<Operation {self.api.name}.{self.name}>"


def _streaming(shape: Shape | None) -> str | None:
    if shape is None or shape.payload is None:
        return None
    payload = shape.members[shape.payload]
    return payload.name if payload.shape.type == "blob" and payload.streaming else None


def _event_stream(shape: Shape | None) -> str | None:
    if shape is None:
        return None
    return next((name for name, member in shape.members.items() if member.shape.event_stream), None)


class Api:
    """What a service model says, resolved piece by piece as it is asked for."""

    def __init__(self, name: str, model: dict[str, Any]):
        meta = model["metadata"]
        self.name = name
        self.model = model
        self.metadata: dict[str, Any] = meta
        self.service_id: str = meta.get("serviceId", name)
        self.full_name: str = meta.get("serviceFullName", self.service_id)
        self.endpoint_prefix: str = meta.get("endpointPrefix", name)
        self.signing_name: str = meta.get("signingName", self.endpoint_prefix)
        self.target_prefix: str | None = meta.get("targetPrefix")
        self.json_version: str = str(meta.get("jsonVersion", "1.0"))
        self.protocol: str = meta["protocol"]
        self.protocols: tuple[str, ...] = tuple(meta.get("protocols") or (self.protocol,)) + query_names.extra(name)
        self.api_version: str = meta.get("apiVersion", "")
        self.xml_namespace: str = _uri(meta.get("xmlNamespace")) or query_names.xml_namespace(name)
        self.is_global = "globalEndpoint" in meta
        self.aws_query_compatible = "awsQueryCompatible" in meta
        self._shapes: dict[str, Shape] = {}
        self._operations: dict[str, Operation] = {}

    @cached_property
    def operation_names(self) -> tuple[str, ...]:
        return tuple(self.model["operations"])

    def operation(self, name: str) -> Operation:
        """Raises KeyError when the API has no such operation."""
        found = self._operations.get(name)
        if found is None:
            found = self._operations[name] = Operation(self, name, self.model["operations"][name])
        return found

    def shape(self, name: str) -> Shape:
        found = self._shapes.get(name)
        if found is None:
            found = self._shapes[name] = Shape(name, self.model["shapes"][name], self.shape)
        return found

    @cached_property
    def _errors(self) -> dict[str, ErrorShape]:
        codes = query_names.error_codes(self.name)
        found: dict[str, ErrorShape] = {}
        for name, raw in self.model["shapes"].items():
            if raw["type"] == "structure" and (raw.get("exception") or "error" in raw):
                trait = raw.get("error") or {}
                query_code, status = codes.get(name, (trait.get("code") or name, None))
                fault = bool(raw.get("fault")) or trait.get("senderFault") is False
                status = trait.get("httpStatusCode") or status or (500 if fault else 400)
                sender = trait.get("senderFault", not fault and status < 500)
                found[name] = ErrorShape(name, name, query_code, status, sender, self.shape(name))
        return found

    @property
    def error_names(self) -> tuple[str, ...]:
        return tuple(self._errors)

    def error(self, name: str) -> ErrorShape:
        """Raises KeyError when the API has no such error shape."""
        return self._errors[name]

    def find_error(self, code: str) -> ErrorShape | None:
        """By shape name, or by the code the query protocol uses."""
        found = self._errors.get(code)
        return found if found is not None else self._errors_by_query_code.get(code)

    @cached_property
    def _errors_by_query_code(self) -> dict[str, ErrorShape]:
        return {error.query_code: error for error in self._errors.values()}

    def spoken(self, protocol: str) -> Api:
        """This API with the member names that `protocol` uses, where the model dropped them (see `query_names`)."""
        return self._query if protocol == "query" else self

    @cached_property
    def _query(self) -> Api:
        overlaid = query_names.overlaid(self.name, self.model)
        return self if overlaid is self.model else Api(self.name, overlaid)

    def __repr__(self) -> str:
        return f"<Api {self.name}>"


def _uri(raw: str | dict[str, str] | None) -> str:
    if raw is None:
        return ""
    return raw if isinstance(raw, str) else raw["uri"]


@lru_cache(maxsize=64)
def load(name: str) -> Api:
    """The newest model of a service by botocore's name for it (`sqs`, `ec2`). Raises `files.ModelNotFound`."""
    return Api(name, overlaid(name, files.read(files.model_file(name))))
