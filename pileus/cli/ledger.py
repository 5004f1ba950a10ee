"""ledger: what is real, partial or refused, made from the code."""

import json

import click

from pileus.ledger import Entry, entries


@click.command()
@click.argument("service", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def ledger(service: str | None, as_json: bool) -> None:
    """Print every operation of SERVICE (or of all) as real, partial (with what is missing) or refused."""
    found = entries(service)
    if not found:
        raise click.ClickException(f"Pileus has no service '{service}': every operation of it is refused.")
    if as_json:
        click.echo(json.dumps([entry._asdict() for entry in found], indent=2))
        return
    for name in dict.fromkeys(entry.service for entry in found):
        mine = [entry for entry in found if entry.service == name]
        counts = {state: sum(entry.state == state for entry in mine) for state in ("real", "partial", "refused")}
        summary = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        click.echo(click.style(f"{name}: {summary}", bold=True))
        for entry in mine:
            click.echo(f"  {_mark(entry)}  {entry.operation}" + (f": {entry.missing}" if entry.missing else ""))


def _mark(entry: Entry) -> str:
    colour = {"real": "green", "partial": "yellow", "refused": "red"}[entry.state]
    return click.style(f"{entry.state:7}", fg=colour)
