"""What must be so of a cloud at rest: its records say what the host has, and what was acknowledged is there."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

from pileus.cli import running
from pileus.drivers.api import Unable
from pileus.drivers.linux import loops
from pileus.drivers.machines.runc import RuncMachines
from pileus.drivers.volumes.pool import PoolVolumes
from tests.machines.real_cloud import RealCloud

from .work import Kept, Worker, programs

PASSES, BLOCKED = "passes", "is blocked"
OPEN = "exec 3<>/dev/tcp/{address}/{port}"


class Truth:
    """One look at a cloud. `found`: what is wrong, in sentences."""

    def __init__(self, cloud: RealCloud, kept: Kept, random: Random):
        self.cloud, self.kept, self.random = cloud, kept, random
        self.machines = RuncMachines(cloud.data / "host", cloud._tag)
        self.volumes = PoolVolumes(cloud.data / "host", cloud._tag)
        ec2 = cloud.ec2
        self.instances = {
            one["InstanceId"]: one for many in ec2.describe_instances()["Reservations"] for one in many["Instances"]
        }
        self.disks = {disk["VolumeId"]: disk for disk in ec2.describe_volumes()["Volumes"]}
        self.running = sorted(id for id, one in self.instances.items() if one["State"]["Name"] == "running")
        self.found: list[str] = []

    def whole(self) -> list[str]:
        for look in (self._kept, self._machines, self._volumes, self._loops, self._networks, self._programs):
            look()
        self._marks()
        self._reached()
        self._ways()
        return self.found

    def _same(self, what: str, recorded: Any, there: Any) -> None:
        if recorded != there:
            self.found.append(f"{what}: recorded {recorded}, there {there}")

    def _kept(self) -> None:
        """Nothing that was acknowledged is lost."""
        ec2 = self.cloud.ec2
        there = {*self.instances, *self.disks}
        there |= {each["SnapshotId"] for each in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
        there |= {each["ImageId"] for each in ec2.describe_images(Owners=["self"])["Images"]}
        there |= {each["AllocationId"] for each in ec2.describe_addresses()["Addresses"]}
        for prefix in ("i", "snap", "ami", "eipalloc", "vol"):
            lost = self.kept.must_be_there(prefix) - there
            if lost:
                self.found.append(f"acknowledged and lost: {sorted(lost)}")

    def _machines(self) -> None:
        seen = {id: self.machines.observe(id) for id in self.machines.ids()}
        self._same("machines that run", self.running, sorted(id for id, one in seen.items() if one.state == "running"))
        living = {id for id, one in self.instances.items() if one["State"]["Name"] != "terminated"}
        if set(seen) - living:
            self.found.append(f"machines that no record wants: {set(seen) - living}")
        for id, one in seen.items():
            if one.state == "running" and not one.pid:
                self.found.append(f"{id} is said to run, and has no init")
        holders = Counter(words[words.index("-c") + 1] for _, words in programs(self.cloud) if words[0] == "conmon")
        twice = [id for id, number in holders.items() if number > 1 or id not in self.running]
        if twice:
            self.found.append(f"held twice, or held though it does not run: {twice} {holders}")

    def _volumes(self) -> None:
        self._same("disks in the pool", sorted(self.disks), self.volumes.ids())
        for id, disk in self.disks.items():
            seen = self.volumes.observe(id)
            if seen is None:
                continue
            self._same(f"size of {id}", disk["Size"] * 1024**3, seen.size)
            attached = [each["InstanceId"] for each in disk["Attachments"] if each["InstanceId"] in self.running]
            if attached or seen.machine in self.running:
                self._same(f"machine of {id}", "".join(attached), seen.machine)
            for each in disk["Attachments"]:
                device = each["Device"].removeprefix("/dev/").replace("sd", "xvd")
                if each["InstanceId"] in self.running and each["State"] == "attached":
                    self._same(f"device of {id}", device, seen.device)
                    self._within(each["InstanceId"], device)
        for id, one in self.instances.items():
            mapped = sorted(each["Ebs"]["VolumeId"] for each in one["BlockDeviceMappings"])
            attached = sorted(
                disk for disk, shown in self.disks.items() if any(a["InstanceId"] == id for a in shown["Attachments"])
            )
            self._same(f"disks of {id} by itself and by the disks", mapped, attached)

    def _within(self, machine: str, device: str) -> None:
        line = f"test -b /dev/{device} && dd if=/dev/{device} of=/dev/null bs=4096 count=1 2>&1"
        if device == "xvda":
            line = "touch /alive"
        with suppress(Unable):
            done = self.machines.execute(machine, ["sh", "-c", line])
            if done.status:
                self.found.append(f"{machine} cannot use its disk {device}: {done}")

    def _loops(self) -> None:
        """A device for each disk of a running machine, the pool's, and no other."""
        used = Counter(Path(file).name for _, file in loops.used() if file.startswith(str(self.cloud.data)))
        wanted = {
            id for id, disk in self.disks.items() if any(a["InstanceId"] in self.running for a in disk["Attachments"])
        }
        pool = {name for name in used if not name.startswith("vol-")}
        self._same("disks with a loop device", sorted(wanted), sorted(set(used) - pool))
        if len(pool) > 1 or max(used.values(), default=0) > 1:
            self.found.append(f"loop devices: {used}")

    def _networks(self) -> None:
        ec2, tag = self.cloud.ec2, self.cloud._tag
        interfaces = ec2.describe_network_interfaces()["NetworkInterfaces"]
        nats = [nat for nat in ec2.describe_nat_gateways()["NatGateways"] if nat["State"] == "available"]
        used = {each["VpcId"] for each in interfaces if each.get("Attachment", {}).get("InstanceId")} | {
            nat["VpcId"] for nat in nats
        }
        wanted = {f"{tag}.{vpc}" for vpc in used}
        wanted |= {f"{tag}..{nat['VpcId']}.{nat['NatGatewayId']}" for nat in nats}
        names = {path.name for path in Path("/run/netns").glob("*") if path.name.startswith(f"{tag}.")}
        self._same("namespaces", sorted(wanted), sorted(names - {f"{tag}..edge"}))
        for namespace in sorted(f"{tag}.{vpc}" for vpc in used):
            with suppress(FileNotFoundError):
                self._plugged(namespace, interfaces)

    def _plugged(self, namespace: str, interfaces: list[dict[str, Any]]) -> None:
        vpc = namespace.partition(".")[2]
        from pileus.drivers.networks.names import interface_device

        shown = subprocess.run(
            ["ip", "-n", namespace, "-j", "link"], capture_output=True, text=True, check=False
        ).stdout
        devices = {each["ifname"] for each in json.loads(shown or "[]") if each.get("ifname", "").startswith("i")}
        wanted = {
            interface_device(each["NetworkInterfaceId"]): each["Attachment"]["InstanceId"]
            for each in interfaces
            if each["VpcId"] == vpc and each.get("Attachment", {}).get("InstanceId") in self.running
        }
        self._same(f"interfaces plugged into {vpc}", sorted(wanted), sorted(devices))

    def _programs(self) -> None:
        counted = Counter(words[0] for _, words in programs(self.cloud))
        spaces = [path.name for path in Path("/run/netns").glob(f"{self.cloud._tag}.vpc-*")]
        self._same("resolvers", len(spaces), counted["dnsmasq"])
        if counted["lxcfs"] != bool(self.running) and counted["lxcfs"] != 1:
            self.found.append(f"lxcfs: {counted['lxcfs']} of them")

    def _marks(self) -> None:
        """What was written and synchronised is on the disks. A copy by reference is looked at, the disk is not."""
        folder = self.volumes.pool / "looked-at"
        folder.mkdir(exist_ok=True)
        try:
            for id in sorted(set(self.disks) & {id for id, marks in self.kept.marks.items() if marks}):
                copy = folder / id
                subprocess.run(
                    ["cp", "--reflink=always", str(self.volumes.pool / "volumes" / id), str(copy)], check=True
                )
                subprocess.run(["e2fsck", "-fy", str(copy)], capture_output=True, check=False)
                shown = subprocess.run(
                    ["debugfs", "-R", "ls -p /marks", str(copy)], capture_output=True, text=True, check=False
                ).stdout
                names = {line.split("/")[5] for line in shown.splitlines() if line.count("/") > 5}
                if lost := self.kept.marks[id] - names:
                    self.found.append(f"written to {id} and lost: {sorted(lost)} of {sorted(self.kept.marks[id])}")
                copy.unlink()
        finally:
            subprocess.run(["rm", "-rf", str(folder)], check=True)

    def _reached(self) -> None:
        """Every machine that runs answers at its port for ssh, from within, and has its names, figures and metadata."""
        lines = {
            "sshd": "exec 3<>/dev/tcp/127.0.0.1/22 && read -t 5 said <&3 && [[ $said == SSH* ]]",
            "names": "getent ahosts {dns} >/dev/null",
            "figures": "test $(awk '/MemTotal/ {{print $2}}' /proc/meminfo) -le 1048576",
            "metadata": "exec 3<>/dev/tcp/169.254.169.254/80",
            "eth0": "ip addr show eth0 | grep -q {private}/",
        }
        for id in self.running:
            one = self.instances[id]
            for what, line in lines.items():
                line = line.format(dns=one["PrivateDnsName"] or "localhost", private=one["PrivateIpAddress"])
                with suppress(Unable):
                    done = self.machines.execute(id, ["timeout", "10", "bash", "-c", line], timeout=20)
                    if done.status:
                        image, disks = one["ImageId"], [each["Ebs"]["VolumeId"] for each in one["BlockDeviceMappings"]]
                        self.found.append(f"{id} ({image}, {disks}) has no {what}: {done.errors.decode()[-200:]}")
        for id, status in self._statuses().items():
            if status != "ok":
                self.found.append(f"status of {id}: {status}")

    def _statuses(self) -> dict[str, str]:
        shown = self.cloud.ec2.describe_instance_status()["InstanceStatuses"]
        return {one["InstanceId"]: one["InstanceStatus"]["Status"] for one in shown}

    def _ways(self) -> None:
        """`why` says what a connection meets."""
        asked = list(self._questions())
        with ThreadPoolExecutor(4) as several:
            list(several.map(lambda one: self._way(*one), self.random.sample(asked, min(8, len(asked)))))

    def _way(self, source: str, target: str, address: str, port: int) -> None:
        question = {"from": source, "to": target, "port": port, "protocol": "tcp"}
        answer = running.ask(running.need(str(self.cloud.data)), "/_pileus/why", question)
        try:
            met = self._met(source, address, port)
        except Unable as error:
            self.found.append(f"{source} cannot be asked: {error}")
            return
        if answer["reachable"] != (met == PASSES):
            self.found.append(f"why {source} {target} ({address}) {port}: {answer}, yet it {met}")

    def _questions(self) -> Iterator[tuple[str, str, str, int]]:
        for source, target in permutations(self.running, 2):
            if self.instances[source]["VpcId"] == self.instances[target]["VpcId"]:
                yield source, target, self.instances[target]["PrivateIpAddress"], self.random.choice([22, 80])
        for target in self.running:
            if public := self.instances[target].get("PublicIpAddress"):
                yield "host", public, public, self.random.choice([22, 80])

    def _met(self, source: str, address: str, port: int) -> str:
        """A connection that is refused has been there and back."""
        line = ["timeout", "3", "bash", "-c", OPEN.format(address=address, port=port)]
        if source == "host":
            done = subprocess.run(line, capture_output=True, check=False)
            status, said = done.returncode, done.stderr
        else:
            executed = self.machines.execute(source, line, timeout=20)
            status, said = executed.status, executed.errors
        return PASSES if status == 0 or b"refused" in said else BLOCKED


def complaints(cloud: RealCloud) -> list[str]:
    """What the log says of defects."""
    lines = (cloud.data / "pileus.log").read_text(errors="replace").splitlines()
    return [
        "\n".join(lines[max(0, number - 2) : number + 40])
        for number, line in enumerate(lines)
        if line.startswith("Traceback")
    ]


__all__ = ["Truth", "Worker", "complaints"]
