"""Canonical user ids: the 64 hexadecimal digits by which S3's access control lists name an account.

Source: Amazon S3 User Guide, "Access control list (ACL) overview", "Finding an AWS account canonical user ID". AWS's
are an obfuscated form of the account id; so are these.
"""

import hashlib
from functools import lru_cache

ANONYMOUS = "65a011a29cdf8ec533ec3d1ccaae921c"
"""The owner of what a request without a signature has put."""


@lru_cache(maxsize=4_096)
def canonical_id(account: str) -> str:
    if not account:
        return ANONYMOUS
    return hashlib.sha256(b"pileus canonical user id\0" + account.encode()).hexdigest()
