"""What a PartiQL statement says: the parser, and the trees it makes.

Source: DynamoDB Developer Guide, "PartiQL statements for DynamoDB", "PartiQL operators for DynamoDB", "Use PartiQL
functions with DynamoDB".
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..values import Value
from .tokens import Token, malformed, tokens

DEPTH_MAX = 32
COMPARATORS = ("=", "<>", "!=", "<", "<=", ">", ">=")
FUNCTIONS = {"begins_with": 2, "contains": 2, "attribute_type": 2, "size": 1}
CHANGES = {"list_append": 2, "set_add": 2, "set_delete": 2}
_RESERVED = {
    "and", "or", "not", "where", "from", "order", "by", "between", "in", "is", "set", "remove", "returning", "value",
    "asc", "desc",
}  # fmt: skip

Path = tuple[str | int, ...]


class Literal(NamedTuple):
    value: Value


class Call(NamedTuple):
    """A function, or `+` and `-`, of operands."""

    name: str
    operands: tuple[Any, ...]


class Test(NamedTuple):
    """A condition. `kind`: and, or, not, between, in, missing, null, a comparator, or a function's name."""

    kind: str
    operands: tuple[Any, ...]


@dataclass
class Statement:
    """`kind`: select, insert, update or delete; `exists`: only whether there is an item is asked."""

    kind: str
    table: str = ""
    index: str = ""
    shown: list[Path] = field(default_factory=list)
    item: Value | None = None
    sets: list[tuple[Path, Any]] = field(default_factory=list)
    removes: list[Path] = field(default_factory=list)
    where: Test | None = None
    order: list[tuple[str, bool]] = field(default_factory=list)
    returning: str = ""
    exists: bool = False


def parse(text: str, parameters: list[Value]) -> Statement:
    """Raises Invalid. `parameters` stand for the question marks, in their order."""
    reader = _Reader(tokens(text), parameters)
    found = reader.statement()
    reader.end()
    return found


class _Reader:
    def __init__(self, words: list[Token], parameters: list[Value]):
        self._words, self._at = words, 0
        self._parameters, self._used = parameters, 0
        self._depth = 0

    # -- words

    @property
    def _next(self) -> Token:
        return self._words[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _is(self, *texts: str) -> bool:
        token = self._next
        return token.kind in ("word", "sign") and token.text.lower() in texts

    def _maybe(self, text: str) -> bool:
        if self._is(text):
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._maybe(text):
            raise self._unexpected(text.upper())

    def _unexpected(self, wanted: str) -> Exception:
        token = self._next
        said = f"'{token.text}'" if token.kind != "end" else "the end"
        return malformed(f"Unexpected {said} at {token.at + 1}: expected {wanted}")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise malformed("it is nested too deeply")

    def end(self) -> None:
        self._maybe(";")
        if self._next.kind != "end":
            raise self._unexpected("the end")
        if self._used != len(self._parameters):
            raise malformed("Number of parameters in request and statement don't match.")

    # -- statements

    def statement(self) -> Statement:
        if self._maybe("select"):
            return self._select()
        if self._maybe("insert"):
            return self._insert()
        if self._maybe("update"):
            return self._update()
        if self._maybe("delete"):
            self._expect("from")
            found = Statement("delete", self._name("a table's name"))
            self._where(found)
            self._returning(found)
            return found
        if self._maybe("exists"):
            self._expect("(")
            self._expect("select")
            found = self._select()
            self._expect(")")
            found.exists = True
            return found
        raise self._unexpected("SELECT, INSERT, UPDATE, DELETE or EXISTS")

    def _select(self) -> Statement:
        found = Statement("select")
        if not self._maybe("*"):
            found.shown.append(self._path())
            while self._maybe(","):
                found.shown.append(self._path())
        self._expect("from")
        found.table = self._name("a table's name")
        if self._maybe("."):
            found.index = self._name("an index's name")
        self._where(found)
        if self._maybe("order"):
            self._expect("by")
            while True:
                name = self._name("an attribute's name")
                descending = self._maybe("desc")
                if not descending:
                    self._maybe("asc")
                found.order.append((name, descending))
                if not self._maybe(","):
                    break
        return found

    def _insert(self) -> Statement:
        self._expect("into")
        found = Statement("insert", self._name("a table's name"))
        self._expect("value")
        found.item = self._literal()
        if "M" not in found.item:
            raise malformed("the value of an INSERT is a tuple")
        return found

    def _update(self) -> Statement:
        found = Statement("update", self._name("a table's name"))
        while self._is("set", "remove"):
            section = self._take().text.lower()
            while True:
                path = self._path()
                if section == "set":
                    self._expect("=")
                    found.sets.append((path, self._sum()))
                else:
                    found.removes.append(path)
                if not self._maybe(","):
                    break
        if not found.sets and not found.removes:
            raise self._unexpected("SET or REMOVE")
        self._where(found)
        self._returning(found)
        return found

    def _where(self, found: Statement) -> None:
        if self._maybe("where"):
            found.where = self._or()

    def _returning(self, found: Statement) -> None:
        if not self._maybe("returning"):
            return
        which = self._take().text.lower()
        when = self._take().text.lower()
        self._expect("*")
        if which not in ("all", "modified") or when not in ("old", "new"):
            raise malformed("RETURNING is ALL or MODIFIED, OLD or NEW, and *")
        found.returning = f"{which} {when}"

    def _name(self, what: str) -> str:
        token = self._take()
        if token.kind == "quoted" or (token.kind == "word" and token.text.lower() not in _RESERVED):
            return token.text
        self._at -= 1
        raise self._unexpected(what)

    def _path(self) -> Path:
        parts: list[str | int] = [self._name("an attribute's name")]
        while True:
            if self._maybe("."):
                parts.append(self._name("an attribute's name"))
            elif self._is("["):
                self._take()
                token = self._take()
                if token.kind == "number" and token.text.isdecimal():
                    parts.append(int(token.text))
                elif token.kind == "string":
                    parts.append(token.text)
                else:
                    raise malformed("a place in a list is a whole number")
                self._expect("]")
            else:
                return tuple(parts)

    # -- conditions

    def _or(self) -> Test:
        self._deeper()
        found = [self._and()]
        while self._maybe("or"):
            found.append(self._and())
        self._depth -= 1
        return found[0] if len(found) == 1 else Test("or", tuple(found))

    def _and(self) -> Test:
        found = [self._not()]
        while self._maybe("and"):
            found.append(self._not())
        return found[0] if len(found) == 1 else Test("and", tuple(found))

    def _not(self) -> Test:
        if self._maybe("not"):
            self._deeper()
            found = Test("not", (self._not(),))
            self._depth -= 1
            return found
        if self._is("("):
            self._take()
            found = self._or()
            self._expect(")")
            return found
        return self._test()

    def _test(self) -> Test:
        left = self._sum()
        if isinstance(left, Call) and left.name in FUNCTIONS and left.name != "size":
            return Test(left.name, left.operands)
        if self._is(*COMPARATORS):
            sign = self._take().text
            return Test("<>" if sign == "!=" else sign, (left, self._sum()))
        negated = self._maybe("not")
        if self._maybe("between"):
            low = self._sum()
            self._expect("and")
            found = Test("between", (left, low, self._sum()))
        elif self._maybe("in"):
            found = Test("in", (left, *self._many()))
        elif not negated and self._maybe("is"):
            negated = self._maybe("not")
            if not self._is("missing", "null"):
                raise self._unexpected("MISSING or NULL")
            found = Test(self._take().text.lower(), (left,))
        else:
            raise self._unexpected("a comparison")
        return Test("not", (found,)) if negated else found

    def _many(self) -> list[Any]:
        close = ")" if self._is("(") else "]"
        self._expect("(" if close == ")" else "[")
        found = [self._sum()]
        while self._maybe(","):
            found.append(self._sum())
        self._expect(close)
        return found

    # -- operands

    def _sum(self) -> Any:
        left = self._operand()
        while self._is("+", "-") or (self._next.kind == "number" and self._next.text.startswith("-")):
            if self._next.kind == "number":  # `a -1`
                token = self._take()
                left = Call("-", (left, Literal({"N": token.text[1:]})))
            else:
                sign = self._take().text
                left = Call(sign, (left, self._operand()))
        return left

    def _operand(self) -> Any:
        token = self._next
        if token.kind == "word" and self._words[self._at + 1].text == "(":
            return self._call()
        if token.kind in ("string", "number") or self._is("?", "[", "{", "<<", "true", "false", "null"):
            return Literal(self._literal())
        return self._path()

    def _call(self) -> Call:
        name = self._take().text.lower()
        count = {**FUNCTIONS, **CHANGES}.get(name)
        if count is None:
            raise malformed(f"Unknown function: {name}")
        self._deeper()
        self._expect("(")
        operands = [self._sum()]
        while self._maybe(","):
            operands.append(self._sum())
        self._expect(")")
        self._depth -= 1
        if len(operands) != count:
            raise malformed(f"{name} takes {count} operands")
        return Call(name, tuple(operands))

    def _literal(self) -> Value:
        token = self._take()
        if token.kind == "string":
            return {"S": token.text}
        if token.kind == "number":
            return {"N": token.text}
        word = token.text.lower() if token.kind in ("word", "sign") else ""
        if word in ("true", "false"):
            return {"BOOL": word == "true"}
        if word == "null":
            return {"NULL": True}
        if word == "?":
            self._used += 1
            if self._used > len(self._parameters):
                raise malformed("Number of parameters in request and statement don't match.")
            return self._parameters[self._used - 1]
        self._deeper()
        try:
            if word == "[":
                return {"L": self._items("]")}
            if word == "<<":
                return _set(self._items(">>"))
            if word == "{":
                return {"M": self._pairs()}
        finally:
            self._depth -= 1
        self._at -= 1
        raise self._unexpected("a value")

    def _items(self, close: str) -> list[Value]:
        found: list[Value] = []
        while not self._maybe(close):
            if found:
                self._expect(",")
            found.append(self._literal())
        return found

    def _pairs(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while not self._maybe("}"):
            if found:
                self._expect(",")
            token = self._take()
            if token.kind not in ("string", "quoted"):
                raise malformed("names in a tuple are strings")
            self._expect(":")
            if token.text in found:
                raise malformed(f"the name {token.text} stands twice in a tuple")
            found[token.text] = self._literal()
        return found


def _set(values: list[Value]) -> Value:
    kinds = {next(iter(value)) for value in values}
    if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
        raise malformed("the values of a set are all strings, all numbers or all binary")
    kind = kinds.pop()
    return {f"{kind}S": [value[kind] for value in values]}
