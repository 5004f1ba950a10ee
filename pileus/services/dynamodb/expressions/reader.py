"""What the grammars share: a place among the tokens, and the reading of paths, placeholders and functions."""

from ..errors import Invalid
from . import lexer
from .syntax import Findings, Function, Operand, Part, Path, Ref

TEXT_MAX = 4096
OPERATORS_MAX = 300
NESTING_MAX = 300
"""Functions within functions. Each is an operator: what nests deeper has too many of them."""


def refusal(kind: str, reason: str) -> Invalid:
    return Invalid(f"Invalid {kind}: {reason}")


class Reader:
    """Reads one expression once, left to right. `kind` is the parameter it came in."""

    def __init__(self, kind: str, text: str):
        self.kind = kind
        self.text = text
        if not text:
            raise refusal(kind, "The expression can not be empty;")
        if len(text) > TEXT_MAX:
            raise refusal(kind, f"Expression size has exceeded the maximum allowed size; expression size: {len(text)}")
        self.tokens = lexer.tokens(text)
        self.position = 0
        self.next = self.tokens[0].kind
        self.found = Findings()

    def advance(self) -> lexer.Token:
        """Steps over the next token and gives it."""
        token = self.tokens[self.position]
        if token.kind != lexer.END:
            self.position += 1
            self.next = self.tokens[self.position].kind
        return token

    def expect(self, kind: str) -> lexer.Token:
        if self.next != kind:
            raise self.syntax_error()
        return self.advance()

    def syntax_error(self) -> Invalid:
        """The next token is wrong here; AWS quotes it between its neighbours."""
        at = self.position
        token = self.tokens[at]
        start = self.tokens[at - 1].start if at else (0 if token.kind == lexer.END else token.start)
        end = self.tokens[min(at + 1, len(self.tokens) - 1)].end
        return refusal(self.kind, f'Syntax error; token: "{token.text}", near: "{self.text[start:end]}"')

    def redundant_parentheses(self) -> Invalid:
        return refusal(self.kind, "The expression has redundant parentheses;")

    def path(self) -> Path:
        parts: list[Part] = [self._attribute()]
        while True:
            if self.next == ".":
                self.advance()
                parts.append(self._attribute())
            elif self.next == "[":
                self.advance()
                parts.append(self._index())
                self.expect("]")
            else:
                path = Path(tuple(parts))
                self.found.paths.append(path)
                return path

    def _index(self) -> int:
        text = self.expect(lexer.INDEX).text
        return int(text) if len(text) < 12 else 10**12

    def _attribute(self) -> str:
        if self.next == lexer.NAME_PLACEHOLDER:
            self.found.names[self.tokens[self.position].text] = None
        elif self.next != lexer.NAME:
            raise self.syntax_error()
        return self.advance().text

    def value(self) -> Ref:
        name = self.expect(lexer.VALUE_PLACEHOLDER).text
        self.found.values[name] = None
        return Ref(name)

    def operand(self, depth: int = 0, parentheses: bool = True) -> Operand:
        """A path, a value or a function, perhaps in parentheses; a function in another takes one frame of the stack."""
        opened = 0
        while parentheses and self.next == "(":
            self.advance()
            opened += 1
        operand: Operand
        if self.next == lexer.VALUE_PLACEHOLDER:
            operand = self.value()
        elif self.next == lexer.NAME and self.tokens[self.position + 1].kind == "(":
            if depth >= NESTING_MAX:
                raise too_many_operators(self.kind)
            name = self.advance().text
            args: list[Operand] = []
            while self.next == "," or not args:
                self.advance()
                args.append(self.operand(depth + 1))
            self.expect(")")
            operand = Function(name, tuple(args))
            self.found.operators += 1
            self.found.functions.append(operand)
        else:
            operand = self.path()
        for _ in range(opened):
            self.expect(")")
        if opened > 1:
            raise self.redundant_parentheses()
        return operand


def too_many_operators(kind: str) -> Invalid:
    return refusal(kind, f"The expression contains too many operators; operator count: {OPERATORS_MAX + 1}")
