"""S3's errors: few are modelled, most are only documented.

Source: Amazon S3 API Reference, "Error responses", "List of error codes". S3 shows further elements beside code and
message (`BucketName`, `Key`, `ArgumentName`): they are the error's members.
"""

from typing import Any

from pileus.base.errors import ApiError


class S3Error(ApiError):
    """An error by its code. `members` are further elements of the error's XML, in order."""

    def __init__(self, code: str, status: int, message: str, **members: Any):
        super().__init__(message, code=code, status=status, members={k: v for k, v in members.items() if v is not None})


def access_denied(message: str = "Access Denied") -> S3Error:
    return S3Error("AccessDenied", 403, message)


def bad_digest(
    message: str = "The Content-MD5 you specified did not match what we received.", **members: Any
) -> S3Error:
    return S3Error("BadDigest", 400, message, **members)


def bucket_not_empty(bucket: str) -> S3Error:
    return S3Error("BucketNotEmpty", 409, "The bucket you tried to delete is not empty", BucketName=bucket)


def invalid_argument(message: str, name: str | None = None, value: Any = None) -> S3Error:
    return S3Error("InvalidArgument", 400, message, ArgumentName=name, ArgumentValue=value)


def invalid_request(message: str) -> S3Error:
    return S3Error("InvalidRequest", 400, message)


def malformed_xml() -> S3Error:
    return S3Error(
        "MalformedXML", 400, "The XML you provided was not well-formed or did not validate against our published schema"
    )


def no_such_bucket(bucket: str) -> S3Error:
    return S3Error("NoSuchBucket", 404, "The specified bucket does not exist", BucketName=bucket)


def no_such_key(key: str) -> S3Error:
    return S3Error("NoSuchKey", 404, "The specified key does not exist.", Key=key)


def no_such_version(key: str, version: str) -> S3Error:
    return S3Error("NoSuchVersion", 404, "The specified version does not exist.", Key=key, VersionId=version)


def not_implemented(message: str, **members: Any) -> S3Error:
    """AWS's own answer to what S3 does not do, and ours to what Pileus does not do yet; the message says which."""
    return S3Error("NotImplemented", 501, message, **members)


def precondition_failed(condition: str) -> S3Error:
    return S3Error(
        "PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold", Condition=condition
    )


def method_not_allowed(method: str, resource_type: str) -> S3Error:
    return S3Error(
        "MethodNotAllowed",
        405,
        "The specified method is not allowed against this resource.",
        Method=method,
        ResourceType=resource_type,
    )
