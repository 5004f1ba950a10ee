"""What requests about one item have in common: their condition, in either form, and what they want back."""

from typing import Any

from ..errors import ConditionalCheckFailed, Invalid
from ..expressions import Condition, Parameters, Projection, condition, legacy, projection
from ..expressions.parameters import without_expression
from .rows import Kept

Request = dict[str, Any]
FAILED = "The conditional request failed"
ALONE = "ConditionalOperator cannot be used without Filter or Expected"
OLD_FORMS = frozenset({
    "AttributesToGet", "AttributeUpdates", "ConditionalOperator", "Expected", "KeyConditions", "QueryFilter",
    "ScanFilter",
})  # fmt: skip


def parameters_of(request: Request, *expressions: str) -> Parameters:
    """The names and values that expressions stand for; both forms at once are refused, and so are names and values
    without any expression. `expressions`: the operation's that may refer to values, in AWS's order."""
    if not OLD_FORMS.isdisjoint(request):
        legacy.mixing(request)
    names, values = request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues")
    if (names is not None or values is not None) and not any(name in request for name in expressions):
        without_expression(None if "ProjectionExpression" in request else names, values, expressions)
    return Parameters(names, values)


def condition_of(request: Request, parameters: Parameters) -> Condition | None:
    text = request.get("ConditionExpression")
    if text is not None:
        return condition("ConditionExpression", text, parameters)
    if "Expected" in request:
        return legacy.expected(request["Expected"], request.get("ConditionalOperator"))
    if "ConditionalOperator" in request:
        raise Invalid(ALONE)
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
        raise Invalid("ReturnValues can only be ALL_OLD or NONE")
    return wanted
