"""The grammar of conditions: comparisons and functions under NOT, AND and OR.

Read with two stacks instead of recursion, so that no depth of parentheses is too deep for Python.
Source: Amazon DynamoDB Developer Guide, "Condition and filter expressions, operators, and functions".
"""

from . import lexer
from .reader import Reader
from .syntax import Comparison, Findings, Function, Junction, Node, Not, Operand, Path, Ref

COMPARATORS = frozenset(("=", "<>", "<", "<=", ">", ">="))
_BINDS = {"OR": 1, "AND": 2, "NOT": 3, "(": 0}


def read(kind: str, text: str) -> tuple[Node, Findings]:
    """Raises Invalid for what is no sentence of the grammar."""
    grammar = _Conditions(Reader(kind, text))
    return grammar.read(), grammar.reader.found


class _Conditions:
    def __init__(self, reader: Reader):
        self.reader = reader
        self.operators: list[str] = []
        self.operands: list[Node | Operand] = []
        self.wrapped: list[bool] = []
        """Of each operand: whether parentheses are directly around it."""

    def read(self) -> Node:
        while True:
            self._begin()
            if not self._go_on():
                break
        return self._condition(self.operands[0])

    def _begin(self) -> None:
        """Up to and including one operand or comparison."""
        reader = self.reader
        while reader.next in ("NOT", "("):
            self.operators.append(reader.advance().kind)
        self._push(reader.operand(parentheses=False))

    def _go_on(self) -> bool:
        """What may follow; False at the end of the text."""
        reader = self.reader
        while True:
            token = reader.next
            if token in COMPARATORS or token in ("BETWEEN", "IN"):
                self._compare()
            elif token in ("AND", "OR"):
                self._reduce(_BINDS[token])
                self._condition_on_top()
                self.operators.append(reader.advance().kind)
                return True
            elif token == ")":
                self._close()
            elif token == lexer.END:
                self._reduce(_BINDS["OR"])
                if self.operators:
                    raise reader.syntax_error()
                self._condition_on_top()
                return False
            else:
                raise reader.syntax_error()

    def _push(self, node: Node | Operand, wrapped: bool = False) -> None:
        self.operands.append(node)
        self.wrapped.append(wrapped)

    def _pop(self) -> Node | Operand:
        self.wrapped.pop()
        return self.operands.pop()

    def _compare(self) -> None:
        reader = self.reader
        left = self.operands[-1]
        if not isinstance(left, Path | Ref | Function):
            raise reader.syntax_error()
        self._pop()
        operator = reader.advance().kind
        reader.found.operators += 1
        operands: list[Operand] = [left]
        if operator == "IN":
            reader.expect("(")
            operands.append(reader.operand())
            while reader.next == ",":
                reader.advance()
                operands.append(reader.operand())
            reader.expect(")")
        else:
            operands.append(reader.operand())
            if operator == "BETWEEN":
                reader.expect("AND")
                operands.append(reader.operand())
        comparison = Comparison(operator, tuple(operands))
        reader.found.leaves.append(comparison)
        self._push(comparison)

    def _close(self) -> None:
        reader = self.reader
        self._reduce(_BINDS["OR"])
        if not self.operators:
            raise reader.syntax_error()
        reader.advance()
        self.operators.pop()
        if self.wrapped[-1]:
            raise reader.redundant_parentheses()
        self.wrapped[-1] = True

    def _reduce(self, binds: int) -> None:
        """Applies the waiting operators that bind as tightly, down to an open parenthesis."""
        while self.operators and _BINDS[self.operators[-1]] >= binds:
            operator = self.operators.pop()
            self.reader.found.operators += 1
            self._condition_on_top()
            right = self._condition(self._pop())
            if operator == "NOT":
                self._push(Not(right))
                continue
            wrapped = self.wrapped[-1]
            left = self._condition(self._pop())
            if isinstance(left, Junction) and left.operator == operator and not wrapped:
                left.conditions.append(right)
                self._push(left)
            else:
                self._push(Junction(operator, [left, right]))

    def _condition_on_top(self) -> None:
        """The last operand stands as a condition of its own: a path or a value cannot."""
        node = self.operands[-1]
        if isinstance(node, Path | Ref):
            raise self.reader.syntax_error()
        if isinstance(node, Function):
            self.reader.found.leaves.append(node)

    def _condition(self, node: Node | Operand) -> Node:
        assert isinstance(node, Comparison | Function | Not | Junction)
        return node
