"""Protocols: bytes to shapes and back, compiled per operation on first use. Nowhere else is XML or CBOR known."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module

from pileus.model import Api
from pileus.wire.codec import Codec
from pileus.wire.http import HttpRequest, HttpResponse

__all__ = ["Codec", "HttpRequest", "HttpResponse", "codec"]

_CODECS = {
    "query": ("pileus.wire.query", "QueryCodec"),
    "ec2": ("pileus.wire.ec2", "Ec2Codec"),
    "json": ("pileus.wire.json", "JsonCodec"),
    "rest-json": ("pileus.wire.rest_json", "RestJsonCodec"),
    "post-object": ("pileus.wire.post_object", "PostObjectCodec"),
    "rest-xml": ("pileus.wire.rest_xml", "RestXmlCodec"),
    "smithy-rpc-v2-cbor": ("pileus.wire.cbor", "CborCodec"),
}
PROTOCOLS = tuple(_CODECS)


@lru_cache(maxsize=128)
def codec(api: Api, protocol: str) -> Codec:
    """The codec of one API in one protocol; kept while it is used. Raises KeyError for a protocol unheard of."""
    module, name = _CODECS[protocol]
    made: Codec = getattr(import_module(module), name)(api)
    return made
