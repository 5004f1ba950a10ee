"""Measures Pileus beside a peer, in turns, and prints a table: python -m bench [--no-peer] [--seconds N] [--rounds N].
Machines are measured alone: python -m bench machines (in memory), python -m bench machines-real (real ones, as root).

The figure to trust is CPU a request: neighbours hardly move it. Ratios are against the peer in the same run.
"""

import argparse
import itertools
import json
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from . import items, machines, objects, servers, signing
from .servers import Server

MESSAGE = "m" * 256
KIB, MIB = 1024, 1024 * 1024
Figures = dict[str, float]


def wrk(server: Server, raw: bytes | list[bytes], clients: int, seconds: int) -> Figures:
    with tempfile.NamedTemporaryFile(suffix=".requests") as file:
        for one in [raw] if isinstance(raw, bytes) else raw:
            file.write(struct.pack(">I", len(one)) + one)
        file.flush()
        cpu = server.cpu_seconds()
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "20s"]
        command += ["-s", str(Path(__file__).parent / "replay.lua"), f"http://127.0.0.1:{server.port}", "--", file.name]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
        cpu = server.cpu_seconds() - cpu
    line = next(line for line in said.splitlines() if line.startswith("RESULT"))
    requests, micros, bad, p50, p99 = (int(part) for part in line.split()[1:])
    return {
        "cpu us": cpu / max(requests, 1) * 1e6,
        "per second": requests / micros * 1e6,
        "p50 ms": p50 / 1e3,
        "p99 ms": p99 / 1e3,
        "errors": bad,
    }


def alone(server: Server, raw: bytes, count: int = 1_000) -> Figures:
    """One client, one request after the other."""
    client, took = signing.Client(server.port), []
    for _ in range(count):
        begin = time.perf_counter()
        client.call(raw)
        took.append((time.perf_counter() - begin) * 1e3)
    client.close()
    return {"p50 ms": statistics.median(took), "p99 ms": sorted(took)[int(count * 0.99)]}


def queue(server: Server, name: str) -> str:
    client = signing.Client(server.port)
    url: str = json.loads(client.call(signing.sqs(server.port, "CreateQueue", QueueName=name)))["QueueUrl"]
    client.close()
    return url


def fill(server: Server, url: str, count: int) -> None:
    entries = [{"Id": str(n), "MessageBody": MESSAGE} for n in range(10)]
    raw, client = (
        signing.sqs(server.port, "SendMessageBatch", QueueUrl=url, Entries=entries),
        signing.Client(server.port),
    )
    for _ in range(count // 10):
        client.call(raw)
    client.close()


def receive_and_delete(server: Server, url: str, clients: int, seconds: float) -> Figures:
    """Whole pairs: each client receives one message and deletes it, again and again."""
    raw = signing.sqs(server.port, "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=1, VisibilityTimeout=60)
    end, pairs = time.perf_counter() + seconds, [0] * clients

    def work(number: int) -> None:
        client = signing.Client(server.port)
        while time.perf_counter() < end:
            messages = json.loads(client.call(raw)).get("Messages")
            if not messages:
                break
            handle = messages[0]["ReceiptHandle"]
            client.call(signing.sqs(server.port, "DeleteMessage", QueueUrl=url, ReceiptHandle=handle))
            pairs[number] += 1
        client.close()

    cpu, begin = server.cpu_seconds(), time.perf_counter()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count = sum(pairs)
    return {
        "cpu us": (server.cpu_seconds() - cpu) / max(count, 1) * 1e6,
        "per second": count / (time.perf_counter() - begin),
    }


def identity(server: Server) -> bytes:
    return signing.form(server.port, "sts", "GetCallerIdentity", "2011-06-15")


def send(server: Server) -> bytes:
    return signing.sqs(server.port, "SendMessage", QueueUrl=queue(server, "send"), MessageBody=MESSAGE)


def drain(server: Server, seconds: int) -> Figures:
    url = queue(server, "drain")
    fill(server, url, 10_000)
    return receive_and_delete(server, url, 16, seconds)


def growth(server: Server) -> Figures:
    """One send, and one receive and delete, on an empty queue, on one of 100,000 messages, and when those are gone."""
    url, client = queue(server, "growing"), signing.Client(server.port)
    raw = signing.sqs(server.port, "SendMessage", QueueUrl=url, MessageBody=MESSAGE)
    receive = signing.sqs(server.port, "ReceiveMessage", QueueUrl=url, VisibilityTimeout=600)
    many = signing.sqs(server.port, "ReceiveMessage", QueueUrl=url, VisibilityTimeout=600, MaxNumberOfMessages=10)

    def take() -> None:
        handle = json.loads(client.call(receive))["Messages"][0]["ReceiptHandle"]
        client.call(signing.sqs(server.port, "DeleteMessage", QueueUrl=url, ReceiptHandle=handle))

    def median(step: Callable[[], object]) -> float:
        took = []
        for _ in range(300):
            begin = time.perf_counter()
            step()
            took.append((time.perf_counter() - begin) * 1e3)
        return statistics.median(took)

    found = {}
    for label in ("empty", "100k"):
        found[f"send {label} ms"] = median(lambda: client.call(raw))
        found[f"receive+delete {label} ms"] = median(take)
        if label == "empty":
            fill(server, url, 100_000)
    while messages := json.loads(client.call(many)).get("Messages"):
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
        client.call(signing.sqs(server.port, "DeleteMessageBatch", QueueUrl=url, Entries=entries))
    found["send drained ms"] = median(lambda: client.call(raw))
    found["receive+delete drained ms"] = median(take)
    client.close()
    return found


_numbers = itertools.count()


def fresh(name: str) -> str:
    """A name no round before has used."""
    return f"{name}-{next(_numbers)}"


def got(server: Server, ask: Callable[[Server, str], list[bytes]]) -> list[bytes]:
    name = fresh("filled")
    items.filled(server, name)
    return ask(server, name)


def measures(seconds: int) -> dict[str, Callable[[Server], Figures]]:
    return {
        "GetCallerIdentity, 16 clients": lambda server: wrk(server, identity(server), 16, seconds),
        "SendMessage, 16 clients": lambda server: wrk(server, send(server), 16, seconds),
        "Receive + Delete, 16 clients": lambda server: drain(server, seconds),
        "PutObject of 1 KiB, 16 clients": lambda server: wrk(server, objects.puts(server, "k", KIB, 500), 16, seconds),
        "GetObject of 1 KiB, 16 clients": lambda server: wrk(server, objects.gets(server, "k", KIB, 500), 16, seconds),
        "PutObject of 1 MiB, 16 clients": lambda server: wrk(server, objects.puts(server, "m", MIB, 16), 16, seconds),
        "GetObject of 1 MiB, 16 clients": lambda server: wrk(server, objects.gets(server, "m", MIB, 16), 16, seconds),
        "64 MiB in parts of 8, one client": objects.multipart,
        "A page of 1,000 of 10,000 keys": lambda server: wrk(server, objects.page(server), 16, seconds),
        "PutItem, 16 clients": lambda server: wrk(server, items.puts(server, fresh("put")), 16, seconds),
        "GetItem, 16 clients": lambda server: wrk(server, got(server, items.gets), 16, seconds),
        "Query of 20 items, 16 clients": lambda server: wrk(server, got(server, items.queries), 16, seconds),
        "BatchWriteItem of 25, 16 clients": lambda server: wrk(server, items.batches(server, fresh("b")), 16, seconds),
        "GetCallerIdentity, 200 clients": lambda server: wrk(server, identity(server), 200, seconds),
        "SendMessage, 200 clients": lambda server: wrk(server, send(server), 200, seconds),
        "GetCallerIdentity, one client": lambda server: alone(server, identity(server)),
        "SendMessage, one client": lambda server: alone(server, send(server)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=["requests", "machines", "machines-real"], default="requests")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.what == "machines-real":
        from . import machines_real  # needs root and the tests' own tools: only here

        machines_real.main()
        return
    if arguments.what == "machines":
        for title, figures in machines.measure().items():
            show(title, {"pileus": figures})
        return
    if shutil.which("wrk") is None:
        sys.exit("bench needs wrk: apt-get install wrk")
    running = [servers.ours()] + ([] if arguments.no_peer else [servers.peer()])
    try:
        for server in running:
            cold = server.start()
            time.sleep(1)
            print(f"{server.name}: first answer after {cold:.0f} ms, {server.resident_mib():.0f} MiB at rest")
        for title, measure in measures(arguments.seconds).items():
            rounds: dict[str, list[Figures]] = {server.name: [] for server in running}
            for turn in range(arguments.rounds):
                for server in running[turn % len(running) :] + running[: turn % len(running)]:
                    rounds[server.name].append(measure(server))
            show(title, {name: middle(found) for name, found in rounds.items()})
        show("Growth of a queue", {running[0].name: growth(running[0])})
        show("Growth of a table", {running[0].name: items.growth(running[0], arguments.seconds, wrk)})
        show("Growth of a bucket", {running[0].name: objects.growth(arguments.seconds, wrk)})
        print(f"\n{running[0].name}: {running[0].resident_mib():.0f} MiB at the end")
    finally:
        for server in running:
            server.stop()


def middle(rounds: list[Figures]) -> Figures:
    return {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}


def show(title: str, found: dict[str, Figures]) -> None:
    print(f"\n{title}")
    for name, figures in found.items():
        print(f"  {name:8}" + "  ".join(f"{label} {value:,.2f}" for label, value in figures.items()))
    if len(found) == 2:
        mine, theirs = found.values()
        label = next((name for name in ("cpu us", "p50 ms", "up ms") if name in mine), "")
        print(f"  ratio    {theirs[label] / mine[label]:.1f} times less {label.split()[0]} than the peer")


if __name__ == "__main__":
    main()
