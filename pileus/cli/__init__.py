"""The `pileus` command. Each command is in a module of its own; nothing heavy is imported before it is needed."""

import sys
from typing import Any

import click

from pileus import __version__

COMMANDS = {
    "up": ("lifecycle", "up"),
    "down": ("lifecycle", "down"),
    "serve": ("lifecycle", "serve"),
    "status": ("lifecycle", "status"),
    "reset": ("lifecycle", "reset"),
    "env": ("environment", "env"),
    "doctor": ("environment", "doctor"),
    "install": ("machines", "install"),
    "logs": ("records", "logs"),
    "explain": ("records", "explain"),
    "why": ("why", "why"),
    "ledger": ("ledger", "ledger"),
    "clock": ("clock", "clock"),
    "demo": ("demo", "demo"),
}


class Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name]
        found: Any = getattr(__import__(f"pileus.cli.{module}", fromlist=[attribute]), attribute)
        return found if isinstance(found, click.Command) else None


@click.group(cls=Lazy)
@click.version_option(__version__, prog_name="pileus")
def group() -> None:
    """A cloud that fits on one machine and speaks AWS's own API.

    Start it with `pileus up`, point your tools at it with `eval "$(pileus env)"`, then use `aws` as always.
    """


def main() -> None:
    try:
        group(prog_name="pileus")
    except BrokenPipeError:
        sys.exit(1)
