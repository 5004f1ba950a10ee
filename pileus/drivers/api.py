"""What all drivers share: how they say what the host lacks, and that something cannot be done."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lack:
    """One thing the host lacks. `what`: 'the program runc'; `remedy`: the command or sentence that mends it."""

    what: str
    remedy: str


class Unable(Exception):
    """The host cannot do what was asked; the text says why and names the remedy."""


class Busy(Unable):
    """What is asked for is in use: a mounted volume is not taken away."""
