"""Properties of the code itself: what the style asks for and no other tool checks."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "pileus").rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in FILES}
NAMES = {path: str(path.relative_to(ROOT)) for path in FILES}
ROOMS_NOBODY_TIDIES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

# Who may, and why.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
READS_THE_CLOCK = {
    "pileus/base/clock.py": "it is the clock",
    "pileus/drivers/networks/arp.py": "waits for a machine to answer",
    "pileus/drivers/networks/delay.py": "a program of its own that holds packets back for milliseconds",
    "pileus/gateway/tls.py": "certificates are judged by clients, by their machine's clock",
    "pileus/cli/demo.py": "a person watches: it sleeps until a visibility timeout has passed",
    "pileus/cli/lifecycle.py": "waits for a process",
    "pileus/cli/records.py": "follows the log",
    "pileus/drivers/linux/loops.py": "it waits for the kernel to let go of a disk",
    "pileus/drivers/machines/ending.py": "waits for processes of the kernel's",
    "pileus/drivers/machines/figures.py": "waits for the program that it starts",
    "pileus/drivers/volumes/asking.py": "waits for the program that it starts",
    "pileus/drivers/volumes/attaching.py": "waits for guests' processes to let go of a disk",
}
DRAWS_LOTS = {
    "pileus/base/ids.py": "it is where randomness comes from",
    "pileus/store/memory.py": "a seeded generator is handed to it by a simulation",
    "pileus/wire/eventstream.py": "UUIDs are a type of header value there; none is made",
    "pileus/control/loop.py": "a seeded generator permutes a simulation",
}


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_every_module_says_what_it_is_for():
    assert [NAMES[path] for path, tree in TREES.items() if not ast.get_docstring(tree)] == []


def test_no_module_is_a_room_nobody_tidies():
    assert [
        name for path, name in NAMES.items() if path.stem in ROOMS_NOBODY_TIDIES or path.stem.startswith("base_")
    ] == []


def test_a_file_is_one_thought():
    long = {NAMES[path] for path in FILES if len(path.read_text().splitlines()) > FILE_LINES_MAX}
    assert long == set(LONG_FILES)


def test_a_function_fits_on_a_screen():
    long = {
        f"{NAMES[path]}:{node.name}"
        for path, tree in TREES.items()
        for node in functions(tree)
        if (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES_MAX
    }
    assert long == set(LONG_FUNCTIONS)


def test_there_are_no_global_statements():
    found = [NAMES[path] for path, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, ast.Global)]
    assert found == []


def reached(tree, modules):
    """Attributes of `modules` that a file uses, whether through the module or imported by name."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in modules:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            found.add(f"{node.value.id}.{node.attr}")
    return found


CLOCKS = {
    *(
        f"time.{name}"
        for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep", "localtime")
    ),
    *(f"datetime.{name}" for name in ("now", "utcnow", "today")),
}


def test_only_the_clock_reads_the_machines_clock():
    found = {NAMES[path] for path, tree in TREES.items() if reached(tree, {"time", "datetime"}) & CLOCKS}
    # `datetime.datetime.now` is an attribute of an attribute.
    found |= {NAMES[path] for path in FILES if "datetime.datetime.now(" in path.read_text()}
    assert found <= set(READS_THE_CLOCK), found - set(READS_THE_CLOCK)


def test_only_ids_draws_lots():
    found = {
        NAMES[path]
        for path, tree in TREES.items()
        if reached(tree, {"random", "secrets", "uuid"}) or "os.urandom" in reached(tree, {"os"})
    }
    assert found <= set(DRAWS_LOTS), found - set(DRAWS_LOTS)


@pytest.mark.parametrize("allowed", [LONG_FILES, LONG_FUNCTIONS, READS_THE_CLOCK, DRAWS_LOTS])
def test_every_exception_is_of_a_file_that_exists_and_has_a_reason(allowed):
    for name, reason in allowed.items():
        assert (ROOT / name.partition(":")[0]).exists()
        assert reason
