"""The rest-xml protocol: method and path say the operation, XML is the body (S3, Route 53, CloudFront)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.base import ids
from pileus.base.errors import ApiError, SerializationError
from pileus.model import Api, Member, Operation, Shape
from pileus.model.xml_roots import api_namespace, root_of, unwrapped_member
from pileus.wire.codec import is_sender
from pileus.wire.http import HttpResponse
from pileus.wire.rest import BadParameter, RestCodec
from pileus.wire.xml_reader import MalformedXml, XmlReader, fitted, parse
from pileus.wire.xml_writer import XmlWriter, escape, namespace_of

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_MALFORMED_S3 = "The XML you provided was not well-formed or did not validate against our published schema"


def _bad_argument(error: BadParameter) -> SerializationError:
    """Numbers are all that S3's queries have, beside text."""
    if error.name == "partNumber":
        message = "Part number must be an integer between 1 and 10000, inclusive"
    elif error.name in ("max-keys", "max-uploads", "max-parts", "part-number-marker", "max-buckets"):
        message = f"Provided {error.name} not an integer or within integer range"
    else:
        message = str(error)
    refused = SerializationError(message, code="InvalidArgument")
    refused.members = {"ArgumentName": error.name, "ArgumentValue": error.value[:1024]}
    return refused


class RestXmlCodec(RestCodec):
    protocol = "rest-xml"
    content_type = "application/xml"

    def __init__(self, api: Api):
        super().__init__(api)
        self.is_s3 = api.name == "s3"
        self.namespace = api_namespace(api)
        self.reader = XmlReader()
        self.writer = XmlWriter("iso8601.millis" if self.is_s3 else "iso8601")

    def malformed(self, message: str) -> SerializationError:
        return SerializationError(message, code="InvalidArgument" if self.is_s3 else "MalformedInput")

    def refused(self, error: ValueError) -> SerializationError:
        if self.is_s3 and isinstance(error, MalformedXml):
            return SerializationError(_MALFORMED_S3, code="MalformedXML")
        if self.is_s3 and isinstance(error, BadParameter):
            return _bad_argument(error)
        return self.malformed(str(error))

    def request_ids(self, request_id: str) -> list[tuple[str, str]]:
        if not self.is_s3:
            return [("x-amzn-RequestId", request_id)]
        return [("x-amz-request-id", request_id), ("x-amz-id-2", ids.host_id(request_id))]

    # ---- bodies

    def body_reader(self, shape: Shape, leave_out: frozenset[str]) -> Callable[[bytes], dict[str, Any]]:
        read = self.reader.content(shape, leave_out)
        return lambda body: fitted(read, parse(body))

    def payload_reader(self, member: Member) -> Callable[[bytes], Any]:
        read = self.reader.value(member)
        roots = {
            name for name in (member.location_name, member.shape.raw.get("locationName"), member.shape.name) if name
        }

        def of(body: bytes) -> Any:
            node = parse(body)
            if node.name not in roots:
                raise MalformedXml(f"The XML has an unexpected element: {node.name[:128]}")
            return fitted(read, node)

        return of

    def body_writer(
        self, shape: Shape, leave_out: frozenset[str], operation: Operation | None = None
    ) -> Callable[[dict[str, Any]], bytes]:
        root = root_of(operation) if operation is not None else shape.name
        own = namespace_of(operation.output_use) if operation is not None and operation.output_use is not None else ""
        namespace = own or self._namespace()
        alone = unwrapped_member(operation) if operation is not None else None
        if alone is not None:
            start, end = f"{_DECLARATION}<{root}{namespace}>", f"</{root}>"
            return lambda value: f"{start}{escape(value.get(alone, ''))}{end}".encode()
        element = self.writer.around(self.writer.content(shape, leave_out), shape, root, namespace)
        return lambda value: (_DECLARATION + element(value)).encode()

    def payload_writer(self, member: Member) -> Callable[[Any], bytes]:
        root = member.location_name or member.shape.name
        element = self.writer.element(member, root)
        plain, named = f"<{root}>", f"<{root}{self._namespace()}>"

        def write(value: Any) -> bytes:
            text = element(value)
            if text.startswith(plain):  # it has no namespace of its own
                text = named + text[len(plain) :]
            return (_DECLARATION + text).encode()

        return write

    def _namespace(self) -> str:
        return f' xmlns="{escape(self.namespace)}"' if self.namespace else ""

    # ---- errors

    def encode_error(self, operation: Operation | None, error: ApiError, request_id: str) -> HttpResponse:
        headers, members = self.error_headers(error, request_id)
        headers.extend(error.headers.items())
        headers.append(("content-type", self.content_type))
        if error.status == 304 or (operation is not None and operation.http_method == "HEAD"):
            return HttpResponse(error.status, headers)
        code, message = escape(self.query_code(error)), escape(error.message)
        inner = f"<Code>{code}</Code><Message>{message}</Message>{self._error_members(error, members)}"
        if self.is_s3:  # S3's errors stand alone (Amazon S3 API Reference, "REST error responses")
            inner += f"<RequestId>{escape(request_id)}</RequestId><HostId>{ids.host_id(request_id)}</HostId>"
            body = f"<Error>{inner}</Error>"
        else:
            kind = "Sender" if is_sender(error) else "Receiver"
            body = (
                f"<ErrorResponse{self._namespace()}><Error><Type>{kind}</Type>{inner}</Error>"
                f"<RequestId>{escape(request_id)}</RequestId></ErrorResponse>"
            )
        return HttpResponse(error.status, headers, (_DECLARATION + body).encode())

    def _error_members(self, error: ApiError, members: dict[str, Any]) -> str:
        """Those of the model as the model says; S3 adds others that its model does not have (`BucketName`, `Key`)."""
        shape = self.error_shape(error)
        known = shape.shape.members if shape is not None else {}
        made = []
        for name, value in members.items():
            if name in known:
                made.append(self.writer.element(known[name])(value))
            elif name.isalnum():
                made.append(f"<{name}>{escape(str(value))}</{name}>")
        return "".join(made)
