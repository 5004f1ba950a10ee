"""Lifecycle rules: which of them fit an object, and on which day they act. Pure: no store, no clock.

Source: Amazon S3 User Guide, "Lifecycle configuration elements", "Managing the lifecycle of objects", "Transitioning
objects using Amazon S3 Lifecycle", "Examples of S3 Lifecycle configurations", "Conflicts in lifecycle configurations".
"""

import math
from typing import Any, NamedTuple

DAY = 86_400.0
SMALL_BYTES_MAX = 128 * 1024
"""Objects below it are not moved, unless a rule's own filter says a size (User Guide, "Minimum object size")."""
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
TIERING = "INTELLIGENT_TIERING"
ALL_CLASSES, BY_CLASS = "all_storage_classes_128K", "varies_by_storage_class"
COLDNESS = {
    "": 0, "STANDARD": 0, "REDUCED_REDUNDANCY": 0, "STANDARD_IA": 1, "INTELLIGENT_TIERING": 2, "ONEZONE_IA": 3,
    "GLACIER_IR": 4, "GLACIER": 5, "DEEP_ARCHIVE": 6,
}  # fmt: skip
"""The waterfall: an object only ever moves down it."""


class Move(NamedTuple):
    """To a colder class: `days` after the start, or on `date` (epoch seconds). `spared`: how many of the newest
    noncurrent versions stay."""

    storage: str
    days: int | None = None
    date: float | None = None
    spared: int = 0


class Removal(NamedTuple):
    days: int | None = None
    date: float | None = None
    spared: int = 0


class Rule(NamedTuple):
    """One enabled rule."""

    id: str
    prefix: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    above: int | None = None
    below: int | None = None
    moves: tuple[Move, ...] = ()
    removal: Removal | None = None
    clears_markers: bool = False
    old_moves: tuple[Move, ...] = ()
    old_removal: Removal | None = None
    abort_days: int | None = None
    small_too: bool = False
    """Moves of small objects too, as buckets asked for before September 2024 ('varies_by_storage_class')."""

    @property
    def acts_on_objects(self) -> bool:
        return bool(self.moves or self.removal or self.clears_markers or self.old_moves or self.old_removal)

    def fits(self, key: str, size: int, tags: dict[str, str]) -> bool:
        return (
            key.startswith(self.prefix)
            and all(tags.get(name) == value for name, value in self.tags)
            and (self.above is None or size > self.above)
            and (self.below is None or size < self.below)
        )

    def may_move(self, size: int, storage: str) -> bool:
        """Whether an object of this size is worth moving to that class."""
        if size >= SMALL_BYTES_MAX or self.above is not None or self.below is not None:
            return True
        return self.small_too and storage in ARCHIVES


class Due(NamedTuple):
    """What is to happen first: at `moment`, by `rule`. `storage`: the class to move to, '' to remove."""

    moment: float
    rule: str
    storage: str = ""


def parse(configuration: dict[str, Any]) -> tuple[Rule, ...]:
    """The enabled rules of a valid configuration as the model has it."""
    small_too = configuration.get("TransitionDefaultMinimumObjectSize") == BY_CLASS
    return tuple(_rule(rule, small_too) for rule in configuration["Rules"] if rule["Status"] == "Enabled")


def _rule(rule: dict[str, Any], small_too: bool) -> Rule:
    found = rule.get("Filter", {})
    both = found.get("And", found)
    tags = both.get("Tags") or ([found["Tag"]] if "Tag" in found else [])
    expiration = rule.get("Expiration", {})
    old = rule.get("NoncurrentVersionExpiration")
    return Rule(
        rule.get("ID", ""),
        both.get("Prefix", rule.get("Prefix", "")),
        tuple((tag["Key"], tag["Value"]) for tag in tags),
        both.get("ObjectSizeGreaterThan"),
        both.get("ObjectSizeLessThan"),
        tuple(Move(one["StorageClass"], one.get("Days"), one.get("Date")) for one in rule.get("Transitions", ())),
        Removal(expiration.get("Days"), expiration.get("Date")) if expiration.keys() & {"Days", "Date"} else None,
        bool(expiration.get("ExpiredObjectDeleteMarker")),
        tuple(
            Move(one["StorageClass"], one["NoncurrentDays"], None, one.get("NewerNoncurrentVersions", 0))
            for one in rule.get("NoncurrentVersionTransitions", ())
        ),
        Removal(old["NoncurrentDays"], None, old.get("NewerNoncurrentVersions", 0)) if old is not None else None,
        rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
        small_too,
    )


def moment_of(start: float, days: int | None, date: float | None) -> float:
    """Days are counted from `start` and rounded up to the next midnight UTC."""
    if days is None:
        assert date is not None
        return date
    return math.ceil((start + days * DAY) / DAY) * DAY


def expiry_of(rules: tuple[Rule, ...], key: str, size: int, tags: dict[str, str], created: float) -> Due | None:
    """When the current version expires, by the rule that is first."""
    found = [
        Due(moment_of(created, rule.removal.days, rule.removal.date), rule.id)
        for rule in rules
        if rule.removal is not None and rule.fits(key, size, tags)
    ]
    return min(found, default=None)


def next_of(
    rules: tuple[Rule, ...],
    key: str,
    size: int,
    tags: dict[str, str],
    created: float,
    storage: str,
    earliest: float = 0.0,
    permanent: bool = True,
) -> Due | None:
    """What happens next to the current version, at `earliest` or after it. `permanent`: expiry deletes it for good. Of
    what is due at once permanent deletion comes first, then a transition, then a delete marker ("Conflicts")."""
    found = []
    removal = expiry_of(rules, key, size, tags, created)
    if removal is not None:
        found.append(_not_before(removal, earliest))
    moves = [
        Due(moment_of(created, move.days, move.date), rule.id, move.storage)
        for rule in rules
        if rule.moves and rule.fits(key, size, tags)
        for move in rule.moves
        if rule.may_move(size, move.storage)
    ]
    found += [_not_before(due, earliest) for due in _down(moves, storage)]
    return min(found, key=_removal_first if permanent else _removal_last, default=None)


def next_of_old(
    rules: tuple[Rule, ...],
    key: str,
    size: int,
    tags: dict[str, str],
    retired: float,
    storage: str,
    newer: int,
    earliest: float = 0.0,
    locked_until: float = 0.0,
) -> Due | None:
    """The same for a noncurrent version. `retired`: since when it is; `newer`: how many noncurrent ones are newer.
    `locked_until`: it may not be removed before (infinity: not at all)."""
    found, moves = [], []
    for rule in rules:
        if not rule.fits(key, size, tags):
            continue
        removal = rule.old_removal
        if removal is not None and newer >= removal.spared and locked_until < math.inf:
            moment = max(moment_of(retired, removal.days, None), moment_of(locked_until, 0, None))
            found.append(_not_before(Due(moment, rule.id), earliest))
        moves += [
            Due(moment_of(retired, move.days, None), rule.id, move.storage)
            for move in rule.old_moves
            if newer >= move.spared and rule.may_move(size, move.storage)
        ]
    found += [_not_before(due, earliest) for due in _down(moves, storage)]
    return min(found, key=_removal_first, default=None)


def marker_due(rules: tuple[Rule, ...], key: str, made: float, earliest: float) -> Due | None:
    """When a delete marker with nothing below it goes: at once where a rule says so, else as old as a rule lets objects
    become (User Guide, "Removing expired object delete markers")."""
    found = []
    for rule in rules:
        if not key.startswith(rule.prefix) or rule.tags or rule.above is not None or rule.below is not None:
            continue
        if rule.clears_markers:
            found.append(Due(max(moment_of(made, 0, None), earliest), rule.id))
        elif rule.removal is not None:
            found.append(_not_before(Due(moment_of(made, rule.removal.days, rule.removal.date), rule.id), earliest))
    return min(found, default=None)


def _down(moves: list[Due], storage: str) -> list[Due]:
    """Those that lead down the waterfall. S3 Intelligent-Tiering once chosen is left for a class that was due as early
    only if that is an archive ("Conflicts": it is favored over any class but these)."""
    found = [due for due in moves if COLDNESS[due.storage] > COLDNESS[storage]]
    if storage == TIERING:
        since = max((due.moment for due in moves if due.storage == TIERING), default=-math.inf)
        found = [due for due in found if due.storage in ARCHIVES or due.moment > since]
    return found


def _not_before(due: Due, earliest: float) -> Due:
    return due if due.moment >= earliest else due._replace(moment=earliest)


def abort_of(rules: tuple[Rule, ...], key: str, begun: float) -> Due | None:
    """When an upload that nobody completed is given up. Rules that ask for tags or sizes do not speak of uploads."""
    found = [
        Due(moment_of(begun, rule.abort_days, None), rule.id)
        for rule in rules
        if rule.abort_days is not None and key.startswith(rule.prefix)
    ]
    return min(found, default=None)


def clears_marker(rules: tuple[Rule, ...], key: str) -> str | None:
    """The rule that removes a delete marker with nothing below it. A rule that expires objects does so too (User Guide,
    "Removing expired object delete markers")."""
    for rule in rules:
        if key.startswith(rule.prefix) and not rule.tags and (rule.clears_markers or rule.removal is not None):
            return rule.id
    return None


def _preference(storage: str) -> int:
    """Of transitions due at once the lower wins: the archives, S3 Intelligent-Tiering, then the colder."""
    return -10 if storage == TIERING else -COLDNESS[storage] - (10 if storage in ARCHIVES else 0)


def _removal_first(due: Due) -> tuple[float, int]:
    return due.moment, -1_000 if not due.storage else _preference(due.storage)


def _removal_last(due: Due) -> tuple[float, int]:
    return due.moment, 1_000 if not due.storage else _preference(due.storage)
