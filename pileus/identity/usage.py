"""When a key or a role was last used, for what and where: written once a minute at most for each kind of use.

Source: IAM API Reference, "AccessKeyLastUsed" and "RoleLastUsed".
"""

import msgspec

from pileus.store import Table, Transaction

from .keys import AccessKey, Session

EVERY_S = 60.0
KEPT_MAX = 8_192


class Use(msgspec.Struct, frozen=True):
    at: float
    region: str
    service: str


uses = Table("identity.use", Use)  # key id, or the unique id of a role or user
service_uses = Table("identity.use.service", Use)  # unique id, service


def forget(tx: Transaction, unique: str) -> None:
    """Drops what is known of a user or role that is no more."""
    uses.delete(tx, unique)
    for key, _ in list(service_uses.scan(tx, unique)):
        service_uses.delete(tx, unique, *key)


class Uses:
    """What this process has noted lately, so that most calls write nothing."""

    def __init__(self) -> None:
        self._noted: dict[tuple[str, str, str], float] = {}

    def note(self, tx: Transaction, key: AccessKey | Session, now: float, region: str, service: str) -> bool:
        """True when it wrote."""
        what = (key.id, service, region)
        noted = self._noted.get(what)
        if noted is not None and 0 <= now - noted < EVERY_S:
            return False
        if len(self._noted) >= KEPT_MAX:
            self._noted.clear()
        self._noted[what] = now
        use = Use(now, region, service)
        who = key.role_id if isinstance(key, Session) and key.role_id else key.user_id
        uses.put(tx, key.id if isinstance(key, AccessKey) else who, record=use)
        service_uses.put(tx, who, service, record=use)
        return True
