"""Instances as the API shows them.

Source: EC2 API Reference, "Instance", "Reservation".
"""

from typing import Any

from pileus.service import Call

from ..tags import shown as shown_tags
from ..vpc import joining
from ..vpc.records import Interface
from . import cpu, hostnames
from .around import Around
from .records import Instance, Metadata


def state(instance: Instance) -> dict[str, Any]:
    return {"Code": instance.code, "Name": instance.state}


def instance(call: Call, record: Instance, around: Around | None = None) -> dict[str, Any]:
    """A terminated instance has neither interfaces nor addresses any more."""
    shown: dict[str, Any] = {
        "InstanceId": record.id,
        "ImageId": record.image,
        "InstanceType": record.type,
        "State": state(record),
        "LaunchTime": record.launched,
        "AmiLaunchIndex": record.launch_index,
        "Architecture": record.architecture,
        "RootDeviceName": record.root_device,
        "RootDeviceType": "ebs",
        "VirtualizationType": "hvm",
        "Hypervisor": "xen",
        "EbsOptimized": record.ebs_optimized,
        "EnaSupport": True,
        "Monitoring": {"State": "enabled" if record.monitored else "disabled"},
        "Placement": placement(record),
        "StateTransitionReason": record.transition,
        "ProductCodes": [],
        "PlatformDetails": "Linux/UNIX",
        "UsageOperation": "RunInstances",
        "UsageOperationUpdateTime": record.launched,
        "ClientToken": record.token,
        "HibernationOptions": {"Configured": False},
        "EnclaveOptions": {"Enabled": False},
        "CapacityReservationSpecification": {"CapacityReservationPreference": "open"},
        "MaintenanceOptions": {"AutoRecovery": record.recovery},
        "MetadataOptions": metadata(record.metadata),
        "CurrentInstanceBootMode": "legacy-bios",
        "BlockDeviceMappings": [],
        "NetworkInterfaces": [],
        "SecurityGroups": [],
        "PrivateDnsName": "",
        "PublicDnsName": "",
    }
    if (found := cpu.of_instance(record)) is not None:
        shown["CpuOptions"] = cpu.show(found)
    if record.key_name:
        shown["KeyName"] = record.key_name
    if record.profile is not None and record.there:
        shown["IamInstanceProfile"] = {"Arn": record.profile.arn, "Id": record.profile.id}
    if record.market:
        shown |= {"InstanceLifecycle": record.market, "SpotInstanceRequestId": record.spot_request}
    if record.reason is not None:
        shown["StateReason"] = {"Code": record.reason.code, "Message": record.reason.message}
    shown |= shown_tags(record.tags)
    if record.state != "terminated":
        _joined(call, record, shown, around or Around(call, [record]))
    return shown


def placement(record: Instance) -> dict[str, Any]:
    shown: dict[str, Any] = {"AvailabilityZone": record.zone, "GroupName": "", "Tenancy": record.tenancy}
    if record.grouped is not None:
        shown |= {"GroupName": record.grouped.name, "GroupId": record.grouped.id}
        if record.grouped.partition:
            shown["PartitionNumber"] = record.grouped.partition
    return shown


def _joined(call: Call, record: Instance, shown: dict[str, Any], around: Around) -> None:
    """What it has of networks and disks."""
    interfaces = around.interfaces(record)
    shown |= {
        "VpcId": record.vpc,
        "SubnetId": record.subnet,
        "PrivateIpAddress": record.private_address,
        "PrivateDnsName": hostnames.private_name(record),
        "PrivateDnsNameOptions": hostnames.show(record.resource_names),
        "NetworkInterfaces": [
            joining.show_instance_interface(call, interface, around.vpc(interface.vpc)) for interface in interfaces
        ],
        "BlockDeviceMappings": _disks(record, around),
    }
    if interfaces:
        first = interfaces[0]
        shown["SecurityGroups"] = joining.show_groups(first)
        shown["SourceDestCheck"] = first.source_check
        public = public_of(first)
        if public:
            shown["PublicIpAddress"] = public
            shown["PublicDnsName"] = joining.public_name(call.region, public, around.vpc(first.vpc))


def public_of(interface: Interface) -> str:
    public = interface.primary.public
    return public.address if public is not None else ""


def _disks(record: Instance, around: Around) -> list[dict[str, Any]]:
    found = []
    for disk in record.disks:
        volume = around.volume(record, disk.volume)
        if volume is None or volume.attachment is None:
            continue
        ebs = {
            "VolumeId": volume.id,
            "Status": volume.attachment.state,
            "AttachTime": volume.attachment.at,
            "DeleteOnTermination": volume.attachment.delete_on_termination,
        }
        found.append({"DeviceName": disk.device, "Ebs": ebs})
    return found


def metadata(options: Metadata, state: str = "applied") -> dict[str, Any]:
    return {
        "State": state,
        "HttpTokens": options.tokens,
        "HttpPutResponseHopLimit": options.hops,
        "HttpEndpoint": "enabled" if options.enabled else "disabled",
        "HttpProtocolIpv6": "disabled",
        "InstanceMetadataTags": "enabled" if options.tags else "disabled",
    }


def reservation(call: Call, records: list[Instance], around: Around | None = None) -> dict[str, Any]:
    """Of one launch."""
    first, around = records[0], around or Around(call, records)
    shown: dict[str, Any] = {
        "ReservationId": first.reservation,
        "OwnerId": first.account,
        "Groups": [],
        "Instances": [instance(call, record, around) for record in sorted(records, key=lambda one: one.launch_index)],
    }
    if first.requester:
        shown["RequesterId"] = first.requester
    return shown


def reservations(call: Call, records: list[Instance]) -> list[dict[str, Any]]:
    """Instances by the launch they are of, in the order in which their launches first appear."""
    grouped: dict[str, list[Instance]] = {}
    for record in records:
        grouped.setdefault(record.reservation, []).append(record)
    around = Around(call, records)
    return [reservation(call, group, around) for group in grouped.values()]


def change(before: Instance, after: Instance) -> dict[str, Any]:
    """An InstanceStateChange."""
    return {"InstanceId": after.id, "PreviousState": state(before), "CurrentState": state(after)}
