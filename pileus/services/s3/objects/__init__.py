"""Objects: their bytes, their versions, and what is said of them."""

from . import deleting, getting, putting

__all__ = ["deleting", "getting", "putting"]
