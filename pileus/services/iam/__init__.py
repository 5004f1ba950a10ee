"""AWS Identity and Access Management: who exists in an account, and what they may do."""

from . import access_keys, attachments, boundaries, groups, inline, policies, roles, tags, users
from .service import iam

__all__ = [
    "access_keys",
    "attachments",
    "boundaries",
    "groups",
    "iam",
    "inline",
    "policies",
    "roles",
    "tags",
    "users",
]
