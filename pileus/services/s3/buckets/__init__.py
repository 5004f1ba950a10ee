"""Buckets: made, found, configured, removed."""

from . import (
    acceleration,
    access_logging,
    cors,
    creating,
    default_encryption,
    lifecycle,
    named_configurations,
    tagging,
    versioning,
    website,
)

__all__ = [
    "acceleration",
    "access_logging",
    "cors",
    "creating",
    "default_encryption",
    "lifecycle",
    "named_configurations",
    "tagging",
    "versioning",
    "website",
]
