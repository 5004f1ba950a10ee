"""XML text to shapes. No document types, no entities, a limit to depth: a small document cannot become a large one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from pileus.model import Member, Shape
from pileus.wire import scalars

DEEPEST = 64
_MOST_ATTRIBUTES = 64


class MalformedXml(ValueError):
    """The bytes are no XML, or XML that does not fit the shape."""


class Node:
    """An element. Names are without their prefix, since only one namespace has a meaning here."""

    __slots__ = ("attributes", "children", "name", "texts")

    def __init__(self, name: str, attributes: dict[str, str]):
        self.name = name
        self.attributes = attributes
        self.children: list[Node] = []
        self.texts: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self.texts)


FromNode = Callable[[Node], Any]


def parse(body: bytes) -> Node:
    """The root element. Raises MalformedXml."""
    top = Node("", {})
    stack = [top]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(stack) > DEEPEST or len(attributes) > _MOST_ATTRIBUTES:
            raise MalformedXml("The XML is nested too deeply")
        node = Node(name.rpartition(":")[2], attributes)
        stack[-1].children.append(node)
        stack.append(node)

    def end(name: str) -> None:
        stack.pop()

    def text(data: str) -> None:
        stack[-1].texts.append(data)

    def refuse(*anything: Any) -> None:
        raise MalformedXml("A document type declaration is not allowed")

    parser = expat.ParserCreate("UTF-8")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError:
        raise MalformedXml("The XML you provided was not well-formed") from None
    return top.children[0]


class XmlReader:
    """Makes functions from elements to the model's values; an element the model does not know is refused."""

    def __init__(self, timestamp_format: str = "iso8601"):
        self.timestamp_format = timestamp_format
        self._contents: dict[str, list[FromNode]] = {}

    def content(self, shape: Shape, leave_out: frozenset[str] = frozenset()) -> FromNode:
        known = self._contents.get(shape.name) if not leave_out else None
        if known is not None:  # a shape that holds itself finds its function when it runs
            return known[0] if known else lambda node: known[0](node)
        slot: list[FromNode] = []
        if not leave_out:
            self._contents[shape.name] = slot
        made = self._structure(shape, leave_out)
        slot.append(made)
        return made

    def _structure(self, shape: Shape, leave_out: frozenset[str]) -> FromNode:
        single: dict[str, tuple[str, FromNode]] = {}
        repeated: dict[str, tuple[str, FromNode]] = {}
        attributes: dict[str, tuple[str, scalars.FromText]] = {}
        for name, member in shape.members.items():
            tag = _local(member.location_name or name)
            if name in leave_out:
                continue
            if member.xml_attribute:
                reads = scalars.reader(member, self.timestamp_format)
                attributes[member.location_name or name] = (name, reads)
            elif member.flattened and member.shape.type in ("list", "map"):
                for called in {tag, *self._item_names(member)}:
                    repeated[called] = (name, self._repeated(member))
            else:
                single[tag] = entry = (name, self.value(member))
                single.setdefault(name, entry)

        def read(node: Node) -> dict[str, Any]:
            found: dict[str, Any] = {}
            for child in node.children:
                entry = single.get(child.name)
                if entry is not None:
                    found[entry[0]] = entry[1](child)
                elif (entry := repeated.get(child.name)) is not None:
                    below = entry[1](child)
                    if below.__class__ is _Pair:
                        found.setdefault(entry[0], {})[below[0]] = below[1]
                    else:
                        found.setdefault(entry[0], []).append(below)
                else:
                    raise MalformedXml(f"The XML has an unexpected element: {child.name[:128]}")
            for called, (name, reads) in attributes.items():
                if called in node.attributes:
                    found[name] = reads(node.attributes[called])
            return found

        return read

    @staticmethod
    def _item_names(member: Member) -> tuple[str, ...]:
        item = member.shape.member.location_name if member.shape.type == "list" else None
        return (_local(item),) if item else ()

    def _repeated(self, member: Member) -> FromNode:
        if member.shape.type == "list":
            return self.value(member.shape.member)
        return self._entry(member.shape)

    def value(self, member: Member) -> FromNode:
        kind = member.shape.type
        if kind == "structure":
            return self.content(member.shape)
        if kind == "list":
            return self._list(member.shape)
        if kind == "map":
            return self._map(member.shape)
        return _leaf(scalars.reader(member, self.timestamp_format))

    def _list(self, shape: Shape) -> FromNode:
        item = self.value(shape.member)
        called = _local(shape.member.location_name or "member")

        def read(node: Node) -> list[Any]:
            for child in node.children:
                if child.name != called:
                    raise MalformedXml(f"The XML has an unexpected element: {child.name[:128]}")
            return [item(child) for child in node.children]

        return read

    def _map(self, shape: Shape) -> FromNode:
        entry = self._entry(shape)
        return lambda node: dict(entry(child) for child in node.children)

    def _entry(self, shape: Shape) -> FromNode:
        key_name = _local(shape.key.location_name or "key")
        value_name = _local(shape.value.location_name or "value")
        read_key, read_value = self.value(shape.key), self.value(shape.value)

        def read(node: Node) -> _Pair:
            parts = {child.name: child for child in node.children}
            if key_name not in parts or value_name not in parts:
                raise MalformedXml("A map's entry has no key or no value")
            return _Pair((read_key(parts[key_name]), read_value(parts[value_name])))

        return read


class _Pair(tuple[Any, Any]):
    """One entry of a map."""


def _leaf(convert: scalars.FromText) -> FromNode:
    if convert is scalars.identity:

        def read_text(node: Node) -> str:
            if node.children:
                raise MalformedXml(f"The XML has an unexpected element: {node.children[0].name[:128]}")
            return node.text

        return read_text

    def read(node: Node) -> Any:
        if node.children:
            raise MalformedXml(f"The XML has an unexpected element: {node.children[0].name[:128]}")
        return convert(node.text.strip())

    return read


def _local(name: str) -> str:
    return name.rpartition(":")[2]
