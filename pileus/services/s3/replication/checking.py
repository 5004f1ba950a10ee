"""A replication configuration held against S3's rules.

Source: Amazon S3 API Reference, PutBucketReplication; Amazon S3 User Guide, "Replication configuration file elements",
"Requirements and considerations for replication".
"""

import re
from typing import Any

from pileus.identity.roles import role_of_arn
from pileus.service import Call, must_allow

from ..errors import S3Error, invalid_argument, invalid_request, malformed_xml, not_implemented
from ..names import check_tag
from ..objects.drafting import CLASSES
from ..tables import Bucket, buckets
from .rules import Rule, enabled, is_newer, prefix_of, tags_of

RULES_MAX = 1_000
ID_MAX = 255
PREFIX_MAX = 1_024
STATUSES = ("Enabled", "Disabled")
SEE_GUIDE = (
    "for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more"
    " information."
)
_ROLE = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):role/.+")
_BUCKET = re.compile(r"arn:(?P<partition>aws[a-z-]*):s3:::(?P<name>[a-z0-9.-]{3,63})")
_STATES = (
    (),
    ("DeleteMarkerReplication",),
    ("ExistingObjectReplication",),
    ("SourceSelectionCriteria", "SseKmsEncryptedObjects"),
    ("SourceSelectionCriteria", "ReplicaModifications"),
    ("Destination", "ReplicationTime"),
    ("Destination", "Metrics"),
)


def check_role(call: Call, bucket: Bucket, arn: str) -> None:
    """The caller must be allowed to pass the role to S3. It may be made later: then replication fails until it is."""
    found = _ROLE.fullmatch(arn)
    if found is None or found["partition"] != call.partition:
        raise invalid_argument("Invalid Role specified in the replication configuration", "Role", arn)
    role = role_of_arn(call.tx, arn)
    context: dict[str, Any] = {"iam:PassedToService": "s3.amazonaws.com", "iam:AssociatedResourceArn": bucket.arn}
    for key, value in (role.tags if role is not None else {}).items():
        context[f"iam:ResourceTag/{key}"] = context[f"aws:ResourceTag/{key}"] = value
    must_allow(call, "iam:PassRole", arn, context=context)


def check_rules(call: Call, bucket: Bucket, rules: list[Rule]) -> None:
    if not rules or len(rules) > RULES_MAX:
        raise malformed_xml()
    for rule in rules:
        _check_form(rule)
    if len({is_newer(rule) for rule in rules}) > 1:
        raise malformed_xml()
    named = [rule["ID"] for rule in rules if rule.get("ID")]
    if len(set(named)) != len(named):
        raise invalid_argument("Rule Id must be unique. Found same Id for more than one rule")
    for rule in rules:
        _check_filter(rule)
        _check_choices(rule)
        _check_destination(call, bucket, rule["Destination"])
    _check_apart(rules)


def _check_form(rule: Rule) -> None:
    """What the document's schema asks."""
    if "Status" not in rule or not rule.get("Destination", {}).get("Bucket"):
        raise malformed_xml()
    if len(rule.get("ID", "")) > ID_MAX:
        raise invalid_argument("The maximum ID length is 255 characters", "ID", rule["ID"])
    for path in _STATES:
        found: Any = rule
        for name in path:
            found = found.get(name, {})
        if "Status" in found and found["Status"] not in STATUSES:
            raise malformed_xml()
    if is_newer(rule) and "Prefix" in rule:
        raise malformed_xml()


def _check_filter(rule: Rule) -> None:
    if is_newer(rule):
        found = rule["Filter"]
        both = found.get("And", {})
        if len(found) > 1 or ("And" in found and len(both.get("Tags", ())) + ("Prefix" in both) < 2):
            raise malformed_xml()
        for name in ("Priority", "DeleteMarkerReplication"):
            if name not in rule:
                raise invalid_request(f"{name} must be specified {SEE_GUIDE}")
        if tags_of(rule) and enabled(rule, "DeleteMarkerReplication"):
            raise invalid_request("Delete marker replication is not supported if any Tag filter is specified. Please"
                                  " refer to S3 Developer Guide for more information.")  # fmt: skip
    else:
        for name in ("Priority", "DeleteMarkerReplication", "ExistingObjectReplication"):
            if name in rule:
                raise invalid_request(f"{name} cannot be used {SEE_GUIDE}")
    if len(prefix_of(rule)) > PREFIX_MAX:
        raise invalid_argument("The maximum size of a prefix is 1024", "Prefix", prefix_of(rule))
    tags = tags_of(rule)
    if len({tag["Key"] for tag in tags}) != len(tags):
        raise S3Error("InvalidTag", 400, "Cannot provide multiple Tags with the same key")
    for tag in tags:
        check_tag(tag["Key"], tag["Value"])


def _check_choices(rule: Rule) -> None:
    if enabled(rule, "ExistingObjectReplication"):
        raise not_implemented("Pileus does not replicate objects that were there before the rule: copy them onto"
                              " themselves, or set ExistingObjectReplication to Disabled.")  # fmt: skip
    for name in ("ReplicationTime", "Metrics"):
        if enabled(rule, "Destination", name):
            raise not_implemented(f"Pileus does not measure replication yet: set {name} to Disabled or leave it out.")
    by_kms = enabled(rule, "SourceSelectionCriteria", "SseKmsEncryptedObjects")
    key = rule["Destination"].get("EncryptionConfiguration", {}).get("ReplicaKmsKeyID")
    if by_kms and not key:
        raise invalid_request("ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present.")
    if key and "SseKmsEncryptedObjects" not in rule.get("SourceSelectionCriteria", {}):
        raise invalid_request("SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present.")


def _check_destination(call: Call, bucket: Bucket, wanted: dict[str, Any]) -> None:
    found = _BUCKET.fullmatch(wanted["Bucket"])
    if found is None:
        raise invalid_argument("Invalid bucket ARN", "Bucket", wanted["Bucket"])
    target = buckets.get(call.tx, found["partition"], found["name"])
    if target is None or target.partition != bucket.partition:
        raise invalid_request("Destination bucket must exist.")
    if target.id == bucket.id:
        raise invalid_request("Destination bucket cannot be the same as the source bucket.")
    if target.versioning != "Enabled":
        raise invalid_request("Destination bucket must have versioning enabled.")
    if bucket.object_lock and not target.object_lock:
        raise invalid_request("Object Lock must be enabled on the destination bucket, as it is on the source bucket.")
    if wanted.get("StorageClass", "STANDARD") not in CLASSES:
        raise malformed_xml()
    account, translated = wanted.get("Account"), wanted.get("AccessControlTranslation")
    if account is not None and account != target.account:
        raise invalid_request("The account must be the owner of the destination bucket.")
    if translated is not None:
        if account is None:
            raise invalid_request("Account must be specified if AccessControlTranslation is present.")
        if translated.get("Owner") != "Destination":
            raise malformed_xml()


def _check_apart(rules: list[Rule]) -> None:
    """Newer rules are told apart by their priority, older ones by their prefixes."""
    active = [rule for rule in rules if enabled(rule)]
    if is_newer(rules[0]):
        seen: set[int] = set()
        for rule in rules:
            if rule["Priority"] in seen:
                raise invalid_argument(f"Found duplicate priority {rule['Priority']}, the priority of rules must be"
                                       " unique", "Priority", rule["Priority"])  # fmt: skip
            seen.add(rule["Priority"])
        return
    if len({rule["Destination"]["Bucket"] for rule in rules}) > 1:
        raise invalid_request("All rules of this version of the configuration must have the same destination bucket.")
    for number, one in enumerate(active):
        for other in active[number + 1 :]:
            first, second = prefix_of(one), prefix_of(other)
            if first.startswith(second) or second.startswith(first):
                raise invalid_request(f"Found overlapping prefixes '{first}' and '{second}'")
