"""Shapes: the types of AWS's APIs, as the service models describe them.

A `Shape` is a type. A `Member` is one use of a type, with the traits that hold there: a trait written at the use
wins over the same trait written at the type, as botocore resolves them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Member:
    """One use of a shape: a structure's member, a list's item, a map's key or value, an operation's input."""

    __slots__ = (
        "deprecated", "event_header", "event_payload", "flattened", "header_prefix", "host_label", "idempotency_token",
        "json_value", "location", "location_name", "name", "query_name", "shape", "streaming", "timestamp_format",
        "xml_attribute", "xml_namespace",
    )  # fmt: skip

    def __init__(self, name: str, shape: Shape, use: dict[str, Any]):
        traits = shape.raw
        self.name = name
        self.shape = shape
        self.location: str | None = use.get("location") or traits.get("location")
        self.location_name: str | None = use.get("locationName") or traits.get("locationName")
        self.query_name: str | None = use.get("queryName") or traits.get("queryName")
        self.flattened = bool(use.get("flattened", traits.get("flattened", False)))
        self.timestamp_format: str | None = use.get("timestampFormat") or traits.get("timestampFormat")
        self.xml_namespace = _namespace(use.get("xmlNamespace") or traits.get("xmlNamespace"))
        self.xml_attribute = bool(use.get("xmlAttribute", traits.get("xmlAttribute", False)))
        self.streaming = bool(use.get("streaming", traits.get("streaming", False)))
        self.json_value = bool(use.get("jsonvalue", traits.get("jsonvalue", False)))
        self.event_payload = bool(use.get("eventpayload", False))
        self.event_header = bool(use.get("eventheader", False))
        self.host_label = bool(use.get("hostLabel", False))
        self.idempotency_token = bool(use.get("idempotencyToken", False))
        self.deprecated = bool(use.get("deprecated", False))

    def __repr__(self) -> str:
        return f"<Member {self.name}: {self.shape.name}>"


def _namespace(raw: str | dict[str, str] | None) -> tuple[str, str] | None:
    """(prefix, uri); the prefix is empty for a default namespace."""
    if raw is None:
        return None
    if isinstance(raw, str):
        return "", raw
    return raw.get("prefix", ""), raw["uri"]


class Shape:
    """A type. Members are resolved when first asked for, since shapes refer to each other in circles."""

    __slots__ = ("_key", "_member", "_members", "_resolve", "_value", "name", "raw", "type")

    def __init__(self, name: str, raw: dict[str, Any], resolve: Callable[[str], Shape]):
        self.name = name
        self.raw = raw
        self.type: str = raw["type"]
        self._resolve = resolve
        self._members: dict[str, Member] | None = None
        self._member: Member | None = None
        self._key: Member | None = None
        self._value: Member | None = None

    def _use(self, name: str, use: dict[str, Any]) -> Member:
        return Member(name, self._resolve(use["shape"]), use)

    @property
    def members(self) -> dict[str, Member]:
        if self._members is None:
            self._members = {n: self._use(n, use) for n, use in (self.raw.get("members") or {}).items()}
        return self._members

    @property
    def member(self) -> Member:
        """A list's item."""
        if self._member is None:
            self._member = self._use("member", self.raw["member"])
        return self._member

    @property
    def key(self) -> Member:
        if self._key is None:
            self._key = self._use("key", self.raw["key"])
        return self._key

    @property
    def value(self) -> Member:
        if self._value is None:
            self._value = self._use("value", self.raw["value"])
        return self._value

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(self.raw.get("required", ()))

    @property
    def enum(self) -> tuple[str, ...]:
        return tuple(self.raw.get("enum", ()))

    @property
    def min(self) -> float | None:
        return self.raw.get("min")

    @property
    def max(self) -> float | None:
        return self.raw.get("max")

    @property
    def pattern(self) -> str | None:
        return self.raw.get("pattern")

    @property
    def payload(self) -> str | None:
        """The member that is the whole HTTP body."""
        return self.raw.get("payload")

    @property
    def flattened(self) -> bool:
        return bool(self.raw.get("flattened"))

    @property
    def document(self) -> bool:
        return bool(self.raw.get("document"))

    @property
    def union(self) -> bool:
        return bool(self.raw.get("union"))

    @property
    def sensitive(self) -> bool:
        return bool(self.raw.get("sensitive"))

    @property
    def box(self) -> bool:
        return bool(self.raw.get("box"))

    @property
    def event_stream(self) -> bool:
        return bool(self.raw.get("eventstream"))

    @property
    def is_exception(self) -> bool:
        return bool(self.raw.get("exception") or "error" in self.raw)

    def __repr__(self) -> str:
        return f"<Shape {self.name}: {self.type}>"
