"""Which rule of a lifecycle acts on an object, and when: worked out without a clock."""

from typing import Any

from pileus.services.s3.lifecycle.rules import (
    BY_CLASS,
    DAY,
    Due,
    Rule,
    abort_of,
    clears_marker,
    expiry_of,
    moment_of,
    next_of,
    next_of_old,
    parse,
)

NOON = 20_000 * DAY + DAY / 2
BIG = 1_000_000


def rules(*given: dict[str, Any], **more: Any) -> tuple[Rule, ...]:
    return parse({"Rules": [{"Status": "Enabled", "Filter": {}, **rule} for rule in given], **more})


def midnight(days: int) -> float:
    return (20_000 + days) * DAY


def test_days_end_at_the_next_midnight() -> None:
    assert moment_of(NOON, 1, None) == midnight(2)
    assert moment_of(midnight(0), 1, None) == midnight(1)
    assert moment_of(NOON, 0, None) == midnight(1)
    assert moment_of(NOON, None, 5.0) == 5.0


def test_a_rule_fits_by_prefix_tags_and_size() -> None:
    found = {"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeGreaterThan": 10}}
    (rule,) = rules({"ID": "r", "Filter": found, "Expiration": {"Days": 1}})
    assert rule.fits("a/b", 11, {"k": "v", "other": "x"})
    assert not rule.fits("b", 11, {"k": "v"})
    assert not rule.fits("a/b", 10, {"k": "v"})
    assert not rule.fits("a/b", 11, {"k": "w"})
    (small,) = rules({"Filter": {"ObjectSizeLessThan": 5}, "Expiration": {"Days": 1}})
    assert (small.fits("x", 4, {}), small.fits("x", 5, {})) == (True, False)


def test_disabled_rules_and_the_old_prefix() -> None:
    made = parse({"Rules": [
        {"ID": "off", "Status": "Disabled", "Filter": {}, "Expiration": {"Days": 1}},
        {"ID": "old", "Status": "Enabled", "Prefix": "logs/", "Expiration": {"Days": 3}},
    ]})  # fmt: skip
    assert [rule.id for rule in made] == ["old"]
    assert expiry_of(made, "logs/x", 1, {}, NOON) == Due(midnight(4), "old")
    assert expiry_of(made, "x", 1, {}, NOON) is None


def test_of_several_rules_the_first_moment_counts() -> None:
    made = rules(
        {"ID": "late", "Expiration": {"Days": 9}},
        {"ID": "soon", "Filter": {"Prefix": "a"}, "Expiration": {"Days": 2}},
        {"ID": "dated", "Expiration": {"Date": midnight(5)}},
    )
    assert expiry_of(made, "a", 1, {}, NOON) == Due(midnight(3), "soon")
    assert expiry_of(made, "b", 1, {}, NOON) == Due(midnight(5), "dated")


def test_at_one_moment_removal_wins_and_then_the_coldest_class() -> None:
    made = rules(
        {"ID": "ia", "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}]},
        {"ID": "ice", "Transitions": [{"Days": 30, "StorageClass": "DEEP_ARCHIVE"}]},
    )
    assert next_of(made, "k", BIG, {}, NOON, "") == Due(midnight(31), "ice", "DEEP_ARCHIVE")
    made += rules({"ID": "end", "Expiration": {"Days": 30}})
    assert next_of(made, "k", BIG, {}, NOON, "") == Due(midnight(31), "end")


def test_objects_only_move_to_colder_classes() -> None:
    steps = [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 60, "StorageClass": "GLACIER"}]
    made = rules({"ID": "r", "Transitions": steps})
    assert next_of(made, "k", BIG, {}, NOON, "") == Due(midnight(31), "r", "STANDARD_IA")
    assert next_of(made, "k", BIG, {}, NOON, "STANDARD_IA") == Due(midnight(61), "r", "GLACIER")
    assert next_of(made, "k", BIG, {}, NOON, "DEEP_ARCHIVE") is None


def test_small_objects_stay_unless_they_are_asked_for() -> None:
    rule = {"ID": "r", "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}
    assert next_of(rules(rule), "k", 1_000, {}, NOON, "") is None
    assert next_of(rules(rule, TransitionDefaultMinimumObjectSize=BY_CLASS), "k", 1_000, {}, NOON, "") is not None
    ia = {"ID": "r", "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}]}
    assert next_of(rules(ia, TransitionDefaultMinimumObjectSize=BY_CLASS), "k", 1_000, {}, NOON, "") is None
    asked = {**rule, "Filter": {"ObjectSizeGreaterThan": 500}}
    assert next_of(rules(asked), "k", 1_000, {}, NOON, "") is not None


def test_noncurrent_versions_are_spared_and_removed() -> None:
    made = rules({
        "ID": "r",
        "NoncurrentVersionTransitions": [{"NoncurrentDays": 1, "StorageClass": "GLACIER"}],
        "NoncurrentVersionExpiration": {"NoncurrentDays": 5, "NewerNoncurrentVersions": 2},
    })  # fmt: skip
    assert next_of_old(made, "k", BIG, {}, NOON, "", 0) == Due(midnight(2), "r", "GLACIER")
    assert next_of_old(made, "k", BIG, {}, NOON, "GLACIER", 1) is None
    assert next_of_old(made, "k", BIG, {}, NOON, "GLACIER", 2) == Due(midnight(6), "r")


def test_uploads_are_given_up_and_lonely_markers_cleared() -> None:
    made = rules(
        {"ID": "a", "Filter": {"Prefix": "up/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
        {"ID": "m", "Filter": {"Prefix": "m/"}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
    )
    assert abort_of(made, "up/x", NOON) == Due(midnight(8), "a")
    assert abort_of(made, "x", NOON) is None
    assert (clears_marker(made, "m/x"), clears_marker(made, "x")) == ("m", None)
