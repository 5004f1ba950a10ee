"""The document in a configuration's request, held against the model's own schema.

S3 says of every document that breaks its schema the same: MalformedXML. Source: Amazon S3 API Reference, "List of error
codes"; what is required, and which words a member may be, the model knows.
"""

from typing import Any

from pileus.model.shapes import Member, Shape
from pileus.service import Call

from ..errors import S3Error, malformed_xml


def payload(call: Call, request: dict[str, Any], free: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The request's document. `free`: members whose words the operation judges itself."""
    shape = call.operation.model.input
    name = shape.payload
    found = request.get(name)
    if found is None:
        raise S3Error("MissingRequestBodyError", 400, "Request Body is empty")
    _check(shape.members[name].shape, found, free)
    return dict(found)


def _check(shape: Shape, value: dict[str, Any], free: frozenset[str]) -> None:
    if not value.keys() >= set(shape.required):
        raise malformed_xml()
    for name, held in value.items():
        _check_member(shape.members[name], held, free)


def _check_member(member: Member, held: Any, free: frozenset[str]) -> None:
    shape = member.shape
    if shape.type == "structure":
        _check(shape, held, free)
    elif shape.type == "list":
        for item in held:
            _check_member(shape.member, item, free)
    elif shape.type == "string" and shape.name not in free:
        words = shape.raw.get("enum")
        if words and held not in words:
            raise malformed_xml()
