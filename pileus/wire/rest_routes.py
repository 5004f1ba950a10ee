"""Which operation a REST request asks for: by method, path, query string and, where AWS leaves no other way, headers.

Operations may share a method and a path; then constants of the query string (`?tagging`, `?list-type=2`) and required
members of it (`uploadId`) tell them apart, and for S3's copies a required header (`x-amz-copy-source`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from pileus.base.errors import SerializationError
from pileus.model import Api, Operation
from pileus.wire import form

_DEEPEST = 64
_WRITES = frozenset({"PUT", "POST", "DELETE", "PATCH"})
_NOTHING: Mapping[str, str] = {}


class _Candidate(NamedTuple):
    """An operation at the end of a path, and what tells it from its neighbours."""

    name: str
    labels: tuple[str, ...]
    constants: tuple[tuple[str, str], ...]
    required: frozenset[str]
    headers: frozenset[str]
    deprecated: bool

    def fits(self, query: Mapping[str, str]) -> bool:
        return all(name in query and (not value or query[name] == value) for name, value in self.constants)

    def names(self) -> set[str]:
        return {name for name, _ in self.constants} | self.required

    def is_complete(self, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        return self.required <= query.keys() and self.headers <= headers.keys()


class _Step:
    """One place in the tree of paths."""

    __slots__ = ("candidates", "greedy", "label", "literals")

    def __init__(self) -> None:
        self.literals: dict[str, _Step] = {}
        self.label: _Step | None = None
        self.greedy: dict[tuple[str, ...], list[_Candidate]] = {}  # by the segments that follow the greedy label
        self.candidates: list[_Candidate] = []


class Routes:
    """The paths of one API. Built once, of its model alone."""

    def __init__(self, api: Api):
        self.api = api
        self._methods: dict[str, _Step] = {}
        self._subresources: set[str] = set()
        for name in api.operation_names:
            self._add(api.operation(name))
        for root in self._methods.values():
            _sort(root)
        self._simple = {method: _headers(root) for method, root in self._methods.items() if _is_simple(root)}
        self._seen: dict[tuple[str, int, bool], tuple[str, tuple[str, ...]]] = {}

    def _add(self, operation: Operation) -> None:
        path, _, query = operation.request_uri.partition("?")
        self._subresources |= {name for name, value in form.pairs(query) if not value}
        step = self._methods.setdefault(operation.http_method, _Step())
        segments = _segments(path)
        labels: list[str] = []
        for number, segment in enumerate(segments):
            if segment.endswith("+}"):
                labels.append(segment[1:-2])
                rest = tuple(segments[number + 1 :])
                step.greedy.setdefault(rest, []).append(_candidate(operation, labels, query))
                return
            if segment.startswith("{"):
                labels.append(segment[1:-1])
                step.label = step.label or _Step()
                step = step.label
            else:
                step = step.literals.setdefault(segment, _Step())
        step.candidates.append(_candidate(operation, labels, query))

    def match(
        self, method: str, path: str, query: str, headers: Mapping[str, str] = _NOTHING
    ) -> tuple[str, dict[str, str]] | None:
        """The operation's name and its decoded labels; `path` and `query` are raw. Raises SerializationError when
        they are not valid UTF-8.
        """
        root = self._methods.get(method)
        if root is None:
            return None
        if not query and method in self._simple:
            return self._match_simple(method, root, path, headers)
        return self._match(root, path, query, headers, method in _WRITES)

    def _match_simple(
        self, method: str, root: _Step, path: str, headers: Mapping[str, str]
    ) -> tuple[str, dict[str, str]] | None:
        """Where the tree has no literals (S3), what a path without a query means rests on its depth alone."""
        parts = path.split("/", 2)
        depth = sum(1 for part in parts[1:] if part)
        if len(parts) < 2 or parts[0] or not all(parts[1:-1]):
            return self._match(root, path, "", headers)
        key = (method, depth, bool(self._simple[method] & headers.keys()))
        known = self._seen.get(key)
        if known is None or key[2]:
            matched = self._match(root, path, "", headers)
            if matched is not None and len(matched[1]) == depth:
                self._seen[key] = matched[0], tuple(matched[1])
            return matched
        name, labels = known
        return name, dict(zip(labels, map(decoded, parts[1 : 1 + depth]), strict=True))

    def _match(
        self, root: _Step, path: str, query: str, headers: Mapping[str, str], writes: bool = False
    ) -> tuple[str, dict[str, str]] | None:
        segments = path.split("/")[1:] if path.startswith("/") else path.split("/")
        asked = _query(query)
        for candidates, values in _ends(root, segments, 0, ()):
            found = _choose(candidates, asked, headers)
            if found is not None:
                if writes and not self._is_meant(found, candidates, asked):
                    return None
                return found.name, dict(zip(found.labels, map(decoded, values), strict=True))
        return None

    def _is_meant(self, found: _Candidate, candidates: list[_Candidate], query: Mapping[str, str]) -> bool:
        """What a query names must not be passed over by an operation that changes something: `DELETE /bucket?acl` is
        nothing that S3 has, and surely not DeleteBucket."""
        telling = self._subresources.union(*(one.required for one in candidates))
        return not (query.keys() & telling) - found.names()


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/") if path.strip("/") else []


def _candidate(operation: Operation, labels: list[str], query: str) -> _Candidate:
    shape = operation.input
    constants = tuple(form.pairs(query))
    required: set[str] = set()
    headers: set[str] = set()
    for name in shape.required if shape is not None else ():
        member = shape.members[name] if shape is not None else None
        if member is not None and member.location == "querystring":
            required.add(member.location_name or name)
        elif member is not None and member.location == "header":
            headers.add((member.location_name or name).lower())
    return _Candidate(
        operation.name, tuple(labels), constants, frozenset(required), frozenset(headers), operation.deprecated
    )


def _is_simple(root: _Step) -> bool:
    """Two labels at most, the second one greedy, and nothing else."""
    bucket = root.label
    if root.literals or root.greedy or bucket is None or bucket.literals or bucket.label is not None:
        return False
    return not bucket.greedy or set(bucket.greedy) == {()}


def _headers(step: _Step) -> frozenset[str]:
    """The headers that any operation here needs to be told from another."""
    below = [_headers(step.label)] if step.label is not None else []
    own = [one.headers for many in (step.candidates, *step.greedy.values()) for one in many]
    return frozenset().union(*below, *own)


def _sort(step: _Step) -> None:
    """The most particular first; of equals the one that is not deprecated, then the one the model lists first."""
    for candidates in (step.candidates, *step.greedy.values()):
        candidates.sort(key=lambda one: (-len(one.constants), -len(one.required), -len(one.headers), one.deprecated))
    step.greedy = dict(sorted(step.greedy.items(), key=lambda item: -len(item[0])))
    for below in (*step.literals.values(), *([step.label] if step.label else ())):
        _sort(below)


def _ends(
    step: _Step, segments: list[str], at: int, values: tuple[str, ...]
) -> Iterator[tuple[list[_Candidate], tuple[str, ...]]]:
    """Where the path may lead, the most literal way first."""
    if at == len(segments) or (at == len(segments) - 1 and not segments[at]):  # a last slash says nothing
        if step.candidates:
            yield step.candidates, values
        return
    if at >= _DEEPEST and not step.greedy:
        return
    segment = segments[at]
    below = step.literals.get(segment)
    if below is not None:
        yield from _ends(below, segments, at + 1, values)
    if step.label is not None and segment:
        yield from _ends(step.label, segments, at + 1, (*values, segment))
    for rest, candidates in step.greedy.items():
        taken = segments[at : len(segments) - len(rest)]
        if taken and tuple(segments[at + len(taken) :]) == rest:
            yield candidates, (*values, "/".join(taken))


def _choose(candidates: list[_Candidate], query: Mapping[str, str], headers: Mapping[str, str]) -> _Candidate | None:
    """The first that has all it needs; else the plainest that fits, which then says what it misses."""
    last: _Candidate | None = None
    for candidate in candidates:
        if not candidate.constants or (query and candidate.fits(query)):
            if candidate.is_complete(query, headers):
                return candidate
            if candidate.constants and candidate.required <= query.keys():
                return candidate  # the query says what is meant: only a header is missing
            if last is None or len(candidate.constants) == len(last.constants):
                last = candidate
    return last


def _query(text: str) -> dict[str, str]:
    try:
        return dict(form.pairs(text)) if text else {}
    except form.Malformed as error:
        raise SerializationError(str(error)) from None


def decoded(text: str) -> str:
    """A part of a path. Raises SerializationError when it is not valid UTF-8."""
    if "%" not in text:
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise SerializationError("The path is not valid UTF-8") from None
