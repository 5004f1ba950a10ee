"""AWS Security Token Service: who am I, and temporary credentials."""

from . import assume_role, identity, tokens
from .expiry import SessionReaper
from .service import sts

__all__ = ["SessionReaper", "assume_role", "identity", "sts", "tokens"]
