"""RSA, elliptic-curve and Edwards key pairs, as their key specs name them.

Source: AWS KMS Developer Guide, "Key spec reference" and "Data key pairs".
"""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from .specs import RSA_SIZES

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PRIVATE_KEYS = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)

CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ECC_NIST_P256": ec.SECP256R1,
    "ECC_NIST_P384": ec.SECP384R1,
    "ECC_NIST_P521": ec.SECP521R1,
    "ECC_SECG_P256K1": ec.SECP256K1,
}
KINDS = frozenset({*RSA_SIZES, *CURVES, "ECC_NIST_EDWARDS25519"})


def generate(spec: str) -> PrivateKey:
    if spec in RSA_SIZES:
        return rsa.generate_private_key(public_exponent=65_537, key_size=RSA_SIZES[spec])
    if spec in CURVES:
        return ec.generate_private_key(CURVES[spec]())
    return ed25519.Ed25519PrivateKey.generate()


def private_der(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_der(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
