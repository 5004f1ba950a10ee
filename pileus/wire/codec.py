"""What every protocol's codec has in common: compiled functions, one pair an operation, made on first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.base.errors import ApiError, SerializationError
from pileus.model import Api, ErrorShape, Operation
from pileus.wire.compression import NotGzip, unpacking
from pileus.wire.http import HttpRequest, HttpResponse

Decoder = Callable[[HttpRequest, dict[str, str]], dict[str, Any]]
Encoder = Callable[[dict[str, Any], str], HttpResponse]


class Codec:
    """Bytes to one API's shapes and back, in one protocol. Pure: no clock, no state but what it compiled."""

    def __init__(self, api: Api):
        self.api = api
        self._decoders: dict[str, Decoder] = {}
        self._encoders: dict[str, Encoder] = {}

    def decode(self, operation: Operation, request: HttpRequest, labels: dict[str, str]) -> dict[str, Any]:
        """The request as the input shape's dict. Raises SerializationError whatever the bytes, and nothing else."""
        decoder = self._decoders.get(operation.name)
        if decoder is None:
            decoder = self.compile_decoder(self.api.operation(operation.name))
            if operation.takes_gzip:
                decoder = unpacking(decoder)
            self._decoders[operation.name] = decoder
        try:
            return decoder(request, labels)
        except NotGzip as error:
            raise self.malformed(str(error)) from None
        except RecursionError:
            raise self.malformed("The request is nested too deeply") from None

    def encode(self, operation: Operation, result: dict[str, Any] | None, request_id: str) -> HttpResponse:
        """The answer. A member the output shape does not have is a defect of the service: KeyError."""
        encoder = self._encoders.get(operation.name)
        if encoder is None:
            encoder = self._encoders[operation.name] = self.compile_encoder(self.api.operation(operation.name))
        return encoder(result or {}, request_id)

    def encode_error(self, operation: Operation | None, error: ApiError, request_id: str) -> HttpResponse:
        raise NotImplementedError

    def compile_decoder(self, operation: Operation) -> Decoder:
        raise NotImplementedError

    def compile_encoder(self, operation: Operation) -> Encoder:
        raise NotImplementedError

    def malformed(self, message: str) -> SerializationError:
        return SerializationError(message)

    def error_shape(self, error: ApiError) -> ErrorShape | None:
        return self.api.find_error(error.code)

    def query_code(self, error: ApiError) -> str:
        """What the query protocol calls this error."""
        if error.query_code:
            return error.query_code
        shape = self.api.find_error(error.code)
        return shape.query_code if shape else error.code

    def message_member(self, error: ApiError) -> str:
        """The error shape's own spelling: `message` or `Message`."""
        shape = self.api.find_error(error.code)
        if shape is not None:
            for name in shape.shape.members:
                if name.lower() == "message":
                    return name
        return "message"


def is_sender(error: ApiError) -> bool:
    return error.sender and error.status < 500
