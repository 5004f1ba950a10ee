"""Objects: their bytes, their versions, and what is said of them."""

from . import attributes, copying, deleting, getting, putting, renaming, tagging

__all__ = ["attributes", "copying", "deleting", "getting", "putting", "renaming", "tagging"]
