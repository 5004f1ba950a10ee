"""Updates: read once a text, compiled once for its names to a tree of paths, applied to an item's copy.

All operands are read from the item as it was; indexes are those of the lists as they were.
Source: Amazon DynamoDB Developer Guide, "Using update expressions in DynamoDB".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..errors import Invalid
from ..values import Item, Value, numbers, sorted_set
from ..values.checking import LEVELS_MAX
from . import rules, update_grammar
from .binding import Template, template
from .operands import Names, resolved, top_level
from .parameters import Parameters
from .paths import Branch, Getter, Parts, getter, picked, tree
from .syntax import Action, Operand, Path, Ref, Sum
from .update_rules import UpdateOperands, needs_values

KIND = "UpdateExpression"

Leaf = Callable[[Value | None, Item, dict[str, Value]], Value | None]
"""From what is at a path to what is there afterwards; None is nothing."""


class Update:
    """An update with its values; `touched` are the paths it writes, `attributes` the top-level ones it mentions."""

    __slots__ = ("_plan", "_values")

    def __init__(self, plan: Plan, values: dict[str, Value]):
        self._plan = plan
        self._values = values

    @property
    def attributes(self) -> frozenset[str]:
        return self._plan.attributes

    @property
    def touched(self) -> tuple[Parts, ...]:
        return self._plan.touched

    def apply(self, item: Item) -> Item:
        """The item as updated, a new one; `item` stays as it was. Raises Invalid."""
        return _changed_map(self._plan.tree, item, item, self._values, 0)

    def picked(self, item: Item) -> Item:
        """The parts of an item that the update writes (UPDATED_OLD, UPDATED_NEW)."""
        return picked(self._plan.tree, item)


class Plan(NamedTuple):
    """An update compiled for its names: leaves of the tree are `Leaf`s."""

    tree: Branch
    touched: tuple[Parts, ...]
    attributes: frozenset[str]


def update(text: str, parameters: Parameters) -> Update:
    """An UpdateExpression to apply. Raises Invalid."""
    return Update(template(_read, KIND, text).bind(parameters), parameters.values)


def _read(kind: str, text: str) -> Template:
    actions, sections, found = update_grammar.read(kind, text)
    rules.check(kind, found, rules.UPDATE_FUNCTIONS, rules.CONDITION_FUNCTIONS, "an update expression")
    update_grammar.check_sections(kind, sections)
    dynamic = [action for action in actions if needs_values(action)]

    def build(parameters: Parameters) -> Plan:
        operands = UpdateOperands(kind, parameters)
        for action in actions:
            operands.defined(action.path)
        names = parameters.names
        touched = tuple(resolved(action.path, names) for action in actions)
        tree(kind, [(parts, True) for parts in touched])
        for action in reversed(actions):
            operands.check_action(action)
        leaves = [_leaf(action, names) for action in actions]
        return Plan(tree(kind, zip(touched, leaves, strict=True)), touched, top_level(found.paths, names))

    def check_values(parameters: Parameters) -> None:
        operands = UpdateOperands(kind, parameters)
        for action in dynamic:
            operands.check_action(action)

    return Template(found, build, check_values if dynamic else None)


def _changed_map(branch: Branch, content: Item, item: Item, values: dict[str, Value], depth: int) -> Item:
    changed = content.copy()
    for name, below in branch.children.items():
        after = _changed(below, content.get(name), item, values, depth + 1)
        if after is None:
            changed.pop(name, None)
        else:
            changed[name] = after
    return changed


def _changed_list(
    branch: Branch, content: list[Value], item: Item, values: dict[str, Value], depth: int
) -> list[Value]:
    """Elements beyond the end are appended, in the order of their indexes; removed ones leave at last."""
    changed: list[Value | None] = list(content)
    for index, below in branch.children.items():
        before = content[index] if index < len(content) else None
        after = _changed(below, before, item, values, depth + 1)
        if before is not None:
            changed[index] = after
        elif after is not None:
            changed.append(after)
    return [member for member in changed if member is not None]


def _changed(branch: Branch, value: Value | None, item: Item, values: dict[str, Value], depth: int) -> Value | None:
    leaf = branch.leaf
    if leaf is not None:
        after = leaf(value, item, values)
        if depth > 1 and after is not None and after is not value and ("L" in after or "M" in after):
            check_levels(after, depth)
        return after
    first = next(iter(branch.children))
    if value is not None:
        if first.__class__ is int:
            if "L" in value:
                return {"L": _changed_list(branch, value["L"], item, values, depth)}
        elif "M" in value:
            return {"M": _changed_map(branch, value["M"], item, values, depth)}
    raise Invalid("The document path provided in the update expression is invalid for update")


def check_levels(value: Value, depth: int) -> None:
    """Raises Invalid for lists and maps nested too deeply; `value` itself is at `depth`, a top-level attribute at 1."""
    ((kind, content),) = value.items()
    if kind not in ("L", "M"):
        if depth > LEVELS_MAX:
            raise Invalid("Nesting Levels have exceeded supported limits")
        return
    if depth >= LEVELS_MAX:
        raise Invalid("Nesting Levels have exceeded supported limits")
    for member in content if kind == "L" else content.values():
        check_levels(member, depth + 1)


def _leaf(action: Action, names: Names) -> Leaf:
    if action.section == "REMOVE":
        return lambda before, item, values: None
    assert action.operand is not None
    if action.section == "SET":
        return _set(_operand(action.operand, names))
    assert isinstance(action.operand, Ref)
    name = action.operand.name
    change = added if action.section == "ADD" else deleted
    return lambda before, item, values: change(before, values[name])


def _set(of: Getter) -> Leaf:
    def leaf(before: Value | None, item: Item, values: dict[str, Value]) -> Value | None:
        return _present(of(item, values))

    return leaf


def _present(value: Value | None) -> Value:
    if value is None:
        raise Invalid("The provided expression refers to an attribute that does not exist in the item")
    return value


def _content(value: Value | None, kind: str) -> Any:
    """What an operand of this type holds."""
    if kind not in _present(value):
        raise incorrect_type()
    return value[kind]  # type: ignore[index]


def incorrect_type() -> Invalid:
    return Invalid("An operand in the update expression has an incorrect data type")


def added(before: Value | None, given: Value) -> Value:
    if before is None:
        return given
    ((kind, content),) = given.items()
    if kind not in before:
        raise incorrect_type()
    if kind == "N":
        return {"N": numbers.add(before["N"], content)}
    return {kind: sorted_set(kind, list({*before[kind], *content}))}


def deleted(before: Value | None, given: Value) -> Value | None:
    if before is None:
        return None
    ((kind, content),) = given.items()
    if kind not in before:
        raise incorrect_type()
    gone = set(content)
    left = [member for member in before[kind] if member not in gone]
    return {kind: left} if left else None


def _operand(operand: Operand, names: Names) -> Getter:
    if isinstance(operand, Path):
        return getter(resolved(operand, names))
    if isinstance(operand, Ref):
        name = operand.name
        return lambda item, values: values[name]
    if isinstance(operand, Sum):
        return _sum(operand, names)
    first, second = operand.args
    combined = _if_not_exists if operand.name == "if_not_exists" else _list_append
    return combined(_operand(first, names), _operand(second, names))


def _sum(operand: Sum, names: Names) -> Getter:
    left, right = _operand(operand.left, names), _operand(operand.right, names)
    compute: Any = numbers.add if operand.operator == "+" else numbers.subtract

    def total(item: Item, values: dict[str, Value]) -> Value:
        return {"N": compute(_content(left(item, values), "N"), _content(right(item, values), "N"))}

    return total


def _if_not_exists(first: Getter, second: Getter) -> Getter:
    """As AWS's own emulator does (DynamoDB Local 1.25), the second operand must exist even where the first does."""

    def value(item: Item, values: dict[str, Value]) -> Value | None:
        found, other = first(item, values), _present(second(item, values))
        return other if found is None else found

    return value


def _list_append(first: Getter, second: Getter) -> Getter:
    def value(item: Item, values: dict[str, Value]) -> Value:
        return {"L": _content(first(item, values), "L") + _content(second(item, values), "L")}

    return value
