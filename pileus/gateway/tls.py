"""TLS with a local authority: made once, kept in the data directory, trusted by whom the person tells to.

`ca.pem` is what clients trust (AWS_CA_BUNDLE; `pileus env` sets it); the authority's key never leaves the data
directory.
"""

import datetime
import hashlib
import ipaddress
import os
import ssl
import threading
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = (
    "localhost",
    "*.localhost",
    "localhost.localstack.cloud",
    "*.localhost.localstack.cloud",
    "*.s3.localhost.localstack.cloud",
)
ADDRESSES = ("127.0.0.1", "::1")
SERVED = (".amazonaws.com", ".amazonaws.com.cn", ".localhost.localstack.cloud")
"""Under which names machines inside find the cloud."""
AUTHORITY_DAYS, SERVER_DAYS, RENEW_DAYS = 3650, 397, 30


def context(data_dir: Path, host: str) -> ssl.SSLContext:
    """A server's context whose certificate names this machine's loopback names and `host`."""
    authority, authority_key = _authority(data_dir)
    certificate = data_dir / "server.pem"
    if not _serves(certificate, host, authority):
        _issue(certificate, _alternatives(host), authority, authority_key)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(certificate)
    return made


def authority(data_dir: Path) -> str:
    """The authority's certificate, made if there is none: PEM."""
    _authority(data_dir)
    return (data_dir / "ca.pem").read_text()


def by_name(data_dir: Path) -> ssl.SSLContext:
    """A server's context that answers to every name of AWS's: a certificate is made for each domain when it is first
    asked for, and kept in memory."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = _Issued(data_dir)
    made.sni_callback = issued.choose
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(issued.file("amazonaws.com"))
    return made


class _Issued:
    """Certificates by domain: one for `*.domain` and the domain itself."""

    DOMAINS_MAX = 512

    def __init__(self, data_dir: Path):
        self._data_dir = data_dir
        self._contexts: dict[str, ssl.SSLContext] = {}

    def choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, first: ssl.SSLContext) -> None:
        if not name or not name.lower().endswith(SERVED):
            return  # the client will find that the certificate is for other names
        domain = name.lower().partition(".")[2]
        if domain in ("com", "com.cn", "cloud") or domain.count(".") < 1:
            domain = name.lower()
        found = self._contexts.get(domain)
        if found is None and len(self._contexts) < self.DOMAINS_MAX:
            found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            found.minimum_version = ssl.TLSVersion.TLSv1_2
            found.load_cert_chain(self.file(domain))
            self._contexts[domain] = found
        if found is not None:
            connection.context = found

    def file(self, domain: str) -> Path:
        folder = self._data_dir / "certificates"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{hashlib.sha256(domain.encode()).hexdigest()[:32]}.pem"
        authority, authority_key = _authority(self._data_dir)
        names: list[x509.GeneralName] = [x509.DNSName(domain), x509.DNSName(f"*.{domain}")]
        if not path.exists() or not _lasts(path, authority):
            _issue(path, names, authority, authority_key)
        return path


def _now() -> datetime.datetime:
    # Certificates are judged by clients, by their machine's clock.
    return datetime.datetime.now(datetime.UTC)


_making = threading.Lock()


def _authority(data_dir: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Several machines that boot at once ask for it from threads of their own: one is made."""
    with _making:
        return _found_or_made(data_dir)


def _found_or_made(data_dir: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    shown, kept = data_dir / "ca.pem", data_dir / "ca.key"
    if shown.exists() and kept.exists():
        certificate = x509.load_pem_x509_certificate(shown.read_bytes())
        key = serialization.load_pem_private_key(kept.read_bytes(), None)
        if certificate.not_valid_after_utc > _now() and isinstance(key, ec.EllipticCurvePrivateKey):
            return certificate, key
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Pileus local authority")])
    certificate = (
        _described(name, name, key.public_key(), AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(kept, _private(key))
    _write(shown, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def _serves(path: Path, host: str, authority: x509.Certificate) -> bool:
    """Whether the certificate on disk is of this authority, fits the host and lasts a while yet."""
    if not path.exists() or not _lasts(path, authority):
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return not set(_alternatives(host)) - set(found)


def _lasts(path: Path, authority: x509.Certificate) -> bool:
    """Whether the certificate on disk is of this authority and lasts a while yet."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    if certificate.not_valid_after_utc < _now() + datetime.timedelta(days=RENEW_DAYS):
        return False
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _issue(
    path: Path, names: list[x509.GeneralName], authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        _described(name, authority.subject, key.public_key(), SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    _write(path, _private(key) + certificate.public_bytes(serialization.Encoding.PEM))


def _described(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - datetime.timedelta(days=1))
        .not_valid_after(_now() + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _alternatives(host: str) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = [x509.DNSName(name) for name in NAMES]
    found += [x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES]
    try:
        address = ipaddress.ip_address(host)
        if not address.is_unspecified and host not in ADDRESSES:
            found.append(x509.IPAddress(address))
    except ValueError:
        if host not in NAMES:
            found.append(x509.DNSName(host))
    return found


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> None:
    """Private from its first byte on."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
