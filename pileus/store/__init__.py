"""An ordered, transactional key-value store: the one place where state lives."""

from .api import KEY_BYTES_MAX, VALUE_BYTES_MAX, Conflict, LimitExceeded, Store, Transaction
from .table import Table
from .tuples import pack, prefix_range, unpack

__all__ = [
    "KEY_BYTES_MAX",
    "VALUE_BYTES_MAX",
    "Conflict",
    "LimitExceeded",
    "Store",
    "Table",
    "Transaction",
    "pack",
    "prefix_range",
    "unpack",
]
