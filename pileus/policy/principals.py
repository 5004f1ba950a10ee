"""Who asks, and whether a Principal or NotPrincipal element means them.

Source: IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal".
"""

import re
from enum import IntEnum
from typing import Any, Literal, NamedTuple

from pileus.policy.malformed import SYNTAX, MalformedPolicy

Kind = Literal["root", "user", "assumed-role", "federated-user", "service", "anonymous", "web-identity", "saml"]

_ROOT_ARN = re.compile(r"arn:[a-z0-9-]+:iam::(\d{12}):root")
ACCOUNT = re.compile(r"\d{12}")
PRINCIPAL_TYPES = ("AWS", "Service", "Federated", "CanonicalUser")


class Principal(NamedTuple):
    """A caller.

    `arn` is what AWS calls them in messages: the user's, root's or session's ARN; a service's host name
    (`sns.amazonaws.com`); empty for the anonymous. `unique_id` is `AIDA…`, `AROA…:session` or the account id.
    `role_arn` is the role behind an assumed-role session, `user_arn` the user (or root) behind a federated user.
    `provider` is the identity provider (ARN or domain) that vouches for a web identity, a SAML subject or the session
    made from one. `canonical_id` is how S3 names the account: a CanonicalUser element means the account as a whole.
    """

    kind: Kind
    account: str = ""
    arn: str = ""
    unique_id: str = ""
    role_arn: str | None = None
    session_name: str | None = None
    user_arn: str | None = None
    provider: str | None = None
    canonical_id: str | None = None


class Named(IntEnum):
    """How closely an element names the caller; the closest way counts. 0 is not at all."""

    NOT = 0
    ACCOUNT = 1  # the account: it may pass the permission on to its own
    BEHIND = 2  # the role or user behind the session
    EXACTLY = 3  # the caller itself, or everyone


class PrincipalElement:
    """A compiled Principal or NotPrincipal element."""

    __slots__ = ("_arns", "_canonical", "_federated", "_ids", "_services", "accounts", "everyone", "negated", "text")

    def __init__(self, element: Any, negated: bool):
        self.text = element
        self.negated = negated
        listed = _listed(element)
        self.everyone = "*" in listed["AWS"]
        aws = listed["AWS"] - {"*"}
        roots = {found.group(1) for name in aws if (found := _ROOT_ARN.fullmatch(name))}
        self.accounts = frozenset(roots | {name for name in aws if ACCOUNT.fullmatch(name)})
        self._arns = frozenset(name for name in aws if name.startswith("arn:") and not _ROOT_ARN.fullmatch(name))
        self._ids = frozenset(name for name in aws if not name.startswith("arn:") and not ACCOUNT.fullmatch(name))
        self._services = frozenset(listed["Service"])
        self._federated = frozenset(listed["Federated"])
        self._canonical = frozenset(listed["CanonicalUser"])

    def names(self, who: Principal) -> Named:
        """How the element's list, taken literally, names the caller."""
        if self.everyone or self._names_exactly(who):
            return Named.EXACTLY
        behind = who.role_arn or who.user_arn
        if behind is not None and (behind in self._arns or who.unique_id.partition(":")[0] in self._ids):
            return Named.BEHIND
        return Named.ACCOUNT if self._names_account_of(who) else Named.NOT

    def applies(self, who: Principal, denies: bool) -> Named:
        """How the element, negated or not, means the caller.

        A NotPrincipal spares a caller from a Deny only when each of its names is listed (account, role, session),
        and from an Allow when any of them is: doubt is never a permission.
        """
        if not self.negated:
            return self.names(who)
        spared = self._lists_all_names_of(who) if denies else self.names(who) > Named.NOT
        return Named.NOT if spared else Named.EXACTLY

    def _names_account_of(self, who: Principal) -> bool:
        return who.account in self.accounts or who.canonical_id in self._canonical

    def _names_exactly(self, who: Principal) -> bool:
        if who.kind == "service":
            return who.arn in self._services or "*" in self._services
        if who.kind in ("web-identity", "saml"):
            return who.provider in self._federated or "*" in self._federated
        if who.kind == "root" and self._names_account_of(who):
            return True
        return (
            who.arn in self._arns
            or (who.unique_id in self._ids)
            or (who.provider is not None and who.provider in self._federated)
        )

    def _lists_all_names_of(self, who: Principal) -> bool:
        if self.everyone:
            return True
        if who.kind in ("service", "web-identity", "saml", "root", "anonymous"):
            return self._names_exactly(who)
        behind = who.role_arn or who.user_arn
        return (
            self._names_exactly(who)
            and self._names_account_of(who)
            and (behind is None or behind in self._arns or who.unique_id.partition(":")[0] in self._ids)
        )


def _listed(element: Any) -> dict[str, set[str]]:
    """The names by type; `"*"` alone means everyone, as `{"AWS": "*"}` does."""
    if element == "*":
        element = {"AWS": "*"}
    if not isinstance(element, dict):
        raise MalformedPolicy(SYNTAX)
    listed: dict[str, set[str]] = {kind: set() for kind in PRINCIPAL_TYPES}
    for kind, names in element.items():
        names = names if isinstance(names, list) else [names]
        if kind not in listed or not all(isinstance(name, str) for name in names):
            raise MalformedPolicy(SYNTAX)
        listed[kind].update(names)
    return listed


def principal_keys(who: Principal) -> dict[str, str]:
    """The global condition keys that follow from the caller alone, by lower-case key.

    Source: IAM User Guide, "AWS global condition context keys" and "Policy variables" (the principal key values table).
    """
    types = {
        "root": "Account",
        "user": "User",
        "assumed-role": "AssumedRole",
        "federated-user": "FederatedUser",
        "anonymous": "Anonymous",
    }
    keys: dict[str, str | None] = {
        "aws:principalarn": (who.role_arn or who.arn) if who.kind in types else None,
        "aws:principalaccount": who.account,
        "aws:principaltype": types.get(who.kind),
        "aws:userid": "anonymous" if who.kind == "anonymous" else who.unique_id,
        "aws:username": who.arn.rpartition("/")[2] if who.kind == "user" else None,
        "aws:principalisawsservice": "true" if who.kind == "service" else "false",
        "aws:principalservicename": who.arn if who.kind == "service" else None,
    }
    return {key: value for key, value in keys.items() if value}
