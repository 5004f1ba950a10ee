"""PutBucketNotificationConfiguration and GetBucketNotificationConfiguration.

Source: Amazon S3 API Reference, PutBucketNotificationConfiguration; Amazon S3 User Guide, "Granting permissions to
publish event notification messages to a destination". The older PutBucketNotification is the same HTTP request.
"""

import re
from base64 import b64encode
from functools import lru_cache
from typing import Any

from pileus.base import ids
from pileus.base.arns import parse
from pileus.base.errors import ApiError
from pileus.model import load
from pileus.service import AccessDenied, Call, service_caller

from ..addressing import bucket_operation
from ..buckets.configuring import configure, configured, forget
from ..errors import S3Error, invalid_argument, malformed_xml, not_implemented
from ..tables import Bucket
from .matching import REFUSED, Rule, affixes, overlap, shared_event
from .messages import test_message
from .notifying import S3, send

KIND = "notification"
RULES_MAX = 100
VALUE_MAX = 1_024
UNVERIFIED = "Unable to validate the following destination configurations"
_ELSEWHERE = {
    "TopicConfigurations": ("TopicArn", "sns", "topic", "Amazon SNS"),
    "LambdaFunctionConfigurations": ("LambdaFunctionArn", "lambda", "Lambda function", "AWS Lambda"),
}
_ID = re.compile(r".{1,255}", re.S)


@bucket_operation(
    "PutBucketNotificationConfiguration",
    action="PutBucketNotification",
    partial="to SQS queues only: topics, functions and EventBridge wait for these services",
)
def put_bucket_notification_configuration(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    """Nothing is kept unless every destination takes a test message."""
    wanted = request.get("NotificationConfiguration") or {}
    if "EventBridgeConfiguration" in wanted:
        raise not_implemented("Pileus does not have EventBridge yet: leave EventBridgeConfiguration out.")
    _check_elsewhere(wanted, bool(request.get("SkipDestinationValidation")))
    rules = [_checked(rule) for rule in wanted.get("QueueConfigurations", ())]
    _check_together(rules)
    _check_queues(call, bucket, rules, bool(request.get("SkipDestinationValidation")))
    _keep(call, bucket, rules)


@bucket_operation("GetBucketNotificationConfiguration", action="GetBucketNotification")
def get_bucket_notification_configuration(call: Call, bucket: Bucket, request: dict[str, Any]) -> dict[str, Any]:
    return configured(call, bucket, KIND) or {}


def _keep(call: Call, bucket: Bucket, rules: list[Rule]) -> None:
    if rules:
        configure(call, bucket, KIND, {"QueueConfigurations": rules})
    else:
        forget(call, bucket, KIND)


def _check_elsewhere(wanted: dict[str, Any], skips: bool) -> None:
    """Topics and functions cannot be there yet, as their services are not."""
    failures = []
    for member, (name, service, noun, whole) in _ELSEWHERE.items():
        for rule in wanted.get(member, ()):
            arn = rule.get(name)
            if arn is None or not rule.get("Events"):
                raise malformed_xml()
            _check_arn(arn, service)
            if skips:
                raise not_implemented(f"Pileus does not have {whole} yet: {arn} would never hear of anything.")
            failures.append((arn, f"The destination {noun} does not exist"))
    _raise(failures)


def _checked(rule: Rule) -> Rule:
    """One queue's rule as it is kept, with an id. Raises S3's errors."""
    arn, events = rule.get("QueueArn"), rule.get("Events")
    if not arn or not events:
        raise malformed_xml()
    _check_arn(arn, "sqs")
    for event in events:
        _check_event(event)
    id = rule.get("Id")
    if id is not None and not _ID.fullmatch(id):
        raise invalid_argument("The ID of a notification configuration must be 1 to 255 characters long", "Id", id)
    kept: Rule = {"Id": id or b64encode(ids.secret_uuid().encode()).decode(), "QueueArn": arn, "Events": list(events)}
    filters = rule.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    if filters:
        kept["Filter"] = {"Key": {"FilterRules": [_checked_filter(one) for one in filters]}}
        names = [one["Name"] for one in kept["Filter"]["Key"]["FilterRules"]]
        for name in ("Prefix", "Suffix"):
            if names.count(name) > 1:
                raise invalid_argument(
                    f"Cannot specify more than one {name.lower()} rule in a filter.", "FilterRule.Name", name.lower()
                )
    return kept


@lru_cache(maxsize=1)
def _known_events() -> frozenset[str]:
    """The model's own list."""
    shape: Any = load("s3").operation("PutBucketNotificationConfiguration").input
    for member in ("NotificationConfiguration", "QueueConfigurations"):
        shape = shape.members[member].shape
    return frozenset(shape.member.shape.members["Events"].shape.member.shape.raw["enum"])


def _check_event(event: str) -> None:
    if event not in _known_events():
        raise invalid_argument("A specified event is not supported for notifications.", "Event", event)
    if event in REFUSED:
        raise not_implemented(f"Pileus does not send {event}: {REFUSED[event]}.")


def _checked_filter(rule: dict[str, str]) -> dict[str, str]:
    """S3 takes the names in any case, and shows them with a capital."""
    name, value = rule.get("Name", ""), rule.get("Value", "")
    if name.lower() not in ("prefix", "suffix"):
        raise invalid_argument("filter rule name must be either prefix or suffix", "FilterRule.Name", name)
    if len(value.encode()) > VALUE_MAX:
        raise invalid_argument(
            "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation", "FilterRule.Value", value
        )
    return {"Name": name.capitalize(), "Value": value}


def _check_arn(text: str, service: str) -> None:
    try:
        arn = parse(text)
    except ValueError:
        raise invalid_argument("The ARN is not well formed", "ARN", text) from None
    if arn.service != service or not arn.region or not arn.account or not arn.resource:
        raise invalid_argument("The ARN could not be parsed", "ARN", text)


def _check_together(rules: list[Rule]) -> None:
    if len(rules) > RULES_MAX:
        raise invalid_argument(f"A bucket has at most {RULES_MAX} notification configurations")
    if len({rule["Id"] for rule in rules}) != len(rules):
        raise invalid_argument("Same ID used for multiple configurations. IDs must be unique")
    for number, one in enumerate(rules):
        for other in rules[number + 1 :]:
            shared = shared_event(one, other)
            if shared is None or not overlap(one, other):
                continue
            if affixes(one) == affixes(other) == ("", ""):
                raise invalid_argument(
                    "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
                    "Event",
                    ", ".join(shared),
                )
            raise invalid_argument(
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes"
                " are overlapping for the same event type."
            )


def _check_queues(call: Call, bucket: Bucket, rules: list[Rule], skips: bool) -> None:
    """Sends each queue a test message, in this transaction: if one is refused, none was sent."""
    failures = []
    caller = service_caller(S3, bucket.arn, bucket.account)
    for queue in dict.fromkeys(rule["QueueArn"] for rule in rules):
        arn = parse(queue)
        if arn.region != bucket.region:
            failures.append((queue, "The destination queue must be in the same region as the bucket"))
        elif arn.resource.endswith(".fifo"):
            failures.append((queue, "FIFO SQS queues are not supported"))
        elif not skips:
            try:
                send(call, queue, test_message(call, bucket), caller)
            except AccessDenied:
                what = "Permissions on the destination queue do not allow S3 to publish notifications from this bucket"
                failures.append((queue, what))
            except ApiError as error:
                gone = "NonExistent" in error.wire_code(True) or error.code == "QueueDoesNotExist"
                failures.append((queue, "The destination queue does not exist" if gone else error.message))
    _raise(failures)


def _raise(failures: list[tuple[str, str]]) -> None:
    if not failures:
        return
    if len(failures) == 1:
        raise invalid_argument(UNVERIFIED, *failures[0])
    told: dict[str, str] = {}
    for number, (arn, why) in enumerate(failures, 1):
        told |= {f"ArgumentName{number}": arn, f"ArgumentValue{number}": why}
    raise S3Error("InvalidArgument", 400, UNVERIFIED, **told)
