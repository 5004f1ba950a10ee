"""Whether a lifecycle configuration may be put: every documented rule about rules.

Source: Amazon S3 API Reference, PutBucketLifecycleConfiguration; Amazon S3 User Guide, "Lifecycle configuration
elements", "Transitioning objects using Amazon S3 Lifecycle" ("Constraints and considerations for transitions"). Pure.
"""

from itertools import pairwise
from typing import Any

from ..errors import S3Error, invalid_argument, invalid_request, malformed_xml
from ..names import check_tag
from .rules import COLDNESS, DAY

RULES_MAX = 1_000
ID_CHARACTERS_MAX = 255
SPARED_MAX = 100
INFREQUENT = ("STANDARD_IA", "ONEZONE_IA")
INFREQUENT_DAYS_MIN = 30
ACTIONS = (
    "Expiration", "Transitions", "NoncurrentVersionTransitions", "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload",
)  # fmt: skip


def check(rules: list[dict[str, Any]]) -> None:
    """Raises S3's error for the first thing that is wrong."""
    if not 1 <= len(rules) <= RULES_MAX:
        raise malformed_xml()
    if len({"Filter" in rule for rule in rules}) == 2:
        raise invalid_request(
            "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter."
        )
    seen: set[str] = set()
    for rule in rules:
        named = rule.get("ID", "")
        if len(named) > ID_CHARACTERS_MAX:
            raise invalid_argument(f"ID length should not exceed allowed limit of {ID_CHARACTERS_MAX}")
        if named and named in seen:
            raise invalid_argument("Rule ID must be unique. Found same ID for more than one rule")
        seen.add(named)
        _check_rule(rule)


def _check_rule(rule: dict[str, Any]) -> None:
    if ("Filter" in rule) == ("Prefix" in rule):
        raise malformed_xml()
    narrow = _check_filter(rule.get("Filter", {}))
    if not any(rule.get(action) for action in ACTIONS):
        raise invalid_request("At least one action needs to be specified in a rule")
    shown = f"'({_shown(rule)})'"
    _check_expiration(rule.get("Expiration"), narrow)
    moves = rule.get("Transitions", [])
    _check_moves(moves, shown)
    _check_together(moves, rule.get("Expiration", {}), shown)
    _check_old(rule, shown)
    abort = rule.get("AbortIncompleteMultipartUpload")
    if abort is not None:
        if narrow:
            raise invalid_request(f"AbortIncompleteMultipartUpload cannot be specified with {narrow}.")
        _check_positive(abort.get("DaysAfterInitiation"), "DaysAfterInitiation", "AbortIncompleteMultipartUpload")


def _check_filter(found: dict[str, Any]) -> str:
    """What besides a prefix it asks for, as S3's texts name it; '' for nothing."""
    both = found.get("And", {})
    if len(found) > 1 or ("And" in found and len(both) + max(0, len(both.get("Tags", ())) - 1) < 2):
        raise malformed_xml()
    tags = [found["Tag"]] if "Tag" in found else both.get("Tags", [])
    if len({tag["Key"] for tag in tags}) != len(tags):
        raise invalid_request("Duplicate Tag Keys are not allowed.")
    for tag in tags:
        check_tag(tag["Key"], tag["Value"])
    asked = both or found
    above, below = asked.get("ObjectSizeGreaterThan"), asked.get("ObjectSizeLessThan")
    if (above is not None and above < 0) or (below is not None and below < 1):
        raise invalid_argument("An object size in a lifecycle filter must not be negative")
    if above is not None and below is not None and above >= below:
        raise invalid_request("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'")
    if tags:
        return "Tags"
    return "Object Size" if above is not None or below is not None else ""


def _check_expiration(expiration: dict[str, Any] | None, narrow: str) -> None:
    if expiration is None:
        return
    if len(expiration) != 1:
        raise malformed_xml()
    if "ExpiredObjectDeleteMarker" in expiration and narrow:
        raise invalid_request(f"ExpiredObjectDeleteMarker cannot be specified with {narrow}.")
    if "Days" in expiration:
        _check_positive(expiration["Days"], "Days", "Expiration")
    _check_midnight(expiration.get("Date"))


def _check_moves(moves: list[dict[str, Any]], shown: str) -> None:
    classes = [move.get("StorageClass") for move in moves]
    for move in moves:
        if "StorageClass" not in move or ("Days" in move) == ("Date" in move):
            raise malformed_xml()
        _check_midnight(move.get("Date"))
        if "Days" in move:
            _check_days(move["Days"], "Days", "Transition", move["StorageClass"])
    if len(set(classes)) != len(classes):
        raise invalid_request(
            f"'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter {shown}"
        )
    if len({"Days" in move for move in moves}) == 2:
        raise _mixed(shown)
    _check_order(moves, "Date" if moves and "Date" in moves[0] else "Days", "Transition", shown)


def _check_days(days: int, name: str, action: str, storage: str) -> None:
    if days < 0:
        raise invalid_argument(f"'{name}' in {action} action must be nonnegative")
    if storage in INFREQUENT and days < INFREQUENT_DAYS_MIN:
        raise invalid_argument(
            f"'{name}' in {action} action must be greater than or equal to {INFREQUENT_DAYS_MIN} for storageClass"
            f" '{storage}'"
        )


def _check_order(moves: list[dict[str, Any]], name: str, action: str, shown: str) -> None:
    """A colder class comes later, and what went to infrequent access stays there for 30 days."""
    unit = DAY if name == "Date" else 1
    ordered = sorted(moves, key=lambda move: COLDNESS[move["StorageClass"]])
    for warmer, colder in pairwise(ordered):
        wait = INFREQUENT_DAYS_MIN if warmer["StorageClass"] in INFREQUENT else 1
        if colder[name] - warmer[name] < wait * unit:
            more = f"be {wait} days more than" if wait > 1 else "be greater than"
            raise invalid_argument(
                f"'{name}' in the '{action}' action for StorageClass '{colder['StorageClass']}' for filter {shown} must"
                f" {more} '{action}' action for StorageClass '{warmer['StorageClass']}'"
            )


def _check_together(moves: list[dict[str, Any]], expiration: dict[str, Any], shown: str) -> None:
    for move in moves:
        if ("Days" in move and "Date" in expiration) or ("Date" in move and "Days" in expiration):
            raise _mixed(shown)
        for name in ("Days", "Date"):
            if name in move and name in expiration and expiration[name] <= move[name]:
                raise invalid_argument(
                    f"'{name}' in the Expiration action for filter {shown} must be greater than '{name}' in the"
                    " Transition action"
                )


def _check_old(rule: dict[str, Any], shown: str) -> None:
    moves, removal = rule.get("NoncurrentVersionTransitions", []), rule.get("NoncurrentVersionExpiration")
    for move in moves:
        if "StorageClass" not in move or "NoncurrentDays" not in move:
            raise malformed_xml()
        _check_days(move["NoncurrentDays"], "NoncurrentDays", "NoncurrentVersionTransition", move["StorageClass"])
        _check_spared(move, "NoncurrentVersionTransition")
    if len({move["StorageClass"] for move in moves}) != len(moves):
        raise invalid_request(
            "'StorageClass' must be different for 'NoncurrentVersionTransition' actions in same 'Rule' with filter"
            f" {shown}"
        )
    _check_order(moves, "NoncurrentDays", "NoncurrentVersionTransition", shown)
    if removal is None:
        return
    if "NoncurrentDays" not in removal:
        raise malformed_xml()
    _check_positive(removal["NoncurrentDays"], "NoncurrentDays", "NoncurrentVersionExpiration")
    _check_spared(removal, "NoncurrentVersionExpiration")
    if any(move["NoncurrentDays"] >= removal["NoncurrentDays"] for move in moves):
        raise invalid_argument(
            f"'NoncurrentDays' in the NoncurrentVersionExpiration action for filter {shown} must be greater than"
            " 'NoncurrentDays' in the NoncurrentVersionTransition action"
        )


def _check_spared(action: dict[str, Any], name: str) -> None:
    spared = action.get("NewerNoncurrentVersions")
    if spared is not None and not 1 <= spared <= SPARED_MAX:
        raise invalid_argument(
            f"'NewerNoncurrentVersions' for {name} action must be a positive integer of at most {SPARED_MAX}"
        )


def _check_positive(days: int | None, name: str, action: str) -> None:
    if days is None:
        raise malformed_xml()
    if days <= 0:
        raise invalid_argument(f"'{name}' for {action} action must be a positive integer")


def _check_midnight(date: float | None) -> None:
    if date is not None and date % DAY:
        raise invalid_argument("'Date' must be at midnight GMT")


def _mixed(shown: str) -> S3Error:
    return invalid_request(
        f"Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter {shown}"
    )


def _shown(rule: dict[str, Any]) -> str:
    found = rule.get("Filter", {})
    asked = found.get("And", found)
    shown = [f"prefix={asked.get('Prefix', rule.get('Prefix', ''))}"]
    tags = asked.get("Tags") or ([asked["Tag"]] if "Tag" in asked else [])
    return " and ".join([*shown, *(f"tag: {tag['Key']}={tag['Value']}" for tag in tags)])
