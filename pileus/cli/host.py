"""What the commands do to the host: machines are stopped with the cloud, or leave with everything else."""

from concurrent.futures import ThreadPoolExecutor

import click

from pileus.hosting import drivers_of, home_of
from pileus.settings import Settings

MACHINE_SECONDS_MAX = 10.0
MACHINES_AT_ONCE = 16


def running_machines(settings: Settings) -> list[str]:
    """The ids of those that run, whether or not the cloud is up."""
    if not home_of(settings).exists():
        return []
    machines = drivers_of(settings).machines
    if machines.lacking():
        return []
    return [id for id in machines.ids() if machines.observe(id).state in ("running", "paused")]


def stop_machines(settings: Settings) -> int:
    """How many ran. They end as they would at a power button."""
    running = running_machines(settings)
    if running:
        machines = drivers_of(settings).machines
        with ThreadPoolExecutor(MACHINES_AT_ONCE) as hands:
            list(hands.map(lambda id: machines.stop(id, MACHINE_SECONDS_MAX), running))
    return len(running)


def machines_said(count: int) -> str:
    return f"{count} machine{'s' if count != 1 else ''}"


def leave(settings: Settings) -> None:
    """Machines, disks and networks go from the host, with all that was made for them."""
    if not home_of(settings).exists():
        return
    drivers = drivers_of(settings)
    if lacks := drivers.lacking():
        what = "; ".join(f"{lack.what} ({lack.remedy})" for lack in lacks)
        click.echo(f"What machines left on this host cannot be removed: it lacks {what}", err=True)
        return
    drivers.vanish()
