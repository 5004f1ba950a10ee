"""What a caller passes into a session: policies and tags, and how much room they take.

Source: STS API Reference, "AssumeRole"; IAM User Guide, "Pass session tags in AWS STS" and "IAM and AWS STS quotas".
"""

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from pileus.identity.managed import find_policy
from pileus.policy import MalformedPolicy, validate
from pileus.service import Call

from .service import MalformedPolicyDocument, PackedPolicyTooLarge, Request, ValidationError

PACKED_MAX = 2_048
POLICIES_TEXT_MAX = 2_048


class Passed(NamedTuple):
    policies: tuple[str, ...] = ()
    policy_arns: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    transitive: tuple[str, ...] = ()
    packed: int | None = None
    """Percent of the room; None when nothing was passed."""


def read(call: Call, request: Request, account: str, inherited: dict[str, str] | None = None) -> Passed:
    """The policies and tags of a request. `inherited` are the transitive tags of the calling session."""
    policies = _policies(request)
    arns = tuple(one["arn"] for one in request.get("PolicyArns", ()))
    partition = request.get("RoleArn", f"arn:{call.partition}").split(":")[1]
    for arn in arns:
        policy = find_policy(call.tx, arn)
        if policy is None or policy.account not in (account, "aws") or policy.partition != partition:
            raise ValidationError(f"Policy ARN is not valid: {arn} does not exist or is not attachable.")
    tags = tags_of(request.get("Tags", ()))
    transitive = _transitive(request, tags)
    for key, value in (inherited or {}).items():
        if key.lower() in {one.lower() for one in tags}:
            raise ValidationError(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key"
                " from the calling session."
            )
        tags[key] = value
        transitive = (*transitive, key)
    return Passed(policies, arns, tags, transitive, packed_size(policies, arns, tags))


def _policies(request: Request) -> tuple[str, ...]:
    document = request.get("Policy")
    if document is None:
        return ()
    try:
        validate(document, "session")
    except MalformedPolicy as wrong:
        raise MalformedPolicyDocument(wrong.message) from wrong
    return (document,)


def tags_of(given: Sequence[dict[str, str]]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for tag in given:
        if tag["Key"].lower() in {key.lower() for key in tags}:
            raise ValidationError("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        if tag["Key"].lower().startswith("aws:"):
            raise ValidationError("Tag keys that begin with aws: are reserved for AWS.")
        tags[tag["Key"]] = tag.get("Value", "")
    return tags


def _transitive(request: Request, tags: dict[str, str]) -> tuple[str, ...]:
    known = {key.lower() for key in tags}
    asked = tuple(request.get("TransitiveTagKeys", ()))
    for key in asked:
        if key.lower() not in known:
            raise ValidationError("The specified transitive tag key must be included in the requested tags.")
    return asked


def packed_size(policies: Sequence[str], arns: Sequence[str], tags: dict[str, str]) -> int | None:
    """AWS keeps its packing to itself; ours is deflate. Raises PackedPolicyTooLarge."""
    if not (policies or arns or tags):
        return None
    plain = sum(len(document) for document in policies) + sum(len(arn) for arn in arns)
    text = "\n".join([*policies, *arns, *(f"{key}={value}" for key, value in tags.items())])
    percent = -(-100 * len(zlib.compress(text.encode(), 9)) // PACKED_MAX)
    if plain > POLICIES_TEXT_MAX or percent > 100:
        shown = max(percent, -(-100 * plain // POLICIES_TEXT_MAX))
        raise PackedPolicyTooLarge(f"Packed size of session policies and tags consumes {shown}% of the allotted space.")
    return percent


def answer(passed: Passed) -> dict[str, Any]:
    return {"PackedPolicySize": passed.packed} if passed.packed is not None else {}
