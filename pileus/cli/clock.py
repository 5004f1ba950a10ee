"""clock: show the cloud's time and move it on."""

import re
import time

import click

from pileus.base.clock import iso
from pileus.cli import options, running

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def seconds_of(text: str) -> float:
    """`90s`, `2h`, `1d12h`, or plain seconds. Raises ClickException."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise click.ClickException(f"'{text}' is no duration; write 90s, 15m, 2h, 1d12h or 1w")
    return sum(float(number) * UNITS[unit] for number, unit in parts)


@click.group(invoke_without_command=True)
@options.data_dir
@click.pass_context
def clock(ctx: click.Context, data_dir: str | None) -> None:
    """Show the cloud's time, or move it on: pileus clock advance 2h."""
    ctx.obj = data_dir
    if ctx.invoked_subcommand is None:
        _show(running.ask(running.need(data_dir), "/_pileus/clock", {}))


@clock.command()
@click.argument("duration")
@click.pass_obj
def advance(data_dir: str | None, duration: str) -> None:
    """Move the cloud's time on by DURATION (90s, 15m, 2h, 1d12h). Time never runs back."""
    _show(running.ask(running.need(data_dir), "/_pileus/clock", {"advance": seconds_of(duration)}))


def _show(answer: dict[str, float]) -> None:
    offset = answer["offset"]
    click.echo(
        f"{iso(answer['now'])}" + (f"  ({_spoken(offset)} ahead of the machine)" if offset else "  (as the machine)")
    )


def _spoken(seconds: float) -> str:
    days, rest = divmod(round(seconds), 86400)
    clock_part = time.strftime("%H:%M:%S", time.gmtime(rest))
    return f"{days} d {clock_part}" if days else clock_part
