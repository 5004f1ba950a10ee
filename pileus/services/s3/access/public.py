"""Whether a bucket policy is public.

Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage", "The meaning of 'public'": a policy
is, unless each of its grants goes only to fixed principals, or is held by a condition to fixed values of one of a few
keys.
"""

import ipaddress
import re
from functools import lru_cache
from typing import Any

import orjson

from pileus.policy.conditions import network_of

FIXED = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
_HOLDS = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"})
_BITS_V4, _BITS_V6 = 8, 32
_ACCESS_POINT = re.compile(r"arn:[a-z-]+:s3:[^:]*:\d{12}:.*")


@lru_cache(maxsize=1_024)
def is_public(document: str) -> bool:
    statements = orjson.loads(document)["Statement"]
    return any(_open(one) for one in (statements if isinstance(statements, list) else [statements]))


def _open(statement: dict[str, Any]) -> bool:
    if statement["Effect"] != "Allow" or not _everyone(statement.get("Principal")):
        return False
    for operator, keys in statement.get("Condition", {}).items():
        name = operator.lower().removeprefix("foranyvalue:")
        for key, values in keys.items():
            listed = [str(value) for value in (values if isinstance(values, list) else [values])]
            if listed and _holds(name, key.lower(), listed):
                return False
    return True


def _everyone(principal: Any) -> bool:
    if not isinstance(principal, dict):
        return True  # "*", or a NotPrincipal
    return any("*" in (names if isinstance(names, list) else [names]) for names in principal.values())


def _holds(operator: str, key: str, values: list[str]) -> bool:
    """Whether a condition leaves only callers of fixed values."""
    if key == "aws:sourceip":
        return operator == "ipaddress" and all(_narrow(value) for value in values)
    if key not in FIXED or operator not in _HOLDS:
        return False
    if key == "s3:dataaccesspointarn":
        return all(_ACCESS_POINT.fullmatch(value) for value in values)
    return not any(sign in value for value in values for sign in ("*", "?", "${"))


def _narrow(text: str) -> bool:
    network = network_of(text)
    if network is None:
        return False
    if isinstance(network, ipaddress.IPv6Network):
        return network.prefixlen >= _BITS_V6
    return network.prefixlen >= _BITS_V4
