"""Buckets in browsers: pages of other origins, websites, forms."""

from . import cross_origin, post_forms, websites

__all__ = ["cross_origin", "post_forms", "websites"]
