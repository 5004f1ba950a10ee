"""Message authentication codes under HMAC keys.

Source: AWS KMS Developer Guide, "HMAC keys in AWS KMS"; AWS KMS API Reference, "GenerateMac" and "VerifyMac".
"""

import hashlib
import hmac
from typing import Any

from pileus.service import Call

from . import grant_tokens
from .encryption import for_usage
from .errors import Invalid, InvalidKeyUsage, InvalidMac
from .identify import key_operation, stop_if_dry, usable
from .material import secret_of
from .specs import MAC, SPECS
from .tables import Key

_HASHES = {
    "HMAC_SHA_224": hashlib.sha224,
    "HMAC_SHA_256": hashlib.sha256,
    "HMAC_SHA_384": hashlib.sha384,
    "HMAC_SHA_512": hashlib.sha512,
}


def _code(call: Call, request: dict[str, Any], operation: str) -> tuple[Key, bytes]:
    grant_tokens.check(call, request)
    key, algorithm = for_usage(usable(call), MAC, operation), request["MacAlgorithm"]
    if algorithm not in SPECS[key.spec].algorithms[MAC]:
        raise InvalidKeyUsage(f"Algorithm {algorithm} is not compatible with key spec {key.spec}.")
    if not 1 <= len(request["Message"]) <= 4_096:
        raise Invalid("The message must have between 1 and 4096 bytes.")
    return key, hmac.new(secret_of(call.cloud.keyring, key), request["Message"], _HASHES[algorithm]).digest()


@key_operation("GenerateMac", by_alias=True, shared=True)
def generate_mac(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key, code = _code(call, request, "GenerateMac")
    stop_if_dry(request)
    return {"Mac": code, "MacAlgorithm": request["MacAlgorithm"], "KeyId": key.arn}


@key_operation("VerifyMac", by_alias=True, shared=True)
def verify_mac(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key, code = _code(call, request, "VerifyMac")
    if not hmac.compare_digest(code, request["Mac"]):
        raise InvalidMac()
    stop_if_dry(request)
    return {"KeyId": key.arn, "MacValid": True, "MacAlgorithm": request["MacAlgorithm"]}
