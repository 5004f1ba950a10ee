"""Removes sessions that expired long ago; that they are expired is seen by the clock, at once."""

from typing import Any

from pileus.control import RequeueAt
from pileus.identity.keys import sessions
from pileus.store import Transaction

KEPT_AFTER_EXPIRY_S = 24 * 3600.0
"""So long an expired session is answered ExpiredToken; then its key is unknown."""


class SessionReaper:
    watches = sessions.name

    async def reconcile(self, world: Any, key: tuple[Any, ...]) -> RequeueAt | None:
        now = world.clock.now()

        def work(tx: Transaction) -> RequeueAt | None:
            session = sessions.get(tx, *key)
            if session is None:
                return None
            end = session.expires + KEPT_AFTER_EXPIRY_S
            if end > now:
                return RequeueAt(end)
            sessions.delete(tx, *key)
            return None

        outcome: RequeueAt | None = await world.store.transact(work)
        return outcome
