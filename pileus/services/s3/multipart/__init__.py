"""Multipart uploads: begun, filled in any order, completed or given up."""

from . import completing, listings, uploading, uploads
from .clearing import Clear, Forget

__all__ = ["Clear", "Forget", "completing", "listings", "uploading", "uploads"]
