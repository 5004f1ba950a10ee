"""Data keys for what is encrypted elsewhere, data key pairs, and random bytes.

Source: AWS KMS Developer Guide, "Data keys" and "Data key pairs"; AWS KMS API Reference, the pages of these actions.
"""

from typing import Any

from pileus.service import Call

from . import ciphertext, grant_tokens, key_pairs
from .encryption import context_of, for_usage, no_recipient
from .errors import Invalid, InvalidKeyUsage, UnsupportedOperation, not_yet
from .identify import key_operation, stop_if_dry, usable
from .material import random_bytes
from .service import kms
from .specs import ENCRYPT
from .tables import Key

_BYTES = {"AES_128": 16, "AES_256": 32}


def _wrapping(call: Call, request: dict[str, Any], operation: str) -> Key:
    no_recipient(request)
    grant_tokens.check(call, request)
    key = for_usage(usable(call), ENCRYPT, operation)
    if not key.symmetric:
        raise InvalidKeyUsage(f"{key.arn} has key spec {key.spec} which is not valid for {operation}.")
    return key


def _length(request: dict[str, Any]) -> int:
    spec, octets = request.get("KeySpec"), request.get("NumberOfBytes")
    if (spec is None) == (octets is None):
        raise Invalid("Please specify either number of bytes or key spec.")
    if spec is not None:
        if spec not in _BYTES:
            raise Invalid(f"Invalid KeySpec: {spec}")
        return _BYTES[spec]
    return _octets(octets)


def _octets(given: int | None) -> int:
    if given is None or not 1 <= given <= 1_024:
        raise Invalid("NumberOfBytes must be between 1 and 1024.")
    return given


@key_operation("GenerateDataKey", by_alias=True, shared=True)
def generate_data_key(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return _data_key(call, request, "GenerateDataKey", True)


@key_operation("GenerateDataKeyWithoutPlaintext", by_alias=True, shared=True)
def generate_data_key_without_plaintext(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return _data_key(call, request, "GenerateDataKeyWithoutPlaintext", False)


def _data_key(call: Call, request: dict[str, Any], operation: str, plain: bool) -> dict[str, Any]:
    key, octets, context = _wrapping(call, request, operation), _length(request), context_of(request)
    stop_if_dry(request)
    secret = random_bytes(octets)
    found = {
        "CiphertextBlob": ciphertext.seal(call.cloud.keyring, key, secret, context),
        "KeyId": key.arn,
        "KeyMaterialId": key.materials[-1].id,
    }
    return {**found, "Plaintext": secret} if plain else found


@key_operation("GenerateDataKeyPair", by_alias=True, shared=True)
def generate_data_key_pair(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return _pair(call, request, "GenerateDataKeyPair", True)


@key_operation("GenerateDataKeyPairWithoutPlaintext", by_alias=True, shared=True)
def generate_data_key_pair_without_plaintext(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return _pair(call, request, "GenerateDataKeyPairWithoutPlaintext", False)


def _pair(call: Call, request: dict[str, Any], operation: str, plain: bool) -> dict[str, Any]:
    key, context, spec = _wrapping(call, request, operation), context_of(request), request["KeyPairSpec"]
    if spec not in key_pairs.KINDS:
        raise not_yet(f"data key pairs of spec {spec}", "choose an RSA or ECC one")
    stop_if_dry(request)
    private = key_pairs.generate(spec)
    secret = key_pairs.private_der(private)
    found = {
        "PrivateKeyCiphertextBlob": ciphertext.seal(call.cloud.keyring, key, secret, context),
        "PublicKey": key_pairs.public_der(private),
        "KeyId": key.arn,
        "KeyPairSpec": spec,
        "KeyMaterialId": key.materials[-1].id,
    }
    return {**found, "PrivateKeyPlaintext": secret} if plain else found


@kms.operation("GenerateRandom", resource=lambda call, request: "*")
def generate_random(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    no_recipient(request)
    if request.get("CustomKeyStoreId"):
        raise UnsupportedOperation("Pileus's KMS has no custom key stores: leave CustomKeyStoreId out.")
    return {"Plaintext": random_bytes(_octets(request.get("NumberOfBytes")))}
