import pytest

from pileus.identity.account import PasswordPolicy
from pileus.identity.passwords import LoginProfile, expired, hashed, matches, reused, violation


def test_a_password_matches_its_hash_and_no_other():
    kept = hashed("s3cret")
    assert matches("s3cret", kept)
    assert not matches("secret", kept)
    assert kept != hashed("s3cret")


@pytest.mark.parametrize(
    ("policy", "password", "lacks"),
    [
        (None, "Abcdefg1", None),
        (None, "abcdefgh", "three different types"),
        (None, "Ab1", "minimum length of 8"),
        (PasswordPolicy(12), "short", "minimum length of 12"),
        (PasswordPolicy(6, symbols=True), "abcdef", "symbol"),
        (PasswordPolicy(6, numbers=True), "abcdef", "number"),
        (PasswordPolicy(6, uppercase=True), "abcdef", "uppercase letter"),
        (PasswordPolicy(6, lowercase=True), "ABCDEF", "lowercase letter"),
        (PasswordPolicy(6), "abcdef", None),
    ],
)
def test_what_a_password_lacks(policy, password, lacks):
    wrong = violation(policy, password)
    assert (wrong is None) if lacks is None else (wrong is not None and lacks in wrong)


def test_remembered_passwords_are_not_taken_again():
    profile = LoginProfile(hashed("now"), 0.0, 0.0, former=(hashed("before"), hashed("long ago")))
    assert reused(profile, PasswordPolicy(remembered=2), "before")
    assert not reused(profile, PasswordPolicy(remembered=2), "long ago")
    assert not reused(profile, None, "now")


def test_passwords_age():
    profile = LoginProfile("x", 0.0, 1_000.0)
    assert expired(profile, PasswordPolicy(max_age_days=1), 1_000.0 + 86_401)
    assert not expired(profile, PasswordPolicy(), 10**9)
