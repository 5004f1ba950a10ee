"""What a simulation decides: the engine of every request, over policies that are given or that an identity carries.

Source: IAM API Reference, "SimulateCustomPolicy", "SimulatePrincipalPolicy", "EvaluationResult".
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pileus.policy import (
    Grants,
    MalformedPolicy,
    Policy,
    PolicyKind,
    Principal,
    compile_policy,
    decide,
    explain,
    validate,
)
from pileus.policy import Request as Asked
from pileus.policy.evaluate import ALLOWED, BOUNDARY, CONTROL
from pileus.policy.positions import statement_positions
from pileus.service.context import owner_of

from .service import InvalidInput


class Source(NamedTuple):
    """A policy that takes part: how the answer names it, and its text for the positions."""

    id: str
    type: str
    document: str
    kind: PolicyKind = "identity"
    arn: str = ""

    def compiled(self) -> Policy:
        return compile_policy(self.document, self.kind, self.id, self.type)


class Scene(NamedTuple):
    """Everything a simulation is made of. `owner` has what names no account in its ARN; without a caller it has
    everything. `boundary` None: there is none; several must each be given as one list."""

    principal: Principal
    owner: str
    identity: Sequence[Source]
    boundary: Sequence[Source] | None
    resource: Source | None
    controls: Sequence[Sequence[Source]]
    context: dict[str, Any]


def given(documents: Sequence[str], prefix: str, kind: PolicyKind = "identity") -> list[Source]:
    """Policies a request brings. Raises InvalidInput for one that is none."""
    return [
        checked(Source(f"{prefix}.{number}", "none", document, kind)) for number, document in enumerate(documents, 1)
    ]


def checked(source: Source) -> Source:
    try:
        validate(source.document, source.kind)
    except MalformedPolicy as wrong:
        raise InvalidInput(f"Invalid Input Policy: {source.id}: {wrong.message}") from wrong
    return source


def result(scene: Scene, action: str, resource: str, *, specific: bool) -> dict[str, Any]:
    """One EvaluationResult. `specific`: the request named its resources."""
    grants = _grants(scene)
    owner = owner_of(resource, scene.owner) if scene.principal.arn else scene.owner
    asked = Asked(scene.principal, action, resource, owner, scene.context)
    decision = decide(asked, grants)
    explained = explain(asked, grants)
    texts = {(one.id, one.type): one.document for one in _sources(scene)}
    matched = [
        _statement(one, texts[one["policy"], one["origin"]])
        for one in explained["matched"]
        if one["type"] not in (CONTROL, BOUNDARY) or one["effect"] == "Deny"
        if (one["policy"], one["origin"]) in texts
    ]
    shown: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": decision.effect,
        "MatchedStatements": matched,
        "MissingContextValues": list(decision.missing),
    }
    if scene.boundary is not None:
        bounds = _layer_allows(explained, BOUNDARY)
        shown["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": bounds}
    if scene.controls:
        shown["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": _layer_allows(explained, CONTROL)}
    if specific:
        shown["ResourceSpecificResults"] = [_specific(shown, owner != scene.principal.account, explained)]
    return shown


def _specific(shown: dict[str, Any], abroad: bool, explained: dict[str, Any]) -> dict[str, Any]:
    one = {
        "EvalResourceName": shown["EvalResourceName"],
        "EvalResourceDecision": shown["EvalDecision"],
        "MatchedStatements": shown["MatchedStatements"],
        "MissingContextValues": shown["MissingContextValues"],
    }
    if "PermissionsBoundaryDecisionDetail" in shown:
        one["PermissionsBoundaryDecisionDetail"] = shown["PermissionsBoundaryDecisionDetail"]
    if abroad:
        # Only filled in across accounts (API reference).
        one["EvalDecisionDetails"] = {
            layer["type"]: layer["effect"]
            for layer in explained["layers"]
            if layer["type"] in ("identity-based policy", "resource-based policy")
        }
    return one


def _layer_allows(explained: dict[str, Any], kind: str) -> bool:
    return all(layer["effect"] == ALLOWED for layer in explained["layers"] if layer["type"] == kind)


def _sources(scene: Scene) -> list[Source]:
    found = [*scene.identity, *(scene.boundary or ()), *(one for level in scene.controls for one in level)]
    return found if scene.resource is None else [*found, scene.resource]


def _grants(scene: Scene) -> Grants:
    boundary = None
    if scene.boundary is not None:
        boundary = _single([one.compiled() for one in scene.boundary])
    return Grants(
        [one.compiled() for one in scene.identity],
        boundary,
        None,
        scene.resource.compiled() if scene.resource is not None else None,
        [[one.compiled() for one in level] for level in scene.controls],
    )


def _single(policies: Sequence[Policy]) -> Policy:
    """A boundary is one policy: AWS takes at most one, so the first is all there is."""
    if len(policies) != 1:
        raise InvalidInput("Exactly one permissions boundary policy can be given.")
    return policies[0]


def _statement(one: dict[str, Any], document: str) -> dict[str, Any]:
    start, end = statement_positions(document)[one["index"]]
    return {
        "SourcePolicyId": one["policy"],
        "SourcePolicyType": one["origin"],
        "StartPosition": {"Line": start.line, "Column": start.column},
        "EndPosition": {"Line": end.line, "Column": end.column},
    }
