"""Shapes to XML text, compiled once per use of a shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from pileus.model import Member, Rows, Shape
from pileus.wire import scalars

ToXml = Callable[[Any], str]
PLAIN = frozenset({"boolean", "integer", "long", "blob", "float", "double", "timestamp"})
"""Shapes whose text needs no escaping."""
FORMS_MAX = 256
ROWS_LEAST = 8
"""From how many structures on a list is written column by column."""

# XML 1.0, 2.2 "Characters": some characters may not stand in a document even as references, and clients' parsers refuse
# one that has them. An answer nobody can read helps nobody: they become U+FFFD, the replacement character.
_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\ud800-\udfff\ufffe\uffff]')
_AS_REFERENCES = re.compile("[\r\x7f-\x9f\u2028]")
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_HAVE_NAMES = "".join(_NAMED).encode()
_PLAIN = bytes(range(0x20, 0x7F)).translate(None, _HAVE_NAMES)


def _reference(found: re.Match[str]) -> str:
    character = found[0]
    named = _NAMED.get(character)
    if named is not None:
        return named
    return f"&#x{ord(character):X};" if _AS_REFERENCES.match(character) else "\ufffd"


def escape(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        return _SPECIAL.sub(_reference, text) if _SPECIAL.search(text) else text
    # Most texts are plain, and these tests are much cheaper than a pattern.
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    if ">" in text:
        text = text.replace(">", "&gt;")
    if '"' in text:
        text = text.replace('"', "&quot;")
    return text


def escape_all(texts: Sequence[str]) -> Sequence[str]:
    """Each of them escaped: all at once if they are as plain as most texts are."""
    joined = "|".join(texts)
    if not joined.isascii():
        return [escape(text) for text in texts] if _SPECIAL.search(joined) else texts
    special = joined.encode().translate(None, _PLAIN)
    if not special:
        return texts
    if joined.count("|") >= len(texts) or special.translate(None, _HAVE_NAMES):
        return [escape(text) for text in texts]
    for character, name in _NAMED.items():  # the ampersand is the first
        joined = joined.replace(character, name)
    return joined.split("|")


class XmlWriter:
    """Writes the content of structures. `item_default` names a list's items where the model does not."""

    def __init__(self, timestamp_format: str, item_default: str = "member"):
        self.timestamp_format = timestamp_format
        self.item_default = item_default
        self._contents: dict[str, list[ToXml]] = {}
        self._elements: dict[str, ToXml] = {}

    def content(self, shape: Shape, leave_out: frozenset[str] = frozenset()) -> ToXml:
        """What stands between a structure's tags."""
        if not leave_out:
            known = self._contents.get(shape.name)
            if known is not None:  # a shape that holds itself finds its function when it runs
                return known[0] if known else lambda value: known[0](value)
        slot: list[ToXml] = []
        if not leave_out:
            self._contents[shape.name] = slot
        silent = {n for n, member in shape.members.items() if n in leave_out or member.xml_attribute}
        by_names: dict[tuple[str, ...], ToXml] = {}

        def write(value: dict[str, Any]) -> str:
            names = tuple(value)
            made = by_names.get(names)
            if made is None:
                if len(by_names) >= FORMS_MAX:
                    by_names.clear()
                made = by_names[names] = self._form(shape, [name for name in names if name not in silent])
            return made(value)

        slot.append(write)
        return write

    def _form(self, shape: Shape, names: list[str]) -> ToXml:
        """A function for structures with just these members, in this order: one string with holes.

        Lists hold thousands of structures of one form, so it is compiled once. Only names of the model enter its text.
        """
        known: dict[str, Any] = {"escape": escape}
        pieces: list[str] = []
        for number, name in enumerate(names):
            member = shape.members[name]
            kind, hole = member.shape.type, f"value[{name!r}]"
            if kind in ("list", "map", "structure"):
                known[f"write{number}"] = self.element(member)
                pieces.append(f'f"{{(write{number}({hole}))}}"')
                continue
            tag = member.location_name or member.name
            text = scalars.writer(member, self.timestamp_format)
            if text is scalars.identity:
                words = known[f"words{number}"] = frozenset(member.shape.raw.get("enum", ()))
                hole = f"{hole} if {hole} in words{number} else escape({hole})" if words else f"escape({hole})"
            else:
                known[f"text{number}"] = text
                hole = f"text{number}({hole})" if kind in PLAIN else f"escape(text{number}({hole}))"
            pieces += [repr(f"<{tag}{namespace_of(member)}>"), f'f"{{({hole})}}"', repr(f"</{tag}>")]
        source = f"lambda value: {' '.join(pieces) or repr('')}"
        form: ToXml = eval(compile(source, f"<{shape.name}>", "eval"), known)
        return form

    def element(self, member: Member, name: str | None = None) -> ToXml:
        """The whole element, or elements when the list is flattened."""
        kind = member.shape.type
        if kind == "list":
            return self._list(member, name)
        if kind == "map":
            return self._map(member, name)
        tag = name or member.location_name or member.name
        if kind == "structure":
            return self._structure(member, tag)
        start, end = f"<{tag}{namespace_of(member)}>", f"</{tag}>"
        text = scalars.writer(member, self.timestamp_format)
        if text is scalars.identity:
            return lambda value: f"{start}{_SPECIAL.sub(_reference, value)}{end}"
        if kind in ("boolean", "integer", "long", "blob", "float", "double"):
            return lambda value: f"{start}{text(value)}{end}"
        return lambda value: f"{start}{escape(text(value))}{end}"

    def _structure(self, member: Member, tag: str) -> ToXml:
        return self.around(self.content(member.shape), member.shape, tag, namespace_of(member))

    def around(self, content: ToXml, shape: Shape, tag: str, namespace: str) -> ToXml:
        """A structure's content within its element, with the members that are attributes."""
        names = {n: m.location_name or n for n, m in shape.members.items() if m.xml_attribute}
        start, end = f"<{tag}{namespace}>", f"</{tag}>"
        if not names:
            return lambda value: f"{start}{content(value)}{end}"
        opening = start[:-1]

        def write(value: dict[str, Any]) -> str:
            marks = "".join(f' {called}="{escape(str(value[n]))}"' for n, called in names.items() if n in value)
            return f"{opening}{marks}>{content(value)}{end}"

        return write

    def _list(self, member: Member, name: str | None) -> ToXml:
        item = member.shape.member
        if member.flattened:
            tag = member.location_name or item.location_name or name or member.name
            if item.shape.type == "structure":
                return self._structures(item, tag)
            one = self.element(item, tag)
            words = {word: one(word) for word in item.shape.raw.get("enum", ())}

            def flat(values: list[Any]) -> str:
                if words and len(values) == 1 and values[0] in words:
                    return words[values[0]]
                return "".join([one(value) for value in values])

            return flat
        tag = name or member.location_name or member.name
        start, end = f"<{tag}{namespace_of(member)}>", f"</{tag}>"
        if item.shape.type == "structure":
            some = self._structures(item, item.location_name or self.item_default)
            return lambda values: f"{start}{some(values)}{end}"
        one = self.element(item, item.location_name or self.item_default)
        return lambda values: f"{start}{''.join([one(value) for value in values])}{end}"

    def _structures(self, item: Member, tag: str) -> ToXml:
        """Elements of structures, one after the other. Lists hold thousands, mostly of one form: then a value costs
        its share of a column, and no call of its own."""
        one = self.element(item, tag)
        by_names: dict[tuple[str, ...], ToXml] = {}
        plain = not any(member.xml_attribute for member in item.shape.members.values())

        def write(values: Sequence[dict[str, Any]]) -> str:
            rows = Rows.of(values) if plain and len(values) >= ROWS_LEAST else None
            if rows is None:
                return "".join([one(value) for value in values])
            names = tuple(rows.columns)
            made = by_names.get(names)
            if made is None:
                if len(by_names) >= FORMS_MAX:
                    by_names.clear()
                made = by_names[names] = self._rows(item, tag, names)
            return made(rows.columns)

        return write

    def _rows(self, item: Member, tag: str, names: tuple[str, ...]) -> ToXml:
        """As `_form`, for the columns of many structures with just these members."""
        known: dict[str, Any] = {"escape_all": escape_all}
        pieces, holes, columns = [repr(f"<{tag}{namespace_of(item)}>")], "", []
        for number, name in enumerate(names):
            member = item.shape.members[name]
            kind, column = member.shape.type, f"columns[{name!r}]"
            holes += f"hole{number}, "
            if kind in ("list", "map", "structure"):
                known[f"write{number}"] = self.element(member)
                columns.append(f"map(write{number}, {column})")
                pieces.append(f'f"{{hole{number}}}"')
                continue
            text = scalars.writer(member, self.timestamp_format)
            if text is scalars.identity:
                column = f"escape_all({column})"
            elif text is not str or kind not in PLAIN:
                known[f"text{number}"] = text
                column = f"map(text{number}, {column})"
                if kind not in PLAIN:
                    column = f"escape_all(list({column}))"
            columns.append(column)
            called = member.location_name or member.name
            pieces += [repr(f"<{called}{namespace_of(member)}>"), f'f"{{hole{number}}}"', repr(f"</{called}>")]
        pieces.append(repr(f"</{tag}>"))
        source = f"lambda columns: ''.join([{' '.join(pieces)} for {holes}in zip({', '.join(columns)})])"
        form: ToXml = eval(compile(source, f"<{item.shape.name}>", "eval"), known)
        return form

    def _map(self, member: Member, name: str | None) -> ToXml:
        tag = name or member.location_name or member.name
        key = self.element(member.shape.key, member.shape.key.location_name or "key")
        value_of = self.element(member.shape.value, member.shape.value.location_name or "value")
        namespace = namespace_of(member)
        if member.flattened:
            before, opening, closing, after = "", f"<{tag}{namespace}>", f"</{tag}>", ""
        else:
            before, opening, closing, after = f"<{tag}{namespace}>", "<entry>", "</entry>", f"</{tag}>"

        def write(values: dict[str, Any]) -> str:
            inner = [f"{opening}{key(k)}{value_of(v)}{closing}" for k, v in values.items()]
            return f"{before}{''.join(inner)}{after}"

        return write


def namespace_of(member: Member) -> str:
    """The declaration of the namespace that the model gives this use of a shape, if any."""
    if member.xml_namespace is None:
        return ""
    prefix, uri = member.xml_namespace
    return f' xmlns:{prefix}="{escape(uri)}"' if prefix else f' xmlns="{escape(uri)}"'
