"""The query protocol: form parameters in, XML out (AWS Query protocol; IAM, STS, SQS's older face, …)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.base.errors import ApiError, SerializationError
from pileus.model import Member, Operation, Shape
from pileus.model.query_names import path_member
from pileus.wire import form, scalars
from pileus.wire.codec import Codec, Decoder, Encoder, is_sender
from pileus.wire.http import HttpRequest, HttpResponse
from pileus.wire.xml_writer import XmlWriter, escape

FromTree = Callable[[Any], Any]
_XML = ("content-type", "text/xml")


class QueryCodec(Codec):
    """Names on the wire are `locationName`, lists are `Name.member.N` unless flattened, maps `Name.entry.N.key`."""

    protocol = "query"
    timestamp_format = "iso8601"

    def __init__(self, api: Any):
        super().__init__(api.spoken("query"))
        self.xml = XmlWriter(self.timestamp_format)
        self._known: dict[tuple[str, bool], list[FromTree]] = {}

    def malformed(self, message: str) -> SerializationError:
        return SerializationError(message, code="MalformedInput")

    # ---- requests

    def compile_decoder(self, operation: Operation) -> Decoder:
        use = operation.input_use
        read = self._structure(use.shape) if use is not None else None
        malformed = self.malformed
        in_path = path_member(self.api.name) if use is not None else None
        if use is not None and in_path not in use.shape.members:
            in_path = None

        def decode(request: HttpRequest, labels: dict[str, str]) -> dict[str, Any]:
            try:
                text = request.query
                body = request.whole_body()
                if body:
                    text = f"{text}&{form.text_of(body)}" if text else form.text_of(body)
                if read is None:
                    return {}
                found = read(form.tree(form.pairs(text)))
            except ValueError as error:
                raise malformed(str(error)) from None
            if in_path is not None and in_path not in found and request.path != "/":
                found[in_path] = f"http://{request.headers.get('host', 'localhost')}{request.path}"
            return found

        return decode

    def name_in(self, member: Member) -> str:
        return member.location_name or member.name

    def _structure(self, shape: Shape) -> FromTree:
        known = self._known.get((shape.name, True))
        if known is not None:  # a shape that holds itself: the function is looked up when it runs
            return lambda branch: known[0](branch)
        slot: list[FromTree] = []
        self._known[shape.name, True] = slot
        table: dict[str, tuple[str, FromTree]] = {}
        for name, member in shape.members.items():
            table[self.field_name(member)] = entry = (name, self.value(member))
            table.setdefault(self.name_in(member), entry)
        wanted = table.get

        def read(branch: Any) -> dict[str, Any]:
            if branch.__class__ is not dict:
                if branch == "":
                    return {}
                raise form.Malformed("A structure was expected")
            found: dict[str, Any] = {}
            for key, below in branch.items():
                entry = wanted(key)
                if entry is not None:
                    found[entry[0]] = entry[1](below)
            return found

        slot.append(read)
        return read

    def field_name(self, member: Member) -> str:
        """A flattened list goes by the name of its items, where that is given."""
        if member.shape.type == "list" and member.flattened:
            return member.shape.member.location_name or self.name_in(member)
        return self.name_in(member)

    def value(self, member: Member) -> FromTree:
        kind = member.shape.type
        if kind == "structure":
            return self._structure(member.shape)
        if kind == "list":
            return self._list(member)
        if kind == "map":
            return self._map(member)
        return _leaf(scalars.reader(member, self.timestamp_format), self.name_in(member))

    def item_name(self, member: Member) -> str | None:
        return None if member.flattened else (member.shape.member.location_name or "member")

    def _list(self, member: Member) -> FromTree:
        item = self.value(member.shape.member)
        inner = self.item_name(member)

        def read(branch: Any) -> list[Any]:
            if inner is not None and branch.__class__ is dict:
                branch = branch.get(inner, "")
            if branch.__class__ is not dict:
                if branch == "":
                    return []
                raise form.Malformed("A list was expected")
            return [item(below) for below in form.numbered(branch)]

        return read

    def _map(self, member: Member) -> FromTree:
        key_name = member.shape.key.location_name or "key"
        value_name = member.shape.value.location_name or "value"
        value = self.value(member.shape.value)
        flattened = member.flattened

        def read(branch: Any) -> dict[str, Any]:
            if not flattened and branch.__class__ is dict:
                branch = branch.get("entry", "")
            if branch.__class__ is not dict:
                if branch == "":
                    return {}
                raise form.Malformed("A map was expected")
            found: dict[str, Any] = {}
            for entry in form.numbered(branch):
                if entry.__class__ is not dict or entry.get(key_name).__class__ is not str:
                    raise form.Malformed("A map's entry has no key")
                found[entry[key_name]] = value(entry.get(value_name, ""))
            return found

        return read

    # ---- answers

    def compile_encoder(self, operation: Operation) -> Encoder:
        name = operation.name
        namespace = f' xmlns="{escape(self.api.xml_namespace)}"' if self.api.xml_namespace else ""
        use = operation.output_use
        content = self.xml.content(use.shape) if use is not None else None
        wrapper = operation.result_wrapper or f"{name}Result"
        start = f"<{name}Response{namespace}>" + (f"<{wrapper}>" if use is not None else "")
        end = (f"</{wrapper}>" if use is not None else "") + "<ResponseMetadata><RequestId>"
        close = f"</RequestId></ResponseMetadata></{name}Response>"

        def encode(result: dict[str, Any], request_id: str) -> HttpResponse:
            inner = content(result) if content is not None and result else ""
            body = f"{start}{inner}{end}{request_id}{close}".encode()
            return HttpResponse(200, [("x-amzn-RequestId", request_id), _XML], body)

        return encode

    def encode_error(self, operation: Operation | None, error: ApiError, request_id: str) -> HttpResponse:
        namespace = f' xmlns="{escape(self.api.xml_namespace)}"' if self.api.xml_namespace else ""
        kind = "Sender" if is_sender(error) else "Receiver"
        members = self.error_members(error)
        body = (
            f"<ErrorResponse{namespace}><Error><Type>{kind}</Type><Code>{escape(self.query_code(error))}</Code>"
            f"<Message>{escape(error.message)}</Message>{members}</Error>"
            f"<RequestId>{escape(request_id)}</RequestId></ErrorResponse>"
        )
        headers = [("x-amzn-RequestId", request_id), _XML]
        return HttpResponse(error.status, headers, body.encode())

    def error_members(self, error: ApiError) -> str:
        if not error.members:
            return ""
        shape = self.error_shape(error)
        if shape is None:
            return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in error.members.items())
        return self.xml.content(shape.shape)(error.members)


def _leaf(convert: scalars.FromText, name: str) -> FromTree:
    if convert is scalars.identity:

        def read_text(value: Any) -> str:
            if value.__class__ is not str:
                raise form.Malformed(f"{name} is not a structure")
            return value

        return read_text

    def read(value: Any) -> Any:
        if value.__class__ is not str:
            raise form.Malformed(f"{name} is not a structure")
        return convert(value)

    return read
