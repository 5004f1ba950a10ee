"""Lists of objects, of their versions, and of uploads under way."""

from . import listings, version_listings

__all__ = ["listings", "version_listings"]
