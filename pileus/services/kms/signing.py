"""Sign, Verify, GetPublicKey, and what two key pairs agree on.

Source: AWS KMS API Reference, the pages of these actions; AWS KMS Developer Guide, "Key spec reference".
"""

from typing import Any

from cryptography.exceptions import InvalidSignature as Unsigned
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from pileus.service import Call

from . import grant_tokens
from .encryption import for_usage, no_recipient
from .errors import Invalid, InvalidKeyUsage, InvalidSignature, UnsupportedOperation, not_yet
from .identify import key_operation, stop_if_dry, usable
from .keys import algorithms_of
from .material import private_of
from .specs import AGREE, SIGN, SPECS
from .tables import Key

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}


def _algorithm(key: Key, request: dict[str, Any]) -> tuple[str, bool]:
    """The algorithm, and whether the message is a digest already."""
    algorithm, kind = request["SigningAlgorithm"], request.get("MessageType", "RAW")
    if algorithm not in SPECS[key.spec].algorithms[SIGN]:
        raise InvalidKeyUsage(f"Algorithm {algorithm} is not compatible with key spec {key.spec}.")
    if algorithm == "ED25519_PH_SHA_512":
        raise not_yet("prehashed Ed25519", "use ED25519_SHA_512")
    if kind == "EXTERNAL_MU" or (kind == "DIGEST" and algorithm == "ED25519_SHA_512"):
        raise Invalid(f"MessageType {kind} is not valid for {algorithm}.")
    octets = len(request["Message"])
    if not 1 <= octets <= 4_096:
        raise Invalid("The message must have between 1 and 4096 bytes: sign the digest of a longer one.")
    if kind == "DIGEST" and octets != _HASHES[algorithm[-3:]].digest_size:
        raise Invalid(f"Digest is invalid length for algorithm {algorithm}.")
    return algorithm, kind == "DIGEST"


def _digest(algorithm: str, digested: bool) -> hashes.HashAlgorithm | Prehashed:
    digest = _HASHES[algorithm[-3:]]()
    return Prehashed(digest) if digested else digest


def _padding(algorithm: str) -> padding.PSS | padding.PKCS1v15:
    if "_PSS_" not in algorithm:
        return padding.PKCS1v15()
    digest = _HASHES[algorithm[-3:]]()
    return padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)


@key_operation("Sign", by_alias=True, shared=True)
def sign(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    grant_tokens.check(call, request)
    key = for_usage(usable(call), SIGN, "Sign")
    algorithm, digested = _algorithm(key, request)
    stop_if_dry(request)
    private, message = private_of(call.cloud.keyring, key), request["Message"]
    if isinstance(private, rsa.RSAPrivateKey):
        signature = private.sign(message, _padding(algorithm), _digest(algorithm, digested))
    elif isinstance(private, ec.EllipticCurvePrivateKey):
        signature = private.sign(message, ec.ECDSA(_digest(algorithm, digested)))
    else:
        signature = private.sign(message)
    return {"KeyId": key.arn, "Signature": signature, "SigningAlgorithm": algorithm}


@key_operation("Verify", by_alias=True, shared=True)
def verify(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    grant_tokens.check(call, request)
    key = for_usage(usable(call), SIGN, "Verify")
    algorithm, digested = _algorithm(key, request)
    public, message = serialization.load_der_public_key(key.public), request["Message"]
    try:
        if isinstance(public, rsa.RSAPublicKey):
            public.verify(request["Signature"], message, _padding(algorithm), _digest(algorithm, digested))
        elif isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(request["Signature"], message, ec.ECDSA(_digest(algorithm, digested)))
        elif isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(request["Signature"], message)
        else:
            raise TypeError(f"{key.arn} holds a key of another kind than its spec says")
    except Unsigned:
        raise InvalidSignature() from None
    stop_if_dry(request)
    return {"KeyId": key.arn, "SignatureValid": True, "SigningAlgorithm": algorithm}


@key_operation("GetPublicKey", by_alias=True, shared=True)
def get_public_key(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    grant_tokens.check(call, request)
    key = usable(call)
    if not key.public:
        raise UnsupportedOperation(f"{key.arn} has no public key.")
    found = {"KeyId": key.arn, "PublicKey": key.public, "KeySpec": key.spec, "CustomerMasterKeySpec": key.spec}
    return {**found, "KeyUsage": key.usage, **algorithms_of(key)}


@key_operation("DeriveSharedSecret", by_alias=True, shared=True)
def derive_shared_secret(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    no_recipient(request)
    grant_tokens.check(call, request)
    key = for_usage(usable(call), AGREE, "DeriveSharedSecret")
    if request["KeyAgreementAlgorithm"] != "ECDH":
        raise InvalidKeyUsage(f"Algorithm {request['KeyAgreementAlgorithm']} is not compatible with {key.spec}.")
    private = private_of(call.cloud.keyring, key)
    try:
        public = serialization.load_der_public_key(request["PublicKey"])
    except ValueError:
        raise Invalid("The public key is not a DER-encoded X.509 public key.") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(public, ec.EllipticCurvePublicKey):
        raise InvalidKeyUsage(f"The public key is not of the curve of {key.spec}.")
    if public.curve.name != private.curve.name:
        raise InvalidKeyUsage(f"The public key is not of the curve of {key.spec}.")
    stop_if_dry(request)
    secret = private.exchange(ec.ECDH(), public)
    return {"KeyId": key.arn, "SharedSecret": secret, "KeyAgreementAlgorithm": "ECDH", "KeyOrigin": "AWS_KMS"}
