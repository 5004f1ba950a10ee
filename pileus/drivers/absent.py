"""Drivers of a cloud that has no machines: what stands above asks `lacking` and is told so."""

from typing import Any

from pileus.drivers.api import Lack, Unable
from pileus.drivers.networks.api import Beyond

WHY = Lack("machines, in this cloud", "start it with `pileus up`, on Linux and as root")


class Absent:
    """Stands in for any of the three. There is nothing, and everything else is refused."""

    def lacking(self) -> list[Lack]:
        return [WHY]

    def ids(self) -> list[str]:
        return []

    def frozen(self) -> list[str]:
        return []

    def public_range(self) -> str:
        return "198.18.0.0/20"

    def edge_address(self, number: int) -> str:
        return f"198.18.0.{number}"

    def beyond(self, address: str) -> Beyond:
        return Beyond(False, f"there are no machines here: {WHY.remedy}")

    def watch(self, wake: Any) -> Any:
        return lambda: None

    def vanish(self) -> None:
        """There is nothing to remove."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def refuse(*given: Any, **named: Any) -> Any:
            raise Unable(f"There are no machines here: {WHY.remedy}.")

        return refuse
