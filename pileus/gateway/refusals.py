"""Why a request is turned away before any service sees it, in AWS's words.

Each refusal is made once, under the name the query protocol uses; `dressed` gives it the name and status of the
protocol and service at hand. Source: "Common Errors" of the API references of STS, SQS, DynamoDB; Amazon S3 API
Reference, "Error responses"; IAM User Guide, "Troubleshoot Signature Version 4 signing for AWS API requests".
"""

from time import gmtime, strftime

from pileus.base.errors import ApiError

DENIED_IS_403 = ("query", "ec2", "rest-json", "rest-xml")
"""Protocols whose services answer a denial by policy with 403; the JSON ones answer 400, as to any other error."""


class Refusal(ApiError):
    """`json_code` is what services with a JSON protocol of their own call it, `s3` what S3 does."""

    def __init__(
        self,
        code: str,
        status: int,
        message: str,
        *,
        json_code: str | None = None,
        s3: tuple[str, int, str] | None = None,
    ):
        super().__init__(message, code=code, status=status)
        self.json_code, self.s3 = json_code, s3


def dressed(error: Refusal, service: str, protocol: str, query_compatible: bool) -> ApiError:
    """SQS and the other services that came to JSON from the query protocol keep its names and statuses."""
    if service == "s3" and error.s3 is not None:
        code, status, message = error.s3
        return ApiError(message, code=code, status=status)
    if error.json_code is not None and protocol in ("json", "smithy-rpc-v2-cbor") and not query_compatible:
        return ApiError(error.message, code=error.json_code, status=400)
    if error.json_code is not None and protocol == "rest-json":
        return ApiError(error.message, code=error.json_code, status=403 if error.status == 403 else error.status)
    return error


def _stamp(moment: float) -> str:
    return strftime("%Y%m%dT%H%M%SZ", gmtime(moment))


def missing_token() -> Refusal:
    return Refusal(
        "MissingAuthenticationToken",
        403,
        "Request is missing Authentication Token",
        json_code="MissingAuthenticationTokenException",
        s3=("AccessDenied", 403, "Access Denied"),
    )


def incomplete(absent: list[str], no_date: bool, header: str) -> Refusal:
    lacks = [f"Authorization header requires '{name}' parameter." for name in absent]
    if no_date:
        lacks.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    # The header is echoed as AWS does, without the signature's value.
    shown = header.partition("Signature=")[0]
    return _incomplete(" ".join(lacks) + f" Authorization={shown}")


def incomplete_query(absent: list[str]) -> Refusal:
    return _incomplete(" ".join(f"AWS query-string parameters must include '{name}'." for name in absent))


def bad_credential(text: str) -> Refusal:
    return _incomplete(
        f"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{text}'"
    )


def bad_date(stamp: str) -> Refusal:
    return _incomplete(
        f"Date must be in ISO-8601 'basic format'. Got '{stamp}'. See http://en.wikipedia.org/wiki/ISO_8601"
    )


def unknown_algorithm(algorithm: str) -> Refusal:
    return _incomplete(f"Unsupported AWS 'algorithm': '{algorithm}'. Use AWS4-HMAC-SHA256.")


def bad_expiry(text: str) -> Refusal:
    message = f"X-Amz-Expires must be a number between 1 and 604800 seconds, not '{text}'"
    return Refusal("IncompleteSignature", 400, message, s3=("AuthorizationQueryParametersError", 400, message))


def _incomplete(message: str) -> Refusal:
    return Refusal(
        "IncompleteSignature",
        400,
        message,
        json_code="IncompleteSignatureException",
        s3=("AuthorizationHeaderMalformed", 400, message),
    )


def signature_version_2() -> Refusal:
    message = "Signature Version 2 is not supported. Sign with AWS4-HMAC-SHA256 (Signature Version 4)."
    return Refusal("UnsupportedSignature", 400, message, s3=("InvalidRequest", 400, message))


def old_query_incomplete() -> Refusal:
    message = (
        "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters, and Expires to be a"
        " number of seconds."
    )
    return Refusal("AccessDenied", 403, message)


def signature_version_4a() -> Refusal:
    message = "Signature Version 4A (AWS4-ECDSA-P256-SHA256) is not supported. Sign with AWS4-HMAC-SHA256."
    return Refusal("UnsupportedSignature", 400, message)


def unknown_key(key_id: str) -> Refusal:
    return Refusal(
        "InvalidClientTokenId",
        403,
        "The security token included in the request is invalid.",
        json_code="UnrecognizedClientException",
        s3=("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."),
    )


def expired_token() -> Refusal:
    return Refusal(
        "ExpiredToken",
        403,
        "The security token included in the request is expired",
        json_code="ExpiredTokenException",
        s3=("ExpiredToken", 400, "The provided token has expired."),
    )


def mismatch() -> Refusal:
    message = (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access"
        " Key and signing method. Consult the service documentation for details."
    )
    s3_message = (
        "The request signature we calculated does not match the signature you provided."
        " Check your key and signing method."
    )
    return _signature(message, ("SignatureDoesNotMatch", 403, s3_message))


def too_old(stamp: str, machine: float, skew: int) -> Refusal:
    oldest, now = _stamp(machine - skew), _stamp(machine)
    return _skewed(f"Signature expired: {stamp} is now earlier than {oldest} ({now} - {skew // 60} min.)")


def not_yet(stamp: str, machine: float, skew: int) -> Refusal:
    latest, now = _stamp(machine + skew), _stamp(machine)
    return _skewed(f"Signature not yet current: {stamp} is still later than {latest} ({now} + {skew // 60} min.)")


def expired(stamp: str, end: float, machine: float) -> Refusal:
    message = f"Signature expired: {_stamp(end)} is now earlier than {_stamp(machine)}"
    return _signature(message, ("AccessDenied", 403, "Request has expired"))


def date_mismatch(date: str, stamp: str) -> Refusal:
    message = (
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:"
        f" '{date}' != '{stamp[:8]}', from '{stamp}'."
    )
    return _signature(message, ("AuthorizationHeaderMalformed", 400, message))


def wrong_service(wanted: str) -> Refusal:
    message = f"Credential should be scoped to correct service: '{wanted}'."
    return _signature(message, ("AuthorizationHeaderMalformed", 400, message))


def host_not_signed() -> Refusal:
    message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    return _signature(message, ("AccessDenied", 403, "There were headers present in the request which were not signed"))


def header_not_signed(name: str) -> Refusal:
    message = f"'{name}' must be a 'SignedHeader' in the AWS Authorization."
    return _signature(message, ("AccessDenied", 403, "There were headers present in the request which were not signed"))


def payload_differs(declared: str, actual: str) -> Refusal:
    message = "The provided 'x-amz-content-sha256' header does not match what was computed."
    return _signature(message, ("XAmzContentSHA256Mismatch", 400, message))


def missing_payload_hash() -> Refusal:
    message = "Missing required header for this request: x-amz-content-sha256"
    return Refusal("InvalidRequest", 400, message)


def _skewed(message: str) -> Refusal:
    s3_message = "The difference between the request time and the current time is too large."
    return _signature(message, ("RequestTimeTooSkewed", 403, s3_message))


def _signature(message: str, s3: tuple[str, int, str]) -> Refusal:
    return Refusal("SignatureDoesNotMatch", 403, message, json_code="InvalidSignatureException", s3=s3)
