"""A statement's conditions and changes in the words of expressions, so that there is one way to evaluate them."""

from typing import Any

from ..expressions import Parameters
from ..values import Value
from .statements import Call, Literal, Path, Statement, Test
from .tokens import malformed


class Words:
    """Names and values that stand for what a statement says."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Value] = {}

    def parameters(self) -> Parameters:
        return Parameters(self._names or None, self._values or None)

    def path(self, path: Path) -> str:
        text = ""
        for part in path:
            if isinstance(part, int):
                text += f"[{part}]"
            else:
                text += ("." if text else "") + self._name(part)
        return text

    def _name(self, name: str) -> str:
        known = next((word for word, given in self._names.items() if given == name), None)
        if known is None:
            known = f"#n{len(self._names)}"
            self._names[known] = name
        return known

    def value(self, value: Value) -> str:
        word = f":v{len(self._values)}"
        self._values[word] = value
        return word

    def operand(self, operand: Any) -> str:
        if isinstance(operand, Literal):
            return self.value(operand.value)
        if isinstance(operand, Call):
            if operand.name == "size":
                return f"size({self.operand(operand.operands[0])})"
            raise malformed(f"{operand.name} cannot be used in a condition")
        return self.path(operand)

    def test(self, test: Test) -> str:
        kind, operands = test
        if kind in ("and", "or"):
            return f" {kind.upper()} ".join(f"({self.test(one)})" if one.kind == "or" else self.test(one)
                                            for one in operands)  # fmt: skip
        if kind == "not":
            return f"NOT {self._enclosed(operands[0])}"
        if kind == "between":
            value, low, high = (self.operand(one) for one in operands)
            return f"{value} BETWEEN {low} AND {high}"
        if kind == "in":
            first, *rest = (self.operand(one) for one in operands)
            return f"{first} IN ({', '.join(rest)})"
        if kind == "missing":
            return f"attribute_not_exists({self._plain(operands[0])})"
        if kind == "null":
            return f"attribute_type({self._plain(operands[0])}, {self.value({'S': 'NULL'})})"
        if kind in ("begins_with", "contains", "attribute_type"):
            return f"{kind}({', '.join(self.operand(one) for one in operands)})"
        left, right = (self.operand(one) for one in operands)
        return f"{left} {kind} {right}"

    def _enclosed(self, test: Test) -> str:
        said = self.test(test)
        return f"({said})" if test.kind in ("and", "or", "between", "in") else said

    def _plain(self, operand: Any) -> str:
        if isinstance(operand, Literal | Call):
            raise malformed("IS asks of an attribute")
        return self.path(operand)

    def changes(self, statement: Statement) -> str:
        """An UpdateExpression."""
        sections: dict[str, list[str]] = {"SET": [], "ADD": [], "DELETE": [], "REMOVE": []}
        for path, operand in statement.sets:
            if isinstance(operand, Call) and operand.name in ("set_add", "set_delete"):
                own, value = operand.operands
                if own != path or not isinstance(value, Literal):
                    raise malformed(f"{operand.name} takes the attribute that is set, and a set")
                sections["ADD" if operand.name == "set_add" else "DELETE"].append(
                    f"{self.path(path)} {self.value(value.value)}"
                )
            else:
                sections["SET"].append(f"{self.path(path)} = {self._changed(operand)}")
        sections["REMOVE"] = [self.path(path) for path in statement.removes]
        return " ".join(f"{section} {', '.join(said)}" for section, said in sections.items() if said)

    def _changed(self, operand: Any) -> str:
        if isinstance(operand, Call):
            if operand.name in ("+", "-"):
                left, right = (self._changed(one) for one in operand.operands)
                return f"{left} {operand.name} {right}"
            if operand.name == "list_append":
                return f"list_append({', '.join(self._changed(one) for one in operand.operands)})"
            raise malformed(f"{operand.name} cannot be used in SET")
        return self.operand(operand)


def conjuncts(test: Test | None) -> list[Test]:
    """What must all be true."""
    if test is None:
        return []
    if test.kind != "and":
        return [test]
    return [one for part in test.operands for one in conjuncts(part)]


def together(tests: list[Test]) -> Test | None:
    if not tests:
        return None
    return tests[0] if len(tests) == 1 else Test("and", tuple(tests))


def equals(test: Test, name: str) -> Value | None:
    """The value, if the condition says that an attribute has it."""
    if test.kind != "=":
        return None
    left, right = test.operands
    if isinstance(left, Literal):
        left, right = right, left
    return right.value if left == (name,) and isinstance(right, Literal) else None
