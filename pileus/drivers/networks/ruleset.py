"""A table of the kernel's packet filter as a value, and the transaction that turns one into another."""

from collections.abc import Iterator
from dataclasses import dataclass, field

TABLE = "inet pileus"


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
    chains: dict[str, Chain] = field(default_factory=dict)
    collections: dict[str, Collection] = field(default_factory=dict)


def whole(new: Ruleset) -> str:
    """The transaction that replaces whatever is there. Connections that are tracked stay so."""
    return f"table {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{}}\n" + difference(Ruleset(), new)


def difference(old: Ruleset, new: Ruleset) -> str:
    """The transaction that turns `old` into `new`; empty when they are equal. Names come before what refers to them;
    what is no longer referred to goes last."""
    lines = [_declared(name, each) for name, each in new.collections.items() if _new(name, old, new)]
    lines += [_begun(name, chain) for name, chain in new.chains.items() if name not in old.chains]
    changed = {
        name: chain for name, chain in new.chains.items() if chain.rules != old.chains.get(name, Chain(())).rules
    }
    gone = old.chains.keys() - new.chains.keys()
    lines += [f"flush chain {TABLE} {name}" for name in sorted(gone | (changed.keys() & old.chains.keys()))]
    removed, added = _elements(old, new)
    lines += removed
    lines += added
    lines += [f"add rule {TABLE} {name} {rule}" for name, chain in changed.items() for rule in chain.rules]
    lines += [f"delete chain {TABLE} {name}" for name in sorted(gone)]
    lines += [
        f"delete {each.word} {TABLE} {name}" for name, each in old.collections.items() if name not in new.collections
    ]
    return "".join(f"{line}\n" for line in lines)


def _new(name: str, old: Ruleset, new: Ruleset) -> bool:
    before, after = old.collections.get(name), new.collections[name]
    if before is not None and (before.kind, before.intervals) != (after.kind, after.intervals):
        raise ValueError(f"{name} cannot become a collection of another kind")
    return before is None


def _declared(name: str, each: Collection) -> str:
    flags = " flags interval;" if each.intervals else ""
    return f"add {each.word} {TABLE} {name} {{ type {each.kind};{flags} }}"


def _begun(name: str, chain: Chain) -> str:
    return f"add chain {TABLE} {name}" + (f" {{ {chain.hook}; }}" if chain.hook else "")


def _elements(old: Ruleset, new: Ruleset) -> tuple[list[str], list[str]]:
    """What leaves the collections and what enters them. A key whose value changes does both."""
    removed, added = [], []
    for name, each in new.collections.items():
        before = old.collections.get(name, Collection(each.kind)).elements
        after = each.elements
        leaving = [f"{key} : {value}" if value else key for key, value in before.items() if after.get(key) != value]
        entering = [f"{key} : {value}" if value else key for key, value in after.items() if before.get(key) != value]
        removed += [f"delete element {TABLE} {name} {{ {', '.join(leaving)} }}"] if leaving else []
        added += [f"add element {TABLE} {name} {{ {', '.join(entering)} }}"] if entering else []
    for name, each in old.collections.items():
        if name not in new.collections and each.elements:
            removed.append(f"delete element {TABLE} {name} {{ {', '.join(each.written())} }}")
    return removed, added
