"""Things that nobody can have in this cloud yet: that there are none is the plain truth, and tools ask for it.

A kind of thing stands here as long as each operation that could make one is refused; whoever writes the first of these
takes the kind out of this list (a test says so). An id that is asked for is not there, in EC2's own code; filters and
pages of nothing are nothing. Source: EC2 API Reference, the operations' pages and "Error codes".
"""

from typing import Any, NamedTuple

from pileus.service import Call

from .listing import page_size
from .service import Ec2Error, Request, invalid, operation

PARTIAL = "none can be made here yet"


class Absent(NamedTuple):
    """`read`: the Describe operation; `answer`: its list; `makers`: what could make one; `ids`: the member that names
    some; `code`: of the error about one that is not there."""

    read: str
    answer: str
    makers: tuple[str, ...]
    ids: str = ""
    code: str = ""


ABSENT = (
    Absent("DescribeBundleTasks", "BundleTasks", ("BundleInstance",), "BundleIds", "InvalidBundleID.NotFound"),
    Absent("DescribeByoipCidrs", "ByoipCidrs", ("ProvisionByoipCidr",)),
    Absent(
        "DescribeCapacityReservations",
        "CapacityReservations",
        ("CreateCapacityReservation", "CreateCapacityReservationFleet", "PurchaseCapacityBlock"),
        "CapacityReservationIds",
        "InvalidCapacityReservationId.NotFound",
    ),
    Absent(
        "DescribeCarrierGateways",
        "CarrierGateways",
        ("CreateCarrierGateway",),
        "CarrierGatewayIds",
        "InvalidCarrierGatewayID.NotFound",
    ),
    Absent(
        "DescribeClientVpnEndpoints",
        "ClientVpnEndpoints",
        ("CreateClientVpnEndpoint",),
        "ClientVpnEndpointIds",
        "InvalidClientVpnEndpointId.NotFound",
    ),
    Absent(
        "DescribeConversionTasks",
        "ConversionTasks",
        ("ImportInstance", "ImportVolume"),
        "ConversionTaskIds",
        "InvalidConversionTaskId",
    ),
    Absent(
        "DescribeCustomerGateways",
        "CustomerGateways",
        ("CreateCustomerGateway",),
        "CustomerGatewayIds",
        "InvalidCustomerGatewayID.NotFound",
    ),
    Absent(
        "DescribeEgressOnlyInternetGateways",
        "EgressOnlyInternetGateways",
        ("CreateEgressOnlyInternetGateway",),
        "EgressOnlyInternetGatewayIds",
        "InvalidGatewayID.NotFound",
    ),
    Absent(
        "DescribeExportTasks",
        "ExportTasks",
        ("CreateInstanceExportTask",),
        "ExportTaskIds",
        "InvalidExportTaskID.NotFound",
    ),
    Absent("DescribeFastSnapshotRestores", "FastSnapshotRestores", ("EnableFastSnapshotRestores",)),
    Absent("DescribeFleets", "Fleets", ("CreateFleet",), "FleetIds", "InvalidFleetId.NotFound"),
    Absent("DescribeHosts", "Hosts", ("AllocateHosts",), "HostIds", "InvalidHostID.NotFound"),
    Absent(
        "DescribeImportImageTasks", "ImportImageTasks", ("ImportImage",), "ImportTaskIds", "InvalidConversionTaskId"
    ),
    Absent(
        "DescribeImportSnapshotTasks",
        "ImportSnapshotTasks",
        ("ImportSnapshot",),
        "ImportTaskIds",
        "InvalidConversionTaskId",
    ),
    Absent(
        "DescribeInstanceConnectEndpoints",
        "InstanceConnectEndpoints",
        ("CreateInstanceConnectEndpoint",),
        "InstanceConnectEndpointIds",
        "InvalidInstanceConnectEndpointId.NotFound",
    ),
    Absent(
        "DescribeInstanceEventWindows",
        "InstanceEventWindows",
        ("CreateInstanceEventWindow",),
        "InstanceEventWindowIds",
        "InvalidInstanceEventWindowID.NotFound",
    ),
    Absent("DescribeIpamPools", "IpamPools", ("CreateIpamPool",), "IpamPoolIds", "InvalidIpamPoolId.NotFound"),
    Absent("DescribeIpams", "Ipams", ("CreateIpam",), "IpamIds", "InvalidIpamId.NotFound"),
    Absent("DescribeIpv6Pools", "Ipv6Pools", ("ProvisionByoipCidr",), "PoolIds", "InvalidPoolID.NotFound"),
    Absent(
        "DescribePublicIpv4Pools",
        "PublicIpv4Pools",
        ("CreatePublicIpv4Pool", "ProvisionByoipCidr"),
        "PoolIds",
        "InvalidPublicIpv4PoolID.NotFound",
    ),
    Absent(
        "DescribeSpotFleetRequests",
        "SpotFleetRequestConfigs",
        ("RequestSpotFleet",),
        "SpotFleetRequestIds",
        "InvalidSpotFleetRequestId.NotFound",
    ),
    Absent(
        "DescribeTrafficMirrorFilters",
        "TrafficMirrorFilters",
        ("CreateTrafficMirrorFilter",),
        "TrafficMirrorFilterIds",
        "InvalidTrafficMirrorFilterId.NotFound",
    ),
    Absent(
        "DescribeTrafficMirrorSessions",
        "TrafficMirrorSessions",
        ("CreateTrafficMirrorSession",),
        "TrafficMirrorSessionIds",
        "InvalidTrafficMirrorSessionId.NotFound",
    ),
    Absent(
        "DescribeTrafficMirrorTargets",
        "TrafficMirrorTargets",
        ("CreateTrafficMirrorTarget",),
        "TrafficMirrorTargetIds",
        "InvalidTrafficMirrorTargetId.NotFound",
    ),
    Absent(
        "DescribeTransitGateways",
        "TransitGateways",
        ("CreateTransitGateway",),
        "TransitGatewayIds",
        "InvalidTransitGatewayID.NotFound",
    ),
    Absent(
        "DescribeTransitGatewayAttachments",
        "TransitGatewayAttachments",
        ("CreateTransitGateway", "CreateTransitGatewayVpcAttachment", "CreateTransitGatewayPeeringAttachment"),
        "TransitGatewayAttachmentIds",
        "InvalidTransitGatewayAttachmentID.NotFound",
    ),
    Absent(
        "DescribeTransitGatewayRouteTables",
        "TransitGatewayRouteTables",
        ("CreateTransitGateway", "CreateTransitGatewayRouteTable"),
        "TransitGatewayRouteTableIds",
        "InvalidRouteTableID.NotFound",
    ),
    Absent(
        "DescribeTransitGatewayVpcAttachments",
        "TransitGatewayVpcAttachments",
        ("CreateTransitGatewayVpcAttachment",),
        "TransitGatewayAttachmentIds",
        "InvalidTransitGatewayAttachmentID.NotFound",
    ),
    Absent(
        "DescribeVpcBlockPublicAccessExclusions",
        "VpcBlockPublicAccessExclusions",
        ("CreateVpcBlockPublicAccessExclusion",),
        "ExclusionIds",
        "InvalidVpcBlockPublicAccessExclusionId.NotFound",
    ),
    Absent("DescribeVpcEndpointConnections", "VpcEndpointConnections", ("CreateVpcEndpointServiceConfiguration",)),
    Absent(
        "DescribeVpcEndpointServiceConfigurations",
        "ServiceConfigurations",
        ("CreateVpcEndpointServiceConfiguration",),
        "ServiceIds",
        "InvalidVpcEndpointServiceId.NotFound",
    ),
    Absent(
        "DescribeVpnConnections",
        "VpnConnections",
        ("CreateVpnConnection",),
        "VpnConnectionIds",
        "InvalidVpnConnectionID.NotFound",
    ),
    Absent(
        "DescribeVpnGateways", "VpnGateways", ("CreateVpnGateway",), "VpnGatewayIds", "InvalidVpnGatewayID.NotFound"
    ),
    Absent("ListImagesInRecycleBin", "Images", ("RestoreImageFromRecycleBin",), "ImageIds", "InvalidAMIID.NotFound"),
    Absent(
        "ListSnapshotsInRecycleBin",
        "Snapshots",
        ("RestoreSnapshotFromRecycleBin",),
        "SnapshotIds",
        "InvalidSnapshot.NotFound",
    ),
    Absent(
        "DescribeExportImageTasks",
        "ExportImageTasks",
        ("ExportImage",),
        "ExportImageTaskIds",
        "InvalidExportTaskID.NotFound",
    ),
    Absent("DescribeFastLaunchImages", "FastLaunchImages", ("EnableFastLaunch",), "ImageIds", "InvalidAMIID.NotFound"),
    Absent("DescribeFpgaImages", "FpgaImages", ("CreateFpgaImage",), "FpgaImageIds", "InvalidFpgaImageID.NotFound"),
    Absent("DescribeHostReservations", "HostReservationSet", ("PurchaseHostReservation",)),
    Absent(
        "DescribeIpamScopes",
        "IpamScopes",
        ("CreateIpam", "CreateIpamScope"),
        "IpamScopeIds",
        "InvalidIpamScopeId.NotFound",
    ),
    Absent("DescribeNetworkInterfacePermissions", "NetworkInterfacePermissions", ("CreateNetworkInterfacePermission",)),
    Absent("DescribeReservedInstancesListings", "ReservedInstancesListings", ("CreateReservedInstancesListing",)),
    Absent("DescribeScheduledInstances", "ScheduledInstanceSet", ("PurchaseScheduledInstances",)),
    Absent(
        "DescribeStoreImageTasks",
        "StoreImageTaskResults",
        ("CreateStoreImageTask",),
        "ImageIds",
        "InvalidAMIID.NotFound",
    ),
    Absent(
        "DescribeVpcEndpointConnectionNotifications",
        "ConnectionNotificationSet",
        ("CreateVpcEndpointConnectionNotification",),
    ),
    Absent(
        "ListVolumesInRecycleBin", "Volumes", ("RestoreVolumeFromRecycleBin",), "VolumeIds", "InvalidVolume.NotFound"
    ),
)


def _declare(absent: Absent) -> None:
    @operation(absent.read, partial=PARTIAL)
    def describe(call: Call, request: Request) -> dict[str, Any]:
        for member in ("Filters", "Filter"):
            for each in request.get(member) or []:
                each.plain()  # whatever it asks for, nothing passes
        wanted = request.get(absent.ids) if absent.ids else None
        if wanted:
            raise Ec2Error(absent.code, f"The ID '{wanted[0]}' does not exist")
        page_size(request, least=1)
        if request.get("NextToken"):
            raise invalid("Unable to parse pagination token")
        return {absent.answer: []}


for _absent in ABSENT:
    _declare(_absent)
