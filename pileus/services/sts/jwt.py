"""JSON Web Tokens as OpenID Connect issuers sign them: read, and verified against the issuer's keys.

Source: RFC 7515, RFC 7517 and RFC 7518 (RS256 to RS512, ES256 and ES384); STS API Reference,
"AssumeRoleWithWebIdentity".
"""

import binascii
from base64 import urlsafe_b64decode
from typing import Any, NamedTuple

import orjson

_RSA = {"RS256": "SHA256", "RS384": "SHA384", "RS512": "SHA512"}
_CURVES = {"ES256": ("P-256", "SECP256R1", "SHA256", 32), "ES384": ("P-384", "SECP384R1", "SHA384", 48)}
SKEW_S = 60.0


_NO_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"


class BadToken(ValueError):
    """The token cannot be read, or its signature is wrong."""


class Token(NamedTuple):
    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def _decoded(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise BadToken(_NO_JWT) from None


def read(text: str) -> Token:
    """Nothing of it is believed yet."""
    parts = text.split(".")
    if len(parts) != 3 or not text.isascii():
        raise BadToken(_NO_JWT)
    try:
        header, claims = orjson.loads(_decoded(parts[0])), orjson.loads(_decoded(parts[1]))
    except orjson.JSONDecodeError:
        raise BadToken(_NO_JWT) from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise BadToken("The ID Token provided is not a valid JWT.")
    return Token(header, claims, f"{parts[0]}.{parts[1]}".encode(), _decoded(parts[2]))


def verify(token: Token, keys: list[dict[str, Any]]) -> bool:
    """Whether one of the issuer's keys signed the token."""
    algorithm, wanted = token.header.get("alg"), token.header.get("kid")
    for key in keys:
        if key.get("use", "sig") != "sig" or (wanted is not None and key.get("kid") != wanted):
            continue
        if algorithm in _RSA and key.get("kty") == "RSA":
            if _rsa(token, key, _RSA[algorithm]):
                return True
        elif algorithm in _CURVES and key.get("kty") == "EC" and _elliptic(token, key, *_CURVES[algorithm]):
            return True
    return False


def _number(key: dict[str, Any], name: str) -> int:
    value = key.get(name)
    return int.from_bytes(_decoded(value), "big") if isinstance(value, str) else 0


def _rsa(token: Token, key: dict[str, Any], digest: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    try:
        public = RSAPublicNumbers(_number(key, "e"), _number(key, "n")).public_key()
        public.verify(token.signature, token.signed, PKCS1v15(), getattr(hashes, digest)())
    except (InvalidSignature, ValueError):
        return False
    return True


def _elliptic(token: Token, key: dict[str, Any], name: str, curve: str, digest: str, size: int) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if key.get("crv") != name or len(token.signature) != 2 * size:
        return False
    halves = (int.from_bytes(half, "big") for half in (token.signature[:size], token.signature[size:]))
    try:
        numbers = ec.EllipticCurvePublicNumbers(_number(key, "x"), _number(key, "y"), getattr(ec, curve)())
        numbers.public_key().verify(encode_dss_signature(*halves), token.signed, ec.ECDSA(getattr(hashes, digest)()))
    except (InvalidSignature, ValueError):
        return False
    return True
