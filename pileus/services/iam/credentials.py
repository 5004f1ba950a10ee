"""What else hangs on a user besides keys, password and MFA, so that it must go first."""

from pileus.identity.people import User
from pileus.store import Transaction


def other_credentials(tx: Transaction, user: User) -> str:
    """What is still there, in AWS's words; empty when nothing is."""
    return ""
