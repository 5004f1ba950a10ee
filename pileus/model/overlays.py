"""What we read otherwise than the models say: each overlay says why."""

from typing import Any

_DOCUMENTS = {
    # DynamoDB's values travel and are kept as the JSON they came in (Base64 and all): the service checks them itself,
    # in one walk, and hands them out without another.
    "dynamodb": ("AttributeValue",),
    "dynamodbstreams": ("AttributeValue", "AttributeMap"),
}


def overlaid(service: str, model: dict[str, Any]) -> dict[str, Any]:
    """The model with our marks on it. `document`: any JSON, neither read nor written member by member."""
    for shape in _DOCUMENTS.get(service, ()):
        model["shapes"][shape]["document"] = True
    return model
