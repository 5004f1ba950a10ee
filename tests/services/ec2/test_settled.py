"""Reads with one true answer, and that the contrary cannot be made."""

from tests.services.ec2.vpc.refusing import refused


def test_all_ids_are_long(ec2):
    assert ec2.describe_id_format(Resource="vpc")["Statuses"] == [{"Resource": "vpc", "UseLongIds": True}]
    assert ec2.describe_aggregate_id_format()["UseLongIdsAggregated"] is True
    me = "arn:aws:iam::000000000000:root"
    assert all(one["UseLongIds"] for one in ec2.describe_identity_id_format(PrincipalArn=me)["Statuses"])
    assert ec2.describe_principal_id_format()["Principals"] == []
    with refused("InvalidParameterValue"):
        ec2.describe_id_format(Resource="nothing")


def test_there_is_no_serial_console(ec2):
    assert ec2.get_serial_console_access_status()["SerialConsoleAccessEnabled"] is False
    assert ec2.disable_serial_console_access()["SerialConsoleAccessEnabled"] is False
    with refused("NotImplemented"):
        ec2.enable_serial_console_access()


def test_nothing_blocks_the_gateways_of_all_networks(ec2):
    options = ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]
    assert (options["State"], options["InternetGatewayBlockMode"]) == ("default-state", "off")
    with refused("NotImplemented"):
        ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode="block-ingress")


def test_no_network_is_linked_to_ec2_classic(ec2):
    (vpc,) = ec2.describe_vpc_classic_link()["Vpcs"]
    assert vpc["ClassicLinkEnabled"] is False
    assert ec2.describe_vpc_classic_link_dns_support(VpcIds=[vpc["VpcId"]])["Vpcs"] == [
        {"VpcId": vpc["VpcId"], "ClassicLinkDnsSupported": False}
    ]
    linked = [{"Name": "is-classic-link-enabled", "Values": ["true"]}]
    assert ec2.describe_vpc_classic_link(Filters=linked)["Vpcs"] == []


def test_no_snapshot_was_ever_archived(cloud, ec2):
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    cloud.settle()
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    cloud.settle()
    filters = [{"Name": "volume-id", "Values": [volume]}]
    (told,) = ec2.describe_snapshot_tier_status(Filters=filters)["SnapshotTierStatuses"]
    assert (told["SnapshotId"], told["StorageTier"], told["Status"]) == (snapshot, "standard", "completed")
    archived = [{"Name": "last-tiering-operation", "Values": ["archival-completed"]}]
    assert ec2.describe_snapshot_tier_status(Filters=archived)["SnapshotTierStatuses"] == []
    with refused("NotImplemented"):
        ec2.modify_snapshot_tier(SnapshotId=snapshot, StorageTier="archive")


def test_what_is_so_already_may_be_asked_for(ec2):
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    ec2.enable_volume_io(VolumeId=volume)
    with refused("InvalidVolume.NotFound"):
        ec2.enable_volume_io(VolumeId="vol-00000000000000000")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    assert ec2.modify_vpc_tenancy(VpcId=vpc, InstanceTenancy="default")["ReturnValue"] is True
    with refused("InvalidVpcID.NotFound"):
        ec2.modify_vpc_tenancy(VpcId="vpc-00000000000000000", InstanceTenancy="default")
