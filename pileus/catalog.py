"""Which services this cloud has, and where each lives.

A service's code is imported when it is first called (or, without hurry, after the start), so that the start does not
grow with every service that moves in.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

from pileus.control import Reconciler
from pileus.model import index
from pileus.service import Service

# botocore's name of a service -> the package that has it under the same name, and `reconcilers()` for background work.
SERVICES: dict[str, str | Service] = {
    "dynamodb": "pileus.services.dynamodb",
    "dynamodbstreams": "pileus.services.dynamodb.streams",
    "ebs": "pileus.services.ec2.direct",
    "ec2": "pileus.services.ec2",
    "glacier": "pileus.services.glacier",
    "iam": "pileus.services.iam",
    "kms": "pileus.services.kms",
    "s3": "pileus.services.s3",
    "sqs": "pileus.services.sqs",
    "ssm": "pileus.services.ssm",
    "sts": "pileus.services.sts",
}


Begin = Callable[[Any], Awaitable[Callable[[], None]]]


class Catalog(Mapping[str, Service]):
    """Services by name, imported on demand. A place may also be a Service itself."""

    def __init__(self, places: Mapping[str, str | Service] = SERVICES):
        self._places = dict(places)
        self._loaded: dict[str, Service] = {}

    def __getitem__(self, name: str) -> Service:
        found = self._loaded.get(name)
        if found is None:
            place = self._places[name]
            found = place if isinstance(place, Service) else getattr(import_module(place), name)
            if not isinstance(found, Service):
                raise TypeError(f"{place}.{name} is no Service")
            self._loaded[name] = found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def described(self) -> list[index.Entry]:
        """What the services' models say of themselves, without importing or loading them."""
        return [index.entry(name) for name in self._places]

    def begin(self, name: str) -> Begin | None:
        """What the service does once when the cloud starts, after its reconcilers are there: it returns what ends
        it."""
        place = self._places[name]
        return None if isinstance(place, Service) else getattr(import_module(place), "begin", None)

    def reconcilers(self, name: str) -> list[Reconciler]:
        place = self._places[name]
        if isinstance(place, Service):
            return []
        made: list[Reconciler] = getattr(import_module(place), "reconcilers", list)()
        return made
