"""Random work for a cloud with real machines: what people, programs and accidents do to it, whether it is up or not.

What was acknowledged is remembered (`Kept`), for it must be there afterwards. What is refused is nothing: the work is
random, and most of what it asks for is impossible at that moment."""

import os
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pileus.drivers.api import Unable
from pileus.drivers.machines.runc import RuncMachines
from tests.machines.real_cloud import RealCloud

MOST_MACHINES = 5
MOST_DISKS = 5
ZONE = "us-east-1a"
SHUT = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "172.31.0.0/16"}]}
PORTS = (22, 80, 7000)
MARK = "mkdir -p {at} && echo {name} > {at}/{name} && sync -f {at}/{name} && sync {at}/{name}"
REACH_DISK = "test -b /dev/{dev} && mkdir -p /m/{dev} && (mountpoint -q /m/{dev} || " + (
    "(blkid /dev/{dev} >/dev/null || mkfs.ext4 -q /dev/{dev}) && mount /dev/{dev} /m/{dev})"
)


@dataclass
class Kept:
    """What was acknowledged. `marks`: volume or snapshot -> what was written to it and synchronised. `gone`: what
    somebody tried to remove, or to have removed with something else."""

    marks: dict[str, set[str]] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)

    def must_be_there(self, prefix: str) -> set[str]:
        return {id for id in self.made - self.gone if id.startswith(f"{prefix}-")}


class Worker:
    """Does one thing after another. Of several, each has its own seed."""

    def __init__(self, cloud: RealCloud, seed: int, kept: Kept, guard: threading.Lock):
        self.cloud, self.random, self.kept, self.guard = cloud, Random(seed), kept, guard
        self.name, self.number = f"w{seed}", 0
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.log: list[str] = []
        self.machines = RuncMachines(cloud.data / "host", cloud._tag)

    def step(self) -> None:
        """One thing, whatever it is and whatever comes of it."""
        names = [name for name in dir(self) if name.startswith("do_")]
        weights = [4 if name in OFTEN else 1 for name in names]
        name = self.random.choices(names, weights)[0]
        outcome = "ok"
        try:
            getattr(self, name)()
        except ClientError as error:
            outcome = error.response["Error"]["Code"]
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 500 or outcome in ("InternalError", "Internal"):
                self.wrong.append(f"{name}: {error}")
        except (BotoCoreError, OSError):
            outcome = "no answer"
            time.sleep(0.1)
        except Unable as error:
            outcome = f"unable: {error}"
        except IndexError:
            outcome = "nothing to do it with"
        self.done[f"{name[3:]} {outcome[:60]}"] += 1
        self.log.append(f"{name[3:]}: {outcome[:200]}")

    # What is there.

    @property
    def ec2(self) -> Any:
        return self.cloud.ec2

    def instances(self, *states: str) -> list[dict[str, Any]]:
        found = [one for many in self.ec2.describe_instances()["Reservations"] for one in many["Instances"]]
        return [one for one in found if not states or one["State"]["Name"] in states]

    def one(self, *states: str) -> str:
        id: str = self.random.choice(self.instances(*states))["InstanceId"]
        return id

    def subnet(self) -> str:
        filters = [{"Name": "availability-zone", "Values": [ZONE]}]
        id: str = self.random.choice(self.ec2.describe_subnets(Filters=filters)["Subnets"])["SubnetId"]
        return id

    def groups(self, vpc: str) -> list[str]:
        found = self.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
        return [group["GroupId"] for group in found]

    def volume(self, *states: str) -> dict[str, Any]:
        filters = [{"Name": "status", "Values": list(states)}]
        volume: dict[str, Any] = self.random.choice(self.ec2.describe_volumes(Filters=filters)["Volumes"])
        return volume

    def snapshot(self) -> str:
        found = self.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
        id: str = self.random.choice(found)["SnapshotId"]
        return id

    def made(self, id: str) -> str:
        self.kept.made.add(id)
        return id

    def goes(self, *ids: str) -> None:
        """Before it is asked for: who dies in between may have done it."""
        self.kept.gone.update(ids)

    # Machines.

    def do_launch(self) -> None:
        with self.guard:
            if len(self.instances("pending", "running", "stopping", "stopped")) >= MOST_MACHINES:
                raise IndexError
            images = self.ec2.describe_images(Owners=["self"])["Images"]
            # Of a guest that ran on, what it had not written yet is missing, as in AWS: it may have no keys for ssh.
            images = [image["ImageId"] for image in images if image["Name"].startswith("rested")]
            image = self.random.choice([self.cloud.image(), *images])
            made = self.ec2.run_instances(
                ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro", KeyName="first", SubnetId=self.subnet()
            )
            self.made(made["Instances"][0]["InstanceId"])

    def do_stop(self) -> None:
        self.ec2.stop_instances(InstanceIds=[self.one("running", "pending")], Force=self.random.random() < 0.3)

    def do_start(self) -> None:
        self.ec2.start_instances(InstanceIds=[self.one("stopped")])

    def do_start_all(self) -> None:
        stopped = [one["InstanceId"] for one in self.instances("stopped")]
        if stopped:
            self.ec2.start_instances(InstanceIds=stopped)

    def do_terminate(self) -> None:
        self.ec2.terminate_instances(InstanceIds=[self.one("running", "stopped", "pending", "stopping")])

    def do_reboot(self) -> None:
        self.ec2.reboot_instances(InstanceIds=[self.one("running")])

    def do_replace_root(self) -> None:
        self.ec2.create_replace_root_volume_task(InstanceId=self.one("running"))

    def do_image(self) -> None:
        chosen = self.random.choice(self.instances("running", "stopped"))
        self.number += 1
        marked = {
            disk["DeviceName"]: set(self.kept.marks.get(disk["Ebs"]["VolumeId"], ()))
            for disk in chosen["BlockDeviceMappings"]
        }
        runs_on = self.random.random() < 0.5
        name = f"{'hasty' if runs_on else 'rested'}-{self.name}-{self.number}"
        made = self.ec2.create_image(InstanceId=chosen["InstanceId"], Name=name, NoReboot=runs_on)["ImageId"]
        self.made(made)
        shown = self.ec2.describe_images(ImageIds=[made])["Images"][0]
        if shown["State"] == "available":
            for disk in shown["BlockDeviceMappings"]:
                if disk["DeviceName"] in marked and "SnapshotId" in disk.get("Ebs", {}):
                    self.kept.marks[disk["Ebs"]["SnapshotId"]] = marked[disk["DeviceName"]]

    def do_deregister(self) -> None:
        image = self.random.choice(self.ec2.describe_images(Owners=["self"])["Images"])["ImageId"]
        self.goes(image)
        self.ec2.deregister_image(ImageId=image)

    # Disks.

    def do_make_disk(self) -> None:
        if len(self.ec2.describe_volumes()["Volumes"]) >= MOST_DISKS + MOST_MACHINES:
            raise IndexError
        self.made(self.ec2.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"])

    def do_disk_from_snapshot(self) -> None:
        snapshot = self.snapshot()
        marked = set(self.kept.marks.get(snapshot, ()))
        volume = self.made(self.ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=snapshot)["VolumeId"])
        self.kept.marks[volume] = marked

    def do_attach(self) -> None:
        device = f"/dev/sd{self.random.choice('fgh')}"
        machine = self.one("running", "stopped", "pending")
        self.ec2.attach_volume(VolumeId=self.volume("available")["VolumeId"], InstanceId=machine, Device=device)

    def do_detach(self) -> None:
        volume = self.volume("in-use")
        self.ec2.detach_volume(VolumeId=volume["VolumeId"], Force=self.random.random() < 0.5)

    def do_drop_disk(self) -> None:
        volume = self.volume("available")["VolumeId"]
        self.goes(volume)
        self.ec2.delete_volume(VolumeId=volume)

    def do_grow_disk(self) -> None:
        volume = self.volume("available", "in-use")
        self.ec2.modify_volume(VolumeId=volume["VolumeId"], Size=volume["Size"] + 1)

    def do_snapshot(self) -> None:
        volume = self.volume("available", "in-use")["VolumeId"]
        marked = set(self.kept.marks.get(volume, ()))
        made = self.made(self.ec2.create_snapshot(VolumeId=volume)["SnapshotId"])
        self.kept.marks[made] = marked

    def do_drop_snapshot(self) -> None:
        snapshot = self.snapshot()
        self.goes(snapshot)
        self.ec2.delete_snapshot(SnapshotId=snapshot)

    def do_mark(self) -> None:
        """Writes into a disk of a machine."""
        chosen = self.random.choice(self.instances("running"))
        disk = self.random.choice(chosen["BlockDeviceMappings"])
        volume, device = disk["Ebs"]["VolumeId"], disk["DeviceName"].removeprefix("/dev/").replace("sd", "xvd")
        self.number += 1
        name = f"{self.name}-{self.number}"
        root = disk["DeviceName"] == chosen["RootDeviceName"]
        line = MARK.format(at="/marks" if root else f"/m/{device}/marks", name=name)
        if not root:
            line = f"{REACH_DISK.format(dev=device)} && {line}"
        done = self.machines.execute(chosen["InstanceId"], ["sh", "-c", line], timeout=20)
        if done.status:
            raise Unable(done.errors.decode()[-100:] or f"status {done.status}")
        # It counts if the same disk was there before and is there now.
        after = [one for one in self.instances() if one["InstanceId"] == chosen["InstanceId"]]
        if after and disk["Ebs"]["VolumeId"] in [each["Ebs"]["VolumeId"] for each in after[0]["BlockDeviceMappings"]]:
            self.kept.marks.setdefault(volume, set()).add(name)

    # Networks.

    def do_allocate(self) -> None:
        if len(self.ec2.describe_addresses()["Addresses"]) < 4:
            self.made(self.ec2.allocate_address(Domain="vpc")["AllocationId"])

    def address(self) -> dict[str, Any]:
        address: dict[str, Any] = self.random.choice(self.ec2.describe_addresses()["Addresses"])
        return address

    def do_associate(self) -> None:
        machine = self.one("running", "stopped", "pending")
        chosen = self.address()["AllocationId"]
        self.ec2.associate_address(AllocationId=chosen, InstanceId=machine, AllowReassociation=True)

    def do_disassociate(self) -> None:
        self.ec2.disassociate_address(AssociationId=self.address().get("AssociationId", "eipassoc-0"))

    def do_release(self) -> None:
        address = self.address()
        self.goes(address["AllocationId"])
        self.ec2.release_address(AllocationId=address["AllocationId"])

    def do_permit(self) -> None:
        group = self.random.choice(self.ec2.describe_security_groups()["SecurityGroups"])["GroupId"]
        port = self.random.choice(PORTS)
        source = {"IpRanges": [{"CidrIp": self.random.choice(["0.0.0.0/0", "172.31.0.0/16", "10.0.0.0/8"])}]}
        rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])

    def do_forbid(self) -> None:
        group = self.random.choice(self.ec2.describe_security_groups()["SecurityGroups"])
        rule = self.random.choice(group["IpPermissions"])
        self.ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[rule])

    def do_make_group(self) -> None:
        vpc = self.random.choice(self.ec2.describe_vpcs()["Vpcs"])["VpcId"]
        if len(self.groups(vpc)) < 4:
            self.number += 1
            self.cloud.group(f"{self.name}-{self.number}", (22, "0.0.0.0/0"), vpc=vpc)

    def do_regroup(self) -> None:
        chosen = self.random.choice(self.instances("running", "stopped"))
        groups = self.groups(chosen["VpcId"])
        groups = self.random.sample(groups, self.random.randint(1, min(2, len(groups))))
        self.ec2.modify_instance_attribute(InstanceId=chosen["InstanceId"], Groups=groups)

    def do_route(self) -> None:
        table = self.random.choice(self.ec2.describe_route_tables()["RouteTables"])
        ways = [{"NatGatewayId": nat["NatGatewayId"]} for nat in self.ec2.describe_nat_gateways()["NatGateways"]]
        for gateway in self.ec2.describe_internet_gateways()["InternetGateways"]:
            ways.append({"GatewayId": gateway["InternetGatewayId"]})
        self.ec2.create_route(
            RouteTableId=table["RouteTableId"],
            DestinationCidrBlock=self.random.choice(["0.0.0.0/0", "198.51.100.0/24"]),
            **self.random.choice(ways),
        )

    def do_unroute(self) -> None:
        table = self.random.choice(self.ec2.describe_route_tables()["RouteTables"])
        route = self.random.choice([each for each in table["Routes"] if each.get("GatewayId") != "local"])
        self.ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock=route["DestinationCidrBlock"])

    def do_make_nat(self) -> None:
        nats = self.ec2.describe_nat_gateways()["NatGateways"]
        if sum(nat["State"] in ("pending", "available") for nat in nats) < 2:
            chosen: dict[str, Any] = {"ConnectivityType": "private"}
            if self.random.random() < 0.5:
                chosen = {"AllocationId": self.address()["AllocationId"]}
            self.ec2.create_nat_gateway(SubnetId=self.subnet(), **chosen)

    def do_drop_nat(self) -> None:
        nat = self.random.choice(self.ec2.describe_nat_gateways()["NatGateways"])["NatGatewayId"]
        self.ec2.delete_nat_gateway(NatGatewayId=nat)

    def do_make_vpc(self) -> None:
        """With a subnet and a way out, each in a call of its own."""
        vpcs = self.ec2.describe_vpcs()["Vpcs"]
        if len(vpcs) >= 3:
            raise IndexError
        vpc = self.ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24", AvailabilityZone=ZONE)["Subnet"]
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
        self.ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": True})

    def do_make_subnet(self) -> None:
        vpc = self.random.choice(self.ec2.describe_vpcs()["Vpcs"])
        base = vpc["CidrBlock"].rsplit(".", 2)[0]
        number = self.random.randint(200, 230)
        self.ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock=f"{base}.{number}.0/24", AvailabilityZone=ZONE)

    def do_drop_subnet(self) -> None:
        subnets = [each for each in self.ec2.describe_subnets()["Subnets"] if not each["DefaultForAz"]]
        self.ec2.delete_subnet(SubnetId=self.random.choice(subnets)["SubnetId"])

    def do_drop_vpc(self) -> None:
        vpc = self.random.choice([each for each in self.ec2.describe_vpcs()["Vpcs"] if not each["IsDefault"]])["VpcId"]
        for gateway in self.ec2.describe_internet_gateways()["InternetGateways"]:
            if any(each["VpcId"] == vpc for each in gateway["Attachments"]):
                id = gateway["InternetGatewayId"]
                self.ec2.detach_internet_gateway(VpcId=vpc, InternetGatewayId=id)
                self.ec2.delete_internet_gateway(InternetGatewayId=id)
        for subnet in self.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]:
            self.ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        self.ec2.delete_vpc(VpcId=vpc)

    # What guests and accidents do; the cloud may be down.

    def guest(self) -> str:
        return self.random.choice([id for id in self.machines.ids() if self.machines.observe(id).state == "running"])

    def do_guest_power_off(self) -> None:
        self.machines.execute(self.guest(), ["systemctl", "poweroff", "--no-block"])

    def do_guest_reboot(self) -> None:
        self.machines.execute(self.guest(), ["systemctl", "reboot", "--no-block"])

    def do_guest_unplugs_itself(self) -> None:
        self.machines.execute(self.guest(), ["ip", "link", "del", "eth0"])

    def do_kill_a_program(self) -> None:
        """One of this cloud's: known by its tag or data directory in its words."""
        number, words = self.random.choice(programs(self.cloud))
        if words[0] == "conmon" and not self.machines.observe(words[words.index("-c") + 1]).up:
            return  # known: a guest that boots without its holder sleeps over each line to its console
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
        self.log.append(f"killed {number} {words[:1]}")


OFTEN = {"do_launch", "do_mark", "do_attach", "do_snapshot", "do_start_all", "do_make_disk", "do_associate"}
NAMES = {"lxcfs", "dnsmasq", "slirp4netns", "conmon"}


def programs(cloud: RealCloud) -> list[tuple[int, list[str]]]:
    """What runs for this cloud besides its server and its guests' own."""
    found = []
    marks = (f"{cloud._tag}/", f"{cloud._tag}.", f"/run/pileus/{cloud._tag}", str(cloud.data))
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            name = (folder / "comm").read_text().strip()
            if name in NAMES and any(mark in word for mark in marks for word in words):
                found.append((int(folder.name), [name, *words]))
    return found
