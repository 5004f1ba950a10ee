"""AWS Security Token Service: who am I, and temporary credentials."""

from . import identity
from .service import sts

__all__ = ["identity", "sts"]
