"""The cloud as its machines see it: the metadata service in every network, and the API at the edge and at endpoints.

Sockets are made by the networks' driver, inside the networks; from there on they are served like any other. Nobody
inside may use the well-known keys: a machine has the credentials of its role, or none.
"""

import asyncio
import copy
import logging
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from pileus.base import ids
from pileus.base.errors import ApiError
from pileus.control import Done, Outcome, RequeueAt
from pileus.control.outside import outside
from pileus.drivers import Unable
from pileus.service.call import Vantage
from pileus.services.ec2 import metadata
from pileus.services.ec2.metadata.answering import Network
from pileus.services.ec2.vpc import serving
from pileus.wire import HttpRequest, HttpResponse

from .admin import Admin
from .cloud import Cloud
from .front import Front
from .pipeline import plain_error
from .server import Server
from .serving import Limits, Respond

log = logging.getLogger("pileus.gateway")

AGAIN_SECONDS = 5.0
PLAIN, TLS = 80, 443
HOPS = 64
MACHINE_LIMITS = Limits(connections=1_024, body_bytes=64 * 1024)
Key = tuple[Any, ...]


class MetadataApp:
    """What the server serves at 169.254.169.254 of one network (gateway/serving.py: App)."""

    def __init__(self, cloud: Cloud, network: Network):
        self._cloud, self._network = cloud, network

    def wants_stream(self, head: HttpRequest) -> bool:
        return False

    def start(self, request: HttpRequest, peer: str, tls: str, respond: Respond) -> None:
        def done(answer: Any, error: BaseException | None) -> None:
            if error is not None:
                log.error("the metadata service failed", exc_info=error)
                respond(_metadata(metadata.Answer(500)))
            else:
                respond(_metadata(answer))

        cloud, network = self._cloud, self._network
        cloud.store.submit(
            lambda tx: metadata.answer(cloud, tx, network, peer, request.method, request.path, request.headers), done
        )

    def refuse(self, status: int, code: str, message: str) -> HttpResponse:
        return plain_error(ApiError(message, code=code, status=status), ids.request_id())


def _metadata(answer: metadata.Answer) -> HttpResponse:
    headers = [("content-type", "text/plain"), ("server", "EC2ws"), *answer.headers]
    return HttpResponse(answer.status, headers, answer.body, answer.hops or HOPS)


class Open(NamedTuple):
    """What listens in one network. `since`: which making of the network it listens in."""

    since: float
    servers: dict[tuple[str, int], Server]


class Inside:
    """Opens and closes what listens in networks, as they come and go. A reconciler of VPCs, after the one that makes
    their networks."""

    watches = "ec2.vpcs"
    outside = True

    def __init__(self, cloud: Cloud, version: str, tls: Callable[[], ssl.SSLContext]):
        self._cloud, self._version, self._tls_of = copy.copy(cloud), version, tls
        self._cloud.conveniences = None
        self._open: dict[str, Open] = {}
        self._edge: dict[tuple[str, int], Server] = {}
        self._edge_turn = asyncio.Lock()
        self._tls: ssl.SSLContext | None = None

    async def reconcile(self, world: Any, key: Key) -> Outcome:
        account, region, vpc = key
        wanted = await self._cloud.store.transact(lambda tx: serving.wanted(tx, account, region, vpc))
        known = self._open.get(vpc)
        if known is not None and (wanted is None or known.since != wanted.since):
            await self._close(self._open.pop(vpc).servers)
        if wanted is None:
            return Done
        try:
            await self._serve_network((account, region, vpc), wanted)
            if wanted.internet:
                await self._serve_edge()
        except (Unable, OSError) as error:
            log.error("cannot listen in %s: %s", vpc, error)
            return RequeueAt(self._cloud.clock.now() + AGAIN_SECONDS)
        return Done

    async def _serve_network(self, network: Network, wanted: serving.Wanted) -> None:
        vpc = network[2]
        opened = self._open.setdefault(vpc, Open(wanted.since, {}))
        places = {(metadata.ADDRESS, metadata.PORT): None, **self._endpoint_places(wanted)}
        for place in set(opened.servers) - set(places):
            await self._close({place: opened.servers.pop(place)})
        for place, endpoint in places.items():
            if place in opened.servers:
                continue
            if endpoint is None:
                opened.servers[place] = await self._listen(
                    vpc, place, MetadataApp(self._cloud, network), MACHINE_LIMITS
                )
            else:
                policy = partial(serving.policy_of, account=network[0], region=network[1], endpoint=endpoint)
                vantage = Vantage(vpc, endpoint, policy)
                opened.servers[place] = await self._listen(vpc, place, self._front(vantage), Limits())

    def _endpoint_places(self, wanted: serving.Wanted) -> dict[tuple[str, int], str | None]:
        edge_address = self._cloud.drivers.networks.edge_address
        return {
            (edge_address(number), port): endpoint
            for endpoint, number in wanted.endpoints.items()
            for port in (PLAIN, TLS)
        }

    async def _serve_edge(self) -> None:
        async with self._edge_turn:
            for number in serving.EDGE_NUMBERS:
                address = self._cloud.drivers.networks.edge_address(number)
                for port in (PLAIN, TLS):
                    if (address, port) not in self._edge:
                        self._edge[address, port] = await self._listen("", (address, port), self._front(None), Limits())

    def _front(self, vantage: Vantage | None) -> Front:
        cloud = copy.copy(self._cloud)
        cloud.vantage = vantage
        return Front(cloud, Admin(cloud), self._version)

    async def _listen(self, vpc: str, place: tuple[str, int], app: Any, limits: Limits) -> Server:
        made: socket.socket = await outside(self._cloud.drivers.networks.listen, vpc, *place)
        server = Server(app, limits)
        tls = None
        if place[1] == TLS:
            tls = self._tls = self._tls or await outside(self._tls_of)
        await server.listen_on(made, tls)
        return server

    async def _close(self, servers: dict[tuple[str, int], Server]) -> None:
        for server in servers.values():
            await server.stop(0.0)

    async def stop(self) -> None:
        for opened in self._open.values():
            await self._close(opened.servers)
        await self._close(self._edge)
        self._open.clear()
        self._edge.clear()
