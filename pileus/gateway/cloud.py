"""The cloud: everything a request may meet, made by the composition root (app.py), or by a test."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pileus.base.clock import Clock
from pileus.blobs import Blobs, NoBlobs
from pileus.drivers import Drivers, no_drivers
from pileus.identity.keys import Conveniences
from pileus.identity.standing import Standings
from pileus.identity.usage import Uses
from pileus.keyring import Keyring
from pileus.service import Call, Service, authorize
from pileus.service.call import Vantage
from pileus.service.records import Recorder
from pileus.store import Store

from .route import Router, Services
from .waiting import Waiting


@dataclass
class Cloud:
    """Everything a request may meet. Made by the composition root (app.py), or by a test."""

    store: Store
    clock: Clock
    services: Services
    conveniences: Conveniences | None = None
    keyring: Keyring = field(default_factory=Keyring)
    blobs: Blobs = field(default_factory=NoBlobs)
    drivers: Drivers = field(default_factory=no_drivers)
    unknown_images: str = ""
    """The machine image that image ids of AWS's own stand for; '' for none."""

    trust: Callable[[], str] = field(default=str)
    """The certificate (PEM) of the authority that machines are to trust; '' for none. Asked when one boots."""

    vantage: Vantage | None = None
    """Set on the copy of the cloud that answers at an endpoint inside a network."""

    zone_latency: float = 0.0
    """Seconds that a packet of a machine takes from one zone to another."""

    def __post_init__(self) -> None:
        self.router = Router(self.services)
        self.standings = Standings()
        self.uses = Uses()
        self.recorder = Recorder(self.store)
        self.waiting = Waiting(self)

    def service(self, name: str) -> Service:
        return self.services[name]

    def authorize(self, call: Call) -> None:
        authorize(call)
