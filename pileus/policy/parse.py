"""Policy documents compiled once: statements with their matchers ready, sorted by the actions they are about.

Source: IAM User Guide, "Grammar of the IAM JSON policy language". Compiling only asks for the right shape; what AWS
refuses beyond that is `validate`'s.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import orjson

from pileus.policy.conditions import Condition, compile_conditions
from pileus.policy.context import Context
from pileus.policy.malformed import SYNTAX, MalformedPolicy
from pileus.policy.principals import PrincipalElement
from pileus.policy.variables import Template, fill, fixed, keys_in, template
from pileus.policy.wildcards import Matcher, Remembered, any_of, compile_arn, compile_plain, everything, tokens

PolicyKind = Literal["identity", "boundary", "session", "resource", "trust", "scp"]
VARIABLES_SINCE = "2012-10-17"
_REMEMBERED_ACTIONS = (
    1024  # per policy: callers may invent action names (simulation), the memory must not grow with them
)


class Resources:
    """A Resource or NotResource element: matchers ready, but for the patterns that wait for a variable.

    A pattern whose variable has no value matches no resource. A NotResource with one excepts nothing from a Deny;
    whether it then excepts nothing from an Allow AWS does not say, and doubt is no permission.
    """

    __slots__ = ("_denies", "_fixed", "_remembered", "_templates", "negated", "patterns")

    def __init__(self, patterns: list[str], negated: bool, variables: bool, denies: bool):
        self.patterns, self.negated, self._denies = patterns, negated, denies
        templates = [template(pattern, variables) for pattern in patterns]
        ready = [parts for one in templates if fixed(one) and (parts := fill(one, Context({}))) is not None]
        self._fixed = any_of(ready, compile_arn)
        self._templates: list[Template] = [one for one in templates if not fixed(one)]
        self._remembered = Remembered(lambda filled: compile_arn(filled[0]))

    def simple(self) -> Matcher | None:
        """The whole element as one test of the ARN, when no variable and no negation is in it."""
        return None if self._templates or self.negated else self._fixed

    def keys(self) -> set[str]:
        return set[str]().union(*(keys_in(one) for one in self._templates))

    def covers(self, resource: str, context: Context) -> bool:
        if self._fixed(resource):
            return not self.negated
        for one in self._templates:
            parts = fill(one, context)
            if parts is None and self.negated and not self._denies:
                return False
            if parts is not None and self._remembered.matcher([parts])(resource):
                return not self.negated
        return self.negated


class Statement:
    """One compiled statement. `simple` is the one test that decides it when resource ARNs alone matter."""

    __slots__ = (
        "about",
        "conditions",
        "denies",
        "index",
        "not_action",
        "patterns",
        "principal",
        "resources",
        "sid",
        "simple",
    )

    def __init__(self, index: int, raw: dict[str, Any], variables: bool):
        self.index = index
        self.sid: str | None = raw.get("Sid") if isinstance(raw.get("Sid"), str) else None
        effect = raw.get("Effect")
        if effect not in ("Allow", "Deny"):
            raise MalformedPolicy(SYNTAX)
        self.denies = effect == "Deny"
        self.not_action = "NotAction" in raw
        self.patterns = _texts(raw, "Action", "NotAction")
        listed = any_of([tokens(pattern.lower()) for pattern in self.patterns], compile_plain)
        self.about: Matcher = _opposite(listed) if self.not_action else listed
        self.resources: Resources | None = None
        if "Resource" in raw or "NotResource" in raw:
            self.resources = Resources(
                _texts(raw, "Resource", "NotResource"), "NotResource" in raw, variables, self.denies
            )
        self.principal: PrincipalElement | None = None
        if "Principal" in raw or "NotPrincipal" in raw:
            negated = "NotPrincipal" in raw
            self.principal = PrincipalElement(raw["NotPrincipal" if negated else "Principal"], negated)
        self.conditions: tuple[Condition, ...] = compile_conditions(raw.get("Condition"), variables)
        self.simple: Matcher | None = None
        if not self.conditions:
            self.simple = everything if self.resources is None else self.resources.simple()

    def matches(self, resource: str, context: Context) -> bool:
        """Action and principal aside. A statement without a resource element is about the resource it stands on."""
        if self.simple is not None:
            return self.simple(resource)
        if self.resources is not None and not self.resources.covers(resource, context):
            return False
        for condition in self.conditions:  # noqa: SIM110 - the hot path
            if not condition.holds(context):
                return False
        return True


Statements = tuple[Statement, ...]


class Match(NamedTuple):
    """A statement in the policy it stands in."""

    policy: "Policy"
    statement: Statement


Matches = tuple[Match, ...]


class Policy:
    """A compiled document. `name` is its ARN or inline name, `origin` whom it is attached to: for whoever explains."""

    __slots__ = ("_by_action", "kind", "name", "origin", "statements", "version")

    def __init__(self, statements: Statements, kind: PolicyKind, version: str, name: str, origin: str):
        self.statements, self.kind, self.version = statements, kind, version
        self.name, self.origin = name, origin
        self._by_action: dict[str, tuple[Matches, Matches]] = {}

    def about(self, action: str) -> tuple[Matches, Matches]:
        """The statements that deny and those that allow this action, whatever else they ask for."""
        return self._by_action.get(action) or self._sort(action)

    def named(self, name: str, origin: str = "") -> "Policy":
        """The same document as attached to someone. Keep it: each copy sorts its statements by action anew."""
        return Policy(self.statements, self.kind, self.version, name, origin)

    def keys(self) -> set[str]:
        """Every condition key the document may ask for, as it spells them (IAM: GetContextKeysForCustomPolicy)."""
        found: set[str] = set()
        for statement in self.statements:
            found.update(statement.resources.keys() if statement.resources else ())
            for condition in statement.conditions:
                found |= condition.keys()
        return found

    def _sort(self, action: str) -> tuple[Matches, Matches]:
        lower = action.lower()
        about = [Match(self, statement) for statement in self.statements if statement.about(lower)]
        found = (
            tuple(match for match in about if match.statement.denies),
            tuple(match for match in about if not match.statement.denies),
        )
        if len(self._by_action) < _REMEMBERED_ACTIONS:
            self._by_action[action] = found
        return found


def compile_policy(document: str | bytes, kind: PolicyKind, name: str = "", origin: str = "") -> Policy:
    """Raises MalformedPolicy, and nothing else, when the document has not the shape of a policy."""
    try:
        raw = orjson.loads(document)
    except ValueError:
        raise MalformedPolicy(SYNTAX) from None
    if not isinstance(raw, dict):
        raise MalformedPolicy(SYNTAX)
    version = raw.get("Version", "2008-10-17")
    statements = raw.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not all(isinstance(one, dict) for one in statements):
        raise MalformedPolicy(SYNTAX)
    variables = version == VARIABLES_SINCE
    compiled = tuple(Statement(index, one, variables) for index, one in enumerate(statements))
    return Policy(compiled, kind, str(version), name, origin)


def _texts(raw: dict[str, Any], name: str, negated: str) -> list[str]:
    """The strings of an element that is given under exactly one of two names."""
    if (name in raw) == (negated in raw):
        raise MalformedPolicy(SYNTAX)
    value = raw[name] if name in raw else raw[negated]
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in listed):
        raise MalformedPolicy(SYNTAX)
    return listed


def _opposite(matcher: Matcher) -> Callable[[str], bool]:
    return lambda text: not matcher(text)
