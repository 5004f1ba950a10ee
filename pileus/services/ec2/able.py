"""Whether this host can have machines and disks at all; where it cannot, what would need them is refused, with the
remedy."""

from pileus.drivers import Lack
from pileus.service import Call

from .service import Ec2Error


def refuse_where_none_can_run(call: Call) -> None:
    """Raises Unsupported on a host that cannot run machines."""
    _refuse("run machines", call.cloud.drivers.lacking())


def refuse_where_no_disk_can_be(call: Call) -> None:
    """Raises Unsupported on a host that cannot have volumes."""
    _refuse("have volumes", call.cloud.drivers.volumes.lacking())


def _refuse(what: str, lacks: list[Lack]) -> None:
    if lacks:
        told = "; ".join(dict.fromkeys(f"{lack.what} ({lack.remedy})" for lack in lacks))
        raise Ec2Error("Unsupported", f"This host cannot {what}. It lacks: {told}. See `pileus doctor`.")
