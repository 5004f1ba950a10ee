"""Key material: made, wrapped by the cloud's master key, opened for one operation at a time.

A symmetric key's material is itself a data key of the keyring, so it never leaves it. The bytes of any other kind (an
RSA key, an HMAC key) are sealed with such a data key, and both are bound to the key's ARN.
"""

from cryptography.hazmat.primitives import serialization

from pileus.base import ids
from pileus.keyring import NONCE_BYTES, Cipher, Keyring

from . import key_pairs
from .specs import HMAC_BYTES
from .tables import Key, Material


def random_bytes(octets: int) -> bytes:
    return ids.secret_int(octets * 8).to_bytes(octets, "big")


def new_material(keyring: Keyring, arn: str, spec: str, now: float, by: str = "") -> tuple[Material, bytes]:
    """The material, and the public key (DER) where the spec has one."""
    unique = ids.unique_hex(64)
    wrapped = keyring.new_key(_purpose(arn, unique))
    if spec == "SYMMETRIC_DEFAULT":
        return Material(unique, wrapped, now, by=by), b""
    public = b""
    if spec in HMAC_BYTES:
        secret = random_bytes(HMAC_BYTES[spec])
    else:
        private = key_pairs.generate(spec)
        secret, public = key_pairs.private_der(private), key_pairs.public_der(private)
    nonce = random_bytes(NONCE_BYTES)
    sealed = nonce + keyring.cipher(wrapped, _purpose(arn, unique)).encrypt(nonce, secret, None)
    return Material(unique, wrapped, now, sealed, by), public


def cipher_of(keyring: Keyring, key: Key, material: Material) -> Cipher:
    return keyring.cipher(material.wrapped, _purpose(key.arn, material.id))


def secret_of(keyring: Keyring, key: Key) -> bytes:
    """The bytes of an HMAC key, or a private key in PKCS #8."""
    material = key.materials[-1]
    nonce, sealed = material.secret[:NONCE_BYTES], material.secret[NONCE_BYTES:]
    return cipher_of(keyring, key, material).decrypt(nonce, sealed, None)


def private_of(keyring: Keyring, key: Key) -> key_pairs.PrivateKey:
    loaded = serialization.load_der_private_key(secret_of(keyring, key), None)
    if not isinstance(loaded, key_pairs.PRIVATE_KEYS):
        raise TypeError(f"{key.arn} holds a key of another kind than its spec says")
    return loaded


def _purpose(arn: str, material: str) -> str:
    return f"kms/{arn}/{material}"
