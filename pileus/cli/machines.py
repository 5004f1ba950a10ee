"""install: what this host needs for machines. Packages by apt, one limit of the kernel, and the machine image."""

import os
import shutil
import subprocess
from pathlib import Path

import click

from pileus.cli import options

IMAGES = ("debian-12",)
LIMIT = Path("/etc/sysctl.d/60-pileus.conf")


@click.group()
def install() -> None:
    """Install what parts of Pileus need on this host."""


@install.command()
def machines() -> None:
    """Install what machines, disks and networks need (Debian and its kin; as root), and build the machine image."""
    from pileus.drivers.api import Unable
    from pileus.drivers.machines.runc import INSTANCES_WANTED
    from pileus.drivers.programs import PROGRAMS, WANTED, lacking
    from pileus.drivers.volumes.images import build

    if os.geteuid() != 0:
        raise click.ClickException("this needs root: sudo pileus install machines")
    wanted = [package for program, package in PROGRAMS.items() if lacking(program)]
    if wanted:
        _apt(wanted)
    still = lacking(*PROGRAMS)
    if still:
        raise click.ClickException("still missing: " + ", ".join(lack.what for lack in still))
    click.echo(f"programs: {', '.join(PROGRAMS)}")
    _where_there_is(WANTED)
    setting = f"fs.inotify.max_user_instances = {INSTANCES_WANTED}\n"
    _raise_limit(setting, INSTANCES_WANTED)
    click.echo(setting.strip())
    cache = options.read({}).images_dir
    for image in IMAGES:
        try:
            path = build.ensure(image, cache, click.echo)
        except Unable as error:
            raise click.ClickException(str(error)) from error
        click.echo(f"image {image}: {path}")


def _where_there_is(programs: dict[str, str]) -> None:
    """What only some settings need: a distribution without it has machines all the same."""
    from pileus.drivers.programs import lacking

    for program, package in programs.items():
        try:
            if lacking(program):
                _apt([package])
            click.echo(f"program: {program}")
        except click.ClickException as error:
            click.echo(f"without {program}: {error.message}; it is needed for PILEUS_INTERNET=host only", err=True)


def _apt(packages: list[str]) -> None:
    if shutil.which("apt-get") is None:
        raise click.ClickException(f"there is no apt-get here; install by hand: {' '.join(sorted(set(packages)))}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *sorted(set(packages))]
    click.echo(f"installing {' '.join(sorted(set(packages)))}")
    for words in (["apt-get", "update", "-qq"], command):
        done = subprocess.run(words, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
            raise click.ClickException(f"{' '.join(words)} failed:\n{last}")


def _raise_limit(setting: str, wanted: int) -> None:
    """Now, and after the host's next boot. A larger limit of the host's own stays."""
    now = Path("/proc/sys/fs/inotify/max_user_instances")
    if int(now.read_text()) < wanted:
        now.write_text(str(wanted))
    if LIMIT.parent.is_dir() and (not LIMIT.exists() or LIMIT.read_text() != setting):
        LIMIT.write_text(setting)
