"""What Encrypt gives out: an opaque blob that names its key and which of its materials opens it.

    version (1) | account (6) | key id (16) | material (8) | nonce (12) | AES-256-GCM

All before the nonce, the key's ARN and the encryption context are authenticated: altered, or with another context, a
blob does not open. Source: AWS KMS Developer Guide, "Encryption context" and "SYMMETRIC_DEFAULT key spec".
"""

from struct import Struct
from typing import NamedTuple

from cryptography.exceptions import InvalidTag

from pileus.keyring import NONCE_BYTES, Keyring

from .errors import IncorrectKey, InvalidCiphertext
from .material import cipher_of, random_bytes
from .tables import Key, Material

_VERSION = 1
_head = Struct(">B6s16s8s")
_TAG = 16
_length = Struct(">I").pack


class Named(NamedTuple):
    """The key a blob names, and the beginning of its material's id."""

    account: str
    key_id: str
    material: bytes


def read(blob: bytes) -> Named:
    """Raises InvalidCiphertextException for what was not given out here."""
    if len(blob) < _head.size + NONCE_BYTES + _TAG:
        raise InvalidCiphertext()
    version, account, key_id, material = _head.unpack_from(blob)
    number = int.from_bytes(account, "big")
    if version != _VERSION or number >= 10**12:
        raise InvalidCiphertext()
    return Named(f"{number:012}", _uuid(key_id), material)


def _uuid(octets: bytes) -> str:
    text = octets.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def seal(keyring: Keyring, key: Key, plaintext: bytes, context: dict[str, str]) -> bytes:
    material = key.materials[-1]
    account = int(key.account).to_bytes(6, "big")
    head = _head.pack(_VERSION, account, bytes.fromhex(key.id.replace("-", "")), _short(material))
    nonce = random_bytes(NONCE_BYTES)
    return head + nonce + cipher_of(keyring, key, material).encrypt(nonce, plaintext, _bound(head, key, context))


def unseal(keyring: Keyring, key: Key, blob: bytes, context: dict[str, str]) -> tuple[bytes, Material]:
    """Raises IncorrectKeyException for another key's blob, InvalidCiphertextException for an altered one or another
    context."""
    named = read(blob)
    if (named.account, named.key_id) != (key.account, key.id):
        raise IncorrectKey("The key ID in the request does not identify a CMK that can perform this operation.")
    material = next((one for one in key.materials if _short(one) == named.material), None)
    if material is None:
        raise InvalidCiphertext()
    nonce, sealed = blob[_head.size : _head.size + NONCE_BYTES], blob[_head.size + NONCE_BYTES :]
    try:
        bound = _bound(blob[: _head.size], key, context)
        return cipher_of(keyring, key, material).decrypt(nonce, sealed, bound), material
    except InvalidTag:
        raise InvalidCiphertext() from None


def _short(material: Material) -> bytes:
    return bytes.fromhex(material.id[:16])


def _bound(head: bytes, key: Key, context: dict[str, str]) -> bytes:
    """Pairs are taken in order of their keys: in which order they were given does not matter. Lengths keep one text
    from being read as two."""
    parts = [head, key.arn.encode()]
    for name, value in sorted(context.items()):
        for text in (name.encode(), value.encode()):
            parts += (_length(len(text)), text)
    return b"".join(parts)
