"""Where bodies end, next requests begin, and pieces are cut: a connection fed in pieces of every size.

A large body goes from the socket into blocks of its own, past the parser (gateway/incoming.py). Whatever the cuts, what
the app reads is what was sent, and the request behind it is found.
"""

import asyncio
import hashlib
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.base.errors import ApiError
from pileus.gateway.connection import Connection
from pileus.gateway.server import Server
from pileus.gateway.serving import Limits
from pileus.wire import HttpResponse

KIB = 1024
BORDER = 64 * KIB


class Transport:
    """A socket's stand-in: what was written, and whether reading is paused."""

    def __init__(self):
        self.written, self.paused, self.closing, self.aborted = b"", False, False, False

    def get_extra_info(self, name):
        return ("127.0.0.1", 1) if name == "peername" else None

    def is_closing(self):
        return self.closing

    def write(self, data):
        self.written += data

    def write_eof(self):
        pass

    def pause_reading(self):
        assert not self.paused
        self.paused = True

    def resume_reading(self):
        self.paused = False

    def close(self):
        self.closing = True

    def abort(self):
        self.closing = self.aborted = True


class App:
    """Puts are read as streams, or left unread under /refused; everything answers with what was read."""

    def __init__(self):
        self.read = []
        self.tasks = set()

    def wants_stream(self, head):
        return head.method == "PUT"

    def start(self, request, peer, tls, respond):
        body = request.body
        if request.path == "/refused":
            respond(HttpResponse(403, [], b"no"))
        elif isinstance(body, bytes):
            self.answer(request, body, respond)
        else:
            task = asyncio.get_running_loop().create_task(self.consume(request, respond))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def consume(self, request, respond):
        try:
            pieces = [bytes(piece) async for piece in request.body]
        except ApiError as error:
            respond(HttpResponse(error.status, [], error.code.encode()))
            return
        self.answer(request, b"".join(pieces), respond)

    def answer(self, request, body, respond):
        self.read.append((request.method, request.path, len(body), hashlib.md5(body).hexdigest()))
        respond(HttpResponse(200, [], b""))

    def refuse(self, status, code, message):
        return HttpResponse(status, [], code.encode())


class Wire:
    """A connection, and bytes arriving on it."""

    def __init__(self, limits=None, server=None):
        self.server = server or Server(App(), limits or Limits())
        self.app = self.server.app
        self.connection, self.transport = Connection(self.server), Transport()
        self.connection.connection_made(self.transport)

    async def arrive(self, data):
        """`data` as the socket gives it: never more than there is space for, nothing while reading is paused."""
        at = 0
        while at < len(data) and not self.transport.closing:
            while self.transport.paused:
                await asyncio.sleep(0)
            space = self.connection.get_buffer(-1)
            assert len(space) > 0
            size = min(len(space), len(data) - at)
            space[:size] = data[at : at + size]
            self.connection.buffer_updated(size)
            at += size

    async def quiet(self):
        while self.app.tasks:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.server.flush()


def head(method, path, *headers):
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: x", *headers, "", "")).encode()


def body_of(size, seed=0):
    return hashlib.shake_128(f"{size} {seed}".encode()).digest(size)


def put(size, path="/put", *headers):
    return head("PUT", path, f"Content-Length: {size}", *headers) + body_of(size)


def chunked(size, chunk, path="/chunked"):
    body = body_of(size)
    parts = [body[at : at + chunk] for at in range(0, size, chunk)]
    return head("PUT", path, "Transfer-Encoding: chunked") + b"".join(
        b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""]
    )


def read(method, path, size):
    return method, path, size, hashlib.md5(body_of(size)).hexdigest()


def fed(messages, cuts, limits=None):
    """What the app read when `messages` came cut at `cuts`, and what the client was answered."""
    data = b"".join(messages)

    async def main():
        wire = Wire(limits)
        borders = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
        for start, stop in pairwise(borders):
            await wire.arrive(data[start:stop])
            await asyncio.sleep(0)
        await wire.quiet()
        return wire

    return asyncio.run(asyncio.wait_for(main(), 10))


SIZES = st.one_of(
    st.sampled_from([0, 1, BORDER - 1, BORDER, BORDER + 1, 2 * BORDER, 2 * BORDER + 1, 1024 * KIB, 1024 * KIB + 1]),
    st.integers(0, 300_000),
    st.integers(1_000_000, 2_500_000),
)
MESSAGES = st.one_of(
    SIZES.map(lambda size: (put(size), read("PUT", "/put", size))),
    st.tuples(st.integers(1, 200_000), st.integers(1_000, 100_000)).map(
        lambda pair: (chunked(*pair), read("PUT", "/chunked", pair[0]))
    ),
    st.integers(0, 70_000).map(
        lambda size: (
            head("POST", "/post", f"Content-Length: {size}") + body_of(size),
            read("POST", "/post", size),
        )
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(MESSAGES, min_size=1, max_size=4), st.lists(st.integers(0, 10_000_000), max_size=12))
def test_whatever_the_cuts_what_was_sent_is_read(messages, cuts):
    wire = fed([data for data, _ in messages], cuts)
    assert wire.app.read == [expected for _, expected in messages]
    assert wire.transport.written.count(b"HTTP/1.1 200") == len(messages)
    assert not wire.transport.closing
    assert wire.server.blocks.arriving == 0


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([BORDER - 1, BORDER, BORDER + 1, BORDER * 2, 1024 * KIB, 1024 * KIB + BORDER]),
    st.integers(-200, 3),
    st.integers(-3, 3),
)
def test_a_cut_beside_a_body_s_end_loses_nothing(size, before, after):
    """The last bytes of a body with, without and in the middle of the head of the next request."""
    first, second = put(size), put(BORDER + 1, "/second")
    wire = fed([first, second], [len(first) + before, len(first) + after])
    assert wire.app.read == [read("PUT", "/put", size), read("PUT", "/second", BORDER + 1)]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400_000), st.integers(1_000, 400_000), st.lists(st.integers(0, 1_000_000), max_size=6))
def test_a_client_is_held_up_however_little_may_be_read_ahead(size, ahead, cuts):
    wire = fed([put(size), put(200_000, "/second")], cuts, Limits(stream_ahead_bytes=ahead // 8, whole_bytes=16))
    assert wire.app.read == [read("PUT", "/put", size), read("PUT", "/second", 200_000)]


def test_a_wish_to_upgrade_costs_no_body():
    """Java's client and `curl --http2` ask for HTTP/2 with every request; its body is its body all the same."""
    wish = "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"
    for size in (0, 10, 70_000, 200_000):
        wire = fed([put(size, "/put", *wish)] * 40 + [put(5, "/second")], [50, 150, 300])
        assert wire.app.read == [read("PUT", "/put", size)] * 40 + [read("PUT", "/second", 5)]
        wire = fed([put(size, "/put", "Connection: close, Upgrade", "Upgrade: h2c"), put(5, "/second")], [50])
        assert wire.app.read == [read("PUT", "/put", size)]
        assert wire.transport.closing
    chunks = chunked(1000, 100).replace(b"Host: x", b"Host: x\r\nConnection: upgrade\r\nUpgrade: h2c")
    assert fed([chunks], [50]).app.read == [read("PUT", "/chunked", 1000)]


def test_what_follows_the_last_request_costs_nobody_an_answer():
    """Neither a request behind `Connection: close` nor noise takes the answer of what came before it."""
    for size in (10, 200_000):
        for last, more in ((("Connection: close",), put(5, "/second")), ((), b"\x00\x01 noise\r\n\r\n")):
            wire = fed([put(size, "/put", *last), more], [50])
            assert wire.app.read == [read("PUT", "/put", size)]
            assert wire.transport.written.startswith(b"HTTP/1.1 200")
            assert b"connection: close" in wire.transport.written


def test_a_body_whose_chunks_are_none_is_told_so():
    wire = fed([chunked(1000, 1000).removesuffix(b"0\r\n\r\n"), b"zzz\r\n"], [50])
    assert wire.app.read == []
    assert wire.transport.written.startswith(b"HTTP/1.1 400")


def test_two_lengths_of_one_body_are_refused():
    for headers in (
        ("Content-Length: 200000", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 200000"),
        ("Content-Length: 200000", "Content-Length: 200001"),
        ("Content-Length: 200000", "Content-Length: 200000"),
        ("Content-Length: +200000",),
        ("Content-Length: 200000,200000",),
        ("Content-Length: 99999999999999999999999",),
        ("Transfer-Encoding: identity, chunked, identity",),
    ):
        wire = fed([head("PUT", "/put", *headers), body_of(200_000)], [])
        assert wire.app.read == [], headers
        assert wire.transport.written.startswith(b"HTTP/1.1 400"), headers


def test_what_is_refused_at_its_head_is_not_read_on_as_a_request():
    """A body that nobody wants may hold what looks like a request."""
    hidden = put(0, "/hidden")
    for size in (70_000, 300_000):
        body = (hidden * (size // len(hidden) + 1))[:size]
        wire = fed([head("PUT", "/refused", f"Content-Length: {size}"), body, hidden], [200, 60_000])
        assert wire.app.read == []
        assert wire.transport.written.count(b"HTTP/1.1") == 1


def test_a_client_that_hangs_up_in_a_body_leaves_nothing_behind():
    async def main(size, sent):
        wire = Wire()
        await wire.arrive(put(size)[:sent])
        await asyncio.sleep(0)
        wire.connection.eof_received()
        wire.connection.connection_lost(None)
        tasks = list(wire.app.tasks)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert wire.app.read == []
        assert all(isinstance(error, ConnectionResetError) for error in ended)
        assert wire.server.blocks.arriving == 0
        assert wire.server.connections == set()

    for size, sent in ((70_000, 100), (200_000, 90_000), (3_000_000, 1_100_000), (3_000_000, 2_999_999)):
        asyncio.run(main(size, sent))


def test_a_body_that_stops_coming_is_answered_and_one_that_waits_for_us_is_not_hurried():
    async def stopped(data):
        wire = Wire()
        await wire.arrive(data)
        await asyncio.sleep(0)
        wire.connection.sweep(wire.connection.since + 61)
        await wire.quiet()
        return wire.transport.written

    async def held_up():
        wire = Wire()
        wire.connection.pause("answers")  # the client has not read what it asked for before
        wire.connection._drained = asyncio.get_running_loop().create_future()
        wire.transport.paused = False
        await wire.arrive(put(1_000_000)[:400_000])
        wire.connection.pause("stream")
        wire.connection.unread_since = wire.connection.since + 61
        wire.connection.sweep(wire.connection.since + 61)
        return wire.transport.closing

    for size in (70_000, 200_000):
        said = asyncio.run(stopped(put(size)[: size - 50_000]))
        assert said.startswith(b"HTTP/1.1 400"), said
        assert b"RequestTimeout" in said
    assert not asyncio.run(held_up())


def test_what_all_clients_together_send_before_anybody_knows_them_is_bounded():
    """A body that is read whole is there before its signature is looked at."""

    async def main():
        first = Wire(Limits(held_bytes=1_000_000))
        second = Wire(server=first.server)
        body = head("POST", "/post", "Content-Length: 900000") + body_of(900_000)
        await first.arrive(body[:-10])
        await second.arrive(body)
        assert second.transport.written.startswith(b"HTTP/1.1 503")
        assert b"SlowDown" in second.transport.written
        second.connection.connection_lost(None)
        await first.arrive(body[-10:] + head("POST", "/post", "Content-Length: 5") + b"small")
        await first.quiet()
        assert [length for _, _, length, _ in first.app.read] == [900_000, 5]
        assert first.server.held == 0
        await first.arrive(body)
        assert first.transport.written.count(b"HTTP/1.1 200") == 3
        assert first.server.held == 0

    asyncio.run(main())


def test_a_wish_for_a_tunnel_is_no_wish_to_be_read_again():
    for headers in (("Content-Length: 5",), ("Content-Length: 5", "Upgrade: x", "Connection: upgrade"), ()):
        wire = fed([head("CONNECT", "/put", *headers), b"12345"], [])
        assert [method for method, *_ in wire.app.read] == ["CONNECT"]
