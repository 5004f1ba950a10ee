"""Rules of an update's operands that depend on the names and values filled in."""

from ..values import Value
from .operands import Operands, type_of
from .reader import refusal
from .syntax import Action, Function, Ref, Sum

LONG_NAMES = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
    "L": "LIST",
    "M": "MAP",
}
_TYPES = {
    "ADD": (frozenset(("N", "SS", "NS", "BS")), "ALLOWED_FOR_ADD_OPERAND"),
    "DELETE": (frozenset(("SS", "NS", "BS")), "ALLOWED_FOR_DELETE_OPERAND"),
}


class UpdateOperands(Operands):
    """Checks what an update's actions are given."""

    def check_action(self, action: Action) -> None:
        """What it is given; its path is known to be defined. Raises Invalid."""
        operand = action.operand
        if operand is None:
            return
        if isinstance(operand, Sum):
            self._sum(operand)
        else:
            self.each((operand,))
        if action.section in _TYPES and isinstance(operand, Ref):
            self._addend(action.section, self.values[operand.name])

    def _sum(self, total: Sum) -> None:
        self.each((total.left, total.right))
        for operand in (total.left, total.right):
            self.fits(total.operator, operand, ("N",))

    def _addend(self, section: str, value: Value) -> None:
        types, name = _TYPES[section]
        kind = type_of(value)
        if kind not in types:
            raise refusal(
                self.kind,
                f"Incorrect operand type for operator or function; operator: {section}, operand type: "
                f"{LONG_NAMES[kind]}, typeSet: {name}",
            )


def needs_values(action: Action) -> bool:
    """Whether an action's rules depend on values, and are asked again for every request."""
    return action.section in _TYPES or isinstance(action.operand, Sum | Function)
