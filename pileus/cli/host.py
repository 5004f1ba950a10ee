"""What the commands do to the host: machines are stopped with the cloud, or leave with everything else."""

from concurrent.futures import ThreadPoolExecutor

import click

from pileus.hosting import drivers_of, home_of
from pileus.settings import Settings

MACHINE_SECONDS_MAX = 10.0
MACHINES_AT_ONCE = 16


def stop_machines(settings: Settings) -> int:
    """How many ran. They end as they would at a power button."""
    if not home_of(settings).exists():
        return 0
    machines = drivers_of(settings).machines
    if machines.lacking():
        return 0
    running = [id for id in machines.ids() if machines.observe(id).state in ("running", "paused")]
    with ThreadPoolExecutor(MACHINES_AT_ONCE) as hands:
        list(hands.map(lambda id: machines.stop(id, MACHINE_SECONDS_MAX), running))
    return len(running)


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
