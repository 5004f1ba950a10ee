"""An ordered, transactional key-value store: the one place where state lives."""

from .api import KEY_BYTES_MAX, VALUE_BYTES_MAX, AlreadyOpen, Conflict, LimitExceeded, Store, Transaction
from .table import DIRTY, Index, Table, awaits_look, wake
from .tuples import pack, prefix_range, unpack

__all__ = [
    "DIRTY",
    "KEY_BYTES_MAX",
    "VALUE_BYTES_MAX",
    "AlreadyOpen",
    "Conflict",
    "Index",
    "LimitExceeded",
    "Store",
    "Table",
    "Transaction",
    "awaits_look",
    "pack",
    "prefix_range",
    "unpack",
    "wake",
]
