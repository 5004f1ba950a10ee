"""Documentation that drifts from the code fails here."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from pileus.catalog import SERVICES
from pileus.cli import COMMANDS
from pileus.settings import Settings

DOCS = Path("docs")
OPERATIONS = (DOCS / "operations.md").read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_explained(command):
    # `serve` is what `up` starts; nobody types it.
    assert command == "serve" or f"`pileus {command}" in OPERATIONS


@pytest.mark.parametrize("setting", [field.name for field in fields(Settings)])
def test_every_setting_is_explained(setting):
    assert f"`PILEUS_{setting.upper()}`" in OPERATIONS


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_its_page(service):
    assert (DOCS / "services" / f"{service}.md").exists()


@pytest.mark.parametrize("page", [Path("README.md"), *DOCS.rglob("*.md")], ids=str)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page} points at {target}"


@pytest.mark.parametrize("page", [Path("README.md"), *DOCS.rglob("*.md")], ids=str)
def test_files_that_pages_name_are_there(page):
    for name in re.findall(r"`((?:pileus|tests|bench|docs|scripts)/[\w./-]+\.(?:py|md|toml|sh))`", page.read_text()):
        assert Path(name).exists(), f"{page} names {name}"


def test_decisions_are_numbered_one_after_another():
    numbers = sorted(int(path.name[:4]) for path in (DOCS / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
