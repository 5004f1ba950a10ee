"""Which web pages of other origins may use a bucket. How the rules are applied: web/cross_origin.py.

Source: Amazon S3 API Reference, PutBucketCors, GetBucketCors, DeleteBucketCors; Amazon S3 User Guide, "Elements of a
CORS configuration".
"""

from typing import Any

from pileus.service import Call

from ..addressing import bucket_operation
from ..errors import invalid_request
from ..tables import Bucket
from .configuring import absent, configure, configured, forget
from .payloads import payload

RULES_MAX = 100
ID_CHARACTERS_MAX = 255
METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")


@bucket_operation("PutBucketCors", action="PutBucketCORS")
def put_bucket_cors(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    wanted = payload(call, request)
    rules = wanted["CORSRules"]
    if len(rules) > RULES_MAX:
        raise invalid_request(f"The number of CORS rules should not exceed allowed limit of {RULES_MAX} rules.")
    for rule in rules:
        _check(rule)
    configure(call, bucket, "cors", wanted)


def _check(rule: dict[str, Any]) -> None:
    if len(rule.get("ID", "")) > ID_CHARACTERS_MAX:
        raise invalid_request(f"ID length should not exceed allowed limit of {ID_CHARACTERS_MAX}")
    for method in rule["AllowedMethods"]:
        if method not in METHODS:
            raise invalid_request(f"Found unsupported HTTP method in CORS config. Unsupported method is {method}")
    for kind, member in (("AllowedOrigin", "AllowedOrigins"), ("AllowedHeader", "AllowedHeaders")):
        for text in rule.get(member, ()):
            if text.count("*") > 1:
                raise invalid_request(f'{kind} "{text}" can not have more than one wildcard.')
    for text in rule.get("ExposeHeaders", ()):
        if "*" in text:
            raise invalid_request(
                f'ExposeHeader "{text}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
            )
        if not text.isascii() or not text.isprintable() or any(character in text for character in " ,:"):
            raise invalid_request(f'ExposeHeader "{text}" contains invalid character.')
    if rule.get("MaxAgeSeconds", 0) < 0:
        raise invalid_request("MaxAgeSeconds must not be negative.")


@bucket_operation("GetBucketCors", action="GetBucketCORS")
def get_bucket_cors(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    found = configured(call, bucket, "cors")
    if found is None:
        raise absent("NoSuchCORSConfiguration", "The CORS configuration does not exist", bucket)
    return found


@bucket_operation("DeleteBucketCors", action="PutBucketCORS")
def delete_bucket_cors(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    forget(call, bucket, "cors")
