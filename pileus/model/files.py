"""Where botocore keeps AWS's service models, and how to read one without importing botocore."""

import gzip
import importlib.util
import os
import zlib
from functools import cache
from typing import Any

import orjson


class ModelNotFound(LookupError):
    """No service model of that name is installed."""


@cache
def data_folder() -> str:
    spec = importlib.util.find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:
        raise ModelNotFound("botocore, whose data files describe AWS's APIs, is not installed")
    return os.path.join(spec.submodule_search_locations[0], "data")


def model_file(service: str) -> str:
    """The newest version's model; versions are dates, so the greatest name is the newest."""
    folder = os.path.join(data_folder(), service)
    if not service.replace("-", "").isalnum() or not os.path.isdir(folder):
        raise ModelNotFound(f"no service model is named {service!r}")
    for version in sorted(os.listdir(folder), reverse=True):
        for name in ("service-2.json.gz", "service-2.json"):
            path = os.path.join(folder, version, name)
            if os.path.isfile(path):
                return path
    raise ModelNotFound(f"{service!r} has no service model")


def read(path: str) -> dict[str, Any]:
    """A whole model without its documentation texts, which are most of its bytes."""
    with open(path, "rb") as file:
        raw = file.read()
    model = orjson.loads(gzip.decompress(raw) if path.endswith(".gz") else raw)
    _forget_documentation(model)
    return model


def read_beginning(path: str, octets: int) -> str:
    """The first characters of a model, read without unpacking the rest. Metadata stands first."""
    with open(path, "rb") as file:
        if not path.endswith(".gz"):
            return file.read(octets).decode("utf-8", "ignore")
        unpack = zlib.decompressobj(wbits=31)
        return unpack.decompress(file.read(octets), octets).decode("utf-8", "ignore")


def _forget_documentation(model: dict[str, Any]) -> None:
    model.pop("documentation", None)
    for operation in model.get("operations", {}).values():
        operation.pop("documentation", None)
        for part in ("input", "output"):
            if part in operation:
                operation[part].pop("documentation", None)
        for error in operation.get("errors", ()):
            error.pop("documentation", None)
    for shape in model.get("shapes", {}).values():
        shape.pop("documentation", None)
        for use in (shape.get("members") or {}).values():
            use.pop("documentation", None)
        for part in ("member", "key", "value"):
            if part in shape:
                shape[part].pop("documentation", None)
