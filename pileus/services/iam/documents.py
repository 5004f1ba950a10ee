"""Policy documents on their way in and out: sizes first, then AWS's validation; percent-encoded on the way out.

Source: IAM User Guide, "IAM and AWS STS quotas": white space does not count.
"""

from urllib.parse import quote

from pileus.policy import MalformedPolicy, PolicyKind, validate

from .service import LimitExceeded, MalformedPolicyDocument

USER_INLINE_MAX = 2_048
GROUP_INLINE_MAX = 5_120
ROLE_INLINE_MAX = 10_240
MANAGED_MAX = 6_144
TRUST_MAX = 2_048
_WHITE_SPACE = str.maketrans("", "", " \t\r\n")


def size_of(document: str) -> int:
    return len(document.translate(_WHITE_SPACE))


def check_managed(document: str) -> None:
    if size_of(document) > MANAGED_MAX:
        raise LimitExceeded(f"Cannot exceed quota for PolicySize: {MANAGED_MAX}")
    check(document, "identity", managed=True)


def check_trust(document: str) -> None:
    if size_of(document) > TRUST_MAX:
        raise LimitExceeded(f"Cannot exceed quota for ACLSizePerRole: {TRUST_MAX}")
    check(document, "trust")


def check(document: str, kind: PolicyKind, *, managed: bool = False) -> None:
    try:
        validate(document, kind, managed=managed)
    except MalformedPolicy as wrong:
        raise MalformedPolicyDocument(wrong.message) from wrong


def encoded(document: str) -> str:
    """As IAM answers documents: percent-encoded by RFC 3986."""
    return quote(document, safe="-_.~")
