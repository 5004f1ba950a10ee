"""Buckets: made, found, configured, removed."""

from . import creating

__all__ = ["creating"]
