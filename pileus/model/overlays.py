"""What we read otherwise than the models say: each overlay says why."""

from typing import Any

_DOCUMENTS = {
    # DynamoDB's values travel and are kept as the JSON they came in (Base64 and all): the service checks them itself,
    # in one walk, and hands them out without another.
    "dynamodb": ("AttributeValue",),
    "dynamodbstreams": ("AttributeValue", "AttributeMap"),
}


_WHOLE_BODIES = {
    # A block has 512 KiB: its checksum and the signature are judged before anybody sees it.
    "ebs": (("PutSnapshotBlockRequest", "BlockData"),),
}


def overlaid(service: str, model: dict[str, Any]) -> dict[str, Any]:
    """The model with our marks on it. `document`: any JSON, neither read nor written member by member."""
    for shape in _DOCUMENTS.get(service, ()):
        model["shapes"][shape]["document"] = True
    for shape, member in _WHOLE_BODIES.get(service, ()):
        model["shapes"][shape]["members"][member].pop("streaming", None)
        model["shapes"][model["shapes"][shape]["members"][member]["shape"]].pop("streaming", None)
    return model
