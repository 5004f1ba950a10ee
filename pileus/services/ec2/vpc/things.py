"""What every record of a network has."""

import msgspec


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    account: str
    region: str
    created: float = 0.0
    tags: dict[str, str] = {}
