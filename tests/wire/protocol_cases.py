"""AWS's own protocol cases, read as data from botocore's source distribution, which is fetched once and kept."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pileus.model import Api, Operation

_INSIDE = "/tests/unit/protocols/"
_BUILD_NEEDS = ("--no-deps", "--no-binary", "botocore", "--quiet", "--disable-pip-version-check")


@dataclass(frozen=True)
class Case:
    """One case: a request or an answer, and what it means."""

    id: str
    protocol: str
    api: Api
    operation: Operation
    raw: dict[str, Any]


def cache_folder() -> Path:
    """`PILEUS_CACHE`, or `.cache` beside the sources."""
    given = os.environ.get("PILEUS_CACHE")
    return Path(given) if given else Path(__file__).parents[2] / ".cache"


def source_distribution() -> Path:
    """Botocore's sources in the version that is installed. Raises CalledProcessError when they cannot be had."""
    version = importlib.metadata.version("botocore")
    folder = cache_folder()
    archive = folder / f"botocore-{version}.tar.gz"
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            *_BUILD_NEEDS,
            "--dest",
            str(folder),
            f"botocore=={version}",
        ]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    return archive


@cache
def files(direction: str) -> dict[str, list[dict[str, Any]]]:
    """The suites of `input` or `output` by file name."""
    found: dict[str, list[dict[str, Any]]] = {}
    with tarfile.open(source_distribution()) as archive:
        for member in archive:
            _, _, inside = member.name.partition(_INSIDE)
            if inside.startswith(direction + "/") and inside.endswith(".json"):
                content = archive.extractfile(member)
                if content is not None:
                    found[Path(inside).stem] = json.loads(content.read())
    return found


@cache
def cases(direction: str) -> tuple[Case, ...]:
    found: list[Case] = []
    for file, suites in sorted(files(direction).items()):
        for suite_number, suite in enumerate(suites):
            for number, raw in enumerate(suite["cases"]):
                found.append(_case(f"{file}:{raw.get('id') or f'{suite_number}.{number}'}", suite, raw))
    return tuple(found)


def model_of(suite: dict[str, Any], raw: dict[str, Any]) -> dict[str, Any]:
    """A service model with the one operation of the case."""
    name = raw["given"].get("name", "OperationName")
    model = {key: value for key, value in suite.items() if key != "cases"}
    return {**model, "operations": {name: {"name": name, **raw["given"]}}}


def _case(name: str, suite: dict[str, Any], raw: dict[str, Any]) -> Case:
    model = model_of(suite, raw)
    api = Api("protocol-cases", model)
    operation = api.operation(next(iter(model["operations"])))
    return Case(name, model["metadata"]["protocol"], api, operation, raw)
