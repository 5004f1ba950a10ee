"""AssumeRoleWithSAML with assertions signed here."""

import base64
import time
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import XMLSigner

from tests.services.iam.accounts import allow, trusts

ENTITY = "https://idp.example.com/saml"
AUDIENCE = "https://signin.aws.amazon.com/saml"
ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"


class Idp:
    def __init__(self):
        self.key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp")])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .sign(self.key, hashes.SHA256())
        )

    @property
    def metadata(self):
        der = base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()
        return (
            f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ENTITY}">'
            '<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
            '<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>'
            f"<X509Certificate>{der}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
            f'<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{ENTITY}"/>'
            "</IDPSSODescriptor></EntityDescriptor>" + " " * 700
        )

    def assertion(self, role, provider, *, age=0, audience=AUDIENCE, session="me", more="", sign="Response"):
        def stamp(offset):
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset - age))

        def attribute(name, value):
            return f'<s:Attribute Name="{ATTRIBUTES}{name}"><s:AttributeValue>{value}</s:AttributeValue></s:Attribute>'

        text = (
            '<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:s="urn:oasis:names:tc:SAML:2.0:assertion"'
            f' ID="r1" Version="2.0" IssueInstant="{stamp(0)}"><s:Issuer>{ENTITY}</s:Issuer>'
            '<p:Status><p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></p:Status>'
            f'<s:Assertion ID="a1" Version="2.0" IssueInstant="{stamp(0)}"><s:Issuer>{ENTITY}</s:Issuer>'
            '<s:Subject><s:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice</s:NameID>'
            '<s:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
            f'<s:SubjectConfirmationData Recipient="{audience}" NotOnOrAfter="{stamp(300)}"/></s:SubjectConfirmation>'
            f'</s:Subject><s:Conditions NotBefore="{stamp(-60)}" NotOnOrAfter="{stamp(300)}"><s:AudienceRestriction>'
            f"<s:Audience>{audience}</s:Audience></s:AudienceRestriction></s:Conditions><s:AttributeStatement>"
            f"{attribute('Role', f'{role},{provider}')}{attribute('RoleSessionName', session)}{more}"
            "</s:AttributeStatement></s:Assertion></p:Response>"
        )
        root = etree.fromstring(text)
        target = root if sign == "Response" else root.find("{urn:oasis:names:tc:SAML:2.0:assertion}Assertion")
        signed = XMLSigner().sign(target, key=self.key, cert=[self.certificate], reference_uri=target.get("ID"))
        if sign != "Response":
            root.replace(target, signed)
            signed = root
        return base64.b64encode(etree.tostring(signed)).decode()


@pytest.fixture(scope="module")
def idp():
    return Idp()


@pytest.fixture
def provider(account, idp):
    return account.root().create_saml_provider(Name="corp", SAMLMetadataDocument=idp.metadata)["SAMLProviderArn"]


@pytest.fixture
def role(account, provider):
    trust = trusts(
        {"Federated": provider}, "sts:AssumeRoleWithSAML", Condition={"StringEquals": {"SAML:aud": AUDIENCE}}
    )
    return account.role("saml", trust, allow("sqs:ListQueues"), MaxSessionDuration=7200)


def assume(account, role, provider, assertion, **more):
    config = Config(signature_version=UNSIGNED, retries={"max_attempts": 0})
    sts = boto3.client("sts", region_name="us-east-1", endpoint_url=account.cloud.endpoint, config=config)
    return sts.assume_role_with_saml(RoleArn=role, PrincipalArn=provider, SAMLAssertion=assertion, **more)


@pytest.mark.parametrize("sign", ["Response", "Assertion"])
def test_a_signed_assertion_becomes_a_session(account, idp, provider, role, sign):
    made = assume(account, role, provider, idp.assertion(role, provider, sign=sign))
    assert (made["Subject"], made["SubjectType"], made["Issuer"]) == ("alice", "persistent", ENTITY)
    assert made["Audience"] == AUDIENCE
    assert made["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account.id}:assumed-role/saml/me"
    account.session(made["Credentials"], "sqs").list_queues()


def test_an_assertion_of_somebody_else_is_refused(account, provider, role):
    with pytest.raises(ClientError, match=r"InvalidIdentityToken.*Response signature invalid"):
        assume(account, role, provider, Idp().assertion(role, provider))


def test_an_assertion_that_was_changed_is_refused(account, idp, provider, role):
    text = base64.b64decode(idp.assertion(role, provider)).replace(b">alice<", b">mallory<")
    with pytest.raises(ClientError, match=r"InvalidIdentityToken"):
        assume(account, role, provider, base64.b64encode(text).decode())


def test_an_assertion_slipped_in_beside_the_signed_one_is_not_believed(account, idp, provider, role):
    root = etree.fromstring(base64.b64decode(idp.assertion(role, provider, sign="Assertion")))
    evil = etree.fromstring(base64.b64decode(Idp().assertion(role, provider, session="evil")))
    forged = evil.find("{urn:oasis:names:tc:SAML:2.0:assertion}Assertion")
    root.insert(0, forged)
    with pytest.raises(ClientError, match="InvalidIdentityToken"):
        assume(account, role, provider, base64.b64encode(etree.tostring(root)).decode())
    forged.set("ID", "a2")
    made = assume(account, role, provider, base64.b64encode(etree.tostring(root)).decode())
    assert made["AssumedRoleUser"]["Arn"].endswith("/me")


def test_an_old_assertion_is_expired(account, idp, provider, role):
    with pytest.raises(ClientError, match=r"ExpiredToken"):
        assume(account, role, provider, idp.assertion(role, provider, age=600))


def test_an_assertion_for_another_audience_is_rejected(account, idp, provider, role):
    with pytest.raises(ClientError, match=r"IDPRejectedClaim"):
        assume(account, role, provider, idp.assertion(role, provider, audience="https://elsewhere.example/saml"))


def test_a_role_the_assertion_does_not_offer_is_denied(account, idp, provider, role):
    other = account.role("other", {"AWS": account.id})
    with pytest.raises(ClientError, match=r"AccessDenied.*Not authorized to perform sts:AssumeRoleWithSAML"):
        assume(account, other, provider, idp.assertion(role, provider))


def test_the_session_duration_of_the_assertion_is_bounded(account, idp, provider, role):
    def lasting(seconds):
        return (
            f'<s:Attribute Name="{ATTRIBUTES}SessionDuration"><s:AttributeValue>{seconds}</s:AttributeValue>'
            "</s:Attribute>"
        )

    assume(account, role, provider, idp.assertion(role, provider, more=lasting(7200)))
    with pytest.raises(ClientError, match=r"MaxSessionDuration"):
        assume(account, role, provider, idp.assertion(role, provider, more=lasting(7201)))


@pytest.mark.parametrize(
    "text", ["AAAA", "PHg+", base64.b64encode(b"<!DOCTYPE x [<!ENTITY e 'x'>]><x>&e;</x>").decode()]
)
def test_what_is_no_assertion_is_refused(account, provider, role, text):
    with pytest.raises(ClientError, match=r"InvalidIdentityToken"):
        assume(account, role, provider, text)


def test_metadata_must_describe_a_provider(account, iam, idp):
    with pytest.raises(ClientError, match=r"InvalidInput.*Could not parse metadata"):
        iam.create_saml_provider(Name="x", SAMLMetadataDocument="<a>" + " " * 1000 + "</a>")
    arn = iam.create_saml_provider(Name="corp", SAMLMetadataDocument=idp.metadata)["SAMLProviderArn"]
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == idp.metadata
    assert [one["Arn"] for one in iam.list_saml_providers()["SAMLProviderList"]] == [arn]
    iam.delete_saml_provider(SAMLProviderArn=arn)
    with pytest.raises(ClientError, match=r"NoSuchEntity"):
        iam.get_saml_provider(SAMLProviderArn=arn)


def test_encrypted_assertions_are_refused_by_name(iam, idp):
    with pytest.raises(ClientError, match=r"NotImplemented.*AssertionEncryptionMode"):
        iam.create_saml_provider(Name="x", SAMLMetadataDocument=idp.metadata, AssertionEncryptionMode="Required")
