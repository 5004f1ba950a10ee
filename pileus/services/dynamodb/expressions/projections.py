"""Projections: the parts of an item that a list of paths reaches.

Source: Amazon DynamoDB Developer Guide, "Using projection expressions in DynamoDB".
"""

from ..values import Item
from . import lexer, rules
from .binding import Template, template
from .operands import Operands, resolved
from .parameters import Parameters
from .paths import Branch, picked, tree
from .reader import Reader

KIND = "ProjectionExpression"


class Projection:
    """`attributes` are the top-level attributes it mentions."""

    __slots__ = ("_flat", "_tree", "attributes")

    def __init__(self, branch: Branch):
        self._tree = branch
        self.attributes = frozenset(branch.children)
        self._flat = all(below.leaf is not None for below in branch.children.values())

    def of(self, item: Item) -> Item:
        """The chosen parts; nothing of what is not there."""
        if self._flat:
            return {name: item[name] for name in self._tree.children if name in item}
        return picked(self._tree, item)


def projection(text: str, parameters: Parameters) -> Projection:
    """A ProjectionExpression. Raises Invalid."""
    found: Projection = template(_read, KIND, text).bind(parameters)
    return found


def _read(kind: str, text: str) -> Template:
    reader = Reader(kind, text)
    reader.path()
    while reader.next == ",":
        reader.advance()
        reader.path()
    if reader.next != lexer.END:
        raise reader.syntax_error()
    paths = reader.found.paths
    rules.check_paths(kind, paths)
    rules.check_levels(kind, paths)

    def build(parameters: Parameters) -> Projection:
        operands = Operands(kind, parameters)
        for path in paths:
            operands.defined(path)
        return Projection(tree(kind, ((resolved(path, parameters.names), True) for path in paths)))

    return Template(reader.found, build, None)
