"""Machines plugged into a network: a namespace made here, with a gateway, and a small metadata service in it."""

import http.server
import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from pileus.drivers.linux.namespaces import NETWORK, inside
from pileus.drivers.networks.api import Link
from tests.drivers.machines.test_contract import changed
from tests.drivers.real import eventually, host

GATEWAY = "10.7.1.1"


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Metadata(http.server.BaseHTTPRequestHandler):
    """Version 2 of the metadata service, as far as cloud-init asks."""

    protocol_version = "HTTP/1.1"
    values: dict[str, str] = {}

    def say(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        self.say(200, "a-token")

    def do_GET(self):
        path = self.path.strip("/").partition("/")[2]
        if self.path.strip("/") == "":
            self.say(200, "latest\n2021-03-23\n2018-09-24\n2016-09-02\n2009-04-04")
        elif path in self.values:
            self.say(200, self.values[path])
        else:
            below = sorted(
                {name[len(path) + 1 :].partition("/") for name in self.values if name.startswith(f"{path}/")}
            )
            names = sorted({first + slash for first, slash, _ in below})
            self.say(200 if names else 404, "\n".join(names))

    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with host("real", tmp_path_factory.mktemp("network")) as made:
        yield made


@pytest.fixture(scope="module")
def network(cloud):
    name = f"pn-{cloud.tag}"
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        for address in (GATEWAY, "10.7.2.1", "169.254.169.254"):
            ip("-n", name, "addr", "add", f"{address}/32", "dev", "lo")
        inside({f"/run/netns/{name}": NETWORK}, lambda: Path("/proc/sys/net/ipv4/ip_forward").write_text("1"))
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def link(network, number, index=0, subnet=1, more=()):
    address = f"10.7.{subnet}.{10 + number}"
    return Link(
        interface=f"eni-{number}-{index}",
        namespace=network,
        name=f"e{number}x{index}",
        index=index,
        mac=f"02:00:00:00:0{subnet}:{10 + number:02x}",
        addresses=(address, *more),
        prefix=24,
        gateway=f"10.7.{subnet}.1",
    )


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def metadata(network, key):
    Metadata.values = {
        "meta-data/instance-id": "i-0123456789abcdef0",
        "meta-data/local-hostname": "ip-10-7-1-11.ec2.internal",
        "meta-data/local-ipv4": "10.7.1.11",
        "meta-data/placement/availability-zone": "us-east-1a",
        "meta-data/public-keys/0/openssh-key": key.with_suffix(".pub").read_text(),
        "meta-data/public-keys/": "0=mine",
        "meta-data/public-keys": "0=mine",
        "user-data": "#!/bin/sh\necho done by user data > /root/user-data\nenv > /root/environment\n",
        "dynamic/instance-identity/document": json.dumps({"region": "us-east-1"}),
    }

    def listening():
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("169.254.169.254", 80))
        server.listen(64)
        return server

    server = http.server.ThreadingHTTPServer(("169.254.169.254", 80), Metadata, bind_and_activate=False)
    server.socket.close()
    server.socket = inside({f"/run/netns/{network}": NETWORK}, listening)
    server.server_name, server.server_port = "metadata", 80
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


CERTIFICATE = "/usr/local/share/ca-certificates/pileus.crt"


@pytest.fixture(scope="module")
def first(cloud, network, metadata, tmp_path_factory):
    made = tmp_path_factory.mktemp("ca") / "ca.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=test authority", "-days", "2"]
    subprocess.run([*command, "-keyout", os.devnull, "-out", str(made)], check=True, capture_output=True)
    files = {"/etc/resolv.conf": "", CERTIFICATE: made.read_text()}
    machine = cloud.machine("first", links=(link(network, 1),), files=files)
    began = time.monotonic()
    cloud.machines.ensure(machine)
    yield machine, began
    cloud.machines.destroy("first")


def ssh(network, key, address, line):
    options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    command = ["ip", "netns", "exec", network, "ssh", "-i", str(key), *options, f"admin@{address}", line]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_one_logs_in_with_the_key_the_metadata_service_names(cloud, network, key, first):
    eventually(lambda: ssh(network, key, "10.7.1.11", "true").returncode == 0)
    print(f"run to ssh with the key: {time.monotonic() - first[1]:.2f} s")
    assert ssh(network, key, "10.7.1.11", "hostname; id -un; sudo id -un").stdout == "ip-10-7-1-11\nadmin\nroot\n"


def test_user_data_runs(cloud, first):
    text = eventually(lambda: cloud.machines.execute("first", ["cat", "/root/environment"]).output.decode())
    print(f"run to user data done: {time.monotonic() - first[1]:.2f} s")
    assert "done by user data" in cloud.shell("first", "cat /root/user-data")
    assert "AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt" in text


def test_everything_in_it_trusts_the_clouds_authority(cloud, network, key, first):
    eventually(lambda: ssh(network, key, "10.7.1.11", "true").returncode == 0)
    assert "SSL_CERT_FILE=/etc/ssl/certs" in ssh(network, key, "10.7.1.11", "env").stdout
    assert "OK" in cloud.shell("first", f"openssl verify {CERTIFICATE}")
    bundle = cloud.shell("first", "cat /etc/ssl/certs/ca-certificates.crt")
    certificate = cloud.shell("first", f"cat {CERTIFICATE}")
    assert certificate in bundle
    assert bundle.count("BEGIN CERTIFICATE") > 100


def test_machines_of_one_network_reach_each_other_and_links_change_while_they_run(cloud, network, first):
    second = cloud.started("second", links=(link(network, 2),))
    try:
        cloud.shell("second", "ping -c 1 -W 5 10.7.1.11 && ping -c 1 -W 5 10.7.1.1")
        more = changed(second, links=(link(network, 2, more=("10.7.1.77",)), link(network, 2, index=1, subnet=2)))
        cloud.machines.ensure(more)
        cloud.machines.ensure(more)
        shown = cloud.shell("second", "ip -4 -o addr; ip rule; ip route show table 1001")
        assert "10.7.1.77/24" in shown
        assert "eth1    inet 10.7.2.12/24" in shown
        assert "from 10.7.2.12 lookup 1001" in shown
        assert "default via 10.7.2.1 dev eth1" in shown
        for address in ("10.7.1.12", "10.7.1.77", "10.7.2.12"):
            cloud.shell("first", f"ping -c 1 -W 5 {address}")
        cloud.machines.stop("second", 0)
        ends = subprocess.run(["ip", "-n", network, "-o", "link"], capture_output=True, text=True, check=True).stdout
        assert "e2x0" not in ends
        cloud.machines.ensure(changed(more, boot=2))
        cloud.shell("first", "ping -c 1 -W 5 10.7.2.12")
        cloud.machines.ensure(changed(second, boot=2))
        assert "eth1" not in cloud.shell("second", "ip -o link")
        assert "10.7.1.77" not in cloud.shell("second", "ip -o addr")
        cloud.shell("first", "ping -c 1 -W 5 10.7.1.12")
    finally:
        cloud.machines.destroy("second")


def test_an_interface_that_the_guest_removed_is_back_after_the_next_look(cloud, network, first):
    third = cloud.started("third", links=(link(network, 3),))
    try:
        cloud.shell("third", "ping -c 1 -W 5 10.7.1.11 && ip link del eth0")
        assert cloud.machines.execute("third", ["ping", "-c", "1", "-W", "1", "10.7.1.11"]).status
        cloud.machines.ensure(third)
        cloud.shell("third", "ping -c 1 -W 5 10.7.1.11")
        assert "default via 10.7.1.1 dev eth0" in cloud.shell("third", "ip route")
    finally:
        cloud.machines.destroy("third")
