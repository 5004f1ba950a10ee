"""The reconciler of machines: what is wanted of an instance, done through the driver.

A machine is booted for each new `boot` of its record, once: one that switches itself off stays off, and what that means
is the instance's own choice (`on_shutdown`). Whatever is interrupted is begun again by the next look.

Source: Amazon EC2 User Guide, "Instance lifecycle", "Change instance initiated shutdown behavior".
"""

import logging
from collections.abc import Callable
from typing import Any

import msgspec

from pileus.control import Done, Outcome, RequeueAt
from pileus.control.outside import outside
from pileus.drivers import Unable
from pileus.drivers.machines.api import Observed
from pileus.service.call import Call, Cloud
from pileus.store import Transaction, wake

from ..acting import call_for
from ..volumes import encrypting
from ..vpc.realizing import realize
from . import checking, ending, imaging, plans, replacing, turns
from .lifecycle import gmt, stop, terminate
from .records import TERMINATED_SECONDS, Instance, Reason, instance_kind, instances

log = logging.getLogger("pileus.ec2")

GRACE_SECONDS = 30.0
CHECK_SECONDS = 60.0
FIRST_CHECK_SECONDS = 5.0
PATIENCE_SECONDS = 30.0
LONG_SECONDS = 5.0
AGAIN_SECONDS = 1.0
KEY_STATE = "The KMS key provided is in an incorrect state"
BY_GUEST = "Client.InstanceInitiatedShutdown"
Key = tuple[Any, ...]
replace = msgspec.structs.replace


class RunMachines:
    """Watches the table of instances."""

    watches = "ec2.instances"
    outside = True

    async def reconcile(self, cloud: Cloud, key: Key) -> Outcome:
        """What the host cannot do at this moment (a machine that is to boot again has just ended) is tried again."""
        try:
            return await _look(cloud, key)
        except Unable as error:
            log.warning("instance %s is looked at again: %s", key[-1], error)
            return RequeueAt(cloud.clock.now() + AGAIN_SECONDS)


async def _look(cloud: Cloud, key: Key) -> Outcome:
    instance = await cloud.store.transact(lambda tx: instances.get(tx, *key))
    if instance is None:
        return Done
    if instance.state == "terminated":
        return await _forget(cloud, instance)
    if cloud.drivers.machines.lacking():
        return Done  # a host that ran machines and cannot any more: the records stay as they are
    if instance.wanted == "running":
        return await _run(cloud, instance)
    await turns.leave(cloud, instance.id)
    if instance.state == "stopped":
        return Done
    driver = cloud.drivers.machines
    grace = 0.0 if instance.abrupt else GRACE_SECONDS
    await outside(driver.stop, instance.id, grace)
    if instance.imaging:
        await imaging.capture(cloud, instance)
    await ending.drop_store(cloud, instance)
    if instance.wanted == "stopped":
        await _settle(cloud, instance, ending.stopped)
        return Done
    await outside(driver.destroy, instance.id)
    await _settle(cloud, instance, ending.terminated)
    return Done


async def _settle(cloud: Cloud, instance: Instance, change: Callable[[Call, Instance], None]) -> None:
    """Writes what was done, unless something else is wanted by now."""

    def work(tx: Transaction) -> None:
        now = instances.get(tx, instance.account, instance.region, instance.id)
        if now is None or (now.wanted, now.boot) != (instance.wanted, instance.boot):
            return
        change(call_for(cloud, tx, instance.account, instance.region), now)

    await cloud.store.transact(work)


async def _forget(cloud: Cloud, instance: Instance) -> Outcome:
    """A terminated instance is shown for an hour."""
    gone = instance.ended + TERMINATED_SECONDS
    if cloud.clock.now() < gone:
        return RequeueAt(gone)

    def work(tx: Transaction) -> None:
        replacing.forget(call_for(cloud, tx, instance.account, instance.region), instance.id)
        instances.delete(tx, instance.account, instance.region, instance.id)

    await cloud.store.transact(work)
    return Done


async def _run(cloud: Cloud, instance: Instance) -> Outcome:
    observed = await outside(cloud.drivers.machines.observe, instance.id)
    if observed.boot < instance.boot:
        return await _boot(cloud, instance)
    if observed.up or observed.state != "running":
        await turns.leave(cloud, instance.id)
    if instance.imaging:
        return await _rest(cloud, instance)
    if instance.replacing and await _replaced(cloud, instance):
        return Done
    if observed.state == "stopped":
        return await _ended(cloud, instance, observed)
    return await _keep(cloud, instance)


async def _rest(cloud: Cloud, instance: Instance) -> Outcome:
    """Images are made of it: its guest is shut down, its disks are kept as they are then, and it boots again."""
    await outside(cloud.drivers.machines.stop, instance.id, GRACE_SECONDS)
    await imaging.capture(cloud, instance)

    def again(call: Call, now: Instance) -> None:
        waiting = [id for id in now.imaging if id not in instance.imaging]
        instance_kind.put(call, now.id, replace(now, imaging=waiting, boot=now.boot + 1, seen=0.0))

    await _settle(cloud, instance, again)
    return Done


async def _replaced(cloud: Cloud, instance: Instance) -> bool:
    """Gives it its new root disk, if that is there. False: there is nothing to do about it now."""

    def look(tx: Transaction) -> tuple[str, str]:
        call = call_for(cloud, tx, instance.account, instance.region)
        new = replacing.new_disk(call, instance)
        if new is None or new.attachment is None or new.state == "error":
            return "error", ""
        return new.attachment.state, replacing.old_disk(call, instance)

    state, old = await cloud.store.transact(look)
    if state == "error":
        await _settle(cloud, instance, lambda call, now: _given_up(call, now, instance.replacing))
        return True
    if state != "attached":
        return False  # woken when it is made
    await outside(cloud.drivers.machines.stop, instance.id, GRACE_SECONDS)
    await outside(cloud.drivers.volumes.detach, old, True)
    await _settle(cloud, instance, lambda call, now: _exchanged(call, now, instance.replacing))
    return True


def _given_up(call: Call, instance: Instance, task: str) -> None:
    if instance.replacing == task:
        replacing.given_up(call, instance)


def _exchanged(call: Call, instance: Instance, task: str) -> None:
    if instance.replacing == task:
        replacing.exchanged(call, instance)


async def _boot(cloud: Cloud, instance: Instance) -> Outcome:
    unmade = await cloud.store.transact(lambda tx: plans.unmade(tx, instance))
    failed = [volume.id for volume in unmade if volume.state == "error"]
    if failed and any(volume.encrypted and volume.data_key is None for volume in unmade):
        await _settle(cloud, instance, _cannot(KEY_STATE, encrypting.LAUNCH_FAILED))
        return Done
    if failed:
        await _settle(cloud, instance, _cannot(f"the volume {failed[0]} could not be made"))
        return Done
    if unmade:  # woken when its disks are made
        now, told = cloud.clock.now(), instance.launched + LONG_SECONDS
        if instance.reason is None and now > told:
            await _settle(cloud, instance, _waits)
        return RequeueAt(now + PATIENCE_SECONDS if now > told else told + 0.1)
    if (again := await turns.take(cloud, instance)) is not None:
        return RequeueAt(again)
    try:
        await plans.open_disks(cloud, instance)
        await realize(cloud, instance.account, instance.region, instance.vpc)
        machine = await plans.machine_of(cloud, instance)
        await outside(cloud.drivers.machines.ensure, machine)
        await plans.make_store(cloud, instance)
    except encrypting.Inaccessible:
        await _settle(cloud, instance, _cannot(KEY_STATE, encrypting.LAUNCH_FAILED))
        return Done
    except Unable as error:
        log.error("instance %s cannot boot: %s", instance.id, error)
        await _settle(cloud, instance, _cannot(str(error)))
        return Done
    await _settle(cloud, instance, _running)
    return RequeueAt(cloud.clock.now() + FIRST_CHECK_SECONDS)


def _waits(call: Call, instance: Instance) -> None:
    why = "pending: its root disk is being made. The first machine of a host waits for its image to be built (a minute)"
    instance_kind.put(
        call, instance.id, replace(instance, reason=Reason("pending", f"{why}; pileus.log says how far."))
    )


def _running(call: Call, instance: Instance) -> None:
    if instance.state == "pending":
        ready = replace(instance, state="running", rebooted=instance.reboots, reason=None)
        instance_kind.put(call, instance.id, ready)
    for disk in instance.disks:
        wake(call.tx, "ec2.volumes", instance.account, instance.region, disk.volume)


def _cannot(why: str, code: str = "Server.InternalError") -> Callable[[Call, Instance], None]:
    """A first start that fails ends the instance; a later one leaves it stopped."""

    def change(call: Call, instance: Instance) -> None:
        reason = Reason(code, f"{code}: {why}")
        transition = f"{code} ({gmt(call.now)})"
        (terminate if instance.boot == 1 else stop)(call, replace(instance, abrupt=True), reason, transition)

    return change


async def _ended(cloud: Cloud, instance: Instance, observed: Observed) -> Outcome:
    """It ended though it should run: by itself, or because the host went down under it."""

    def by_guest(call: Call, now: Instance) -> None:
        reason = Reason(BY_GUEST, f"{BY_GUEST}: Instance initiated shutdown")
        (stop if now.on_shutdown == "stop" else terminate)(call, now, reason, f"Instance initiated ({gmt(call.now)})")

    def again(call: Call, now: Instance) -> None:
        log.warning("instance %s ended (%s) and is started again", now.id, observed.ended)
        instance_kind.put(call, now.id, replace(now, boot=now.boot + 1))

    await _settle(cloud, instance, by_guest if observed.ended == "poweroff" else again)
    return Done


async def _keep(cloud: Cloud, instance: Instance) -> Outcome:
    """Of one that runs: reboots that were asked for, interfaces that came and went, its status."""
    driver = cloud.drivers.machines
    if instance.rebooted < instance.reboots:
        await outside(driver.reboot, instance.id, GRACE_SECONDS)
        await _settle(cloud, instance, lambda call, now: _rebooted(call, now, instance.reboots))
        return Done
    try:
        await realize(cloud, instance.account, instance.region, instance.vpc)
        await outside(driver.ensure, await plans.machine_of(cloud, instance))
    except Unable as error:
        log.error("instance %s cannot be changed: %s", instance.id, error)
    if instance.state == "pending":
        await _settle(cloud, instance, _running)
    now = cloud.clock.now()
    due = instance.seen + CHECK_SECONDS if instance.seen else instance.launched + FIRST_CHECK_SECONDS
    if now < due:
        return RequeueAt(due)
    answers = await checking.passes(cloud, instance)
    if instance.seen and answers == (not instance.hung):
        return RequeueAt(now + CHECK_SECONDS)  # nothing new: nothing is written
    await _settle(cloud, instance, lambda call, one: _note(call, one, answers))
    return RequeueAt(now + CHECK_SECONDS)


def _rebooted(call: Call, instance: Instance, done: int) -> None:
    instance_kind.put(call, instance.id, replace(instance, rebooted=done))
    for disk in instance.disks:
        wake(call.tx, "ec2.volumes", instance.account, instance.region, disk.volume)


def _note(call: Call, instance: Instance, answers: bool) -> None:
    hung = 0.0 if answers else instance.hung or call.now
    instance_kind.put(call, instance.id, replace(instance, hung=hung, seen=call.now))
