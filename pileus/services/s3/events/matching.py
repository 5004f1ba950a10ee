"""Which events a notification configuration means, and whether two of them mean the same.

Source: Amazon S3 User Guide, "Event notification types and destinations", "Configuring event notifications using object
key name filtering".
"""

from typing import Any

REFUSED = {
    "s3:IntelligentTiering": "objects do not move between the tiers of S3 Intelligent-Tiering",
    "s3:ObjectAnnotation:*": "objects have no annotations",
    "s3:ObjectAnnotation:Put": "objects have no annotations",
    "s3:ObjectAnnotation:Delete": "objects have no annotations",
    "s3:Replication:OperationMissedThreshold": "replication is not watched by time",
    "s3:Replication:OperationReplicatedAfterThreshold": "replication is not watched by time",
    "s3:Replication:OperationNotTracked": "replication is not watched by time",
}
"""Events that Pileus never sends, and why."""

Rule = dict[str, Any]


def affixes(rule: Rule) -> tuple[str, str]:
    """The prefix and the suffix of the keys a rule means."""
    found = {"prefix": "", "suffix": ""}
    for one in rule.get("Filter", {}).get("Key", {}).get("FilterRules", ()):
        found[one["Name"].lower()] = one.get("Value", "")
    return found["prefix"], found["suffix"]


def covers(wanted: str, event: str) -> bool:
    """`event` may end in `*` too."""
    return wanted == event or (wanted.endswith("*") and event.startswith(wanted[:-1]))


def means(rule: Rule, event: str, key: str) -> bool:
    """`event` with its `s3:`."""
    if not any(covers(wanted, event) for wanted in rule["Events"]):
        return False
    prefix, suffix = affixes(rule)
    return key.startswith(prefix) and key.endswith(suffix)


def shared_event(one: Rule, other: Rule) -> tuple[str, str] | None:
    """A pair of event types, one of each rule, that mean a common event."""
    for first in one["Events"]:
        for second in other["Events"]:
            if covers(first, second) or covers(second, first):
                return first, second
    return None


def overlap(one: Rule, other: Rule) -> bool:
    """Whether some key could be meant by both."""
    (prefix, suffix), (other_prefix, other_suffix) = affixes(one), affixes(other)
    prefixes = prefix.startswith(other_prefix) or other_prefix.startswith(prefix)
    return prefixes and (suffix.endswith(other_suffix) or other_suffix.endswith(suffix))
