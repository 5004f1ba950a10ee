"""What is kept of small blobs: bounded, and the least recently used goes first."""

from pileus.blobs.kept import Kept


def test_the_least_recently_used_goes_first_and_whole():
    kept = Kept(most=40)
    for blob in (1, 2, 3):
        kept.put(blob, 0, b"x" * 5)
        kept.put(blob, 1, b"y" * 5)
    assert kept.get(1, 0) == b"x" * 5
    kept.put(4, 0, b"z" * 11)
    assert (kept.get(2, 0), kept.get(2, 1)) == (None, None)
    assert kept.get(1, 1) == b"y" * 5
    assert kept.get(3, 0) == b"x" * 5
    assert kept.get(4, 0) == b"z" * 11


def test_what_somebody_still_sends_outlives_its_place():
    kept = Kept(most=10)
    kept.put(1, 0, b"x" * 10)
    held = kept.get(1, 0)
    kept.put(2, 0, b"y" * 10)
    assert kept.get(1, 0) is None
    assert held == b"x" * 10


def test_what_is_forgotten_makes_room():
    kept = Kept(most=10)
    kept.put(1, 0, b"x" * 10)
    kept.forget(1)
    kept.forget(1)
    kept.put(2, 0, b"y" * 10)
    assert kept.get(1, 0) is None
    assert kept.get(2, 0) == b"y" * 10
