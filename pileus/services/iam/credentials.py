"""What else hangs on a user besides keys, password and MFA, so that it must go first."""

from pileus.identity.certificates import signing_certificates, ssh_keys
from pileus.identity.people import User
from pileus.store import Transaction


def other_credentials(tx: Transaction, user: User) -> str:
    """What is still there, in AWS's words; empty when nothing is."""
    if any(signing_certificates.scan(tx, user.account, user.id, limit=1)):
        return "signing certificates"
    if any(ssh_keys.scan(tx, user.account, user.id, limit=1)):
        return "SSH public keys"
    return ""
