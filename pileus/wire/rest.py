"""What rest-json and rest-xml have in common: members in the path, the query string, headers and the status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.base.errors import ApiError, SerializationError
from pileus.model import Member, Operation, Shape
from pileus.wire import eventstream, form, header_values, scalars
from pileus.wire.codec import Codec, Decoder, Encoder
from pileus.wire.http import HttpRequest, HttpResponse

# Reads one part of a request into the dict.
Part = Callable[[HttpRequest, dict[str, str], dict[str, Any]], None]
_EVENTS = "application/vnd.amazon.eventstream"
_IN_ANSWERS = frozenset({"header", "headers", "statusCode"})  # an answer has no path and no query string
_NO_BODY = frozenset({204, 304})


class BadParameter(ValueError):
    """One of the query string, that cannot be what it should be."""

    def __init__(self, name: str, value: str, why: str):
        super().__init__(why)
        self.name, self.value = name, value


class RestCodec(Codec):
    """Subclasses say how structures stand in a body."""

    content_type = ""

    def body_reader(self, shape: Shape, leave_out: frozenset[str]) -> Callable[[bytes], dict[str, Any]]:
        """For a structure that is the body, without the members that travel elsewhere. Raises ValueError."""
        raise NotImplementedError

    def payload_reader(self, member: Member) -> Callable[[bytes], Any]:
        """For one member that is the body. Raises ValueError."""
        raise NotImplementedError

    def body_writer(
        self, shape: Shape, leave_out: frozenset[str], operation: Operation | None = None
    ) -> Callable[[dict[str, Any]], bytes]:
        raise NotImplementedError

    def payload_writer(self, member: Member) -> Callable[[Any], bytes]:
        raise NotImplementedError

    def request_ids(self, request_id: str) -> list[tuple[str, str]]:
        return [("x-amzn-RequestId", request_id)]

    def refused(self, error: ValueError) -> SerializationError:
        """What the caller is told of a part of the request that cannot be read."""
        return self.malformed(str(error))

    # ---- requests

    def compile_decoder(self, operation: Operation) -> Decoder:
        shape = operation.input
        if shape is None:
            return lambda request, labels: {}
        parts = [*self._labels(shape), *self._queries(operation, shape), *self._headers(shape), *self._body(shape)]
        refused = self.refused

        def decode(request: HttpRequest, labels: dict[str, str]) -> dict[str, Any]:
            found: dict[str, Any] = {}
            try:
                for part in parts:
                    part(request, labels, found)
            except ValueError as error:
                raise refused(error) from None
            return found

        return decode

    def _labels(self, shape: Shape) -> list[Part]:
        table = _located(shape, "uri", lambda member: scalars.reader(member, "iso8601"))

        def read(request: HttpRequest, labels: dict[str, str], found: dict[str, Any]) -> None:
            for label, (name, convert) in table.items():
                if label in labels:
                    found[name] = convert(labels[label])

        return [read] if table else []

    def _queries(self, operation: Operation, shape: Shape) -> list[Part]:
        """A map holds every parameter but the path's own, those of other members too, as Smithy's servers do."""
        maps = [m for m in shape.members.values() if m.location == "querystring" and m.shape.type == "map"]
        lists = {m.name for m in shape.members.values() if m.location == "querystring" and m.shape.type == "list"}
        table = _located(shape, "querystring", _query_reader)
        for member in maps:
            table.pop(member.location_name or member.name, None)
        constant = {name for name, _ in form.pairs(operation.request_uri.partition("?")[2])}
        if not table and not maps:
            return []

        def read(request: HttpRequest, labels: dict[str, str], found: dict[str, Any]) -> None:
            if not request.query:
                return
            fields = form.pairs(request.query)
            for called, text in fields:
                entry = table.get(called)
                if entry is None:
                    continue
                try:
                    value = entry[1](text)
                except ValueError as error:
                    raise BadParameter(called, text, str(error)) from None
                if entry[0] in lists:
                    found.setdefault(entry[0], []).append(value)
                else:
                    found[entry[0]] = value
            for member in maps:
                _gather(member, [field for field in fields if field[0] not in constant], found)

        return [read]

    def _headers(self, shape: Shape) -> list[Part]:
        table = _located(shape, "header", header_values.reader)
        table = {called.lower(): entry for called, entry in table.items()}
        prefixes = [
            ((member.location_name or "").lower(), name)
            for name, member in shape.members.items()
            if member.location == "headers"
        ]

        def read(request: HttpRequest, labels: dict[str, str], found: dict[str, Any]) -> None:
            headers = request.headers
            # Requests carry fewer headers than operations know.
            for called, text in headers.items():
                entry = table.get(called)
                if entry is not None:
                    found[entry[0]] = entry[1](text)
            for prefix, name in prefixes:
                held = {called[len(prefix) :]: text for called, text in headers.items() if called.startswith(prefix)}
                if held:
                    found[name] = held

        return [read] if table or prefixes else []

    def _body(self, shape: Shape) -> list[Part]:
        events = next((m for m in shape.members.values() if m.shape.event_stream), None)
        if events is not None:
            name = events.name
            decode = eventstream.reader(self, events.shape)

            def read_events(request: HttpRequest, labels: dict[str, str], found: dict[str, Any]) -> None:
                found[name] = decode(request.body)

            return [read_events]
        if shape.payload is not None:
            return [self._payload(shape.members[shape.payload])]
        elsewhere = frozenset(name for name, member in shape.members.items() if member.location)
        if len(elsewhere) == len(shape.members):
            return []
        body_of = self.body_reader(shape, elsewhere)

        def read(request: HttpRequest, labels: dict[str, str], found: dict[str, Any]) -> None:
            body = request.whole_body()
            if body:
                found.update(body_of(body))

        return [read]

    def _payload(self, member: Member) -> Part:
        name, kind = member.name, member.shape.type
        if kind == "blob":

            def take(request: HttpRequest, labels: dict[str, str], found: dict[str, Any]) -> None:
                if request.body != b"":
                    found[name] = request.body

            return take
        convert = _text if kind == "string" else self.payload_reader(member)

        def read(request: HttpRequest, labels: dict[str, str], found: dict[str, Any]) -> None:
            body = request.whole_body()
            if body:
                found[name] = convert(body)

        return read

    # ---- answers

    def compile_encoder(self, operation: Operation) -> Encoder:
        shape = operation.output
        code, silent = operation.response_code, operation.http_method == "HEAD"
        request_ids = self.request_ids
        if shape is None:
            return lambda result, request_id: HttpResponse(code, request_ids(request_id))
        write_headers = _headers_writer(shape)
        status = next((n for n, m in shape.members.items() if m.location == "statusCode"), None)
        body_of = self._body_writer(operation, shape)
        known = frozenset(shape.members)

        def encode(result: dict[str, Any], request_id: str) -> HttpResponse:
            if not known.issuperset(result):
                raise KeyError(f"{operation.name} has no output member {sorted(result.keys() - known)}")
            headers = request_ids(request_id)
            answered = code if status is None else result.get(status, code)
            typed = write_headers(result, headers)
            if silent or answered in _NO_BODY:
                return HttpResponse(answered, headers)
            body, content_type = body_of(result)
            if content_type and not typed:
                headers.append(("content-type", content_type))
            return HttpResponse(answered, headers, body)

        return encode

    def _body_writer(self, operation: Operation, shape: Shape) -> Callable[[dict[str, Any]], tuple[Any, str]]:
        events = operation.event_stream_output
        if events is not None:
            encode = eventstream.writer(self, shape.members[events].shape)
            return lambda result: (encode(result[events]), _EVENTS)
        if shape.payload is not None:
            return self._payload_body(shape.members[shape.payload])
        elsewhere = frozenset(name for name, member in shape.members.items() if member.location in _IN_ANSWERS)
        if len(elsewhere) == len(shape.members):
            return lambda result: self.empty_body(shape)
        write = self.body_writer(shape, elsewhere, operation)
        content_type = self.content_type
        return lambda result: (write(result), content_type)

    def empty_body(self, shape: Shape) -> tuple[bytes, str]:
        return b"", ""

    def _payload_body(self, member: Member) -> Callable[[dict[str, Any]], tuple[Any, str]]:
        name, kind = member.name, member.shape.type
        if kind == "blob":
            return lambda result: (result.get(name, b""), "application/octet-stream" if name in result else "")
        if kind == "string":
            return lambda result: (result.get(name, "").encode(), "text/plain" if name in result else "")
        write = self.payload_writer(member)
        content_type = self.content_type
        return lambda result: (write(result[name]), content_type) if name in result else (b"", "")

    # ---- errors

    def error_headers(self, error: ApiError, request_id: str) -> tuple[list[tuple[str, str]], dict[str, Any]]:
        """The headers of an error, and the members that are left for its body."""
        headers = self.request_ids(request_id)
        shape = self.error_shape(error)
        if shape is None or not error.members:
            return headers, error.members
        _headers_writer(shape.shape)(error.members, headers)
        return headers, {
            name: value
            for name, value in error.members.items()
            if name not in shape.shape.members or shape.shape.members[name].location not in _IN_ANSWERS
        }


def _located(
    shape: Shape, location: str, reader: Callable[[Member], Callable[[str], Any]]
) -> dict[str, tuple[str, Callable[[str], Any]]]:
    return {
        member.location_name or name: (name, reader(member))
        for name, member in shape.members.items()
        if member.location == location
    }


def _query_reader(member: Member) -> Callable[[str], Any]:
    if member.shape.type == "map":
        return scalars.identity
    return scalars.reader(member.shape.member if member.shape.type == "list" else member, "iso8601")


def _gather(member: Member, fields: list[tuple[str, str]], found: dict[str, Any]) -> None:
    if not fields:
        return
    gathered: dict[str, Any] = {}
    many = member.shape.value.shape.type == "list"
    for name, text in fields:
        if many:
            gathered.setdefault(name, []).append(text)
        else:
            gathered.setdefault(name, text)
    found[member.name] = gathered


def _text(body: bytes) -> str:
    return form.text_of(body)


def _headers_writer(shape: Shape) -> Callable[[dict[str, Any], list[tuple[str, str]]], bool]:
    """Adds the headers of a result and says whether the content type was among them."""
    table = {
        name: (member.location_name or name, header_values.writer(member))
        for name, member in shape.members.items()
        if member.location == "header"
    }
    type_name = next((name for name, (shown, _) in table.items() if shown.lower() == "content-type"), None)
    prefixes = {name: m.location_name or "" for name, m in shape.members.items() if m.location == "headers"}

    def write(result: dict[str, Any], headers: list[tuple[str, str]]) -> bool:
        typed = False
        for name, value in result.items():
            entry = table.get(name)
            if entry is not None:
                if value.__class__ is not list or value:
                    headers.append((entry[0], entry[1](value)))
                    typed = typed or name == type_name
            elif name in prefixes:
                prefix = prefixes[name]
                headers.extend((_name(prefix + key), header_values.safe(text)) for key, text in value.items())
        return typed

    return write


def _name(text: str) -> str:
    """A header's name as the caller once chose it; S3 takes only what is a name, this is the second lock."""
    return "".join(
        character for character in text if character.isascii() and character.isprintable() and character not in ": "
    )
