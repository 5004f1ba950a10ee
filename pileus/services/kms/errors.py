"""KMS's errors and the sentences it answers them with.

Source: AWS KMS API Reference, "Common Errors" and each action's "Errors"; for the words, what people report.
"""

from pileus.base.errors import ApiError, NotImplementedYet

from .service import kms

AlreadyExists = kms.error("AlreadyExistsException")
Disabled = kms.error("DisabledException")
DryRunOperation = kms.error("DryRunOperationException")
IncorrectKey = kms.error("IncorrectKeyException")
InvalidArn = kms.error("InvalidArnException")
InvalidCiphertext = kms.error("InvalidCiphertextException")
InvalidGrantId = kms.error("InvalidGrantIdException")
InvalidGrantToken = kms.error("InvalidGrantTokenException")
InvalidKeyUsage = kms.error("InvalidKeyUsageException")
InvalidMac = kms.error("KMSInvalidMacException")
InvalidMarker = kms.error("InvalidMarkerException")
InvalidSignature = kms.error("KMSInvalidSignatureException")
InvalidState = kms.error("KMSInvalidStateException")
LimitExceeded = kms.error("LimitExceededException")
MalformedPolicyDocument = kms.error("MalformedPolicyDocumentException")
NotFound = kms.error("NotFoundException")
TagError = kms.error("TagException")
UnsupportedOperation = kms.error("UnsupportedOperationException")


class Invalid(ApiError):
    """A value the model allows and KMS does not."""

    code, status = "ValidationException", 400


class NotAuthorized(ApiError):
    """What is AWS's own (the alias prefix `alias/aws/`) is nobody's to change."""

    code, status = "NotAuthorizedException", 400


class AccessDenied(ApiError):
    """A ciphertext names a key that is not there: KMS does not tell that from one the caller may not use."""

    code, status = "AccessDeniedException", 400


def no_such_key(arn: str) -> ApiError:
    return NotFound(f"Key '{arn}' does not exist")


def unknown_key_of_ciphertext() -> ApiError:
    return AccessDenied(
        "The ciphertext refers to a customer master key that does not exist, "
        "does not exist in this region, or you are not allowed to access."
    )


def not_yet(what: str, instead: str) -> ApiError:
    return NotImplementedYet(f"Pileus's KMS does not have {what} yet: {instead}.")
