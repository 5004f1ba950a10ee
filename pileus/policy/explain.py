"""A decision taken apart as plain data: for `pileus explain`, the simulator and encoded authorization messages.

It evaluates again, all of it, and keeps what it saw. Never on the path of a request.
"""

from collections.abc import Iterable
from typing import Any

from pileus.policy.context import Context
from pileus.policy.evaluate import (
    ALLOWED,
    BOUNDARY,
    CONTROL,
    EXPLICIT,
    IDENTITY,
    IMPLICIT,
    RESOURCE,
    SESSION,
    TRUST,
    Grants,
    Request,
    decide,
)
from pileus.policy.parse import Policy, Statement

Plain = dict[str, Any]


def explain(request: Request, grants: Grants) -> Plain:
    """JSON-ready: `allowed`, `effect`, `by`, `request`, `context`, `missing`, `matched`, `layers`.

    A layer is one policy type: `{"type", "effect", "policies": [{"name", "origin", "kind", "statements": […]}]}`; each
    statement says for action, principal, resource and every condition whether it matched and with what. Deciding
    statements come first in `matched`; `layers` keep the documents' order.
    """
    decision = decide(request, grants)
    context = Context(request.context)
    layers = [_layer(kind, policies, request, context) for kind, policies in layers_of(grants)]
    decisive = [(match.policy.name, match.policy.origin, match.statement.index) for match in decision.matched]
    matched = [
        {"type": layer["type"], "policy": policy["name"], "origin": policy["origin"], **_short(statement)}
        for layer in layers
        for policy in layer["policies"]
        for statement in policy["statements"]
        if statement["matched"]
    ]
    for one in matched:
        one["decided"] = one["type"] == decision.by and (one["policy"], one["origin"], one["index"]) in decisive
    return {
        "allowed": decision.allowed,
        "effect": decision.effect,
        "by": decision.by,
        "request": {
            "principal": {name: value for name, value in request.principal._asdict().items() if value},
            "action": request.action,
            "resource": request.resource,
            "resource_account": request.resource_account,
        },
        "context": {key: list(values) for key, values in (context.seen or {}).items() if values},
        "missing": list(context.missing()),
        "matched": sorted(matched, key=lambda one: not one["decided"]),
        "layers": layers,
    }


def layers_of(grants: Grants) -> Iterable[tuple[str, list[Policy]]]:
    """The policies by the type a decision names them with, in the order they are asked."""
    for level in grants.controls:
        yield CONTROL, list(level)
    if grants.resource is not None:
        yield (TRUST if grants.resource.kind == "trust" else RESOURCE), [grants.resource]
    yield IDENTITY, list(grants.identity)
    if grants.boundary is not None:
        yield BOUNDARY, [grants.boundary]
    if grants.session is not None:
        yield SESSION, list(grants.session)


def _short(statement: Plain) -> Plain:
    return {"sid": statement["sid"], "index": statement["index"], "effect": statement["effect"]}


def _layer(kind: str, policies: list[Policy], request: Request, context: Context) -> Plain:
    shown: list[Plain] = [
        {
            "name": policy.name,
            "origin": policy.origin,
            "kind": policy.kind,
            "statements": [_statement(policy, one, request, context) for one in policy.statements],
        }
        for policy in policies
    ]
    effects = {one["effect"] for policy in shown for one in policy["statements"] if one["matched"]}
    effect = EXPLICIT if "Deny" in effects else ALLOWED if "Allow" in effects else IMPLICIT
    return {"type": kind, "effect": effect, "policies": shown}


def _statement(policy: Policy, statement: Statement, request: Request, context: Context) -> Plain:
    """Every part is tried even when an earlier one failed: the reader wants to see all that is in the way."""
    trace: Plain = {
        "sid": statement.sid,
        "index": statement.index,
        "effect": "Deny" if statement.denies else "Allow",
        "action": {
            "element": "NotAction" if statement.not_action else "Action",
            "patterns": statement.patterns,
            "matched": statement.about(request.action.lower()),
        },
    }
    if (element := statement.principal) is not None:
        named = element.applies(request.principal, statement.denies)
        trace["principal"] = {
            "element": "NotPrincipal" if element.negated else "Principal",
            "given": element.text,
            "matched": bool(named),
            "named": named.name.lower(),
        }
    elif policy.kind in ("resource", "trust") and not statement.denies:
        trace["principal"] = {"element": "Principal", "given": None, "matched": False, "named": "not"}
    if (resources := statement.resources) is not None:
        trace["resource"] = {
            "element": "NotResource" if resources.negated else "Resource",
            "patterns": resources.patterns,
            "matched": resources.covers(request.resource, context),
        }
    trace["conditions"] = [
        {
            "operator": condition.operator,
            "key": condition.key,
            "values": condition.values,
            "given": list(context.values(condition.key)),
            "matched": condition.holds(context),
        }
        for condition in statement.conditions
    ]
    parts = [trace[name]["matched"] for name in ("action", "principal", "resource") if name in trace]
    trace["matched"] = all(parts) and all(one["matched"] for one in trace["conditions"])
    return trace
