"""What users and accounts upload: server certificates, signing certificates, SSH public keys; read and checked.

The cryptography library is loaded on first use: most clouds never see an upload.
"""

import hashlib
from datetime import UTC, datetime

import msgspec

from .version import IdentityTable

RSA_BITS_MIN = 2_048


class Unreadable(ValueError):
    """The text is no certificate, or no key, of the kind that is wanted."""


class ServerCertificate(msgspec.Struct, frozen=True):
    account: str
    name: str
    id: str
    uploaded: float
    expires: float
    body: str
    private_key: str
    chain: str = ""
    path: str = "/"
    partition: str = "aws"
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:server-certificate{self.path}{self.name}"


class SigningCertificate(msgspec.Struct, frozen=True):
    id: str
    body: str
    uploaded: float
    active: bool = True


class SshKey(msgspec.Struct, frozen=True):
    """`body` in the one-line form of OpenSSH, `pem` as SubjectPublicKeyInfo."""

    id: str
    body: str
    pem: str
    fingerprint: str
    uploaded: float
    active: bool = True


server_certificates = IdentityTable("identity.server_certificate", ServerCertificate)  # account, name in lower case
signing_certificates = IdentityTable("identity.signing_certificate", SigningCertificate)  # account, user's id, id
ssh_keys = IdentityTable("identity.ssh_key", SshKey)  # account, user's id, id


def expiry_of(body: str) -> float:
    """When a certificate (PEM) ends. Raises Unreadable."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(body.encode()).not_valid_after_utc.timestamp()
    except ValueError:
        raise Unreadable("the certificate cannot be read") from None


def started(body: str, now: float) -> bool:
    """Whether a certificate is valid by now."""
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(body.encode())
    return certificate.not_valid_before_utc <= datetime.fromtimestamp(now, UTC)


def key_fits(body: str, private_key: str) -> bool:
    """Whether the private key (PEM, not encrypted) is the certificate's. Raises Unreadable."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as forms

    try:
        key = forms.load_pem_private_key(private_key.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Unreadable("the private key cannot be read") from None
    public = x509.load_pem_x509_certificate(body.encode()).public_key()
    kind = (forms.Encoding.DER, forms.PublicFormat.SubjectPublicKeyInfo)
    return key.public_key().public_bytes(*kind) == public.public_bytes(*kind)


def read_ssh_key(text: str) -> tuple[str, str, str]:
    """(one-line form, PEM, fingerprint) of an RSA public key in either form. Raises Unreadable."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    load = forms.load_pem_public_key if text.lstrip().startswith("-----BEGIN") else forms.load_ssh_public_key
    try:
        key = load(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        raise Unreadable("the public key cannot be read") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < RSA_BITS_MIN:
        raise Unreadable(f"the public key must be RSA, of {RSA_BITS_MIN} bits at least")
    line = key.public_bytes(forms.Encoding.OpenSSH, forms.PublicFormat.OpenSSH).decode()
    der = key.public_bytes(forms.Encoding.DER, forms.PublicFormat.SubjectPublicKeyInfo)
    pem = key.public_bytes(forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo).decode()
    digest = hashlib.md5(der, usedforsecurity=False).hexdigest()
    return line, pem, ":".join(digest[at : at + 2] for at in range(0, 32, 2))
