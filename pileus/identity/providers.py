"""Identity providers an account trusts: OpenID Connect issuers and SAML."""

import msgspec

from pileus.store import Transaction

from .version import IdentityTable


class OidcProvider(msgspec.Struct, frozen=True):
    """`url` is the issuer without `https://` (or `http://`, for one on this machine): what ARNs and condition keys
    begin with."""

    account: str
    url: str
    created: float
    scheme: str = "https"
    partition: str = "aws"
    client_ids: tuple[str, ...] = ()
    thumbprints: tuple[str, ...] = ()
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:oidc-provider/{self.url}"


class SamlProvider(msgspec.Struct, frozen=True):
    account: str
    name: str
    metadata: str
    created: float
    valid_until: float
    id: str
    entity_id: str
    certificates: tuple[str, ...] = ()
    """The signing certificates of the metadata, PEM."""
    partition: str = "aws"
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:saml-provider/{self.name}"


oidc_providers = IdentityTable("identity.oidc", OidcProvider)  # account, url in lower case
saml_providers = IdentityTable("identity.saml", SamlProvider)  # account, name in lower case


def _after(arn: str, kind: str) -> tuple[str, str] | None:
    """(account, the rest) of an IAM ARN of this kind."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "iam" or not parts[5].startswith(kind + "/"):
        return None
    return parts[4], parts[5].removeprefix(kind + "/")


def oidc_at(tx: Transaction, arn: str) -> OidcProvider | None:
    named = _after(arn, "oidc-provider")
    found = oidc_providers.get(tx, named[0], named[1].lower()) if named is not None else None
    return found if found is not None and found.arn == arn else None


def saml_at(tx: Transaction, arn: str) -> SamlProvider | None:
    named = _after(arn, "saml-provider")
    found = saml_providers.get(tx, named[0], named[1].lower()) if named is not None else None
    return found if found is not None and found.arn == arn else None


def keep_oidc(tx: Transaction, provider: OidcProvider) -> None:
    oidc_providers.put(tx, provider.account, provider.url.lower(), record=provider)


def keep_saml(tx: Transaction, provider: SamlProvider) -> None:
    saml_providers.put(tx, provider.account, provider.name.lower(), record=provider)
