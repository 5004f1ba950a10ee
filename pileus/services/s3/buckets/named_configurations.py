"""Configurations of which a bucket may have up to a thousand, each under an id: inventory, analytics, metrics and
intelligent tiering.

Source: Amazon S3 API Reference, Put-, Get-, Delete- and ListBucketInventoryConfiguration(s), and those of
AnalyticsConfiguration, MetricsConfiguration, IntelligentTieringConfiguration.
"""

import re
from collections.abc import Callable
from typing import Any

from pileus.service import Call, paginate
from pileus.service.paginate import BadToken

from ..addressing import bucket_operation
from ..delivery.inventory_rows import FIELDS as INVENTORY_FIELDS
from ..errors import S3Error, invalid_argument, malformed_xml, not_implemented
from ..names import check_tag
from ..tables import Bucket, buckets, configs
from .configuring import configure, configured, forget
from .payloads import payload

CONFIGURATIONS_MAX = 1_000
PAGE = 100
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DESTINATION = re.compile(r"arn:(?P<partition>aws[a-z-]*):s3:::(?P<name>[a-z0-9.-]{3,63})")
TIER_DAYS = {"ARCHIVE_ACCESS": (90, 730), "DEEP_ARCHIVE_ACCESS": (180, 730)}

Check = Callable[[Call, Bucket, dict[str, Any]], None]


def check_filter(wanted: dict[str, Any]) -> None:
    """One condition, or two and more of them under And."""
    found = wanted.get("Filter")
    if found is None:
        return
    if len(found) != 1:
        raise malformed_xml()
    both = found.get("And", {})
    tags = [found["Tag"]] if "Tag" in found else both.get("Tags", [])
    if "And" in found and len(tags) + ("Prefix" in both) + ("AccessPointArn" in both) < 2:
        raise malformed_xml()
    if "AccessPointArn" in found or "AccessPointArn" in both:
        raise not_implemented("Pileus does not have access points: filter by prefix or tags.")
    if len({tag["Key"] for tag in tags}) != len(tags):
        raise S3Error("InvalidTag", 400, "Cannot provide multiple Tags with the same key")
    for tag in tags:
        check_tag(tag["Key"], tag["Value"])


def check_destination(call: Call, destination: dict[str, Any]) -> None:
    arn = destination["Bucket"]
    found = _DESTINATION.fullmatch(arn)
    if found is None or buckets.get(call.tx, found["partition"], found["name"]) is None:
        raise S3Error("InvalidS3DestinationBucket", 400, "Invalid bucket name", DestinationBucket=arn)


def check_inventory(call: Call, bucket: Bucket, wanted: dict[str, Any]) -> None:
    check_destination(call, wanted["Destination"]["S3BucketDestination"])
    encryption = wanted["Destination"]["S3BucketDestination"].get("Encryption", {"": 1})
    if len(encryption) != 1:
        raise malformed_xml()
    destination = wanted["Destination"]["S3BucketDestination"]
    if destination["Format"] != "CSV":
        raise not_implemented(f"Pileus does not write reports in {destination['Format']}: choose CSV.")
    fields = wanted.get("OptionalFields", [])
    for field in fields:
        if field not in INVENTORY_FIELDS:
            raise not_implemented(f"Pileus does not have {field} in its reports: leave it out of OptionalFields.")
    if len(set(fields)) != len(fields):
        raise malformed_xml()


def check_analytics(call: Call, bucket: Bucket, wanted: dict[str, Any]) -> None:
    check_filter(wanted)
    export = wanted["StorageClassAnalysis"].get("DataExport")
    if export is not None:
        check_destination(call, export["Destination"]["S3BucketDestination"])


def check_metrics(call: Call, bucket: Bucket, wanted: dict[str, Any]) -> None:
    check_filter(wanted)


def check_tiering(call: Call, bucket: Bucket, wanted: dict[str, Any]) -> None:
    check_filter(wanted)
    tiers = wanted["Tierings"]
    if len({tier["AccessTier"] for tier in tiers}) != len(tiers):
        raise malformed_xml()
    for tier in tiers:
        least, most = TIER_DAYS[tier["AccessTier"]]
        if not least <= tier["Days"] <= most:
            raise invalid_argument(
                f"'Days' for {tier['AccessTier']} must be between {least} and {most}", "Days", tier["Days"]
            )
    days = {tier["AccessTier"]: tier["Days"] for tier in tiers}
    if len(days) == 2 and days["ARCHIVE_ACCESS"] >= days["DEEP_ARCHIVE_ACCESS"]:
        raise invalid_argument("'Days' for DEEP_ARCHIVE_ACCESS must be greater than 'Days' for ARCHIVE_ACCESS")


def declare(noun: str, listed: str, check: Check, partial: str) -> None:
    """The four operations of one kind. `listed`: the member of the list's answer."""
    kind, member = noun.lower(), f"{noun}Configuration"

    @bucket_operation(f"PutBucket{member}", action=f"Put{member}", partial=partial)
    def put(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
        wanted = payload(call, request)
        id = _checked_id(request)
        if wanted["Id"] != id:
            raise invalid_argument("The Id of the configuration must be the id of the request.", "id", id)
        check(call, bucket, wanted)
        if configured(call, bucket, kind, id) is None:
            count = sum(1 for _ in configs.scan(call.tx, bucket.id, kind, limit=CONFIGURATIONS_MAX))
            if count >= CONFIGURATIONS_MAX:
                raise S3Error(
                    "TooManyConfigurations",
                    400,
                    "You are attempting to create a new configuration but have already reached the 1,000-configuration"
                    " limit.",
                )
        configure(call, bucket, kind, wanted, id)

    @bucket_operation(f"GetBucket{member}", action=f"Get{member}")
    def get(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
        found = configured(call, bucket, kind, _checked_id(request))
        if found is None:
            raise _no_configuration()
        return {member: found}

    @bucket_operation(f"DeleteBucket{member}", action=f"Put{member}")
    def delete(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
        if not forget(call, bucket, kind, _checked_id(request)):
            raise _no_configuration()

    @bucket_operation(f"ListBucket{member}s", action=f"Get{member}")
    def list_all(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
        token = request.get("ContinuationToken")
        try:
            page = paginate(
                lambda after, count: configs.scan(call.tx, bucket.id, kind, limit=count, after=after),
                purpose=f"s3.{kind} {bucket.id}",
                token=token,
                limit=PAGE,
            )
        except BadToken:
            raise invalid_argument(
                "The continuation token provided is incorrect", "continuation-token", token
            ) from None
        answer: dict[str, Any] = {listed: page.items, "IsTruncated": page.next_token is not None}
        if token is not None:
            answer["ContinuationToken"] = token
        if page.next_token is not None:
            answer["NextContinuationToken"] = page.next_token
        return answer


def _checked_id(request: dict[str, Any]) -> str:
    id = str(request.get("Id", ""))
    if not _ID.fullmatch(id):
        raise S3Error("InvalidConfigurationId", 400, "The specified configuration id is invalid")
    return id


def _no_configuration() -> S3Error:
    return S3Error("NoSuchConfiguration", 404, "The specified configuration does not exist.")


declare(
    "Inventory",
    "InventoryConfigurationList",
    check_inventory,
    "CSV only; fields of event holds, lifecycle, ACLs and tiering dates are refused",
)
declare("Analytics", "AnalyticsConfigurationList", check_analytics, "nothing is analysed or exported yet")
declare("Metrics", "MetricsConfigurationList", check_metrics, "request metrics wait for CloudWatch")
declare(
    "IntelligentTiering",
    "IntelligentTieringConfigurationList",
    check_tiering,
    "objects are not moved to the archive tiers yet",
)
