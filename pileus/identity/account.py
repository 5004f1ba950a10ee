"""What belongs to an account as a whole: its alias, its password policy and the service control policies above it."""

import msgspec

from pileus.store import Table

from .version import IdentityTable


class PasswordPolicy(msgspec.Struct, frozen=True):
    """IAM User Guide, "Set an account password policy for IAM users"; the defaults are those of
    UpdateAccountPasswordPolicy."""

    minimum_length: int = 6
    symbols: bool = False
    numbers: bool = False
    uppercase: bool = False
    lowercase: bool = False
    users_may_change: bool = False
    max_age_days: int = 0
    remembered: int = 0
    hard_expiry: bool = False


class Account(msgspec.Struct, frozen=True):
    alias: str = ""
    password_policy: PasswordPolicy | None = None


class ControlPolicy(msgspec.Struct, frozen=True):
    name: str
    document: str


class Controls(msgspec.Struct, frozen=True):
    """Service control policies by level: the organization's root first, the account last. Every level must allow."""

    levels: tuple[tuple[ControlPolicy, ...], ...] = ()


accounts = IdentityTable("identity.account", Account)  # account
aliases: Table[str] = Table("identity.alias", str)  # alias -> account
controls = IdentityTable("identity.controls", Controls)  # account
