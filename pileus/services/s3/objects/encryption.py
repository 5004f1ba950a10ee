"""Server-side encryption as requests ask for it: S3's own keys, KMS's, or the customer's.

Source: Amazon S3 User Guide, "Using server-side encryption with Amazon S3 managed keys (SSE-S3)", "… with AWS KMS keys
(SSE-KMS)", "… with customer-provided keys (SSE-C)"; Amazon S3 API Reference, PutObject, GetObject.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from typing import Any, NamedTuple

import orjson

from pileus.base.errors import ApiError
from pileus.service import AccessDenied, Call

from ..errors import S3Error, access_denied, invalid_argument, invalid_request
from ..tables import Bucket, Seal, Version
from .intake import Taken
from .sealing import Ciphers, bucket_ciphers, key_ciphers

KMS = ("aws:kms", "aws:kms:dsse")


class Sealed(NamedTuple):
    """How an object's bytes are sealed, and with what. `seal` is None for SSE-S3."""

    seal: Seal | None
    ciphers: Ciphers


def customer_key(request: dict[str, Any], prefix: str = "") -> tuple[bytes, str] | None:
    """The key an SSE-C request brings, and its MD5. `prefix`: 'CopySource' for a copy's source."""
    algorithm = request.get(f"{prefix}SSECustomerAlgorithm")
    text, md5 = request.get(f"{prefix}SSECustomerKey"), request.get(f"{prefix}SSECustomerKeyMD5")
    if algorithm is None and text is None and md5 is None:
        return None
    if algorithm != "AES256":
        raise S3Error(
            "InvalidEncryptionAlgorithmError" if algorithm else "InvalidArgument",
            400,
            "The Encryption request you specified is not valid. Supported value: AES256."
            if algorithm
            else "Requests specifying Server Side Encryption with Customer provided keys must provide a valid"
            " encryption algorithm.",
        )
    if text is None:
        raise invalid_argument(
            "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret"
            " key."
        )
    if md5 is None:
        raise invalid_argument(
            "Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated"
            " MD5 of the secret key."
        )
    try:
        key = b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise invalid_argument("The secret key was invalid for the specified algorithm.")
    if b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode() != md5:
        raise invalid_argument("The calculated MD5 hash of the key did not match the hash that was provided.")
    return key, md5


def new_seal(call: Call, bucket: Bucket, request: dict[str, Any]) -> Sealed:
    """For a new object: what the request asks for, else the bucket's default."""
    given = customer_key(request)
    asked, named = request.get("ServerSideEncryption"), request.get("SSEKMSKeyId")
    if given is not None:
        if asked is not None:
            raise invalid_argument(
                "Server Side Encryption with Customer provided key is incompatible with the encryption method specified"
            )
        if "SSE-C" in bucket.encryption.blocked:
            raise access_denied("Server Side Encryption with Customer provided keys is blocked on this bucket.")
        return Sealed(Seal("C", _proof(given[0]), given[1]), key_ciphers(given[0]))
    if asked is not None and asked not in ("AES256", *KMS):
        raise invalid_argument(
            "The encryption method specified is not supported", "x-amz-server-side-encryption", asked
        )
    if asked not in KMS and (named is not None or "SSEKMSEncryptionContext" in request):
        raise invalid_argument(
            "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption :"
            " aws:kms",
            "x-amz-server-side-encryption",
        )
    algorithm = asked or bucket.encryption.algorithm
    if algorithm == "AES256":
        return Sealed(None, bucket_ciphers(call.cloud.keyring, bucket))
    default = bucket.encryption if bucket.encryption.algorithm in KMS else None
    key = named or (default.key if default is not None else "")
    bucket_key = request.get("BucketKeyEnabled", default.bucket_key if default is not None else False)
    return _kms_seal(call, bucket, request, algorithm, key, bool(bucket_key))


def _kms_seal(call: Call, bucket: Bucket, request: dict[str, Any], kind: str, key: str, bucket_key: bool) -> Sealed:
    context = _given_context(request)
    context.setdefault("aws:s3:arn", bucket.arn if bucket_key else f"{bucket.arn}/{request['Key']}")
    made = _asked_kms(
        call,
        "GenerateDataKey",
        {"KeyId": key or "alias/aws/s3", "KeySpec": "AES_256", "EncryptionContext": context},
    )
    seal = Seal(kind, made["CiphertextBlob"], made["KeyId"], orjson.dumps(context).decode(), bucket_key)
    return Sealed(seal, key_ciphers(made["Plaintext"]))


def _asked_kms(call: Call, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """KMS's errors come back under S3's name for them: `KMS.NotFoundException`. A denial stays one."""
    try:
        answer: dict[str, Any] = call.invoke("kms", operation, request)
        return answer
    except AccessDenied:
        raise
    except ApiError as error:
        raise S3Error(f"KMS.{error.code}", 400, error.message) from error


def _given_context(request: dict[str, Any]) -> dict[str, str]:
    text = request.get("SSEKMSEncryptionContext")
    if text is None:
        return {}
    try:
        context = orjson.loads(b64decode(text, validate=True))
    except ValueError:
        context = None
    if not isinstance(context, dict) or not all(isinstance(value, str) for value in context.values()):
        raise invalid_argument("The KMS encryption context is not valid: it must be Base64 of a JSON object of strings",
                               "x-amz-server-side-encryption-context", text)  # fmt: skip
    return context


def opened(call: Call, bucket: Bucket, version: Version, request: dict[str, Any], prefix: str = "") -> Ciphers:
    """The ciphers of an existing version, for a request that may read it."""
    given = customer_key(request, prefix)
    return opened_by(call, bucket, version.seal, given)


def opened_by(call: Call, bucket: Bucket, seal: Seal | None, given: tuple[bytes, str] | None) -> Ciphers:
    if seal is not None and seal.kind == "C":
        if given is None:
            raise invalid_request(
                "The object was stored using a form of Server Side Encryption. The correct parameters must be provided"
                " to retrieve the object."
            )
        if not hmac.compare_digest(_proof(given[0]), seal.key):
            raise access_denied(
                "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret"
                " key."
            )
        return key_ciphers(given[0])
    if given is not None:
        raise invalid_request("The encryption parameters are not applicable to this object.")
    if seal is None:
        return bucket_ciphers(call.cloud.keyring, bucket)
    context = orjson.loads(seal.context)
    made = _asked_kms(call, "Decrypt", {"CiphertextBlob": seal.key, "KeyId": seal.name, "EncryptionContext": context})
    return key_ciphers(made["Plaintext"])


def check_known(call: Call, version: Version, request: dict[str, Any]) -> None:
    """HeadObject shows an SSE-C object only to who has its key; KMS is not asked, as no bytes are opened."""
    given = customer_key(request)
    if given is not None or (version.seal is not None and version.seal.kind == "C"):
        opened_by(call, call.subject, version.seal, given)


def check_not_asked(call: Call) -> None:
    """Whoever reads an object does not say how S3 is to encrypt it (GetObject, "Encryption")."""
    header = "x-amz-server-side-encryption"
    if header in call.headers:
        raise invalid_argument(f"{header} header is not supported for this operation.", header, call.headers[header])


def opaque_etag(taken: Taken) -> str:
    """32 hexadecimal digits that say nothing of the plain bytes."""
    return hmac.digest(taken.piece.id.to_bytes(8, "big"), taken.md5.encode(), "sha256").hex()[:32]


def shown(seal: Seal | None) -> dict[str, Any]:
    """The members of an answer that say how an object is encrypted."""
    if seal is None:
        return {"ServerSideEncryption": "AES256"}
    if seal.kind == "C":
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": seal.name}
    found = {"ServerSideEncryption": seal.kind, "SSEKMSKeyId": seal.name}
    return {**found, "BucketKeyEnabled": True} if seal.bucket_key else found


def _proof(key: bytes) -> bytes:
    """Tells the right customer key from a wrong one without keeping it."""
    return hmac.digest(key, b"pileus s3 customer key", "sha256")
