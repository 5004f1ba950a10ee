"""Attribute values: checked once as they come in, then measured, compared and sorted in their canonical form."""

from . import numbers
from .checking import Item, Value, check_name, checked_item, checked_value, sorted_set
from .order import compare, equal, sort_bytes
from .sizes import item_size, value_size

__all__ = [
    "Item",
    "Value",
    "check_name",
    "checked_item",
    "checked_value",
    "compare",
    "equal",
    "item_size",
    "numbers",
    "sort_bytes",
    "sorted_set",
    "value_size",
]
