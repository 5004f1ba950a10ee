"""A bucket as a website, configured. How it is served: web/websites.py.

Source: Amazon S3 API Reference, PutBucketWebsite, GetBucketWebsite, DeleteBucketWebsite; Amazon S3 User Guide,
"(Optional) Configuring a webpage redirect".
"""

from typing import Any

from pileus.service import Call

from ..addressing import bucket_operation
from ..errors import S3Error, invalid_argument, invalid_request
from ..tables import Bucket
from .configuring import absent, configure, configured, forget
from .payloads import payload

ROUTING_RULES_MAX = 50
REDIRECTS = ("301", "302", "303", "304", "305", "307", "308")


@bucket_operation("PutBucketWebsite")
def put_bucket_website(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    wanted = payload(call, request, free=frozenset({"Protocol"}))
    elsewhere, index = wanted.get("RedirectAllRequestsTo"), wanted.get("IndexDocument")
    if elsewhere is not None:
        if wanted.keys() - {"RedirectAllRequestsTo"}:
            raise invalid_argument(
                "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
                "RedirectAllRequestsTo",
                "not null",
            )
        _check_protocol(elsewhere)
        _check_header(elsewhere["HostName"])
    elif index is None:
        raise invalid_argument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            "IndexDocument",
            "null",
        )
    elif not index["Suffix"] or "/" in index["Suffix"]:
        raise invalid_argument("The IndexDocument Suffix is not well formed", "IndexDocument", index["Suffix"])
    error = wanted.get("ErrorDocument")
    if error is not None and not error["Key"]:
        raise invalid_argument("The ErrorDocument Key is not well formed", "ErrorDocument", "")
    rules = wanted.get("RoutingRules", [])
    if len(rules) > ROUTING_RULES_MAX:
        raise invalid_request(
            f"The number of routing rules must not exceed {ROUTING_RULES_MAX} per website configuration."
        )
    for rule in rules:
        _check_rule(rule)
    configure(call, bucket, "website", wanted)


def _check_rule(rule: dict[str, Any]) -> None:
    condition, redirect = rule.get("Condition"), rule["Redirect"]
    if condition is not None and not condition:
        raise invalid_request(
            "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't"
            " be present."
        )
    code = (condition or {}).get("HttpErrorCodeReturnedEquals")
    if code is not None and not (code.isascii() and code.isdigit() and 400 <= int(code) <= 599):
        raise invalid_request(f"The provided HTTP error code ({code}) is not valid. Valid codes are 4XX or 5XX.")
    if not redirect:
        raise invalid_request("The Redirect element of a routing rule cannot be empty.")
    if "ReplaceKeyPrefixWith" in redirect and "ReplaceKeyWith" in redirect:
        raise invalid_request("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
    code = redirect.get("HttpRedirectCode")
    if code is not None and code not in REDIRECTS:
        raise invalid_request(f"The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300.")
    _check_protocol(redirect)
    for member in ("HostName", "ReplaceKeyWith", "ReplaceKeyPrefixWith"):
        _check_header(redirect.get(member, ""))


def _check_protocol(redirect: dict[str, Any]) -> None:
    if redirect.get("Protocol", "http") not in ("http", "https"):
        raise invalid_request(
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected"
            " automatically."
        )


def _check_header(text: str) -> None:
    """It will stand in a header."""
    if "\n" in text or "\r" in text:
        raise invalid_request("A redirect cannot have line breaks.")


@bucket_operation("GetBucketWebsite")
def get_bucket_website(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    found = configured(call, bucket, "website")
    if found is None:
        raise no_website(bucket)
    return found


def no_website(bucket: Bucket) -> S3Error:
    return absent("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration", bucket)


@bucket_operation("DeleteBucketWebsite")
def delete_bucket_website(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    forget(call, bucket, "website")
