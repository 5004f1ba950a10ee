"""The ledger of honesty: every operation of every service is real, partial (with what is missing) or refused.

Made from what the services registered, never written by hand. `docs/ledger.md` is its printed form; a test keeps the
two equal.
"""

import sys
from pathlib import Path
from typing import NamedTuple

from pileus.catalog import Catalog


class Entry(NamedTuple):
    service: str
    operation: str
    state: str
    missing: str = ""


def entries(service: str | None = None) -> list[Entry]:
    """By service, then operation."""
    found = []
    for each in (at for _, at in sorted(Catalog().items()) if service in (None, at.name)):
        for name in sorted(each.api.operation_names):
            operation = each.operations.get(name)
            if operation is None:
                found.append(Entry(each.name, name, "refused"))
            elif operation.missing:
                found.append(Entry(each.name, name, "partial", operation.missing))
            else:
                found.append(Entry(each.name, name, "real"))
    return found


def as_markdown() -> str:
    lines = [
        "# The ledger",
        "",
        "Made from the code by `make format`. *Refused* operations answer 501 and name this ledger;",
        "a service that is not listed is refused whole.",
    ]
    for name in dict.fromkeys(entry.service for entry in entries()):
        mine = entries(name)
        real = sum(entry.state != "refused" for entry in mine)
        lines += ["", f"## {name}: {real} of {len(mine)}", "", "| Operation | State | Missing |", "|---|---|---|"]
        lines += [f"| {entry.operation} | {entry.state} | {entry.missing} |" for entry in mine]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Prints the ledger; with `--check FILE`, says whether the file is what would be printed."""
    text = as_markdown()
    if arguments[:1] == ["--check"]:
        if Path(arguments[1]).read_text() == text:
            return 0
        sys.stderr.write(f"{arguments[1]} is not what the code says: run `make format`\n")
        return 1
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
