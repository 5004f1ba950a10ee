"""Which service a signing name, endpoint prefix or target prefix belongs to, over every service AWS has.

Only the first bytes of each model are unpacked (metadata stands first), so that a service Pileus does not have can
still be refused by its name.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any, NamedTuple

from pileus.model import files

_BEGINNING = 4096
_DECODER = json.JSONDecoder()


class Entry(NamedTuple):
    """One service in a line. `name` is what `load` takes."""

    name: str
    full_name: str
    service_id: str
    endpoint_prefix: str
    signing_name: str
    target_prefix: str | None
    protocols: tuple[str, ...]
    api_version: str


@cache
def services() -> tuple[Entry, ...]:
    """Every service with a model, by name."""
    found = []
    with os.scandir(files.data_folder()) as folders:
        names = sorted(folder.name for folder in folders if folder.is_dir())
    for name in names:
        try:
            path = files.model_file(name)
        except files.ModelNotFound:
            continue  # botocore keeps a few folders without a model
        found.append(_entry(name, _metadata(path)))
    return tuple(found)


@cache
def entry(name: str) -> Entry:
    """One service, by the name `load` takes, without looking at the others. Raises ModelNotFound."""
    return _entry(name, _metadata(files.model_file(name)))


def _metadata(path: str) -> dict[str, Any]:
    text = files.read_beginning(path, _BEGINNING)
    start = text.find('"metadata"')
    if start >= 0:
        start = text.index(":", start) + 1
        start += len(text[start : start + 80]) - len(text[start : start + 80].lstrip())
        try:
            metadata: dict[str, Any] = _DECODER.raw_decode(text, start)[0]
            return metadata
        except json.JSONDecodeError:
            pass  # longer than the beginning that was read
    whole: dict[str, Any] = files.read(path)["metadata"]
    return whole


def _entry(name: str, meta: dict[str, Any]) -> Entry:
    endpoint = meta.get("endpointPrefix", name)
    return Entry(
        name=name,
        full_name=meta.get("serviceFullName", name),
        service_id=meta.get("serviceId", name),
        endpoint_prefix=endpoint,
        signing_name=meta.get("signingName", endpoint),
        target_prefix=meta.get("targetPrefix"),
        protocols=tuple(meta.get("protocols") or (meta.get("protocol", ""),)),
        api_version=meta.get("apiVersion", ""),
    )


@cache
def _by(attribute: str) -> dict[str, tuple[Entry, ...]]:
    found: dict[str, list[Entry]] = {}
    for entry in services():
        key = getattr(entry, attribute)
        if key:
            found.setdefault(key, []).append(entry)
    return {key: tuple(entries) for key, entries in found.items()}


def find_services(
    *, signing_name: str | None = None, endpoint_prefix: str | None = None, target_prefix: str | None = None
) -> tuple[Entry, ...]:
    """Every service that fits what is given; the one that bears the name itself stands first."""
    given = {"signing_name": signing_name, "endpoint_prefix": endpoint_prefix, "target_prefix": target_prefix}
    found: tuple[Entry, ...] | None = None
    for attribute, wanted in given.items():
        if wanted is not None:
            fitting = _by(attribute).get(wanted, ())
            found = fitting if found is None else tuple(entry for entry in found if entry in fitting)
    named = signing_name or endpoint_prefix or ""
    return tuple(sorted(found or (), key=lambda entry: (entry.name != named, entry.endpoint_prefix != named)))


def find_service(
    *, signing_name: str | None = None, endpoint_prefix: str | None = None, target_prefix: str | None = None
) -> Entry | None:
    """The best of `find_services`, or None."""
    found = find_services(signing_name=signing_name, endpoint_prefix=endpoint_prefix, target_prefix=target_prefix)
    return found[0] if found else None
