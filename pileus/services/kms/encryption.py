"""Encrypt, Decrypt, ReEncrypt: under symmetric keys, and under RSA keys.

Source: AWS KMS API Reference, the pages of these actions; AWS KMS Developer Guide, "Encryption context".
"""

from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from pileus.service import Call, must_allow

from . import ciphertext, conditions, grant_tokens, granting
from .errors import IncorrectKey, Invalid, InvalidCiphertext, InvalidKeyUsage, not_yet
from .identify import Subject, identify, key_operation, of_ciphertext, stop_if_dry, usable
from .material import private_of
from .specs import ENCRYPT, SPECS
from .tables import Key

CONTEXT_BYTES_MAX = 8_192
_SYMMETRIC = "SYMMETRIC_DEFAULT"
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "RSAES_OAEP_SHA_1": hashes.SHA1,
    "RSAES_OAEP_SHA_256": hashes.SHA256,
}


def for_usage(key: Key, usage: str, operation: str) -> Key:
    if key.usage != usage:
        raise InvalidKeyUsage(f"{key.arn} key usage is {key.usage} which is not valid for {operation}.")
    return key


def _algorithm(key: Key, given: str | None) -> str:
    algorithm = given or _SYMMETRIC
    if algorithm not in SPECS[key.spec].algorithms[ENCRYPT]:
        raise InvalidKeyUsage(f"Algorithm {algorithm} is not compatible with key spec {key.spec}.")
    return algorithm


def context_of(request: dict[str, Any], member: str = "EncryptionContext") -> dict[str, str]:
    context: dict[str, str] = request.get(member) or {}
    if sum(len(name.encode()) + len(value.encode()) for name, value in context.items()) > CONTEXT_BYTES_MAX:
        raise Invalid(f"The encryption context exceeds the maximum of {CONTEXT_BYTES_MAX} bytes.")
    return context


def no_recipient(request: dict[str, Any]) -> None:
    if request.get("Recipient"):
        raise not_yet("attested recipients (Nitro Enclaves)", "leave Recipient out")


def sealed(call: Call, key: Key, plaintext: bytes, context: dict[str, str], algorithm: str) -> bytes:
    """Raises ValidationException for more than the key takes."""
    if algorithm == _SYMMETRIC:
        if not 1 <= len(plaintext) <= 4_096:
            raise Invalid("The plaintext must have between 1 and 4096 bytes.")
        return ciphertext.seal(call.cloud.keyring, key, plaintext, context)
    if context:
        raise Invalid("An encryption context is only supported with symmetric encryption keys.")
    public = serialization.load_der_public_key(key.public)
    if not isinstance(public, rsa.RSAPublicKey):
        raise TypeError(f"{key.arn} is no RSA key")
    room = public.key_size // 8 - 2 * _HASHES[algorithm]().digest_size - 2
    if not 1 <= len(plaintext) <= room:
        raise Invalid(f"Algorithm {algorithm} and key spec {key.spec} cannot encrypt data larger than {room} bytes.")
    return public.encrypt(plaintext, _oaep(algorithm))


def opened(call: Call, key: Key, blob: bytes, context: dict[str, str], algorithm: str) -> tuple[bytes, str]:
    """The plaintext, and the id of the material that opened it (a symmetric key's)."""
    if algorithm == _SYMMETRIC:
        plaintext, material = ciphertext.unseal(call.cloud.keyring, key, blob, context)
        return plaintext, material.id
    if context:
        raise Invalid("An encryption context is only supported with symmetric encryption keys.")
    private = private_of(call.cloud.keyring, key)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError(f"{key.arn} is no RSA key")
    try:
        return private.decrypt(blob, _oaep(algorithm)), ""
    except ValueError:
        raise InvalidCiphertext() from None


def _oaep(algorithm: str) -> padding.OAEP:
    digest = _HASHES[algorithm]()
    return padding.OAEP(mgf=padding.MGF1(algorithm=digest), algorithm=digest, label=None)


@key_operation("Encrypt", by_alias=True, shared=True)
def encrypt(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    grant_tokens.check(call, request)
    key = for_usage(usable(call), ENCRYPT, "Encrypt")
    algorithm, context = _algorithm(key, request.get("EncryptionAlgorithm")), context_of(request)
    blob = sealed(call, key, request["Plaintext"], context, algorithm)
    stop_if_dry(request)
    return {"CiphertextBlob": blob, "KeyId": key.arn, "EncryptionAlgorithm": algorithm}


def _source(call: Call, request: dict[str, Any], key_member: str, algorithm_member: str) -> Subject:
    """The key a request names, else the one its ciphertext names."""
    if request.get("DryRunModifiers"):
        raise not_yet("dry runs without a ciphertext", "leave DryRunModifiers out and give the CiphertextBlob")
    blob = request.get("CiphertextBlob")
    if not blob:
        raise Invalid("A CiphertextBlob is required.")
    if request.get(key_member):
        return identify(call, request[key_member], by_alias=True)
    if request.get(algorithm_member, _SYMMETRIC) != _SYMMETRIC:
        raise Invalid(f"{key_member} is required to decrypt with an asymmetric KMS key.")
    return of_ciphertext(call, blob)


@key_operation(
    "Decrypt",
    identified=lambda call, request: _source(call, request, "KeyId", "EncryptionAlgorithm"),
    shared=True,
)
def decrypt(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    no_recipient(request)
    grant_tokens.check(call, request)
    key = for_usage(usable(call), ENCRYPT, "Decrypt")
    algorithm = _algorithm_to_open(key, request.get("EncryptionAlgorithm"))
    plaintext, material = opened(call, key, request["CiphertextBlob"], context_of(request), algorithm)
    stop_if_dry(request)
    found = {"KeyId": key.arn, "Plaintext": plaintext, "EncryptionAlgorithm": algorithm}
    return {**found, "KeyMaterialId": material} if material else found


def _algorithm_to_open(key: Key, given: str | None) -> str:
    """A ciphertext of a symmetric key is no ciphertext of an RSA key."""
    if given is None and not key.symmetric:
        raise IncorrectKey("The key ID in the request does not identify a CMK that can perform this operation.")
    return _algorithm(key, given)


def _about_source(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    target = identify(call, request["DestinationKeyId"], by_alias=True)
    return {
        **conditions.of_context(request.get("SourceEncryptionContext") or {}),
        "kms:ReEncryptOnSameKey": target.arn == call.subject.arn,
        "kms:EncryptionAlgorithm": request.get("SourceEncryptionAlgorithm", _SYMMETRIC),
    }


@key_operation(
    "ReEncrypt",
    action="ReEncryptFrom",
    more_context=_about_source,
    identified=lambda call, request: _source(call, request, "SourceKeyId", "SourceEncryptionAlgorithm"),
    shared=True,
)
def re_encrypt(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Needs kms:ReEncryptFrom on the one key and kms:ReEncryptTo on the other."""
    grant_tokens.check(call, request)
    source = for_usage(usable(call), ENCRYPT, "ReEncrypt")
    target = for_usage(_destination(call, request, source), ENCRYPT, "ReEncrypt")
    old = _algorithm_to_open(source, request.get("SourceEncryptionAlgorithm"))
    new = _algorithm(target, request.get("DestinationEncryptionAlgorithm"))
    blob = request["CiphertextBlob"]
    plaintext, material = opened(call, source, blob, context_of(request, "SourceEncryptionContext"), old)
    fresh = sealed(call, target, plaintext, context_of(request, "DestinationEncryptionContext"), new)
    stop_if_dry(request)
    found = {
        "CiphertextBlob": fresh,
        "SourceKeyId": source.arn,
        "KeyId": target.arn,
        "SourceEncryptionAlgorithm": old,
        "DestinationEncryptionAlgorithm": new,
    }
    if material:
        found["SourceKeyMaterialId"] = material
    if target.symmetric:
        found["DestinationKeyMaterialId"] = target.materials[-1].id
    return found


def _destination(call: Call, request: dict[str, Any], source: Key) -> Key:
    found = identify(call, request["DestinationKeyId"], by_alias=True)
    if found.key is None:
        must_allow(call, "kms:ReEncryptTo", found.arn)
        raise found.missing or LookupError(found.arn)
    about = {
        **conditions.keys_of(call, request, found.key, found.alias),
        # Of one key, what the source's context said must not count for the destination: an empty list is no value.
        **{key: [] for key in conditions.of_context(request.get("SourceEncryptionContext") or {})},
        **conditions.of_context(request.get("DestinationEncryptionContext") or {}),
        "kms:ReEncryptOnSameKey": found.key.arn == source.arn,
        "kms:EncryptionAlgorithm": request.get("DestinationEncryptionAlgorithm", _SYMMETRIC),
    }
    own = granting.carried(call, found.key, "ReEncryptTo", request)
    must_allow(call, "kms:ReEncryptTo", found.arn, context=about, own=own)
    return usable(call, found.key)
