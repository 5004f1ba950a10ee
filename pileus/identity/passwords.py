"""Console passwords: kept as scrypt hashes, held to the account's password policy.

Source: IAM User Guide, "Set an account password policy for IAM users".
"""

import base64
import binascii
import hashlib
import hmac

import msgspec

from pileus.base import ids

from .account import PasswordPolicy
from .version import IdentityTable

SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
LENGTH_MAX = 128
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1
DAY_S = 24 * 3600.0

DEFAULT_POLICY = PasswordPolicy(minimum_length=8)
"""What AWS asks for where no policy is set: eight characters of three kinds, and not the account's name or alias."""


class LoginProfile(msgspec.Struct, frozen=True):
    """`password` and the `former` ones are salted hashes, the latest first."""

    password: str
    created: float
    changed: float
    reset_required: bool = False
    former: tuple[str, ...] = ()


login_profiles = IdentityTable("identity.login", LoginProfile)  # account, the user's unique id


def hashed(password: str) -> str:
    salt = ids.secret_int(128).to_bytes(16, "big")
    return base64.b64encode(salt + _scrypt(password, salt)).decode()


def matches(password: str, kept: str) -> bool:
    try:
        raw = base64.b64decode(kept)
    except binascii.Error:
        return False
    return hmac.compare_digest(_scrypt(password, raw[:16]), raw[16:])


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=_PARALLEL, dklen=32)


def violation(policy: PasswordPolicy | None, password: str, names: tuple[str, ...] = ()) -> str | None:
    """What the password lacks, in AWS's words; None when it will do. `names` must not be the password."""
    asked = policy or DEFAULT_POLICY
    if len(password) < asked.minimum_length:
        return f"Password should have a minimum length of {asked.minimum_length}"
    if len(password) > LENGTH_MAX:
        return f"Password should have a maximum length of {LENGTH_MAX}"
    kinds = {
        "symbol": any(character in SYMBOLS for character in password),
        "number": any(character.isdigit() for character in password),
        "uppercase letter": any(character.isupper() for character in password),
        "lowercase letter": any(character.islower() for character in password),
    }
    if policy is None:
        if sum(kinds.values()) < 3:
            return (
                "Password must include a minimum of three different types of characters: uppercase letters, lowercase"
                " letters, numbers, and symbols"
            )
        if password.lower() in (name.lower() for name in names if name):
            return "Password must not be identical to your AWS account name or email address"
        return None
    asked_kinds = dict(zip(kinds, (policy.symbols, policy.numbers, policy.uppercase, policy.lowercase), strict=True))
    for kind, wanted in asked_kinds.items():
        if wanted and not kinds[kind]:
            return f"Password should have at least one {kind}"
    return None


def reused(profile: LoginProfile, policy: PasswordPolicy | None, password: str) -> bool:
    """Whether it is the present password or one of those the policy remembers."""
    remembered = (profile.password, *profile.former)[: policy.remembered if policy else 0]
    return any(matches(password, kept) for kept in remembered)


def expired(profile: LoginProfile, policy: PasswordPolicy | None, now: float) -> bool:
    return bool(policy and policy.max_age_days and now > profile.changed + policy.max_age_days * DAY_S)
