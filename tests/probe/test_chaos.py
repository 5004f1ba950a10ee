"""The probe of real machines: a whole cloud under random work is killed with -9 at random moments and started again;
when it has come to rest its records say what the host has, nothing acknowledged is lost, and nothing is there twice.

    CHAOS_SEEDS=1,2,3 CHAOS_LIVES=4 .venv/bin/python -m pytest -m long tests/probe/test_chaos.py
"""

import os
import sys
import threading
import time
from random import Random

import pytest
from botocore.exceptions import BotoCoreError

from pileus.drivers.local import local
from tests.machines.real_cloud import RealCloud

from .chaos.truth import Truth, complaints
from .chaos.work import Kept, Worker

SEEDS = [int(seed) for seed in os.environ.get("CHAOS_SEEDS", "1,2").split(",")]
LIVES = int(os.environ.get("CHAOS_LIVES", "4"))
WORKERS = 2
REST_SECONDS = 150.0
SETTLED_INSTANCES = {"running", "stopped", "terminated"}


def at_rest(cloud: RealCloud) -> list[str]:
    """What is still on its way."""
    ec2 = cloud.ec2
    instances = [one for many in ec2.describe_instances()["Reservations"] for one in many["Instances"]]
    moving = [f"{one['InstanceId']} {one['State']['Name']}" for one in instances]
    moving = [each for each in moving if each.split()[1] not in SETTLED_INSTANCES]
    for volume in ec2.describe_volumes()["Volumes"]:
        states = {volume["State"], *(each["State"] for each in volume["Attachments"])} - {"attached"}
        if states - {"available", "in-use", "busy"}:
            moving.append(f"{volume['VolumeId']} {states}")
    for snapshot in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]:
        if snapshot["State"] == "pending":
            moving.append(f"{snapshot['SnapshotId']} pending")
    for nat in ec2.describe_nat_gateways()["NatGateways"]:
        if nat["State"] in ("pending", "deleting"):
            moving.append(f"{nat['NatGatewayId']} {nat['State']}")
    for task in ec2.describe_replace_root_volume_tasks()["ReplaceRootVolumeTasks"]:
        if task["TaskState"] in ("pending", "in-progress"):
            moving.append(f"{task['InstanceId']} {task['ReplaceRootVolumeTaskId']} {task['TaskState']}")
    statuses = ec2.describe_instance_status()["InstanceStatuses"]
    running = {one["InstanceId"] for one in instances if one["State"]["Name"] == "running"}
    moving += [f"{one['InstanceId']} {one['InstanceStatus']['Status']}" for one in statuses
               if one["InstanceStatus"]["Status"] != "ok" and one["InstanceId"] in running]  # fmt: skip
    return moving


class Chaos:
    def __init__(self, cloud: RealCloud, seed: int):
        self.cloud, self.seed, self.random = cloud, seed, Random(seed)
        self.kept = Kept()
        guard = threading.Lock()
        self.workers = [Worker(cloud, seed * 100 + number, self.kept, guard) for number in range(WORKERS)]

    def live(self, life: int) -> None:
        """Works, dies, is started again (and killed again at once, sometimes), rests, and is looked at."""
        over = threading.Event()

        def work(worker: Worker) -> None:
            while not over.is_set():
                worker.step()

        threads = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in self.workers]
        for thread in threads:
            thread.start()
        time.sleep(self.random.uniform(1.0, 15.0))
        self.cloud.kill()
        if self.random.random() < 0.5:
            time.sleep(self.random.uniform(0.0, 1.5))
        self.cloud.up()
        for _ in range(2):
            if self.random.random() < 0.5:
                time.sleep(self.random.uniform(0.0, 1.0))
                self.cloud.kill()
                self.cloud.up()
        over.set()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive(), "a call hangs"
        self.rest(life)

    def rest(self, life: int) -> None:
        end = time.monotonic() + REST_SECONDS
        since = None
        while since is None or time.monotonic() < since + 1.0:
            try:
                moving = at_rest(self.cloud)
            except BotoCoreError as error:
                self.check(False, life, [f"it does not answer: {error}"])
            since = None if moving else since or time.monotonic()
            self.check(time.monotonic() < end, life, [f"it does not come to rest: {moving}"])
            time.sleep(0.2)
        wrong = self.look()
        end = time.monotonic() + 75.0  # what is only looked at once a minute
        while wrong and time.monotonic() < end:
            time.sleep(5)
            print(f"seed {self.seed} life {life}: so far wrong: {wrong}", file=sys.stderr)
            wrong = self.look()
        self.check(not wrong, life, wrong)
        found = complaints(self.cloud) + [each for worker in self.workers for each in worker.wrong]
        self.check(not found, life, found)

    def look(self) -> list[str]:
        return Truth(self.cloud, self.kept, self.random).whole()

    def check(self, fine: bool, life: int, wrong: list[str]) -> None:
        if not fine:
            log = (self.cloud.data / "pileus.log").read_text(errors="replace")[-6000:]
            steps = [line for worker in self.workers for line in worker.log[-40:]]
            while os.path.exists(os.environ.get("CHAOS_PAUSE", "")):  # for somebody who wants to see it
                time.sleep(1)
            pytest.fail("\n".join([f"seed {self.seed}, life {life}:", *wrong, "--- steps", *steps, "--- log", log]))


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_a_cloud_that_dies_at_any_moment_knows_its_machines(tmp_path, seed):
    lacks = local(tmp_path, "lacking").lacking()
    if lacks:
        pytest.skip("this host lacks " + "; ".join(f"{lack.what} ({lack.remedy})" for lack in lacks))
    cloud = RealCloud(tmp_path)
    try:
        cloud.up()
        cloud.key("first")
        cloud.ec2.describe_vpcs()
        chaos = Chaos(cloud, seed)
        for life in range(LIVES):
            chaos.live(life)
            print(f"seed {seed} life {life} fine", file=sys.stderr)
        for worker in chaos.workers:
            print(worker.name, dict(worker.done), file=sys.stderr)
    finally:
        cloud.shell("pileus reset --yes")
    assert cloud.left() == []
    assert list(cloud.data.iterdir()) == []
