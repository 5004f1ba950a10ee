from hypothesis import given
from hypothesis import strategies as st

from pileus.identity.devices import STEP_S, WINDOW, MfaDevice, accept, code_at, synchronize

SEED = b"12345678901234567890"


def device(**changes):
    return MfaDevice("123456789012", "phone", SEED, 0.0, **changes)


def test_codes_are_those_of_rfc_6238():
    """Appendix B, SHA-1, the last six of eight digits."""
    table = {59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"}
    assert {moment: code_at(SEED, moment // STEP_S) for moment in table} == table


@given(st.integers(0, 10**9), st.integers(-5, 5))
def test_a_code_is_taken_within_the_window_and_never_twice(step, off):
    now = (step + 10) * STEP_S
    given_code = code_at(SEED, step + 10 + off)
    used = accept(device(), given_code, now)
    if abs(off) <= WINDOW:
        assert used is not None
        assert accept(used, given_code, now) is None
    elif all(given_code != code_at(SEED, step + 10 + near) for near in range(-WINDOW, WINDOW + 1)):
        assert used is None


def test_two_codes_in_a_row_tell_how_far_a_clock_is_off():
    now = 1_000_000 * STEP_S
    known = synchronize(device(), code_at(SEED, 1_000_019), code_at(SEED, 1_000_020), now)
    assert known is not None
    assert known.drift == 20
    assert accept(known, code_at(SEED, 1_000_021), now + STEP_S) is not None
    assert synchronize(device(), code_at(SEED, 1_000_020), code_at(SEED, 1_000_019), now) is None
