"""A whole cloud with real machines, as a person has it: `pileus up` as a process of its own, boto3, and ssh."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from pileus.drivers.networks.names import short
from tests.drivers.real import eventually, left_on_the_host

REGION = "us-east-1"
EDGE_PREFIX = 20
PILEUS = Path(sys.executable).parent / "pileus"
SSH = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
SSH += ["-o", "ConnectTimeout=5", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]


class RealCloud:
    """`data`: its data directory. What it leaves on the host bears the tag that it keeps there."""

    def __init__(self, folder: Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder, self.data = folder, folder / "data"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PILEUS_"))}
        self.environment = kept | {
            "PILEUS_DATA_DIR": str(self.data),
            "PILEUS_PORT": str(self.port),
            "HOME": str(folder),
            "AWS_PAGER": "",
            "PATH": f"{PILEUS.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        self._clients: dict[tuple[str, str], Any] = {}
        self._tag = ""

    def shell(self, line: str, fails: bool = False, timeout: float = 120) -> str:
        """What a shell on the host prints, and fails when it fails."""
        done = subprocess.run(
            ["bash", "-c", line], env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def up(self) -> None:
        self.shell("pileus up")
        self._tag = (self.data / "host" / "tag").read_text().strip()

    def pid(self) -> int:
        pid: int = json.loads((self.data / "run.json").read_text())["pid"]
        return pid

    def kill(self) -> None:
        """The server alone, with no chance to say goodbye."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: "down" in subprocess.run(
            [PILEUS, "status"], env=self.environment, capture_output=True, text=True, check=False
        ).stdout)  # fmt: skip

    def client(self, service: str, account: str = "test") -> Any:
        """For the root of an account, by the well-known keys."""
        if (service, account) not in self._clients:
            self._clients[service, account] = boto3.client(
                service,
                endpoint_url=f"http://127.0.0.1:{self.port}",
                region_name=REGION,
                aws_access_key_id=account,
                aws_secret_access_key="test",
                config=Config(retries={"max_attempts": 3}, read_timeout=60),
            )
        return self._clients[service, account]

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    def left(self) -> list[str]:
        """What is on the host because of this cloud."""
        found = left_on_the_host(self.data, self._tag)
        for what in (["netns", "list"], ["link"], ["route", "show", "table", "all"]):
            lines = subprocess.run(["ip", *what], capture_output=True, text=True, check=True).stdout.splitlines()
            found += [line for line in lines if line.startswith(f"{self._tag}.") or short("pl", self._tag) in line]
        found += [str(path) for path in Path("/run").glob(f"pileus-networks.{self._tag}")]
        return found

    # What tests want of it again and again.

    def image(self) -> str:
        name = "/aws/service/debian/release/12/latest/amd64"
        image: str = self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
        return image

    def key(self, name: str) -> Path:
        """A key pair that the cloud makes, once."""
        path = self.folder / f"{name}.pem"
        if not path.exists():
            path.touch(0o600)
            path.write_text(self.ec2.create_key_pair(KeyName=name)["KeyMaterial"])
        return path

    def host_address(self, public: str) -> str:
        """This host as machines see it: the first address of the range that public ones are from."""
        return str(IPv4Network(f"{public}/{EDGE_PREFIX}", strict=False)[1])

    def default_vpc(self, account: str = "test") -> str:
        vpcs = self.client("ec2", account).describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])
        vpc: str = vpcs["Vpcs"][0]["VpcId"]
        return vpc

    def group(self, name: str, *allowed: tuple[int, str], vpc: str = "", account: str = "test") -> str:
        """A security group that lets in to ports from ranges (10.0.0.0/8) and groups (sg-…)."""
        ec2 = self.client("ec2", account)
        vpc = vpc or self.default_vpc(account)
        group: str = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
        permissions = []
        for port, source in allowed:
            peer = {"UserIdGroupPairs": [{"GroupId": source}]}
            if not source.startswith("sg-"):
                peer = {"IpRanges": [{"CidrIp": source}]}
            permissions.append({"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peer})
        if permissions:
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=permissions)
        return group

    def launch(self, groups: list[str], key: str = "first", account: str = "test", **given: Any) -> "Guest":
        """One machine; it is not waited for."""
        if account == "test":
            self.key(key)
            given.setdefault("KeyName", key)
        if "NetworkInterfaces" not in given:
            given["SecurityGroupIds"] = groups
        given.setdefault("InstanceType", "t3.micro")
        ec2 = self.client("ec2", account)
        made = ec2.run_instances(ImageId=self.image(), MinCount=1, MaxCount=1, **given)["Instances"][0]
        return Guest(self, made["InstanceId"], self.folder / f"{key}.pem", account)


@dataclass
class Guest:
    """One of its machines. `through`: the machine on the way to it, by its agent or key."""

    cloud: RealCloud
    id: str
    key: Path
    account: str = "test"
    through: "Guest | None" = None

    def shown(self) -> dict[str, Any]:
        """As DescribeInstances shows it."""
        found = self.cloud.client("ec2", self.account).describe_instances(InstanceIds=[self.id])
        shown: dict[str, Any] = found["Reservations"][0]["Instances"][0]
        return shown

    @property
    def private(self) -> str:
        address: str = self.shown()["PrivateIpAddress"]
        return address

    @property
    def public(self) -> str:
        address: str = self.shown().get("PublicIpAddress", "")
        return address

    @property
    def state(self) -> str:
        state: str = self.shown()["State"]["Name"]
        return state

    def becomes(self, state: str) -> "Guest":
        eventually(lambda: self.state == state)
        return self

    def ssh(self, line: str, address: str = "", timeout: float = 60) -> "subprocess.CompletedProcess[str]":
        words = ["ssh", *SSH, "-i", str(self.key)]
        if self.through is not None:
            way = " ".join(["ssh", *SSH, "-i", str(self.through.key), "-W", "%h:%p", f"admin@{self.through.public}"])
            words += ["-o", f"ProxyCommand={way}"]
            address = address or self.private
        words += [f"admin@{address or self.public}", line]
        return subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False)

    def reached(self) -> "Guest":
        """Waits until ssh works."""
        eventually(lambda: self.ssh("true").returncode == 0)
        return self

    def run(self, line: str, timeout: float = 60) -> str:
        """What a shell in it prints, and fails when it fails."""
        done = self.ssh(line, timeout=timeout)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout.strip()

    def fails(self, line: str, timeout: float = 60) -> str:
        """What it prints that fails in the machine (not on the way to it)."""
        done = self.ssh(f"({line}\n) || exit 77", timeout=timeout)
        assert done.returncode == 77, (line, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def terminate(self) -> None:
        self.cloud.client("ec2", self.account).terminate_instances(InstanceIds=[self.id])


def soon(work: Callable[[], Any]) -> Any:
    """What `work` returns once it raises no error of the cloud's own any more."""
    from botocore.exceptions import ClientError

    def tried() -> list[Any]:
        try:
            return [work()]
        except ClientError:
            return []

    return eventually(tried)[0]  # type: ignore[index]
