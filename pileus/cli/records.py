"""logs and explain: what was called, and why a call was denied."""

import json
import time
from typing import Any

import click

from pileus.base.clock import iso
from pileus.cli import options, running

POLL_SECONDS = 0.3


@click.command()
@options.data_dir
@click.option("--follow", "-f", is_flag=True, help="Go on as calls come in; Ctrl-C ends.")
@click.option("--number", "-n", default=20, show_default=True, help="How many past calls to begin with.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, every field.")
@click.option("--errors", is_flag=True, help="Only calls that failed.")
def logs(data_dir: str | None, follow: bool, number: int, as_json: bool, errors: bool) -> None:
    """Show the calls: when, who, what, on what, how it ended, how long it took."""
    found = running.need(data_dir)
    calls = running.ask(found, "/_pileus/calls", {"last": number})["calls"]
    position = 0
    while True:
        for call in calls:
            position = call["position"]
            if not errors or call.get("error"):
                click.echo(json.dumps(call) if as_json else _line(call))
        if not follow:
            return
        if not calls:
            time.sleep(POLL_SECONDS)
        try:
            calls = running.ask(found, "/_pileus/calls", {"after": position})["calls"]
        except KeyboardInterrupt:
            return


def _line(call: dict[str, Any]) -> str:
    outcome = click.style("ok", fg="green") if not call.get("error") else click.style(call["error"], fg="red")
    took = call["micros"] / 1000
    what = f"{call['service'] or '?'}:{call['operation'] or '?'}"
    resource = call.get("resource", "")
    where = f" on {resource}" if resource not in ("", "*") else ""
    who = call["principal"] or call.get("key_id") or "anonymous"
    tail = f"  {call['message']}" if call.get("error") else ""
    return (
        f"{iso(call['at'])} {what}{where} by {who} from {call.get('source_ip', '?')}: {outcome} ({took:.2f} ms){tail}"
    )


@click.command()
@options.data_dir
@click.argument("request_id", required=False)
@click.option("--json", "as_json", is_flag=True, help="The whole explanation as JSON.")
def explain(data_dir: str | None, request_id: str | None, as_json: bool) -> None:
    """Say which statement decided a denial. REQUEST_ID is in the error's response; by default the latest denial."""
    answer = running.ask(running.need(data_dir), "/_pileus/explain", {"request_id": request_id or ""})
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    told = answer["explanation"]
    asked = told["request"]
    click.echo(f"{iso(answer['at'])}  request {answer['request_id']}")
    click.echo(
        f"{asked['principal']['arn'] or 'anonymous'}\n  asked for {asked['action']}\n  on        {asked['resource']}"
    )
    verdict = {
        "explicitDeny": f"denied by an explicit deny in a {told['by']}",
        "implicitDeny": f"denied because no {told['by']} allows it",
    }.get(told["effect"], told["effect"])
    click.echo(click.style(verdict, fg="red"))
    for layer in told["layers"]:
        for policy in layer["policies"]:
            where = f" ({policy['origin']})" if policy.get("origin") else ""
            click.echo(f"\n{layer['type']} {policy['name']}{where}")
            for statement in policy["statements"]:
                click.echo(f"  {_statement(statement)}")
    if not any(layer["policies"] for layer in told["layers"]):
        click.echo("\nNo policy says anything about this caller: attach one that allows the action.")


def _statement(statement: dict[str, Any]) -> str:
    name = statement.get("sid") or f"statement {statement.get('index', 0) + 1}"
    parts = []
    for part in ("action", "principal", "resource"):
        said = statement.get(part)
        if isinstance(said, dict):
            parts.append(f"{part} {'matches' if said.get('matched') else 'does not match'}")
    for condition in statement.get("conditions", []):
        verb = "holds" if condition.get("matched") else "does not hold"
        parts.append(f"condition {condition.get('operator')} {condition.get('key')} {verb}")
    return f"{statement.get('effect', '')} {name}: {', '.join(parts)}"
