"""Why a request is turned away before any service sees it, in AWS's words.

Each refusal is made once, under the name the query protocol uses; `dressed` gives it the name and status of the
protocol and service at hand. Source: "Common Errors" of the API references of STS, SQS, DynamoDB; Amazon S3 API
Reference, "Error responses"; IAM User Guide, "Troubleshoot Signature Version 4 signing for AWS API requests".
"""

from time import gmtime, strftime

from pileus.base.clock import iso
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
        s3_members: dict[str, str] | None = None,
    ):
        super().__init__(message, code=code, status=status)
        self.json_code, self.s3, self.s3_members = json_code, s3, s3_members


def dressed(error: Refusal, service: str, protocol: str, query_compatible: bool) -> ApiError:
    """SQS and the other services that came to JSON from the query protocol keep its names and statuses."""
    if service == "s3" and error.s3 is not None:
        code, status, message = error.s3
        return ApiError(message, code=code, status=status, members=error.s3_members)
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
    message = " ".join(lacks) + f" Authorization={shown}"
    if no_date and not absent:
        dateless = "AWS authentication requires a valid Date or x-amz-date header"
        return _incomplete(message, ("AccessDenied", 403, dateless))
    return _incomplete(
        message,
        _s3_header("the authorization header requires three components: Credential, SignedHeaders, and Signature."),
    )


def incomplete_query(absent: list[str]) -> Refusal:
    return _incomplete(
        " ".join(f"AWS query-string parameters must include '{name}'." for name in absent),
        _s3_query(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature,"
            " X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        ),
    )


def bad_credential(text: str, query: bool = False) -> Refusal:
    expected = 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
    return _incomplete(
        f"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{text}'",
        _s3_query(f"Error parsing the X-Amz-Credential parameter; {expected}") if query else _s3_header(expected),
    )


def bad_date(stamp: str, query: bool = False) -> Refusal:
    message = f"Date must be in ISO-8601 'basic format'. Got '{stamp}'. See http://en.wikipedia.org/wiki/ISO_8601"
    if query:
        expected = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        return _incomplete(message, _s3_query(expected))
    return _incomplete(message, ("AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header"))


def unknown_algorithm(algorithm: str, query: bool = False) -> Refusal:
    message = f"Unsupported AWS 'algorithm': '{algorithm}'. Use AWS4-HMAC-SHA256."
    if query:
        known = 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"'
        return _incomplete(message, _s3_query(known))
    refusal = _incomplete(message, ("InvalidArgument", 400, "Unsupported Authorization Type"))
    refusal.s3_members = {"ArgumentName": "Authorization"}
    return refusal


def two_mechanisms() -> Refusal:
    """A request signed in its head and in its query. Only S3 is known to mind."""
    message = (
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or"
        " the Authorization header should be specified"
    )
    refusal = Refusal("InvalidArgument", 400, message, s3=("InvalidArgument", 400, message))
    refusal.s3_members = {"ArgumentName": "Authorization"}
    return refusal


def bad_expiry(text: str) -> Refusal:
    message = f"X-Amz-Expires must be a number of at most 604800 seconds, not '{text}'"
    told = "X-Amz-Expires should be a number"
    if text.isdecimal():
        limit = "the given X-Amz-Expires must be less than 604800 seconds"
        told = f"X-Amz-Expires must be less than a week (in seconds); that is, {limit}"
    elif text[:1] == "-" and text[1:].isdecimal():
        told = "X-Amz-Expires must be non-negative"
    return _incomplete(message, _s3_query(told))


def _s3_header(what: str) -> tuple[str, int, str]:
    return "AuthorizationHeaderMalformed", 400, f"The authorization header is malformed; {what}"


def _s3_query(message: str) -> tuple[str, int, str]:
    return "AuthorizationQueryParametersError", 400, message


def _incomplete(message: str, s3: tuple[str, int, str]) -> Refusal:
    return Refusal("IncompleteSignature", 400, message, json_code="IncompleteSignatureException", s3=s3)


def signature_version_2() -> Refusal:
    message = "Signature Version 2 is not supported. Sign with AWS4-HMAC-SHA256 (Signature Version 4)."
    told = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    return Refusal("UnsupportedSignature", 400, message, s3=("InvalidRequest", 400, told))


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
    refusal = _signature(message, ("AccessDenied", 403, "Request has expired"))
    refusal.s3_members = {"Expires": iso(end), "ServerTime": iso(machine)}
    return refusal


def date_mismatch(date: str, stamp: str, query: bool = False) -> Refusal:
    message = (
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:"
        f" '{date}' != '{stamp[:8]}', from '{stamp}'."
    )
    told = f'Invalid credential date "{date}". This date is not the same as X-Amz-Date: "{stamp[:8]}".'
    return _signature(message, _s3_query(told) if query else _s3_header(told))


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


def no_payload_hash(declared: str) -> Refusal:
    """S3's only: a stream whose hash can never fit would else go unverified, and pass for a signed one."""
    message = (
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER,"
        " STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER,"
        " STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256"
        " value."
    )
    refusal = Refusal("InvalidArgument", 400, message, s3=("InvalidArgument", 400, message))
    refusal.s3_members = {"ArgumentName": "x-amz-content-sha256", "ArgumentValue": declared[:128]}
    return refusal


def missing_payload_hash() -> Refusal:
    message = "Missing required header for this request: x-amz-content-sha256"
    return Refusal("InvalidRequest", 400, message)


def _skewed(message: str) -> Refusal:
    s3_message = "The difference between the request time and the current time is too large."
    return _signature(message, ("RequestTimeTooSkewed", 403, s3_message))


def _signature(message: str, s3: tuple[str, int, str]) -> Refusal:
    return Refusal("SignatureDoesNotMatch", 403, message, json_code="InvalidSignatureException", s3=s3)
