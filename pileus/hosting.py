"""Which machines, disks and networks a cloud acts through on this host: made from its settings.

What they leave on the host carries a tag of the cloud's own, kept in the data directory, so that several clouds on one
host do not meet.
"""

from pathlib import Path

from pileus.base import ids
from pileus.drivers import Drivers, no_drivers
from pileus.settings import Settings

HOME = "host"
TAG_DIGITS = 6
GIB = 1024**3


def home_of(settings: Settings) -> Path:
    """Where the drivers keep what they need to know."""
    return settings.data_dir / HOME


def drivers_of(settings: Settings) -> Drivers:
    """None of them touches the host before it is asked to."""
    if settings.machines == "off" or settings.store == "memory":
        return no_drivers()
    from pileus.drivers.local import local

    home = home_of(settings)
    return local(home, _tag(home), settings.images_dir, settings.disk_gib * GIB, outward=settings.internet == "host")


def refusal(settings: Settings, drivers: Drivers) -> str:
    """Why a cloud with these settings must not start, since it would pretend; empty for none."""
    lacks = drivers.networks.lacking() if settings.internet == "host" else []
    said = "; ".join(f"{lack.what} ({lack.remedy})" for lack in lacks)
    return f"PILEUS_INTERNET is host, and what that needs is lacking: {said}" if said else ""


def _tag(home: Path) -> str:
    path = home / "tag"
    if not path.exists():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(ids.unique_hex(TAG_DIGITS))
    return path.read_text().strip()
