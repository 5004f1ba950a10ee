"""Rules that an expression keeps whatever its names and values are: asked once a text.

The order of the rules is AWS's: of several faults the one that AWS names is named.
"""

from collections.abc import Collection, Iterable

from .reader import OPERATORS_MAX, refusal, too_many_operators
from .reserved import is_reserved
from .syntax import Action, Comparison, Findings, Function, Path, Sum

LEVELS_MAX = 32
INDEX_MAX = 2**31 - 1
IN_MAX = 100

CONDITION_FUNCTIONS = frozenset(
    ("attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size")
)
UPDATE_FUNCTIONS = frozenset(("if_not_exists", "list_append"))


def check(kind: str, found: Findings, allowed: frozenset[str], others: frozenset[str], what: str) -> None:
    """Raises Invalid. `others` are functions of the other grammar, which AWS refuses as not allowed in a `what`."""
    for function in found.functions:
        if function.name in allowed:
            continue
        if function.name in others:
            raise refusal(kind, f"The function is not allowed in {what}; function: {function.name}")
        raise refusal(kind, f"Invalid function name; function: {function.name}")
    for name in _misused(found, "size" if "size" in allowed else "if_not_exists"):
        raise refusal(kind, f"The function is not allowed to be used this way in an expression; function: {name}")
    check_paths(kind, found.paths)
    if found.operators > OPERATORS_MAX:
        raise too_many_operators(kind)
    for leaf in found.leaves:
        if isinstance(leaf, Comparison) and leaf.operator == "IN" and len(leaf.operands) > IN_MAX + 1:
            count = len(leaf.operands) - 1
            raise refusal(kind, f"The IN operator is provided with too many operands; number of operands: {count}")
    check_levels(kind, found.paths)


def _misused(found: Findings, nestable: str) -> Iterable[str]:
    """Functions as operands, where only `nestable` may be one; `size` as a condition, which it is not."""
    groups: list[Collection[object]] = [function.args for function in found.functions]
    for leaf in found.leaves:
        if isinstance(leaf, Comparison):
            groups.append(leaf.operands)
        elif isinstance(leaf, Action) and isinstance(leaf.operand, Sum):
            groups.append((leaf.operand.left, leaf.operand.right))
        elif isinstance(leaf, Function) and leaf.name == "size":
            yield "size"
    for group in groups:
        for operand in group:
            if isinstance(operand, Function) and operand.name != nestable:
                yield operand.name


def check_paths(kind: str, paths: Iterable[Path]) -> None:
    for path in paths:
        for part in path.parts:
            if part.__class__ is int:
                if part > INDEX_MAX:
                    raise refusal(kind, f"List index is not within the allowable range; index: [{part}]")
            elif is_reserved(part):  # type: ignore[arg-type]
                raise refusal(kind, f"Attribute name is a reserved keyword; reserved keyword: {part}")


def check_levels(kind: str, paths: Iterable[Path]) -> None:
    for path in paths:
        if len(path.parts) > LEVELS_MAX:
            raise refusal(kind, f"The document path has too many nesting levels; nesting levels: {len(path.parts)}")
