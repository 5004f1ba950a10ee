"""why: hop by hop, why a packet passes or not."""

import json
import sys
from typing import Any

import click

from pileus.cli import options, running


@click.command()
@options.data_dir
@click.argument("source", metavar="A")
@click.argument("target", metavar="B")
@click.argument("port", type=click.IntRange(-1, 65_535), required=False, default=-1)
@click.option("--protocol", type=click.Choice(["tcp", "udp", "icmp"]), default="tcp", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The whole answer as JSON.")
def why(data_dir: str | None, source: str, target: str, port: int, protocol: str, as_json: bool) -> None:
    """Say hop by hop why packets from A to B and PORT pass or not, and which rule, entry or route decides.

    A and B: a machine's id or name, a network interface's id, an address, or `internet`. Ends with 0 when they pass,
    else with 1.
    """
    question = {"from": source, "to": target, "port": port, "protocol": protocol}
    answer = running.ask(running.need(data_dir), "/_pileus/why", question)
    click.echo(json.dumps(answer, indent=2) if as_json else told(answer))
    sys.exit(0 if answer["reachable"] else 1)


def told(answer: dict[str, Any]) -> str:
    """The answer in lines."""
    blocked = answer["blocked"]
    last = blocked["says"] if blocked is not None else ""
    what = answer["protocol"] + (f" {answer['port']}" if answer["port"] >= 0 else "")
    lines = [f"{answer['from']} -> {answer['to']}, {what}"]
    lines += _hops(answer["steps"], last)
    if answer["answer"]:
        lines += ["and the answer:", *_hops(answer["answer"], last)]
    if blocked is None:
        return "\n".join([*lines, click.style("passes", fg="green")])
    return "\n".join([*lines, click.style(f"blocked ({blocked['code']}): {last}", fg="red")])


def _hops(steps: list[dict[str, Any]], last: str) -> list[str]:
    return [f"  {'x' if step['says'] == last else '>'} {step['says']}" for step in steps]
