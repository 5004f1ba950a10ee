"""Measures real machines: boots, memory, attaching, packets through many rules. As root: python -m bench machines-real.

A cloud of its own is started and reset. Times are what a client sees, ssh included.
"""

import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pileus.drivers.machines.runc import RuncMachines
from pileus.drivers.networks import inside
from pileus.drivers.networks.namespaces import NamespaceNetworks
from tests.drivers.networks.conftest import Site
from tests.drivers.networks.plans import EVERYTHING, group, interface, network, tcp
from tests.machines.real_cloud import SSH, Guest, RealCloud

MIB = 2**20
LIMIT = 600.0
POLL = 0.1
"""Seconds between looks at a machine that boots: thirty who look all the time would take what the machines need."""
PORT = 7_000
TRANSFER_SECONDS = 3.0
CONNECTIONS = 2_000


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-machines-"))
    cloud = RealCloud(folder)
    try:
        cloud.up()
        group_id = cloud.group("bench", (22, "0.0.0.0/0"))
        boots(cloud, group_id, 10)
        together(cloud, group_id, 20)
        together(cloud, group_id, 30)
        attaching(cloud, group_id)
    finally:
        cloud.shell("pileus reset --yes")
        shutil.rmtree(folder)
    packets()


def say(what: str, took: list[float], unit: str = "s") -> None:
    print(f"{what}: median {statistics.median(took):.2f} {unit}, {min(took):.2f} to {max(took):.2f}", flush=True)


def until(true: Callable[[], Any], pause: float = 0.01) -> None:
    end = time.monotonic() + LIMIT
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("it did not come true")
        time.sleep(pause)


def listens(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=0.5) as line:
            return line.recv(64).startswith(b"SSH-")
    except OSError:
        return False


def enters(key: Path, address: str) -> bool:
    words = ["ssh", *SSH, "-i", str(key), f"admin@{address}", "true"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def ready(guest: Guest, since: float) -> float:
    """Seconds from `since` until ssh works."""
    address = guest.public
    until(lambda: listens(address), POLL)
    until(lambda: enters(guest.key, address), POLL)
    return time.monotonic() - since


def boots(cloud: RealCloud, group_id: str, count: int) -> None:
    cloud.launch([group_id]).reached().terminate()  # the image is in the pool from here on
    took = []
    for _ in range(count):
        since = time.monotonic()
        guest = cloud.launch([group_id])
        took.append(ready(guest, since))
        guest.terminate()
        guest.becomes("terminated")
    say(f"RunInstances to ssh, {count} one after the other", took)


def together(cloud: RealCloud, group_id: str, count: int) -> None:
    since = time.monotonic()
    made = cloud.ec2.run_instances(
        ImageId=cloud.image(), MinCount=count, MaxCount=count, InstanceType="t3.micro", KeyName="first",
        SecurityGroupIds=[group_id],
    )["Instances"]  # fmt: skip
    answered = time.monotonic() - since
    guests = [Guest(cloud, one["InstanceId"], cloud.key("first")) for one in made]
    took: list[float] = []
    threads = [threading.Thread(target=lambda guest=guest: took.append(ready(guest, since))) for guest in guests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"RunInstances of {count}: answered after {answered:.2f} s")
    say(f"… to ssh, {count} at once", took)
    time.sleep(5)  # idle is when the first boot's work is done
    say("… memory of an idle machine, its monitor included (PSS)", memory(cloud, "Pss"), "MiB")
    say("… of that its own, not of files", memory(cloud, "Pss_Anon"), "MiB")
    since = time.monotonic()
    cloud.ec2.terminate_instances(InstanceIds=[guest.id for guest in guests])
    driver = machines_of(cloud)
    until(lambda: not driver.ids(), 0.05)
    print(f"… terminated after {time.monotonic() - since:.1f} s", flush=True)


def machines_of(cloud: RealCloud) -> RuncMachines:
    home = cloud.data / "host"
    return RuncMachines(home, (home / "tag").read_text().strip())


def memory(cloud: RealCloud, what: str) -> list[float]:
    driver, holders = machines_of(cloud), monitors()
    found = []
    for id in driver.ids():
        processes = [*driver._folder(id).cgroup().processes(), *holders.get(id, [])]
        found.append(sum(share(pid, what) for pid in processes) / MIB)
    return found


def share(pid: int, what: str) -> int:
    """Bytes of a process' memory, what it shares counted in parts."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(re.search(rf"^{what}:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024  # type: ignore[index]


def monitors() -> dict[str, list[int]]:
    """Machine -> its conmon."""
    found: dict[str, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if words and words[0].endswith("conmon"):
            for word in words:
                if word.startswith("i-"):
                    found.setdefault(word, []).append(int(folder.name))
                    break
    return found


def attaching(cloud: RealCloud, group_id: str) -> None:
    """AttachVolume to the attachment being there, and DetachVolume to the volume being free again."""
    guest, ec2 = cloud.launch([group_id]).reached(), cloud.ec2
    volume = ec2.create_volume(AvailabilityZone=guest.shown()["Placement"]["AvailabilityZone"], Size=10)["VolumeId"]

    def state() -> str:
        found = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]
        return str(found["Attachments"][0]["State"] if found["Attachments"] else found["State"])

    until(lambda: state() == "available")
    on, off = [], []
    for _ in range(10):
        since = time.monotonic()
        ec2.attach_volume(VolumeId=volume, InstanceId=guest.id, Device="/dev/sdf")
        until(lambda: state() == "attached", 0.001)
        on.append((time.monotonic() - since) * 1e3)
        since = time.monotonic()
        ec2.detach_volume(VolumeId=volume)
        until(lambda: state() == "available", 0.001)
        off.append((time.monotonic() - since) * 1e3)
    say("AttachVolume until attached", on, "ms")
    say("DetachVolume until available", off, "ms")


# Packets: the driver's own, since an account has 60 rules a group.


def packets() -> None:
    for rules in (1, 1_000, 1, 1_000):
        with site() as made:
            many = [tcp(f"r{number}", number, "10.0.0.0/16") for number in range(1, rules)]
            plan = network(
                "vpc-1",
                interface("one", "a", "10.0.1.10"),
                interface("two", "b", "10.0.2.10", groups=("many",)),
                groups=(group("open", EVERYTHING), group("many", *many, tcp("the one", PORT, "10.0.0.0/16"))),
            )
            begin = time.perf_counter()
            made.networks.ensure(plan)
            ensured = time.perf_counter() - begin
            one, two = made.plugged(plan)
            begin = time.perf_counter()
            made.networks.ensure(plan)
            again = time.perf_counter() - begin
            gbit, micros, opened = stream(one, two), trips(one, two), connections(one, two)
        print(
            f"a group with {rules} rules: {gbit:.1f} Gbit/s, {micros:.0f} us a round trip, {opened:.0f} connections/s;"
            f" made in {ensured * 1e3:.0f} ms, looked at again in {again * 1e3:.1f} ms",
            flush=True,
        )


@contextmanager
def site() -> Any:
    folder = Path(tempfile.mkdtemp(prefix="bench-networks-"))
    made = Site(folder, "bench", NamespaceNetworks(folder, "bench"))
    try:
        yield made
    finally:
        made.clear()
        shutil.rmtree(folder)


@contextmanager
def served(two: Any, work: Callable[[socket.socket], None]) -> Any:
    listener = two.made()
    listener.bind(("", PORT))
    listener.listen(1_024)

    def accept() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line:
                work(line)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def connected(one: Any) -> socket.socket:
    line: socket.socket = one.made()
    line.settimeout(60)
    line.connect(("10.0.2.10", PORT))
    return line


def stream(one: Any, two: Any) -> float:
    block, room = bytes(MIB), bytearray(MIB)
    got = 0

    def swallow(line: socket.socket) -> None:
        nonlocal got
        while count := line.recv_into(room):
            got += count

    begin = time.perf_counter()
    with served(two, swallow):
        with connected(one) as line:
            while time.perf_counter() - begin < TRANSFER_SECONDS:
                line.sendall(block)
        took = time.perf_counter() - begin
    return got * 8 / took / 1e9


def trips(one: Any, two: Any) -> float:
    def echo(line: socket.socket) -> None:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while said := line.recv(64):
            line.sendall(said)

    took = []
    with served(two, echo), connected(one) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(5_000):
            begin = time.perf_counter()
            line.sendall(b"x")
            line.recv(64)
            took.append(time.perf_counter() - begin)
    return statistics.median(took) * 1e6


def connections(one: Any, two: Any) -> float:
    def work() -> float:
        begin = time.perf_counter()
        for _ in range(CONNECTIONS):
            with socket.socket() as line:
                line.connect(("10.0.2.10", PORT))
        return CONNECTIONS / (time.perf_counter() - begin)

    with served(two, lambda line: None):
        return float(inside.inside(one.namespace, work))
