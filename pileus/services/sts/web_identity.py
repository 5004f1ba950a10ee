"""AssumeRoleWithWebIdentity: an OpenID Connect issuer's token instead of a signature.

Source: STS API Reference, "AssumeRoleWithWebIdentity"; IAM User Guide, "Available keys for AWS OIDC federation".
Issuers keep the machine's time, so their tokens are judged by it.
"""

from typing import Any

from pileus.base.clock import iso
from pileus.base.errors import NotImplementedYet
from pileus.identity.providers import OidcProvider, oidc_providers
from pileus.service import Call

from . import jwt
from .federation import TAG_CLAIM, Vouched, assume
from .issuers import Issuers, Unreachable
from .service import ExpiredToken, IdpCommunicationError, InvalidIdentityToken, Request, ValidationError, sts

SOURCE_CLAIM = "https://aws.amazon.com/source_identity"
_issuers = Issuers()


@sts.operation(
    "AssumeRoleWithWebIdentity",
    unsigned=True,
    unconditional="The role's trust policy is asked, for the issuer's subject.",
)
async def assume_role_with_web_identity(call: Call, request: Request) -> dict[str, Any]:
    if "ProviderId" in request:
        raise NotImplementedYet("Pileus takes OpenID Connect tokens only: ProviderId names an OAuth 2.0 provider.")
    try:
        token = jwt.read(request["WebIdentityToken"])
    except jwt.BadToken as wrong:
        raise InvalidIdentityToken(str(wrong)) from wrong
    provider = await call.transact(lambda inner: _provider(inner, request, token))
    await _verify(call, provider, token)
    _check_claims(provider, token.claims, call.cloud.clock.machine())
    vouched = _vouched(provider, token.claims, request["RoleSessionName"])

    def work(inner: Call) -> dict[str, Any]:
        _, shown = assume(inner, request, vouched)
        return shown

    shown = await call.transact(work)
    return {
        **shown,
        "SubjectFromWebIdentityToken": token.claims["sub"],
        "Audience": vouched.context[f"{provider.url}:aud"],
        "Provider": provider.arn,
    }


def _provider(call: Call, request: Request, token: jwt.Token) -> OidcProvider:
    """The issuer must be registered in the role's account."""
    issuer = token.claims.get("iss")
    parts = request["RoleArn"].split(":")
    if len(parts) < 6:
        raise ValidationError(f"{request['RoleArn']} is invalid")
    url = str(issuer).partition("://")[2].rstrip("/") or str(issuer)
    provider = oidc_providers.get(call.tx, parts[4], url.lower())
    if provider is None:
        raise InvalidIdentityToken(f"No OpenIDConnect provider found in your account for {issuer}")
    return provider


async def _verify(call: Call, provider: OidcProvider, token: jwt.Token) -> None:
    """A key the issuer has only just made is looked for once more."""
    clock = call.cloud.clock
    try:
        if jwt.verify(token, await _issuers.keys(provider, clock)):
            return
        if jwt.verify(token, await _issuers.keys(provider, clock, fresh=True)):
            return
    except Unreachable as wrong:
        raise IdpCommunicationError(
            "Couldn't retrieve verification key from your identity provider, please reference"
            f" AssumeRoleWithWebIdentity documentation for requirements ({wrong})"
        ) from wrong
    except jwt.BadToken as wrong:
        raise InvalidIdentityToken(str(wrong)) from wrong
    raise InvalidIdentityToken("Couldn't validate the token's signature with the issuer's keys")


def _audiences(claims: dict[str, Any]) -> list[str]:
    found = claims.get("aud")
    return [str(one) for one in (found if isinstance(found, list) else [found] if found else [])]


def _check_claims(provider: OidcProvider, claims: dict[str, Any], machine: float) -> None:
    for name in ("sub", "aud", "exp", "iat"):
        if name not in claims:
            raise InvalidIdentityToken(f"Missing a required claim: {name}")
    for name in ("exp", "iat", "nbf"):
        if name in claims and (isinstance(claims[name], bool) or not isinstance(claims[name], int | float)):
            raise InvalidIdentityToken(f"The claim {name} is not a number")
    if machine >= claims["exp"]:
        end = iso(claims["exp"])
        raise ExpiredToken(
            f"Token expired: current date/time {iso(machine)} must be before the expiration date/time {end}"
        )
    if machine + jwt.SKEW_S < max(claims["iat"], claims.get("nbf", 0)):
        raise InvalidIdentityToken("The token is not valid yet")
    if not {*_audiences(claims), str(claims.get("azp", ""))} & set(provider.client_ids):
        raise InvalidIdentityToken("Incorrect token audience")


def _vouched(provider: OidcProvider, claims: dict[str, Any], session_name: str) -> Vouched:
    url, audiences = provider.url, _audiences(claims)
    context: dict[str, str | list[str]] = {
        f"{url}:sub": str(claims["sub"]),
        f"{url}:aud": str(claims["azp"]) if "azp" in claims else audiences[0],
        f"{url}:oaud": audiences[0],
    }
    if isinstance(claims.get("amr"), list):
        context[f"{url}:amr"] = [str(one) for one in claims["amr"]]
    if "email" in claims:
        context[f"{url}:email"] = str(claims["email"])
    given = claims.get(TAG_CLAIM)
    tags, transitive = _tags(given) if isinstance(given, dict) else ({}, ())
    source = str(claims.get(SOURCE_CLAIM, ""))
    return Vouched("web-identity", provider.arn, session_name, context, tags, transitive, source)


def _tags(given: dict[str, Any]) -> tuple[dict[str, str], tuple[str, ...]]:
    principal, transitive = given.get("principal_tags", {}), given.get("transitive_tag_keys", [])
    if not isinstance(principal, dict) or not isinstance(transitive, list):
        raise InvalidIdentityToken("The tags of the token are not of the form AWS asks for")
    tags = {str(key): str(value[0] if isinstance(value, list) and value else value) for key, value in principal.items()}
    return tags, tuple(str(key) for key in transitive if str(key) in tags)
