"""The models' patterns are Java's: what they let through and what they refuse."""

import pytest

from pileus.model import Operation, load
from pileus.model.constraints import check
from pileus.model.patterns import compiled


@pytest.fixture
def create_user() -> Operation:
    return load("iam").operation("CreateUser")


def tagged(key: str) -> dict[str, object]:
    return {"UserName": "bob", "Tags": [{"Key": key, "Value": "x"}]}


def test_a_word_character_is_ascii_as_in_java(create_user: Operation) -> None:
    found = check(create_user, {"UserName": "h\u00e9b"})
    assert found == (
        "1 validation error detected: Value 'h\u00e9b' at 'userName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [\\w+=,.@-]+"
    )


@pytest.mark.parametrize("name", ["bob", "a+b=c,d.e@f-g", "_", "x" * 64])
def test_a_user_name_of_allowed_characters_passes(create_user: Operation, name: str) -> None:
    assert check(create_user, {"UserName": name}) is None


@pytest.mark.parametrize("name", ["a b", "a/b", "bob\n", "\u0661"])
def test_a_user_name_of_other_characters_is_refused(create_user: Operation, name: str) -> None:
    assert "regular expression pattern" in (check(create_user, {"UserName": name}) or "")


@pytest.mark.parametrize("key", ["h\u00e9llo-x", "\u5b57", "a b", "cost:center/1", "\u0661"])
def test_a_tag_key_may_hold_letters_digits_and_spaces_of_any_script(create_user: Operation, key: str) -> None:
    assert check(create_user, tagged(key)) is None


@pytest.mark.parametrize("key", ["a#b", "a*b", "a{b"])
def test_a_tag_key_with_other_characters_is_refused(create_user: Operation, key: str) -> None:
    assert "at 'tags.1.member.key'" in (check(create_user, tagged(key)) or "")


def test_a_hyphen_after_a_class_is_itself() -> None:
    pattern = compiled(r"[\w-\/]+")  # Python takes it for a range with a bad end
    assert pattern is not None
    assert pattern.fullmatch("a-b/c")
    assert not pattern.fullmatch("a.b")


def test_a_name_far_too_long_is_refused_for_its_length_alone(create_user: Operation) -> None:
    found = check(create_user, {"UserName": "!" * 100_000}) or ""
    assert found.startswith("1 validation error detected: ")
    assert found.endswith("Member must have length less than or equal to 64")


def test_every_pattern_of_the_first_services_is_understood() -> None:
    for service in ("iam", "sts", "sqs"):
        for name, raw in load(service).model["shapes"].items():
            # The alias's pattern could be made to take for ever: IAM checks it by hand.
            if "pattern" in raw and name != "accountAliasType":
                assert compiled(raw["pattern"]) is not None, name
