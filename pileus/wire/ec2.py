"""The ec2 protocol: the query protocol with capitalised names, lists always flattened and plainer XML."""

from __future__ import annotations

from typing import Any

from pileus.base.errors import ApiError, SerializationError
from pileus.model import Api, Member, Operation
from pileus.wire.codec import Encoder
from pileus.wire.http import HttpRequest, HttpResponse
from pileus.wire.query import QueryCodec
from pileus.wire.xml_writer import XmlWriter, escape

_XML = ("content-type", "text/xml;charset=UTF-8")
__all__ = ["Ec2Codec", "HttpRequest"]


class Ec2Codec(QueryCodec):
    protocol = "ec2"

    def __init__(self, api: Api):
        super().__init__(api)
        self.xml = XmlWriter("iso8601.millis", item_default="item")

    def malformed(self, message: str) -> SerializationError:
        return SerializationError(message, code="MalformedQueryString")

    def name_in(self, member: Member) -> str:
        name = member.query_name
        if name is None:
            name = member.location_name or member.name
            name = name[0].upper() + name[1:]
        return name

    def field_name(self, member: Member) -> str:
        return self.name_in(member)

    def item_name(self, member: Member) -> str | None:
        return None

    def compile_encoder(self, operation: Operation) -> Encoder:
        use = operation.output_use
        content = self.xml.content(use.shape) if use is not None else None
        start = f'<?xml version="1.0" encoding="UTF-8"?>\n<{operation.name}Response xmlns="{self.api.xml_namespace}">'
        close = f"</{operation.name}Response>"

        def encode(result: dict[str, Any], request_id: str) -> HttpResponse:
            # An operation without an output shape answers `return`, as "Making API requests" of EC2 shows.
            inner = content(result) if content is not None and result else ""
            if content is None:
                inner = "<return>true</return>"
            body = f"{start}<requestId>{request_id}</requestId>{inner}{close}".encode()
            return HttpResponse(200, [("x-amzn-RequestId", request_id), _XML], body)

        return encode

    def encode_error(self, operation: Operation | None, error: ApiError, request_id: str) -> HttpResponse:
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
            f"<Code>{escape(self.query_code(error))}</Code><Message>{escape(error.message)}</Message>"
            f"{self.error_members(error)}</Error></Errors><RequestID>{escape(request_id)}</RequestID></Response>"
        )
        return HttpResponse(error.status, [("x-amzn-RequestId", request_id), _XML], body.encode())
