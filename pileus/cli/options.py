"""The options that every command or the starting ones share."""

from collections.abc import Callable
from typing import Any

import click

from pileus import settings

Decorated = Callable[..., Any]


def data_dir(function: Decorated) -> Decorated:
    return click.option(
        "--data-dir",
        metavar="DIR",
        help="Where the cloud's state lives. [PILEUS_DATA_DIR; default: the XDG data directory]",
    )(function)


def starting(function: Decorated) -> Decorated:
    """What `up` and `serve` take: every setting of pileus/settings.py."""
    for option in (
        click.option("--host", metavar="ADDRESS", help="Address to listen on. [PILEUS_HOST; 127.0.0.1]"),
        click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on. [PILEUS_PORT; 4566]"),
        click.option("--https-port", type=click.IntRange(0, 65535), help="Also listen with TLS. [PILEUS_HTTPS_PORT]"),
        click.option("--store", type=click.Choice(["rocks", "sqlite", "memory"]), help="[PILEUS_STORE; rocks]"),
        click.option(
            "--durability",
            type=click.Choice(["process", "full"]),
            help="What an answer survives: kill -9 (process) or power loss (full). [PILEUS_DURABILITY; process]",
        ),
        click.option(
            "--secure", is_flag=True, default=None, help="No test/test keys: root keys of its own. [PILEUS_SECURE]"
        ),
        click.option("--blobs", metavar="WHERE", help="files, or s3://bucket/prefix. [PILEUS_BLOBS; files]"),
        click.option("--init-dir", metavar="DIR", help="Folder with ready.d scripts. [PILEUS_INIT_DIR]"),
        click.option(
            "--machines",
            type=click.Choice(["auto", "off"]),
            help="Run machines where the host can. [PILEUS_MACHINES; auto]",
        ),
        click.option(
            "--images-dir", metavar="DIR", help="Cache of machine images. [PILEUS_IMAGES_DIR; /var/cache/pileus/images]"
        ),
        click.option(
            "--disk-gib", type=click.IntRange(1, 1_000_000), help="How large all disks may grow. [PILEUS_DISK_GIB; 200]"
        ),
        click.option(
            "--unknown-images",
            metavar="IMAGE",
            help="What AMI ids of AWS's own stand for: debian-12. [PILEUS_UNKNOWN_IMAGES; none]",
        ),
        click.option(
            "--zone-latency-ms",
            type=click.FloatRange(0, 10_000),
            help="How long a packet takes from zone to zone. [PILEUS_ZONE_LATENCY_MS; 0]",
        ),
        click.option(
            "--internet",
            type=click.Choice(["off", "host"]),
            help="Whether machines reach the world beyond this host. [PILEUS_INTERNET; off]",
        ),
        data_dir,
    ):
        function = option(function)
    return function


def read(options: dict[str, Any]) -> settings.Settings:
    try:
        return settings.load(options)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
