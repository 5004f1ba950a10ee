"""What requests about one item have in common: their condition, in either form, and what they want back."""

from typing import Any

from ..errors import ConditionalCheckFailed, Invalid
from ..expressions import Condition, Parameters, Projection, condition, legacy, projection
from .rows import Kept

Request = dict[str, Any]
FAILED = "The conditional request failed"
OLD_FORMS = frozenset({
    "AttributesToGet", "AttributeUpdates", "ConditionalOperator", "Expected", "KeyConditions", "QueryFilter",
    "ScanFilter",
})  # fmt: skip


def parameters_of(request: Request) -> Parameters:
    """The names and values that expressions stand for; both forms at once are refused."""
    if not OLD_FORMS.isdisjoint(request):
        legacy.mixing(request)
    return Parameters(request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues"))


def condition_of(request: Request, parameters: Parameters) -> Condition | None:
    text = request.get("ConditionExpression")
    if text is not None:
        return condition("ConditionExpression", text, parameters)
    if "Expected" in request:
        return legacy.expected(request["Expected"], request.get("ConditionalOperator"))
    return None


def projection_of(request: Request, parameters: Parameters) -> Projection | None:
    text = request.get("ProjectionExpression")
    if text is not None:
        return projection(text, parameters)
    if "AttributesToGet" in request:
        return legacy.attributes_to_get(request["AttributesToGet"])
    return None


def holds(wanted: Condition, old: Kept | None, request: Request) -> None:
    """Raises ConditionalCheckFailed, with the item if the request wants it then."""
    if wanted.test(old.item if old is not None else {}):
        return
    shown: dict[str, Any] = {}
    if old is not None and request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
        shown["Item"] = old.item
    raise ConditionalCheckFailed(FAILED, members=shown)


def check_return_values(request: Request, allowed: tuple[str, ...]) -> str:
    wanted: str = request.get("ReturnValues", "NONE")
    if wanted not in allowed:
        raise Invalid("Return values set to invalid value")
    return wanted
