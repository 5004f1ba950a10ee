"""Which rules of a replication configuration mean an object.

Source: Amazon S3 User Guide, "Replication configuration file elements", "What does Amazon S3 replicate?". A rule with a
Filter is of the newer form; one without is of the older, which always replicates delete markers.
"""

from typing import Any

from pileus.store import Transaction

from ..tables import Bucket, Version, configs

KIND = "replication"
Rule = dict[str, Any]


def configuration(tx: Transaction, bucket: Bucket) -> dict[str, Any] | None:
    return configs.get(tx, bucket.id, KIND, "")


def enabled(rule: Rule, *path: str) -> bool:
    """Whether what lies under `path` says `Enabled`."""
    found: Any = rule
    for name in path:
        found = found.get(name, {})
    return bool(found.get("Status") == "Enabled")


def is_newer(rule: Rule) -> bool:
    return "Filter" in rule


def prefix_of(rule: Rule) -> str:
    if not is_newer(rule):
        return str(rule.get("Prefix", ""))
    found = rule["Filter"]
    return str(found.get("And", found).get("Prefix", ""))


def tags_of(rule: Rule) -> list[dict[str, str]]:
    found = rule.get("Filter", {})
    return [found["Tag"]] if "Tag" in found else list(found.get("And", {}).get("Tags", ()))


def replicates_markers(rule: Rule) -> bool:
    return not is_newer(rule) or enabled(rule, "DeleteMarkerReplication")


def means(rule: Rule, key: str, version: Version) -> bool:
    """Whether an enabled rule asks for this version."""
    if not enabled(rule) or not key.startswith(prefix_of(rule)):
        return False
    if version.marker:
        return replicates_markers(rule)
    if any(version.tags.get(tag["Key"]) != tag["Value"] for tag in tags_of(rule)):
        return False
    by_kms = version.seal is not None and version.seal.kind != "C"
    return not by_kms or enabled(rule, "SourceSelectionCriteria", "SseKmsEncryptedObjects")


def rules_for(found: dict[str, Any], key: str, version: Version) -> list[Rule]:
    """One rule a destination: that of the highest priority."""
    chosen: dict[str, Rule] = {}
    for rule in sorted(found["Rules"], key=lambda rule: -int(rule.get("Priority", 0))):
        if means(rule, key, version):
            chosen.setdefault(rule["Destination"]["Bucket"], rule)
    return list(chosen.values())


def rule_named(found: dict[str, Any] | None, id: str) -> Rule | None:
    return next((rule for rule in (found or {}).get("Rules", ()) if rule["ID"] == id), None)
