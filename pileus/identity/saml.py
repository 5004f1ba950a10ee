"""SAML 2.0 documents: a provider's metadata, and assertions it signed. The one place outside `wire` that reads XML.

Source: IAM User Guide, "Configure SAML assertions for the authentication response"; OASIS SAML 2.0 Core and Metadata.
Only what a signature covers is believed. The XML libraries are loaded on first use: most clouds never see a SAML
document.
"""

import base64
import binascii
from datetime import UTC, datetime
from typing import Any, NamedTuple

_SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_METADATA = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
SKEW_S = 60.0


class NotSaml(ValueError):
    """The text is not the SAML document it should be; the message says what is wrong."""


class Outdated(ValueError):
    """An assertion whose time is over, or has not come."""


class Metadata(NamedTuple):
    entity_id: str
    certificates: tuple[str, ...]
    valid_until: float | None


class Assertion(NamedTuple):
    issuer: str
    subject: str
    subject_type: str
    audience: str
    recipient: str
    attributes: dict[str, list[str]]


def _parse(text: bytes) -> Any:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError) as wrong:
        raise NotSaml("the document is not well-formed XML") from wrong
    if root.getroottree().docinfo.doctype:
        raise NotSaml("the document has a DTD")
    return root


def _text(element: Any) -> str:
    return (element.text or "").strip() if element is not None else ""


def _moment(text: str | None) -> float | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise NotSaml(f"{text} is not a time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def read_metadata(document: str) -> Metadata:
    root = _parse(document.encode())
    descriptor = root if root.tag == f"{_METADATA}EntityDescriptor" else root.find(f".//{_METADATA}EntityDescriptor")
    role = descriptor.find(f"{_METADATA}IDPSSODescriptor") if descriptor is not None else None
    if descriptor is None or role is None or not descriptor.get("entityID"):
        raise NotSaml("the metadata describes no identity provider")
    certificates = []
    for key in role.findall(f"{_METADATA}KeyDescriptor"):
        if key.get("use", "signing") == "signing":
            certificates += [_pem(_text(one)) for one in key.iter(f"{_SIGNATURE}X509Certificate")]
    if not certificates:
        raise NotSaml("the metadata has no certificate to verify signatures with")
    until = _moment(role.get("validUntil") or descriptor.get("validUntil"))
    return Metadata(descriptor.get("entityID"), tuple(certificates), until)


def _pem(body: str) -> str:
    from cryptography import x509

    lines = "".join(body.split())
    pem = "-----BEGIN CERTIFICATE-----\n"
    pem += "".join(lines[at : at + 64] + "\n" for at in range(0, len(lines), 64)) + "-----END CERTIFICATE-----\n"
    try:
        x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise NotSaml("the metadata has a certificate that cannot be read") from None
    return pem


def read_response(encoded: str, certificates: tuple[str, ...], now: float) -> Assertion:
    """The assertion of a signed response (base 64). Raises NotSaml and Outdated."""
    try:
        text = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise NotSaml("the response is not base 64") from None
    root = _parse(text)
    if root.tag != f"{_PROTOCOL}Response":
        raise NotSaml("the document is no SAML response")
    status = root.find(f"{_PROTOCOL}Status/{_PROTOCOL}StatusCode")
    if status is None or status.get("Value") != SUCCESS:
        raise NotSaml("the response tells of no success")
    signed = _signed_part(text, certificates, now)
    assertion = signed if signed.tag == f"{_SAML}Assertion" else None
    if signed.tag == f"{_PROTOCOL}Response":
        assertion = signed.find(f"{_SAML}Assertion")
    if assertion is None:
        raise NotSaml("the response has no signed assertion")
    return _read_assertion(assertion, now)


def _signed_part(text: bytes, certificates: tuple[str, ...], now: float) -> Any:
    """What one of the provider's certificates has signed."""
    from signxml import SignatureConfiguration, SignatureMethod, XMLVerifier
    from signxml.exceptions import SignXMLException

    methods = [
        one for one in SignatureMethod if one.name.startswith(("RSA_SHA", "ECDSA_SHA")) and "SHA1" not in one.name
    ]
    config = SignatureConfiguration(
        signature_methods=frozenset(methods), verification_time=datetime.fromtimestamp(now, UTC)
    )
    for certificate in certificates:
        try:
            found = XMLVerifier().verify(_parse(text), x509_cert=certificate, expect_config=config)
        except (SignXMLException, ValueError):
            continue
        if not isinstance(found, list) and found.signed_xml is not None:
            return found.signed_xml
    raise NotSaml("Response signature invalid")


def _read_assertion(assertion: Any, now: float) -> Assertion:
    conditions = assertion.find(f"{_SAML}Conditions")
    confirmation = assertion.find(f"{_SAML}Subject/{_SAML}SubjectConfirmation/{_SAML}SubjectConfirmationData")
    name = assertion.find(f"{_SAML}Subject/{_SAML}NameID")
    if confirmation is None or name is None:
        raise NotSaml("the assertion confirms no subject")
    for element in (conditions, confirmation):
        if element is not None:
            _check_time(element, now)
    attributes: dict[str, list[str]] = {}
    for attribute in assertion.iterfind(f"{_SAML}AttributeStatement/{_SAML}Attribute"):
        values = [_text(value) for value in attribute.iterfind(f"{_SAML}AttributeValue")]
        attributes.setdefault(attribute.get("Name", ""), []).extend(values)
    audience = assertion.find(f"{_SAML}Conditions/{_SAML}AudienceRestriction/{_SAML}Audience")
    kind = name.get("Format", "").rpartition(":")[2]
    return Assertion(
        _text(assertion.find(f"{_SAML}Issuer")),
        _text(name),
        kind or "unspecified",
        _text(audience),
        confirmation.get("Recipient", ""),
        attributes,
    )


def _check_time(element: Any, now: float) -> None:
    start, end = _moment(element.get("NotBefore")), _moment(element.get("NotOnOrAfter"))
    if start is not None and now < start - SKEW_S:
        raise Outdated("the assertion is not valid yet")
    if end is not None and now >= end:
        raise Outdated("the assertion is not valid any more")
