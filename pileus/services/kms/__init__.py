"""AWS KMS: keys that never leave, what is encrypted under them, and who may use them."""

from . import aliases, data_keys, deletion, encryption, grants, keys, macs, policies, rotation, signing, tags
from .deletion import RemoveKeys
from .rotation import RotateKeys
from .service import kms


def reconcilers() -> list[RemoveKeys | RotateKeys]:
    """KMS's background work, for the composition root."""
    return [RemoveKeys(), RotateKeys()]


__all__ = [
    "aliases",
    "data_keys",
    "deletion",
    "encryption",
    "grants",
    "keys",
    "kms",
    "macs",
    "policies",
    "reconcilers",
    "rotation",
    "signing",
    "tags",
]
