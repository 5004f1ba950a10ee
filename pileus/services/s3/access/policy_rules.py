"""What S3 asks of a bucket policy beyond the policy language, in its own words.

Source: Amazon S3 User Guide, "Bucket policies for Amazon S3", "Policies and permissions in Amazon S3"; Service
Authorization Reference, "Actions, resources, and condition keys for Amazon S3"; for the words, what people report.
"""

import re
from functools import lru_cache
from typing import Any

import orjson

from pileus.model import iam as iam_facts
from pileus.policy import MalformedPolicy, validate
from pileus.policy.wildcards import plain

from ..errors import S3Error

BYTES_MAX = 20 * 1024
REQUIRED = (("Effect",), ("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource"))
_CANONICAL = re.compile(r"[0-9a-f]{64}")
_OF_BUCKETS = frozenset({"bucket", "object"})


def malformed(message: str, **members: Any) -> S3Error:
    return S3Error("MalformedPolicy", 400, message, **members)


def check_policy(text: str, bucket_arn: str) -> None:
    """Raises MalformedPolicy for what S3 would not put in place. Whether principals exist is asked elsewhere."""
    if len(text.encode()) > BYTES_MAX:
        raise S3Error("PolicyTooLarge", 400, f"Policy exceeds the maximum allowed document size of {BYTES_MAX} bytes.")
    statements = _read(text)
    for statement in statements:
        for names in REQUIRED:
            if not any(name in statement for name in names):
                raise malformed(f"Missing required field {names[0]}")
    try:
        validate(text, "resource")
    except MalformedPolicy as error:
        raise _in_the_words_of_s3(error) from None
    for statement in statements:
        _check_canonical(statement)
        _check_statement(statement, bucket_arn)


def _read(text: str) -> list[dict[str, Any]]:
    try:
        document = orjson.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise malformed("Policies must be valid JSON and the first byte must be '{'")
    statements = document.get("Statement")
    if not statements:
        raise malformed("Missing required field Statement")
    listed = [statements] if isinstance(statements, dict) else statements
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise malformed("Invalid policy syntax.")
    return listed


def _in_the_words_of_s3(error: MalformedPolicy) -> S3Error:
    text = str(error)
    if text.startswith("Invalid principal"):
        return invalid_principal(text.rpartition('"')[0].rpartition('"')[2])
    if text.startswith(("Vendor", "Actions")):
        return malformed("Policy has invalid action")
    if text.startswith(("Resource ", "Partition ", "IAM resource")):
        return malformed("Policy has invalid resource")
    return malformed(text)


def invalid_principal(name: str) -> S3Error:
    return malformed("Invalid principal in policy", Detail=name)


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _check_canonical(statement: dict[str, Any]) -> None:
    for element in (statement.get("Principal"), statement.get("NotPrincipal")):
        for name in _listed(element.get("CanonicalUser", [])) if isinstance(element, dict) else ():
            if not _CANONICAL.fullmatch(name):
                raise invalid_principal(name)


def _check_statement(statement: dict[str, Any], bucket_arn: str) -> None:
    actions = _listed(statement.get("Action", statement.get("NotAction")))
    resources = _listed(statement.get("Resource", statement.get("NotResource")))
    for pattern in actions:
        if not _actions(pattern):
            raise malformed("Policy has invalid action")
    kinds: set[str] = set()
    for resource in resources:
        kinds |= _kinds(resource, bucket_arn)
    if "Action" not in statement:
        return
    if "Resource" in statement and not all(_applies(pattern, frozenset(kinds)) for pattern in actions):
        raise malformed("Action does not apply to any resource(s) in statement")
    for key in {key for keys in statement.get("Condition", {}).values() for key in keys}:
        _check_key(key.lower(), actions)


def _kinds(resource: str, bucket_arn: str) -> set[str]:
    """Which of bucket and object a resource names. It must be this bucket, or in it."""
    rest = resource.removeprefix(bucket_arn)
    if rest == resource or (rest and rest[0] not in "/*?"):
        raise malformed("Policy has invalid resource")
    if not rest:
        return {"bucket"}
    return {"object"} if rest[0] == "/" else {"bucket", "object"}


@lru_cache(maxsize=1_024)
def _actions(pattern: str) -> tuple[str, ...]:
    """S3's actions on buckets and objects that a pattern means."""
    prefix, _, name = pattern.lower().partition(":")
    if pattern == "*":
        prefix, name = "s3", "*"
    if prefix != "s3":
        return ()
    known = iam_facts.actions("s3")
    matches = plain(name)
    return tuple(one for one, action in known.items() if matches(one) and _of_buckets(action))


def _of_buckets(action: iam_facts.Action) -> frozenset[str]:
    return _OF_BUCKETS & {resource.name for resource in action.resources}


def _applies(pattern: str, kinds: frozenset[str]) -> bool:
    known = iam_facts.actions("s3")
    return any(_of_buckets(known[name]) & kinds for name in _actions(pattern))


def _check_key(key: str, actions: list[str]) -> None:
    """S3's own condition keys must mean something to every action of the statement."""
    if not key.startswith("s3:"):
        return
    plain_key = key.partition("/")[0]
    if not any(known.partition("/")[0] == plain_key for known in iam_facts.condition_keys("s3")):
        raise malformed("Policy has an invalid condition key")
    for pattern in actions:
        if not any(plain_key in _keys_of(name) for name in _actions(pattern)):
            raise malformed("Conditions do not apply to combination of actions and resources in statement")


@lru_cache(maxsize=1_024)
def _keys_of(action: str) -> frozenset[str]:
    return frozenset(key.lower().partition("/")[0] for key in iam_facts.condition_keys_of(f"s3:{action}"))
