"""Compiled policies, kept: one compilation a document, one named copy for each place it is attached to."""

from functools import lru_cache

from pileus.policy import Policy, PolicyKind, compile_policy

_DOCUMENTS = 4_096
_NAMED = 8_192


@lru_cache(maxsize=_DOCUMENTS)
def _compiled(document: str, kind: PolicyKind) -> Policy:
    return compile_policy(document, kind)


@lru_cache(maxsize=_NAMED)
def compiled(document: str, kind: PolicyKind, name: str, origin: str = "") -> Policy:
    """`name` is the policy's ARN or inline name, `origin` whom it is attached to."""
    return _compiled(document, kind).named(name, origin)
