"""The model's constraints on a request, with EC2's own codes: members that must be there, values from a list.

Source: EC2 API Reference, "Error codes for the Amazon EC2 API": MissingParameter, InvalidParameterValue.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pileus.model import Operation, Shape

Wrong = tuple[str, str]
Check = Callable[[Any], Wrong | None]


def check(operation: Operation, request: dict[str, Any]) -> Wrong | None:
    """(code, message) of the first thing wrong, None when all is well."""
    checker = _operation(operation)
    return checker(request) if checker is not None else None


@lru_cache(maxsize=1024)
def _operation(operation: Operation) -> Check | None:
    return _structure(operation.input, {}) if operation.input is not None else None


def _structure(shape: Shape, known: dict[str, Any]) -> Check | None:
    if shape.name in known:  # a shape that holds itself is looked up when it runs
        return lambda value: known[shape.name](value) if known[shape.name] is not None else None
    known[shape.name] = None
    required = tuple(shape.required)
    below = {name: made for name, m in shape.members.items() if (made := _value(name, m.shape, known)) is not None}

    def run(value: dict[str, Any]) -> Wrong | None:
        for name in required:
            if name not in value:
                return "MissingParameter", f"The request must contain the parameter {name}"
        for name, item in value.items():
            made = below.get(name)
            wrong = made(item) if made is not None else None
            if wrong is not None:
                return wrong
        return None

    known[shape.name] = run if required or below else None
    return known[shape.name]


def _value(name: str, shape: Shape, known: dict[str, Any]) -> Check | None:
    if shape.type == "structure":
        return _structure(shape, known)
    if shape.type == "list":
        one = _value(name, shape.member.shape, known)
        if one is None:
            return None
        return lambda values: next((wrong for value in values if (wrong := one(value)) is not None), None)
    if shape.enum:
        allowed = frozenset(shape.enum)

        def listed(value: str) -> Wrong | None:
            if value in allowed:
                return None
            if name == "InstanceTypes":
                return "InvalidInstanceType", f"The following supplied instance types do not exist: [{value}]"
            if name == "InstanceType":
                return "InvalidParameterValue", f"Invalid value '{value}' for InstanceType."
            if name == "VolumeType":
                return "UnknownVolumeType", f"Unsupported volume type '{value}' for volume creation."
            return "InvalidParameterValue", f"Value ({value}) for parameter {name} is invalid."

        return listed
    return None
