"""AWS Security Token Service: who am I, and temporary credentials."""

from . import assume_role, identity, messages, saml, tokens, web_identity
from .expiry import SessionReaper
from .service import sts


def reconcilers() -> list[SessionReaper]:
    """STS's background work."""
    return [SessionReaper()]


__all__ = [
    "SessionReaper",
    "assume_role",
    "identity",
    "messages",
    "reconcilers",
    "saml",
    "sts",
    "tokens",
    "web_identity",
]
