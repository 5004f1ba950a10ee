"""Everything a machine may ask about itself: a tree of texts.

A leaf is a text, or a function that gives one when it is asked for. A folder lists its names, those of folders with a
slash behind. Source: Amazon EC2 User Guide, "Instance metadata categories".
"""

import json
from base64 import b64decode
from typing import Any

from pileus.base.clock import iso
from pileus.model import regions as facts
from pileus.service import Call

from .. import key_pairs
from ..instances.hostnames import private_name
from ..instances.records import Instance
from ..names import guest_name
from ..vpc import joining
from ..vpc.kinds import VPC
from ..vpc.records import Interface, subnets
from . import credentials

Tree = dict[str, Any]
"""Name -> a text, a function that gives one, or a further tree."""


def data_of(call: Call, instance: Instance) -> Tree:
    """`meta-data`."""
    interfaces = joining.interfaces_of(call.tx, instance.account, instance.region, instance.id)
    vpc = VPC.get(call, instance.vpc)
    first = interfaces[0] if interfaces else None
    name = private_name(instance)
    tree: Tree = {
        "ami-id": instance.image,
        "ami-launch-index": str(instance.launch_index),
        "ami-manifest-path": "(unknown)",
        "block-device-mapping": _disks(instance),
        "events": {"maintenance": {"history": "[]", "scheduled": "[]"}},
        "hostname": name,
        "instance-action": "none",
        "instance-id": instance.id,
        "instance-life-cycle": instance.market or "on-demand",
        "instance-type": instance.type,
        "local-hostname": name,
        "local-ipv4": instance.private_address,
        "metrics": {"vhostmd": '<?xml version="1.0" encoding="UTF-8"?>'},
        "placement": _placement(instance),
        "profile": "default-hvm",
        "reservation-id": instance.reservation,
        "services": {"domain": facts.regions()[instance.region].domain, "partition": call.partition},
    }
    if first is not None:
        tree |= {"mac": first.mac, "security-groups": "\n".join(first.names)}
        macs: Tree = {each.mac: _interface(call, each, vpc) for each in interfaces}
        tree["network"] = {"interfaces": {"macs": macs}}
        public = first.primary.public
        if public is not None and vpc is not None:
            tree |= {
                "public-ipv4": public.address,
                "public-hostname": joining.public_name(call.region, public.address, vpc),
            }
    pair = key_pairs.named(call, instance.key_name) if instance.key_name else None
    if pair is not None:
        tree["public-keys"] = {"0": {"openssh-key": f"{pair.public} {pair.name}"}}
    if instance.profile is not None:
        tree["iam"] = _iam(call, instance)
    if instance.metadata.tags:
        tree["tags"] = {"instance": dict(instance.tags)}
    return tree


def _placement(instance: Instance) -> Tree:
    found: Tree = {
        "availability-zone": instance.zone,
        "availability-zone-id": facts.zone_id(instance.zone),
        "region": instance.region,
    }
    if instance.grouped is not None:
        found["group-name"] = instance.grouped.name
        if instance.grouped.partition:
            found["partition-number"] = str(instance.grouped.partition)
    return found


def _iam(call: Call, instance: Instance) -> Tree:
    role = credentials.role_of(call, instance)
    found: Tree = {"info": credentials.info(call, instance) or ""}
    if role is not None:
        found["security-credentials"] = {role.name: lambda: credentials.show(call, instance, role)}
    return found


def _disks(instance: Instance) -> Tree:
    root = guest_name(instance.root_device)
    found: Tree = {"ami": root, "root": instance.root_device}
    others = [disk for disk in instance.disks if disk.device != instance.root_device]
    found |= {f"ebs{number}": disk.device.removeprefix("/dev/") for number, disk in enumerate(others, 1)}
    found |= {disk.virtual: disk.device.removeprefix("/dev/") for disk in instance.store}
    return found


def _interface(call: Call, interface: Interface, vpc: Any) -> Tree:
    subnet = subnets.get(call.tx, interface.account, interface.region, interface.subnet)
    found: Tree = {
        "device-number": str(interface.attachment.index if interface.attachment is not None else 0),
        "interface-id": interface.id,
        "local-hostname": joining.private_name(call.region, interface.primary.address),
        "local-ipv4s": "\n".join(each.address for each in interface.addresses),
        "mac": interface.mac,
        "owner-id": interface.account,
        "security-group-ids": "\n".join(interface.groups),
        "security-groups": "\n".join(interface.names),
        "subnet-id": interface.subnet,
        "vpc-id": interface.vpc,
    }
    if subnet is not None:
        found["subnet-ipv4-cidr-block"] = subnet.range
    if vpc is not None:
        found |= {
            "vpc-ipv4-cidr-block": vpc.ranges[0].cidr,
            "vpc-ipv4-cidr-blocks": "\n".join(each.cidr for each in vpc.ranges),
        }
    public = [each for each in interface.addresses if each.public is not None]
    if public:
        addresses = [each.public.address for each in public if each.public is not None]
        found["public-ipv4s"] = "\n".join(addresses)
        found["public-hostname"] = joining.public_name(call.region, addresses[0], vpc)
        found["ipv4-associations"] = {each.public.address: each.address for each in public if each.public is not None}
    return found


def dynamic_of(call: Call, instance: Instance) -> Tree:
    """`dynamic`. The document is not signed: nobody here has AWS's key."""
    document = {
        "accountId": instance.account,
        "architecture": instance.architecture,
        "availabilityZone": instance.zone,
        "billingProducts": None,
        "devpayProductCodes": None,
        "marketplaceProductCodes": None,
        "imageId": instance.image,
        "instanceId": instance.id,
        "instanceType": instance.type,
        "kernelId": None,
        "pendingTime": iso(instance.launched),
        "privateIp": instance.private_address,
        "ramdiskId": None,
        "region": instance.region,
        "version": "2017-09-30",
    }
    return {"instance-identity": {"document": json.dumps(document, indent=2)}}


def user_data_of(instance: Instance) -> bytes | None:
    return b64decode(instance.user_data) if instance.user_data else None


def found(tree: Tree, path: list[str]) -> str | None:
    """The text at a path: a leaf's, or a folder's list. None when there is nothing."""
    here: Any = tree
    for name in path:
        if not isinstance(here, dict) or name not in here:
            return None
        here = here[name]
    if isinstance(here, dict):
        return "\n".join(_listed(name, below) for name, below in sorted(here.items()))
    return here() if callable(here) else str(here)


def _listed(name: str, below: Any) -> str:
    """A folder has a slash behind."""
    return f"{name}/" if isinstance(below, dict) else name
