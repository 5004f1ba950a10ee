"""A machine from its launch to its end, as the person sees it who launched it."""

import json
import os
import subprocess
import time
from base64 import b64encode
from datetime import datetime

import pytest

from pileus.drivers.machines import figures
from tests.drivers.real import PATIENCE, eventually

from .real_cloud import SSH

SSH_SECONDS_MAX = 30.0
USER_DATA = "#!/bin/sh\necho user data ran as $(id -un) > /var/tmp/told\n"

BUSY = """
import os, resource, time
begin = time.monotonic()
for child in range(2):
    if os.fork() == 0:
        while time.monotonic() < begin + 3: pass
        os._exit(0)
os.wait(), os.wait()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print((used.ru_utime + used.ru_stime) / (time.monotonic() - begin))
"""


@pytest.fixture(scope="module")
def machine(cloud, ssh_from_anywhere):
    """It outlives the tests' stops and starts."""
    tags = [{"Key": "Name", "Value": "first"}, {"Key": "team", "Value": "blue"}]
    made = cloud.launch(
        [ssh_from_anywhere],
        UserData=USER_DATA,
        TagSpecifications=[{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")],
        MetadataOptions={"InstanceMetadataTags": "enabled"},
    )
    yield made.reached()
    made.terminate()
    made.becomes("terminated")


@pytest.fixture(scope="module")
def fleeting(cloud, ssh_from_anywhere):
    """Its key is ED25519 and was imported; it has a disk of the instance store; switched off, it is gone."""
    key = cloud.folder / "imported"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    cloud.ec2.import_key_pair(KeyName="imported", PublicKeyMaterial=key.with_suffix(".pub").read_bytes())
    made = cloud.launch(
        [ssh_from_anywhere],
        KeyName="imported",
        InstanceType="c5d.large",
        InstanceInitiatedShutdownBehavior="terminate",
    )
    made.key = key
    return made.reached()


def test_the_command_line_launches_a_machine_and_ssh_works_within_seconds(cloud, ssh_from_anywhere):
    launch = (
        'eval "$(pileus env)"; aws ec2 create-key-pair --key-name mine --query KeyMaterial --output text > ~/mine.pem;'
        f" chmod 600 ~/mine.pem; aws ec2 run-instances --image-id {cloud.image()} --instance-type t3.micro"
        f" --key-name mine --security-group-ids {ssh_from_anywhere} --query 'Instances[0].InstanceId' --output text"
    )
    cloud.ec2.describe_vpcs()
    id = cloud.shell(launch).strip()
    since = time.monotonic()
    address = cloud.ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]["PublicIpAddress"]
    command = ["ssh", *SSH, "-i", str(cloud.folder / "mine.pem"), f"admin@{address}", "true"]
    eventually(lambda: subprocess.run(command, check=False, capture_output=True).returncode == 0)
    took = time.monotonic() - since
    print(f"ssh after {took:.1f} s")
    cloud.ec2.terminate_instances(InstanceIds=[id])
    assert took < SSH_SECONDS_MAX


def test_it_is_called_as_amazon_calls_it_and_has_its_private_address_only(machine):
    shown = machine.shown()
    name = "ip-" + shown["PrivateIpAddress"].replace(".", "-")
    assert machine.run("hostname") == name
    assert machine.run("hostname -f") == f"{name}.ec2.internal" == shown["PrivateDnsName"]
    addresses = machine.run("ip -4 -o addr show dev eth0")
    assert f"inet {shown['PrivateIpAddress']}/20" in addresses
    assert shown["PublicIpAddress"] not in machine.run("ip addr; ip route; cat /etc/hosts /proc/net/fib_trie")


def test_its_user_data_ran_once_as_root(machine):
    assert eventually(lambda: machine.ssh("cat /var/tmp/told").stdout) == "user data ran as root\n"
    shown = machine.cloud.ec2.describe_instance_attribute(InstanceId=machine.id, Attribute="userData")
    assert shown["UserData"]["Value"] == b64encode(USER_DATA.encode()).decode()


def test_it_has_the_memory_and_the_processors_of_its_type(machine):
    assert machine.run("python3 -c 'x = bytearray(1_500_000_000)'; echo ended by $?") == "ended by 137"
    assert machine.run("python3 -c 'x = bytearray(300_000_000); print(len(x))'") == "300000000"


def test_it_shows_the_figures_of_its_type_and_of_its_own_boot(machine):
    if lacks := figures.lacking():
        pytest.skip(f"this host lacks {lacks[0].what}")
    assert machine.run("free --mebi | awk '/^Mem/ {print $2}'") == "1024"
    processors = min(2, len(os.sched_getaffinity(0)))
    assert machine.run("nproc; grep -c ^processor /proc/cpuinfo").split() == [str(processors)] * 2
    # Up since its boot, as is everything that started then: within a second of one another, however loaded the host.
    up, ran = machine.run("cut -d. -f1 /proc/uptime; ps -o etimes= -p 1").split()
    assert abs(int(up) - int(ran)) <= 1
    booted = datetime.fromisoformat(machine.run("date -u -d @$(awk '/^btime/ {print $2}' /proc/stat) +%FT%TZ"))
    assert abs((booted - machine.shown()["LaunchTime"]).total_seconds()) < PATIENCE


def test_metadata_is_there_in_both_versions(machine):
    base = "http://169.254.169.254/latest"
    assert machine.run(f"curl -sf {base}/meta-data/instance-id") == machine.id
    token = f'T=$(curl -sf -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" {base}/api/token)'
    ask = f'curl -sf -H "X-aws-ec2-metadata-token: $T" {base}'
    assert machine.run(f"{token}; {ask}/meta-data/public-ipv4") == machine.public
    assert machine.run(f"{token}; {ask}/meta-data/tags/instance/team") == "blue"
    document = json.loads(machine.run(f"{token}; {ask}/dynamic/instance-identity/document"))
    assert document["instanceId"] == machine.id
    assert document["instanceType"] == "t3.micro"
    assert document["region"] == "us-east-1"
    ec2 = machine.cloud.ec2
    ec2.modify_instance_metadata_options(InstanceId=machine.id, HttpTokens="required")
    assert "401" in machine.run(f"curl -s -o /dev/null -w '%{{http_code}}' {base}/meta-data/instance-id")
    assert machine.run(f"{token}; {ask}/meta-data/instance-id") == machine.id


def test_its_console_shows_its_boot(machine):
    def console():
        output = machine.cloud.ec2.get_console_output(InstanceId=machine.id).get("Output", "")
        return output if "login:" in output else ""

    output = eventually(console)
    assert "Debian GNU/Linux 12" in output
    assert "BEGIN SSH HOST KEY FINGERPRINTS" in output


def test_its_tags_are_on_it_and_its_disk(machine):
    for kind in ("instance", "volume"):
        filters = [{"Name": "resource-type", "Values": [kind]}, {"Name": "tag:team", "Values": ["blue"]}]
        found = machine.cloud.ec2.describe_tags(Filters=filters)["Tags"]
        assert [tag["Value"] for tag in found if tag["Key"] == "team"] == ["blue"]
        assert kind == "volume" or found[0]["ResourceId"] == machine.id


def test_its_status_becomes_ok(machine):
    def status():
        found = machine.cloud.ec2.describe_instance_status(InstanceIds=[machine.id])["InstanceStatuses"]
        return found and found[0]["InstanceStatus"]["Status"] == "ok"

    eventually(status)


def test_a_reboot_is_a_new_boot_of_the_same_machine(machine):
    boot = "cat /proc/1/stat | cut -d' ' -f22"
    before, public = machine.run(boot), machine.public
    machine.cloud.ec2.reboot_instances(InstanceIds=[machine.id])
    eventually(lambda: machine.ssh(boot).stdout.strip() not in ("", before))
    assert machine.public == public
    assert machine.run("cat /var/tmp/told") == "user data ran as root"


def test_a_stop_keeps_its_disk_and_private_address_and_gives_up_the_public_one(machine):
    private, public = machine.private, machine.public
    machine.run("echo kept > kept; sync")
    machine.cloud.ec2.stop_instances(InstanceIds=[machine.id])
    machine.becomes("stopped")
    assert machine.public == ""
    # Somebody else has the address meanwhile, or it would be the lowest free one again.
    held = [machine.cloud.ec2.allocate_address(Domain="vpc")]
    while held[-1]["PublicIp"] != public:
        held.append(machine.cloud.ec2.allocate_address(Domain="vpc"))
    machine.cloud.ec2.start_instances(InstanceIds=[machine.id])
    machine.becomes("running").reached()
    for address in held:
        machine.cloud.ec2.release_address(AllocationId=address["AllocationId"])
    assert machine.private == private
    assert machine.public not in ("", public)
    assert machine.run("cat kept") == "kept"


def test_switched_off_from_inside_it_is_stopped_and_may_change_its_size(machine):
    assert "IncorrectInstanceState" in machine.cloud.shell(
        f'eval "$(pileus env)"; aws ec2 modify-instance-attribute --instance-id {machine.id} --instance-type t2.small',
        fails=True,
    )
    machine.ssh("sudo poweroff")
    machine.becomes("stopped")
    shown = machine.shown()
    assert shown["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    machine.cloud.ec2.modify_instance_attribute(InstanceId=machine.id, InstanceType={"Value": "t2.small"})
    machine.cloud.ec2.start_instances(InstanceIds=[machine.id])
    machine.becomes("running").reached()
    assert machine.run("python3 -c 'x = bytearray(1_500_000_000); print(len(x))'") == "1500000000"
    assert machine.run("cat kept") == "kept"
    # It has one vCPU now: two processes that want all there is get as much as one.
    assert float(machine.run(f"python3 -c '{BUSY}'")) < 1.25


def test_an_imported_ed25519_key_opens_a_machine(fleeting):
    assert fleeting.run("whoami") == "admin"
    assert fleeting.run("sudo whoami") == "root"


def test_the_disk_of_the_instance_store_is_lost_on_a_stop(fleeting):
    disk = "/dev/xvdb"
    assert eventually(lambda: "xvdb" in fleeting.ssh("lsblk -n -o NAME").stdout)
    fleeting.run(f"sudo mkfs.ext4 -q {disk} && sudo mount {disk} /mnt && echo lost | sudo tee /mnt/lost && sync")
    fleeting.cloud.ec2.stop_instances(InstanceIds=[fleeting.id])
    fleeting.becomes("stopped")
    fleeting.cloud.ec2.start_instances(InstanceIds=[fleeting.id])
    fleeting.becomes("running").reached()
    assert eventually(lambda: "xvdb" in fleeting.ssh("lsblk -n -o NAME").stdout)
    assert "lost" not in fleeting.fails(f"sudo mount {disk} /mnt")


def test_switched_off_from_inside_it_is_terminated_where_that_was_asked_for(fleeting):
    volume = fleeting.shown()["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    fleeting.ssh("sudo poweroff")
    fleeting.becomes("terminated")
    ec2 = fleeting.cloud.ec2
    eventually(lambda: not ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": [volume]}])["Volumes"])
