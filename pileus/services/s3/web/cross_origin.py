"""A bucket's CORS rules, applied: may a page of that origin do this?

Source: Amazon S3 User Guide, "Using cross-origin resource sharing (CORS)" ("How does Amazon S3 evaluate the CORS
configuration on a bucket?"), "Elements of a CORS configuration"; Amazon S3 API Reference, "OPTIONS object".
"""

from functools import lru_cache
from typing import Any

from pileus.service import Answered, CrossOrigin
from pileus.store import Transaction

from ..buckets.cors import METHODS
from ..errors import S3Error
from ..service import s3
from ..tables import Bucket, buckets, configs

VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
PARTITIONS = ("aws", "aws-cn", "aws-us-gov")


def cross_origin(tx: Transaction, asked: CrossOrigin) -> Answered | None:
    """None when there is no such bucket; neither headers nor an error when it has no rules."""
    bucket = named(tx, asked.bucket)
    if bucket is None:
        return None
    found = configs.get(tx, bucket.id, "cors", "") if "cors" in bucket.configured else None
    if found is None:
        return Answered(None)
    if asked.preflight and asked.method not in METHODS:
        return Answered(None, _bad_method(asked.method))
    for rule in found["CORSRules"]:
        if _allows(rule, asked):
            return Answered(_headers(rule, asked))
    return Answered(None, _not_allowed(asked))


def named(tx: Transaction, name: str) -> Bucket | None:
    """A bucket's name says nothing of its partition, and a browser neither."""
    for partition in PARTITIONS:
        found = buckets.get(tx, partition, name)
        if found is not None:
            return found
    return None


def _allows(rule: dict[str, Any], asked: CrossOrigin) -> bool:
    """The first rule that fits in all three ways is the one."""
    if asked.method not in rule["AllowedMethods"]:
        return False
    if _origin_of(rule, asked.origin) is None:
        return False
    allowed = [pattern.lower() for pattern in rule.get("AllowedHeaders", ())]
    return all(any(_fits(pattern, name) for pattern in allowed) for name in asked.headers)


def _origin_of(rule: dict[str, Any], origin: str) -> str | None:
    """The pattern that allows this origin."""
    return next((pattern for pattern in rule["AllowedOrigins"] if _fits(pattern, origin)), None)


@lru_cache(maxsize=4_096)
def _fits(pattern: str, text: str) -> bool:
    """One `*` stands for any run of characters."""
    before, star, after = pattern.partition("*")
    if not star:
        return pattern == text
    return len(text) >= len(before) + len(after) and text.startswith(before) and text.endswith(after)


def _headers(rule: dict[str, Any], asked: CrossOrigin) -> list[tuple[str, str]]:
    everybody = _origin_of(rule, asked.origin) == "*"
    made = [
        ("access-control-allow-origin", "*" if everybody else asked.origin),
        ("access-control-allow-methods", ", ".join(rule["AllowedMethods"])),
    ]
    if asked.headers:
        made.append(("access-control-allow-headers", ", ".join(asked.headers)))
    if "ExposeHeaders" in rule:
        made.append(("access-control-expose-headers", ", ".join(rule["ExposeHeaders"])))
    if "MaxAgeSeconds" in rule:
        made.append(("access-control-max-age", str(rule["MaxAgeSeconds"])))
    if not everybody:
        made.append(("access-control-allow-credentials", "true"))
    return [*made, ("vary", VARY)]


def _not_allowed(asked: CrossOrigin) -> S3Error:
    return S3Error(
        "AccessForbidden",
        403,
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request"
        " method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the"
        " resource's CORS spec.",
        Method=asked.method,
        ResourceType="OBJECT",
    )


def _bad_method(method: str) -> S3Error:
    return S3Error("BadRequest", 400, f"Invalid Access-Control-Request-Method: {method[:64]}")


s3.cross_origin = cross_origin
