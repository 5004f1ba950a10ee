"""How an operation finds its bucket, and declares what it is asked on.

Handlers are written as `handler(call, bucket, request)`. The bucket is found, and its policy asked, while the request
is authorised. Source: Amazon S3 User Guide, "How Amazon S3 authorizes a request"; "Verifying bucket ownership with
bucket owner condition".
"""

from collections.abc import Callable
from typing import Any

from pileus.service import Call, ResourcePolicy

from .access.context import context_of
from .access.grants import bucket_grants, object_grants
from .access.payment import charged, check_payer
from .errors import S3Error, access_denied, invalid_argument, invalid_request, no_such_bucket
from .names import check_key, check_owner_id
from .service import s3
from .tables import Bucket, buckets

Request = dict[str, Any]
Handler = Callable[[Call, Bucket, Request], Any]


def find_bucket(call: Call, name: str) -> Bucket:
    bucket = buckets.get(call.tx, call.partition, name)
    if bucket is None:
        raise no_such_bucket(name)
    return bucket


def _addressed(call: Call, request: Request, anywhere: bool = False) -> Bucket:
    shape = call.operation.model.input
    for name in shape.required:
        # A text that is the body (a policy) is judged by who reads it.
        if name not in request and (shape.members[name].location or shape.members[name].shape.type == "structure"):
            raise _missing(call, name)
    bucket = find_bucket(call, request["Bucket"])
    if bucket.region != call.region and call.caller.key is not None and not call.via and not anywhere:
        if call.scoped:
            raise wrong_region(call.region, bucket.region)
        call.region = bucket.region
    expected = request.get("ExpectedBucketOwner")
    if expected is not None and expected != bucket.account:
        check_owner_id(expected)
        raise access_denied()
    if bucket.requester_pays:
        check_payer(call, bucket, request)
    call.subject = bucket
    return bucket


def _missing(call: Call, name: str) -> S3Error:
    member = call.operation.model.input.members[name]
    if member.location == "header":
        return invalid_request(f"Missing required header for this request: {member.location_name or name}")
    if member.location is not None:
        return invalid_argument("A required parameter is missing.", member.location_name or name, "")
    return S3Error("MissingRequestBodyError", 400, "Request Body is empty")


def addressed(call: Call, request: Request) -> Bucket:
    """The bucket of a request that comes in by another door than the model's operations."""
    return _addressed(call, request)


def wrong_region(asked: str, right: str) -> S3Error:
    """SDKs and the `aws` command read the right region from it and ask again."""
    error = S3Error(
        "AuthorizationHeaderMalformed",
        400,
        f"The authorization header is malformed; the region '{asked}' is wrong; expecting '{right}'",
        Region=right,
    )
    error.headers["x-amz-bucket-region"] = right
    return error


def bucket_operation(
    name: str,
    *,
    action: str | None = None,
    partial: str | None = None,
    anywhere: bool = False,
    unconditional: str | None = None,
) -> Callable[[Handler], Handler]:
    """An operation on a bucket. `anywhere`: answers in every region."""

    def resource(call: Call, request: Request) -> str:
        return _addressed(call, request, anywhere).arn

    def policy(call: Call, request: Request) -> ResourcePolicy | None:
        return bucket_grants(call, call.subject)

    def find(call: Call, request: Request) -> Bucket:
        # What needs no permission as a whole was not looked for yet.
        return call.subject or _addressed(call, request, anywhere)

    return _declaring(
        find,
        name,
        action=action,
        resource=resource,
        resource_policy=policy,
        partial=partial,
        unconditional=unconditional,
    )


def object_operation(
    name: str, *, action: str | None = None, versioned: str | None = None, partial: str | None = None
) -> Callable[[Handler], Handler]:
    """An operation on an object. `versioned`: the action that a request with a version id needs instead."""

    def resource(call: Call, request: Request) -> str:
        bucket = _addressed(call, request)
        check_key(request["Key"])
        return f"{bucket.arn}/{request['Key']}"

    def policy(call: Call, request: Request) -> ResourcePolicy | None:
        return object_grants(call, call.subject, request["Key"], request.get("VersionId"))

    def action_of(call: Call, request: Request) -> str:
        return f"s3:{versioned}" if "VersionId" in request else f"s3:{action or name}"

    return _declaring(
        lambda call, request: call.subject,
        name,
        action=action,
        resource=resource,
        resource_policy=policy,
        partial=partial,
        action_of=action_of if versioned is not None else None,
    )


def _declaring(find: Callable[[Call, Request], Bucket], name: str, **options: Any) -> Callable[[Handler], Handler]:
    """Registers a handler that wants its bucket too, and tells a requester that pays."""

    def declare(handler: Handler) -> Handler:
        def run(call: Call, request: Request) -> Any:
            bucket = find(call, request)
            result = handler(call, bucket, request)
            return charged(call, bucket, result) if bucket.requester_pays else result

        s3.operation(name, context=context_of, unsigned=True, **options)(run)
        return handler

    return declare
