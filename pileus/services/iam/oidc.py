"""OpenID Connect providers: issuers whose tokens AssumeRoleWithWebIdentity takes.

Source: IAM API Reference, "CreateOpenIDConnectProvider". An issuer on this machine may be plain http: that is how
tests and teams run one; every other must be https.
"""

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pileus.identity.providers import OidcProvider, keep_oidc, oidc_at, oidc_providers
from pileus.service import Call

from . import targets
from .service import EntityAlreadyExists, InvalidInput, LimitExceeded, NoSuchEntity, Request, ValidationError, iam
from .tags import given_tags, show_tags, tag_operations

PROVIDERS_MAX = 100
CLIENT_IDS_MAX = 100
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|\[::1\]|::1")
_THUMBPRINT = re.compile(r"[0-9A-Fa-f]{40}")
_by_arn = targets.named_by("OpenIDConnectProviderArn")


def _issuer(url: str) -> tuple[str, str]:
    """(scheme, the rest). Raises ValidationError."""
    parts = urlsplit(url)
    local = bool(parts.hostname and _LOOPBACK.fullmatch(parts.hostname))
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValidationError("Invalid Open ID Connect Provider URL")
    if not parts.hostname or parts.query or parts.fragment or (parts.port is not None and not local):
        raise ValidationError("Invalid Open ID Connect Provider URL")
    return parts.scheme, url.partition("://")[2].rstrip("/")


def _created_arn(call: Call, request: Request) -> str:
    return f"arn:{call.partition}:iam::{call.account}:oidc-provider/{request['Url'].partition('://')[2].rstrip('/')}"


def _checked_thumbprints(thumbprints: list[str]) -> tuple[str, ...]:
    for one in thumbprints:
        if not _THUMBPRINT.fullmatch(one):
            raise InvalidInput(f"Thumbprint {one} must be 40 hexadecimal digits.")
    return tuple(one.lower() for one in thumbprints)


def _provider(call: Call, request: Request) -> OidcProvider:
    arn = request["OpenIDConnectProviderArn"]
    provider = oidc_at(call.tx, arn)
    if provider is None or provider.account != call.account:
        raise NoSuchEntity(f"OpenIDConnect Provider not found for arn {arn}")
    return provider


@iam.operation(
    "CreateOpenIDConnectProvider", resource=_created_arn, without=("ContextProvider", "IdentityCenterInstanceArn")
)
def create_oidc_provider(call: Call, request: Request) -> dict[str, Any]:
    scheme, url = _issuer(request["Url"])
    if oidc_providers.get(call.tx, call.account, url.lower()) is not None:
        raise EntityAlreadyExists(f"Provider with url {request['Url']} already exists.")
    if oidc_providers.count(call.tx, call.account, PROVIDERS_MAX) >= PROVIDERS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for OpenIdConnectProvidersPerAccount: {PROVIDERS_MAX}")
    clients = tuple(dict.fromkeys(request.get("ClientIDList", ())))
    if len(clients) > CLIENT_IDS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENT_IDS_MAX}")
    provider = OidcProvider(
        call.account,
        url,
        float(int(call.now)),
        scheme,
        call.partition,
        clients,
        _checked_thumbprints(request.get("ThumbprintList", [])),
        given_tags(call, request, "OpenIDConnectProvider"),
    )
    keep_oidc(call.tx, provider)
    answer: dict[str, Any] = {"OpenIDConnectProviderArn": provider.arn}
    if provider.tags:
        answer["Tags"] = show_tags(provider.tags)
    return answer


@iam.operation("GetOpenIDConnectProvider", resource=_by_arn, context=targets.of_oidc)
def get_oidc_provider(call: Call, request: Request) -> dict[str, Any]:
    provider = _provider(call, request)
    return {
        "Url": provider.url,
        "ClientIDList": list(provider.client_ids),
        "ThumbprintList": list(provider.thumbprints),
        "CreateDate": provider.created,
        "Tags": show_tags(provider.tags),
    }


@iam.operation("ListOpenIDConnectProviders")
def list_oidc_providers(call: Call, request: Request) -> dict[str, Any]:
    found = oidc_providers.scan(call.tx, call.account, limit=PROVIDERS_MAX)
    return {"OpenIDConnectProviderList": [{"Arn": provider.arn} for _, provider in found]}


@iam.operation("AddClientIDToOpenIDConnectProvider", resource=_by_arn, context=targets.of_oidc)
def add_client_id(call: Call, request: Request) -> None:
    provider = _provider(call, request)
    clients = tuple(dict.fromkeys((*provider.client_ids, request["ClientID"])))
    if len(clients) > CLIENT_IDS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENT_IDS_MAX}")
    keep_oidc(call.tx, msgspec.structs.replace(provider, client_ids=clients))


@iam.operation("RemoveClientIDFromOpenIDConnectProvider", resource=_by_arn, context=targets.of_oidc)
def remove_client_id(call: Call, request: Request) -> None:
    provider = _provider(call, request)
    clients = tuple(one for one in provider.client_ids if one != request["ClientID"])
    keep_oidc(call.tx, msgspec.structs.replace(provider, client_ids=clients))


@iam.operation("UpdateOpenIDConnectProviderThumbprint", resource=_by_arn, context=targets.of_oidc)
def update_thumbprint(call: Call, request: Request) -> None:
    thumbprints = _checked_thumbprints(request["ThumbprintList"])
    keep_oidc(call.tx, msgspec.structs.replace(_provider(call, request), thumbprints=thumbprints))


@iam.operation("DeleteOpenIDConnectProvider", resource=_by_arn, context=targets.of_oidc)
def delete_oidc_provider(call: Call, request: Request) -> None:
    """Deleting one that is not there is no error (API reference)."""
    provider = oidc_at(call.tx, request["OpenIDConnectProviderArn"])
    if provider is not None and provider.account == call.account:
        oidc_providers.delete(call.tx, call.account, provider.url.lower())


tag_operations("OpenIDConnectProvider", _provider, keep_oidc, _by_arn, targets.of_oidc)
