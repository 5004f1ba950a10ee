"""Expressions: one grammar for conditions, filters, updates, projections and keys; and the old parameters beside it."""

from . import legacy
from .conditions import Condition, condition
from .key_conditions import KeyRange, key_condition
from .parameters import Parameters, without_expression
from .projections import Projection, projection
from .updates import Update, update

__all__ = [
    "Condition",
    "KeyRange",
    "Parameters",
    "Projection",
    "Update",
    "condition",
    "key_condition",
    "legacy",
    "projection",
    "update",
    "without_expression",
]
