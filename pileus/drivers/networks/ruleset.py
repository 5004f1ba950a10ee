"""A table of the kernel's packet filter as a value, and the transaction that turns one into another."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Chain:
    """`hook` is empty for a chain that others jump to."""

    rules: tuple[str, ...]
    hook: str = ""


@dataclass(frozen=True)
class Collection:
    """A set, or a map when its `kind` has a colon: `ifname : verdict`. `elements`: key -> value, empty in a set."""

    kind: str
    elements: dict[str, str] = field(default_factory=dict)
    intervals: bool = False

    @property
    def word(self) -> str:
        return "map" if ":" in self.kind else "set"

    def written(self) -> Iterator[str]:
        for key, value in self.elements.items():
            yield f"{key} : {value}" if value else key


@dataclass(frozen=True)
class Ruleset:
    """`family`: of the table, which is called pileus in each."""

    family: str = "inet"
    chains: dict[str, Chain] = field(default_factory=dict)
    collections: dict[str, Collection] = field(default_factory=dict)

    @property
    def table(self) -> str:
        return f"{self.family} pileus"


def whole(new: Ruleset) -> str:
    """The transaction that replaces whatever is there. Connections that are tracked stay so."""
    table = new.table
    return f"table {table}\ndelete table {table}\ntable {table} {{}}\n" + difference(Ruleset(new.family), new)


def difference(old: Ruleset, new: Ruleset) -> str:
    """The transaction that turns `old` into `new`; empty when they are equal. Names come before what refers to them;
    what is no longer referred to goes last."""
    table = new.table
    lines = [
        f"add {each.word} {table} {name} {_kind(each)}"
        for name, each in new.collections.items()
        if _new(name, old, new)
    ]
    lines += [f"add chain {table} {name}{_hook(chain)}" for name, chain in new.chains.items() if name not in old.chains]
    changed = {
        name: chain for name, chain in new.chains.items() if chain.rules != old.chains.get(name, Chain(())).rules
    }
    gone = old.chains.keys() - new.chains.keys()
    lines += [f"flush chain {table} {name}" for name in sorted(gone | (changed.keys() & old.chains.keys()))]
    removed, added = _elements(old, new)
    lines += removed
    lines += added
    lines += [f"add rule {table} {name} {rule}" for name, chain in changed.items() for rule in chain.rules]
    lines += [f"delete chain {table} {name}" for name in sorted(gone)]
    lines += [
        f"delete {each.word} {table} {name}" for name, each in old.collections.items() if name not in new.collections
    ]
    return "".join(f"{line}\n" for line in lines)


def _new(name: str, old: Ruleset, new: Ruleset) -> bool:
    before, after = old.collections.get(name), new.collections[name]
    if before is not None and (before.kind, before.intervals) != (after.kind, after.intervals):
        raise ValueError(f"{name} cannot become a collection of another kind")
    return before is None


def _kind(each: Collection) -> str:
    return f"{{ type {each.kind};{' flags interval;' if each.intervals else ''} }}"


def _hook(chain: Chain) -> str:
    return f" {{ {chain.hook}; }}" if chain.hook else ""


def _elements(old: Ruleset, new: Ruleset) -> tuple[list[str], list[str]]:
    """What leaves the collections and what enters them. A key whose value changes does both."""
    table = new.table
    removed, added = [], []
    for name, each in new.collections.items():
        before = old.collections.get(name, Collection(each.kind)).elements
        after = each.elements
        leaving = [f"{key} : {value}" if value else key for key, value in before.items() if after.get(key) != value]
        entering = [f"{key} : {value}" if value else key for key, value in after.items() if before.get(key) != value]
        removed += [f"delete element {table} {name} {{ {', '.join(leaving)} }}"] if leaving else []
        added += [f"add element {table} {name} {{ {', '.join(entering)} }}"] if entering else []
    for name, each in old.collections.items():
        if name not in new.collections and each.elements:
            removed.append(f"delete element {table} {name} {{ {', '.join(each.written())} }}")
    return removed, added
