"""Where this host takes its Debian packages from: images are made of packages of the same mirrors."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    uri: str
    suite: str
    components: tuple[str, ...]


def sources(etc: Path, release: str) -> list[str]:
    """Lines for sources.list of `release`, taken from the host's own in `etc` (/etc), whatever its own release is."""
    own = _codename(etc)
    lines = []
    for source in [*_one_line(etc), *_deb822(etc)]:
        flavour = source.suite.removeprefix(own) if own else ""
        if (
            own
            and source.suite.startswith(own)
            and flavour in ("", "-updates", "-security")
            and ("main" in source.components)
        ):
            lines.append(f"deb {source.uri} {release}{flavour} main")
    return list(dict.fromkeys(lines))


def _codename(etc: Path) -> str:
    """Empty unless the host is a Debian."""
    path = etc / "os-release"
    found = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', path.read_text(), re.MULTILINE)) if path.exists() else {}
    return found.get("VERSION_CODENAME", "") if found.get("ID") == "debian" else ""


def _one_line(etc: Path) -> Iterator[Source]:
    for path in [etc / "apt/sources.list", *sorted((etc / "apt/sources.list.d").glob("*.list"))]:
        for line in path.read_text().splitlines() if path.exists() else ():
            words = re.sub(r"\[[^]]*\]", "", line.partition("#")[0]).split()
            if len(words) > 3 and words[0] == "deb":
                yield Source(words[1], words[2], tuple(words[3:]))


def _deb822(etc: Path) -> Iterator[Source]:
    for path in sorted((etc / "apt/sources.list.d").glob("*.sources")):
        text = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("#"))
        for stanza in re.split(r"\n\s*\n", text):
            fields = {
                name.lower(): value.split() for name, value in re.findall(r"^(\S+):[ \t]*(.*)$", stanza, re.MULTILINE)
            }
            if "deb" in fields.get("types", ()) and fields.get("enabled", ["yes"]) != ["no"]:
                for uri in fields.get("uris", ()):
                    for suite in fields.get("suites", ()):
                        yield Source(uri, suite, tuple(fields.get("components", ())))
