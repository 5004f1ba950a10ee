"""AssumeRoleWithSAML: a SAML provider's signed assertion instead of a signature.

Source: STS API Reference, "AssumeRoleWithSAML"; IAM User Guide, "Configure SAML assertions for the authentication
response" and "Available keys for SAML-based AWS STS federation". Providers keep the machine's time, so their
assertions are judged by it.
"""

import hashlib
import re
from base64 import b64encode
from typing import Any

from pileus.identity.providers import SamlProvider, saml_at
from pileus.identity.saml import Assertion, NotSaml, Outdated, read_response
from pileus.service import Call

from .federation import Vouched, assume
from .service import Denied, ExpiredToken, IdpRejectedClaim, InvalidIdentityToken, Request, ValidationError, sts

_ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"
_AUDIENCE = re.compile(
    r"https://([a-z0-9-]+\.)?signin\.(aws\.amazon\.com|amazonaws-us-gov\.com|amazonaws\.cn)/saml(/.*)?"
)
_AUDIENCES = ("urn:amazon:webservices", "urn:amazon:webservices:govcloud", "urn:amazon:webservices:china")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")
_KEYS = {
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.1": "saml:edupersonaffiliation",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.6": "saml:edupersonprincipalname",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.7": "saml:edupersonentitlement",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.9": "saml:edupersonscopedaffiliation",
    "urn:oid:2.5.4.3": "saml:cn",
    "urn:oid:2.5.4.4": "saml:surname",
    "urn:oid:2.5.4.10": "saml:organizationStatus",
    "urn:oid:2.5.4.42": "saml:givenName",
    "urn:oid:0.9.2342.19200300.100.1.1": "saml:uid",
    "urn:oid:0.9.2342.19200300.100.1.3": "saml:mail",
}


@sts.operation(
    "AssumeRoleWithSAML", unsigned=True, unconditional="The role's trust policy is asked, for the provider's subject."
)
def assume_role_with_saml(call: Call, request: Request) -> dict[str, Any]:
    provider = saml_at(call.tx, request["PrincipalArn"])
    machine = call.cloud.clock.machine()
    if provider is None or provider.valid_until <= machine:
        raise InvalidIdentityToken("Specified provider doesn't exist or its metadata is out of date")
    assertion = _assertion(provider, request["SAMLAssertion"], machine)
    _offered(assertion, request["RoleArn"], provider.arn)
    vouched = _vouched(provider, assertion)
    _, shown = assume(call, request, vouched)
    return {
        **shown,
        "Subject": assertion.subject,
        "SubjectType": assertion.subject_type,
        "Issuer": assertion.issuer,
        "Audience": assertion.recipient or assertion.audience,
        "NameQualifier": vouched.context["saml:namequalifier"],
    }


def _assertion(provider: SamlProvider, encoded: str, machine: float) -> Assertion:
    try:
        assertion = read_response(encoded, provider.certificates, machine)
    except Outdated as late:
        raise ExpiredToken(f"Token must be redeemed within its time: {late}") from late
    except NotSaml as wrong:
        raise InvalidIdentityToken(str(wrong)) from wrong
    if assertion.issuer != provider.entity_id:
        raise InvalidIdentityToken("Issuer not present in specified provider")
    good = [text for text in (assertion.audience, assertion.recipient) if text]
    if not good or not all(text in _AUDIENCES or _AUDIENCE.fullmatch(text) for text in good):
        raise IdpRejectedClaim("The assertion is not meant for AWS: its audience or recipient is another")
    return assertion


def _offered(assertion: Assertion, role: str, provider: str) -> None:
    """The assertion must offer the role together with the provider, in either order."""
    for pair in assertion.attributes.get(_ATTRIBUTES + "Role", ()):
        if {part.strip() for part in pair.split(",")} == {role, provider}:
            return
    raise Denied("Not authorized to perform sts:AssumeRoleWithSAML")


def _one(assertion: Assertion, name: str) -> str:
    values = assertion.attributes.get(_ATTRIBUTES + name, [])
    return values[0] if values else ""


def _vouched(provider: SamlProvider, assertion: Assertion) -> Vouched:
    name = _one(assertion, "RoleSessionName")
    if not _SESSION_NAME.fullmatch(name):
        raise InvalidIdentityToken("RoleSessionName is required in AuthnResponse")
    seconds = _one(assertion, "SessionDuration")
    if seconds and not (seconds.isdigit() and 900 <= int(seconds) <= 43_200):
        raise ValidationError("SessionDuration in AuthnResponse must be from 900 to 43200 seconds.")
    qualified = f"{assertion.issuer}{provider.account}/{provider.name}"
    context: dict[str, str | list[str]] = {
        "saml:aud": assertion.recipient or assertion.audience,
        "saml:iss": assertion.issuer,
        "saml:sub": assertion.subject,
        "saml:sub_type": assertion.subject_type,
        "saml:doc": f"{provider.account}/{provider.name}",
        "saml:namequalifier": b64encode(hashlib.sha1(qualified.encode()).digest()).decode(),
    }
    for attribute, key in _KEYS.items():
        if attribute in assertion.attributes:
            context[key] = assertion.attributes[attribute]
    prefix = _ATTRIBUTES + "PrincipalTag:"
    tags = {
        attribute.removeprefix(prefix): values[0]
        for attribute, values in assertion.attributes.items()
        if attribute.startswith(prefix) and values
    }
    return Vouched(
        "saml",
        provider.arn,
        name,
        context,
        tags,
        tuple(assertion.attributes.get(_ATTRIBUTES + "TransitiveTagKeys", ())),
        _one(assertion, "SourceIdentity"),
        int(seconds) if seconds else None,
    )
