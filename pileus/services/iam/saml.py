"""SAML providers: whose assertions AssumeRoleWithSAML takes.

Source: IAM API Reference, "CreateSAMLProvider".
"""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.identity.providers import SamlProvider, keep_saml, saml_at, saml_providers
from pileus.identity.saml import Metadata, NotSaml, read_metadata
from pileus.service import Call

from . import targets
from .service import EntityAlreadyExists, InvalidInput, LimitExceeded, NoSuchEntity, Request, iam
from .tags import given_tags, show_tags, tag_operations

PROVIDERS_MAX = 100
_CENTURY_S = 100 * 365.25 * 24 * 3600
_by_arn = targets.named_by("SAMLProviderArn")
_NOT_CREATED = ("AssertionEncryptionMode", "AddPrivateKey", "ContextProvider", "IdentityCenterInstanceArn")
_NOT_UPDATED = (*_NOT_CREATED, "RemovePrivateKey", "RemoveContextProvider", "RemoveIdentityCenterInstance")


def _provider(call: Call, request: Request) -> SamlProvider:
    arn = request["SAMLProviderArn"]
    provider = saml_at(call.tx, arn)
    if provider is None or provider.account != call.account:
        raise NoSuchEntity(f"Manifest not found for arn {arn}")
    return provider


def _metadata(document: str) -> Metadata:
    try:
        return read_metadata(document)
    except NotSaml as wrong:
        raise InvalidInput(f"Could not parse metadata: {wrong}") from wrong


@iam.operation("CreateSAMLProvider", resource=targets.created("saml-provider", "Name"), without=_NOT_CREATED)
def create_saml_provider(call: Call, request: Request) -> dict[str, Any]:
    name = request["Name"]
    if saml_providers.get(call.tx, call.account, name.lower()) is not None:
        raise EntityAlreadyExists(f"SAMLProvider with name {name} already exists.")
    if saml_providers.count(call.tx, call.account, PROVIDERS_MAX) >= PROVIDERS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for SAMLProvidersPerAccount: {PROVIDERS_MAX}")
    metadata = _metadata(request["SAMLMetadataDocument"])
    now = float(int(call.now))
    provider = SamlProvider(
        call.account,
        name,
        request["SAMLMetadataDocument"],
        now,
        metadata.valid_until or now + _CENTURY_S,
        ids.iam_id("ASPA"),
        metadata.entity_id,
        metadata.certificates,
        call.partition,
        given_tags(call, request, "SAMLProvider"),
    )
    keep_saml(call.tx, provider)
    answer: dict[str, Any] = {"SAMLProviderArn": provider.arn}
    if provider.tags:
        answer["Tags"] = show_tags(provider.tags)
    return answer


@iam.operation("GetSAMLProvider", resource=_by_arn, context=targets.of_saml)
def get_saml_provider(call: Call, request: Request) -> dict[str, Any]:
    provider = _provider(call, request)
    return {
        "SAMLProviderUUID": provider.id,
        "SAMLMetadataDocument": provider.metadata,
        "CreateDate": provider.created,
        "ValidUntil": provider.valid_until,
        "Tags": show_tags(provider.tags),
    }


@iam.operation("ListSAMLProviders")
def list_saml_providers(call: Call, request: Request) -> dict[str, Any]:
    found = [provider for _, provider in saml_providers.scan(call.tx, call.account, limit=PROVIDERS_MAX)]
    return {
        "SAMLProviderList": [
            {"Arn": one.arn, "ValidUntil": one.valid_until, "CreateDate": one.created} for one in found
        ]
    }


@iam.operation("UpdateSAMLProvider", resource=_by_arn, context=targets.of_saml, without=_NOT_UPDATED)
def update_saml_provider(call: Call, request: Request) -> dict[str, Any]:
    provider = _provider(call, request)
    if "SAMLMetadataDocument" in request:
        metadata = _metadata(request["SAMLMetadataDocument"])
        provider = msgspec.structs.replace(
            provider,
            metadata=request["SAMLMetadataDocument"],
            valid_until=metadata.valid_until or provider.valid_until,
            entity_id=metadata.entity_id,
            certificates=metadata.certificates,
        )
        keep_saml(call.tx, provider)
    return {"SAMLProviderArn": provider.arn}


@iam.operation("DeleteSAMLProvider", resource=_by_arn, context=targets.of_saml)
def delete_saml_provider(call: Call, request: Request) -> None:
    saml_providers.delete(call.tx, call.account, _provider(call, request).name.lower())


tag_operations("SAMLProvider", _provider, keep_saml, _by_arn, targets.of_saml)
