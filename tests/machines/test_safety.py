"""What a machine cannot reach: other networks, the host, other machines' metadata. What a guest's root cannot do to the
host's kernel and files is in tests/drivers/machines/test_safety.py."""

import json
import socket
import subprocess
from contextlib import ExitStack

import pytest

from tests.drivers.real import eventually

SERVER = "#!/bin/sh\nmkdir /srv/www; echo here am i > /srv/www/index.html\n"
SERVER += "systemd-run --unit www python3 -m http.server 8080 --directory /srv/www\n"
CURL = "curl -s --connect-timeout 2 --max-time 4"
ID = "http://169.254.169.254/latest/meta-data/instance-id"


@pytest.fixture(scope="module")
def neighbour(cloud, insider):
    """In the same subnet, open to all for HTTP."""
    group = cloud.group("neighbour", (22, "0.0.0.0/0"), (8080, "0.0.0.0/0"))
    made = cloud.launch([group], UserData=SERVER, SubnetId=insider.shown()["SubnetId"])
    yield made.reached()
    made.terminate()


@pytest.fixture(scope="module")
def elsewhere(cloud):
    """In another VPC of the same account, which has internet too."""
    ec2 = cloud.ec2
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    group = cloud.group("elsewhere", (22, "0.0.0.0/0"), (8080, "10.0.0.0/8"), (8080, "172.16.0.0/12"), vpc=vpc)
    place = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group], "AssociatePublicIpAddress": True}
    made = cloud.launch([], UserData=SERVER, NetworkInterfaces=[place])
    yield made.reached()
    made.terminate()


@pytest.fixture(scope="module")
def stranger(cloud, insider):
    """Of another account, in a VPC with the same range, at the insider's very address."""
    account = "111111111111"
    ec2 = cloud.client("ec2", account)
    cloud.default_vpc(account)
    zone = insider.shown()["Placement"]["AvailabilityZone"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": [zone]}])["Subnets"]
    group = cloud.group("stranger", (22, "0.0.0.0/0"), (8080, "0.0.0.0/0"), account=account)
    ec2.import_key_pair(KeyName="first", PublicKeyMaterial=_public(cloud.key("first")))
    made = cloud.launch(
        [group],
        account=account,
        KeyName="first",
        UserData=SERVER,
        SubnetId=subnets[0]["SubnetId"],
        PrivateIpAddress=insider.private,
    )
    yield made.reached()
    made.terminate()
    made.becomes("terminated")


def _public(key):
    return subprocess.run(["ssh-keygen", "-y", "-f", str(key)], capture_output=True, check=True).stdout


def test_it_reaches_its_neighbour_but_no_machine_of_another_network(insider, neighbour, elsewhere):
    eventually(lambda: insider.ssh(f"{CURL} http://{neighbour.private}:8080").stdout == "here am i\n")
    eventually(lambda: elsewhere.ssh(f"{CURL} http://{elsewhere.private}:8080").stdout == "here am i\n")
    insider.fails(f"{CURL} http://{elsewhere.private}:8080")
    # As root, with a route of its own making.
    gateway = insider.run("ip -4 route show default").split()[2]
    line = f"sudo ip route replace 10.9.0.0/16 via {gateway} && {CURL} http://{elsewhere.private}:8080"
    insider.fails(line)
    insider.run("sudo ip route delete 10.9.0.0/16")
    # By its public address it comes from the internet, which the other's group does not let in.
    insider.fails(f"{CURL} http://{elsewhere.public}:8080")


def test_machines_of_two_accounts_may_have_one_address_and_never_meet(insider, stranger, neighbour):
    assert insider.private == stranger.private
    eventually(lambda: stranger.ssh(f"{CURL} http://{stranger.private}:8080").stdout == "here am i\n")
    insider.fails(f"{CURL} http://{insider.private}:8080")
    stranger.fails(f"{CURL} http://{neighbour.private}:8080")
    assert insider.run(f"{CURL} {ID}") == insider.id
    assert stranger.run(f"{CURL} {ID}") == stranger.id
    identity = "http://169.254.169.254/latest/dynamic/instance-identity/document"
    assert json.loads(stranger.run(f"{CURL} {identity}"))["accountId"] == "111111111111"
    assert "iam" not in stranger.run(f"{CURL} http://169.254.169.254/latest/meta-data/").split()


def test_it_reaches_nothing_that_listens_on_the_host(insider):
    addresses = json.loads(subprocess.run(["ip", "-j", "-4", "addr"], capture_output=True, check=True).stdout)
    own = {each["local"] for link in addresses for each in link["addr_info"]}
    own |= {insider.cloud.host_address(insider.public), insider.run("ip -4 route show default").split()[2]}
    own |= {"169.254.169.254", "172.31.0.2"}
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server((address, 0))) for address in ("0.0.0.0", "127.0.0.1")]
        ports = [listener.getsockname()[1] for listener in listeners] + [insider.cloud.port]
        tries = [(address, port) for address in sorted(own) for port in ports]
        words = [f"({CURL} telnet://{address}:{port} </dev/null; echo {address} $?) &" for address, port in tries]
        said = insider.run("\n".join([*words, "wait"]))
        for listener in listeners:
            listener.settimeout(0)
            with pytest.raises(BlockingIOError):
                listener.accept()
    assert sorted({line.split()[1] for line in said.splitlines()}) in (["28", "7"], ["28"], ["7"])
    assert len(said.splitlines()) == len(tries)


def test_it_cannot_speak_for_its_neighbour(insider, neighbour):
    """Not to the metadata service, whose credentials it wants, and not to others."""
    theirs = neighbour.private
    assert neighbour.run(f"{CURL} {ID}") == neighbour.id
    insider.run(f"sudo ip addr add {theirs}/32 dev eth0")
    try:
        insider.fails(f"{CURL} --interface {theirs} {ID}")
        assert insider.run(f"{CURL} {ID}") == insider.id
        assert neighbour.run(f"{CURL} {ID}") == neighbour.id
    finally:
        insider.run(f"sudo ip addr delete {theirs}/32 dev eth0")
    forwarded = f"{CURL} -H 'X-Forwarded-For: {theirs}' -H 'Host: {theirs}' {ID}"
    assert insider.run(forwarded) in ("", insider.id)


def test_it_cannot_take_its_neighbours_place(insider, neighbour):
    """With the other's hardware address as well: the packets come by another line."""
    theirs = neighbour.shown()["NetworkInterfaces"][0]
    mac, address = theirs["MacAddress"], theirs["PrivateIpAddress"]
    own = insider.shown()["NetworkInterfaces"][0]["MacAddress"]
    # In one go, for it cannot be reached meanwhile.
    attack = f"""
      gateway=$(ip -4 route show default | cut -d' ' -f3)
      ip link set eth0 down; ip link set eth0 address {mac}; ip link set eth0 up
      ip addr add {address}/32 dev eth0; ip route replace default via $gateway dev eth0
      {CURL} --interface {address} {ID} > /var/tmp/stolen || true
      ip addr delete {address}/32 dev eth0
      ip link set eth0 down; ip link set eth0 address {own}; ip link set eth0 up
      ip route replace default via $gateway dev eth0; touch /var/tmp/tried"""
    insider.run(f"cat > attack << 'END'\n{attack}\nEND\nsudo systemd-run --quiet sh -e $PWD/attack")
    eventually(lambda: insider.ssh("cat /var/tmp/tried").returncode == 0)
    assert insider.run("cat /var/tmp/stolen") == ""
    assert neighbour.run(f"{CURL} {ID}") == neighbour.id
