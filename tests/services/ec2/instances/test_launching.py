"""What a launch may ask for, what it gets, and what it is told when it cannot have it."""

import base64

import pytest

from tests.services.ec2.vpc.refusing import refused

MINIMAL = {"InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}


def test_the_same_token_launches_once(cloud, ec2, image):
    asked = {"ImageId": image, **MINIMAL, "ClientToken": "once"}
    first, second = ec2.run_instances(**asked), ec2.run_instances(**asked)
    assert first["Instances"][0]["InstanceId"] == second["Instances"][0]["InstanceId"]
    assert first["ReservationId"] == second["ReservationId"]
    with refused("IdempotentParameterMismatch"):
        ec2.run_instances(**{**asked, "MaxCount": 2})
    cloud.settle()
    [reservation] = ec2.describe_instances(Filters=[{"Name": "client-token", "Values": ["once"]}])["Reservations"]
    assert len(reservation["Instances"]) == 1


def test_a_dry_run_launches_nothing_and_checks_everything(ec2, image):
    with refused("DryRunOperation"):
        ec2.run_instances(ImageId=image, **MINIMAL, DryRun=True)
    with refused("InvalidKeyPair.NotFound"):
        ec2.run_instances(ImageId=image, **MINIMAL, KeyName="nobody", DryRun=True)
    assert ec2.describe_instances()["Reservations"] == []
    assert ec2.describe_volumes()["Volumes"] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"ImageId": "nonsense"}, "InvalidAMIID.Malformed"),
        ({"InstanceType": "t9.huge"}, "InvalidParameterValue"),
        ({"InstanceType": "t4g.micro"}, "InvalidParameterValue"),
        ({"MinCount": 0}, "InvalidParameterValue"),
        ({"MinCount": 2, "MaxCount": 1}, "InvalidParameterValue"),
        ({"MaxCount": 1_001}, "InstanceLimitExceeded"),
        ({"KeyName": "nobody"}, "InvalidKeyPair.NotFound"),
        ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
        ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        ({"SecurityGroups": ["nobody"]}, "InvalidGroup.NotFound"),
        ({"Placement": {"AvailabilityZone": "us-east-1z"}}, "InvalidParameterValue"),
        ({"Placement": {"Tenancy": "dedicated"}}, "Unsupported"),
        ({"IamInstanceProfile": {"Name": "nobody"}}, "InvalidParameterValue"),
        ({"EnclaveOptions": {"Enabled": True}}, "Unsupported"),
        ({"InstanceType": "m5.large", "CreditSpecification": {"CpuCredits": "standard"}}, "InvalidParameterCombination"),  # noqa: E501
        ({"UserData": "x" * (16 * 1024 + 1)}, "InvalidParameterValue"),
        ({"Ipv6AddressCount": 1}, "NotImplemented"),
        ({"PrivateIpAddress": "10.9.9.9"}, "InvalidParameterValue"),
    ],
)  # fmt: skip
def test_a_launch_that_cannot_be_is_refused_and_leaves_nothing(ec2, image, change, code):
    with refused(code):
        ec2.run_instances(**{"ImageId": image, **MINIMAL, **change})
    assert ec2.describe_instances()["Reservations"] == []
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_an_unknown_image_may_stand_for_one_that_is_offered(cloud, image, launch, monkeypatch):
    monkeypatch.setattr(cloud.app.cloud, "unknown_images", "debian-12")
    found = launch(ImageId="ami-0123456789abcdef0")
    assert (found["ImageId"], found["State"]["Name"]) == ("ami-0123456789abcdef0", "running")
    with refused("InvalidAMIID.Malformed"):
        launch(ImageId="ami-nonsense")


def test_tags_are_put_on_what_they_are_for(ec2, launch):
    kinds = ("instance", "volume", "network-interface")
    found = launch(TagSpecifications=[{"ResourceType": kind, "Tags": [{"Key": "is", "Value": kind}]} for kind in kinds])
    assert found["Tags"] == [{"Key": "is", "Value": "instance"}]
    [volume] = ec2.describe_volumes(Filters=[{"Name": "tag:is", "Values": ["volume"]}])["Volumes"]
    assert volume["Attachments"][0]["InstanceId"] == found["InstanceId"]
    [interface] = ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert interface["TagSet"] == [{"Key": "is", "Value": "network-interface"}]
    with refused("InvalidParameterValue", "not a valid taggable resource type"):
        launch(TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}])


def test_the_root_disk_grows_and_others_are_added(cloud, ec2, launch):
    found = launch(
        BlockDeviceMappings=[
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "DeleteOnTermination": False}},
            {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 3}},
        ]
    )
    disks = {one["DeviceName"]: one["Ebs"] for one in found["BlockDeviceMappings"]}
    assert {name: disk["Status"] for name, disk in disks.items()} == {"/dev/xvda": "attached", "/dev/sdf": "attached"}
    root, data = (
        ec2.describe_volumes(VolumeIds=[disks[name]["VolumeId"]])["Volumes"][0] for name in ("/dev/xvda", "/dev/sdf")
    )
    assert (root["Size"], root["VolumeType"], root["Iops"], root["Throughput"]) == (20, "gp3", 3000, 125)
    assert (data["Size"], data["VolumeType"]) == (3, "gp2")
    assert cloud.drivers.volumes.observe(data["VolumeId"]).device == "xvdf"
    ec2.terminate_instances(InstanceIds=[found["InstanceId"]])
    cloud.settle()
    [left] = ec2.describe_volumes()["Volumes"]
    assert (left["VolumeId"], left["State"]) == (root["VolumeId"], "available")


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        ({"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 4}}, "InvalidBlockDeviceMapping"),
        ({"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": "snap-0123456789abcdef0"}}, "InvalidBlockDeviceMapping"),
        ({"DeviceName": "/dev/xvda", "NoDevice": ""}, "InvalidBlockDeviceMapping"),
        ({"DeviceName": "/dev/sdf", "Ebs": {"VolumeType": "gp3"}}, "MissingParameter"),
        ({"DeviceName": "/dev/sdf"}, "InvalidBlockDeviceMapping"),
        ({"DeviceName": "nonsense", "Ebs": {"VolumeSize": 1}}, "InvalidParameterValue"),
        ({"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": "snap-0123456789abcdef0"}}, "InvalidSnapshot.NotFound"),
        (
            {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "KmsKeyId": "alias/aws/ebs"}},
            "InvalidParameterDependency",
        ),
        ({"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 4, "VolumeType": "io1"}}, "MissingParameter"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(ec2, image, mapping, code):
    with refused(code):
        ec2.run_instances(ImageId=image, **MINIMAL, BlockDeviceMappings=[mapping])
    assert ec2.describe_volumes()["Volumes"] == []


def test_instance_store_is_there_while_the_instance_runs_and_new_after_a_stop(cloud, ec2, launch):
    id = launch(InstanceType="m5d.large")["InstanceId"]
    name = f"{id}-ephemeral0"
    assert cloud.drivers.volumes.observe(name).machine == id
    cloud.drivers.volumes.guest_writes(name, 0, b"gone soon")
    ec2.reboot_instances(InstanceIds=[id])
    cloud.settle()
    assert cloud.drivers.volumes.read(name, 0).startswith(b"gone soon")
    ec2.stop_instances(InstanceIds=[id])
    cloud.settle()
    assert cloud.drivers.volumes.observe(name) is None
    ec2.start_instances(InstanceIds=[id])
    cloud.settle()
    assert not any(cloud.drivers.volumes.read(name, 0))
    ec2.terminate_instances(InstanceIds=[id])
    cloud.settle()
    assert cloud.drivers.volumes.ids() == []


def test_a_launch_goes_where_it_is_told(ec2, launch):
    [subnet] = [one for one in ec2.describe_subnets()["Subnets"] if one["AvailabilityZone"] == "us-east-1c"]
    group = ec2.create_security_group(GroupName="web", Description="w")["GroupId"]
    found = launch(
        SubnetId=subnet["SubnetId"],
        SecurityGroupIds=[group],
        PrivateIpAddress=subnet["CidrBlock"].replace("0/20", "77"),
    )
    assert found["Placement"]["AvailabilityZone"] == "us-east-1c"
    assert found["PrivateIpAddress"].endswith(".77")
    assert found["SecurityGroups"] == [{"GroupId": group, "GroupName": "web"}]
    by_zone = launch(Placement={"AvailabilityZone": "us-east-1b"}, SecurityGroups=["web"])
    assert by_zone["Placement"]["AvailabilityZone"] == "us-east-1b"
    with refused("InvalidParameterValue"):
        launch(Placement={"AvailabilityZone": "us-east-1a"}, SubnetId=subnet["SubnetId"])


def test_interfaces_of_a_launch(ec2, launch):
    [subnet] = [one for one in ec2.describe_subnets()["Subnets"] if one["AvailabilityZone"] == "us-east-1a"]
    kept = ec2.create_network_interface(SubnetId=subnet["SubnetId"])["NetworkInterface"]["NetworkInterfaceId"]
    found = launch(
        InstanceType="t3.medium",
        NetworkInterfaces=[
            {"DeviceIndex": 0, "SubnetId": subnet["SubnetId"], "Description": "first"},
            {"DeviceIndex": 1, "NetworkInterfaceId": kept},
        ],
    )
    first, second = sorted(found["NetworkInterfaces"], key=lambda one: one["Attachment"]["DeviceIndex"])
    assert (first["Description"], first["Attachment"]["DeleteOnTermination"]) == ("first", True)
    assert (second["NetworkInterfaceId"], second["Attachment"]["DeleteOnTermination"]) == (kept, False)
    assert "PublicIpAddress" not in found  # with several interfaces there is none by itself
    private = launch(NetworkInterfaces=[{"DeviceIndex": 0, "AssociatePublicIpAddress": False}])
    assert "PublicIpAddress" not in private
    with refused("InvalidParameterCombination"):
        launch(NetworkInterfaces=[{"DeviceIndex": 0}], SubnetId=subnet["SubnetId"])


def test_the_machine_is_told_its_type_name_and_address(cloud, launch):
    found = launch(InstanceType="t3.small", UserData="#!/bin/sh\necho hello")
    machine = cloud.drivers.machines._guests[found["InstanceId"]].machine
    dashed = found["PrivateIpAddress"].replace(".", "-")
    assert (machine.vcpus, machine.memory, machine.hostname) == (2.0, 2 * 1024**3, f"ip-{dashed}")
    assert f"{found['PrivateIpAddress']} ip-{dashed}.ec2.internal ip-{dashed}" in machine.files["/etc/hosts"]
    assert [link.addresses[0].split("/")[0] for link in machine.links] == [found["PrivateIpAddress"]]


def test_user_data_is_kept_as_it_came(ec2, launch):
    id = launch(UserData="#!/bin/sh\necho hello")["InstanceId"]
    value = ec2.describe_instance_attribute(InstanceId=id, Attribute="userData")["UserData"]["Value"]
    assert base64.b64decode(value) == b"#!/bin/sh\necho hello"


def test_metadata_options_of_a_launch(ec2, launch):
    found = launch(MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 3, "HttpEndpoint": "enabled"})
    assert found["MetadataOptions"] == {
        "State": "applied", "HttpTokens": "required", "HttpPutResponseHopLimit": 3, "HttpEndpoint": "enabled",
        "HttpProtocolIpv6": "disabled", "InstanceMetadataTags": "disabled",
    }  # fmt: skip
    with refused("InvalidParameterValue"):
        launch(MetadataOptions={"HttpPutResponseHopLimit": 65})
    changed = ec2.modify_instance_metadata_options(InstanceId=found["InstanceId"], HttpEndpoint="disabled")
    assert changed["InstanceMetadataOptions"]["State"] == "pending"
    assert changed["InstanceMetadataOptions"]["HttpEndpoint"] == "disabled"
    assert changed["InstanceMetadataOptions"]["HttpTokens"] == "required"


def test_a_host_that_cannot_run_machines_says_so(ec2, image, cloud, monkeypatch):
    from pileus.drivers.api import Lack

    monkeypatch.setattr(cloud.drivers.machines, "lacking", lambda: [Lack("runc", "apt-get install runc")])
    with refused("Unsupported", "apt-get install runc"):
        ec2.run_instances(ImageId=image, **MINIMAL)
    assert ec2.describe_instances()["Reservations"] == []


def test_a_name_is_needed_for_the_image(ec2):
    with refused("MissingParameter", "ImageId"):
        ec2.run_instances(**MINIMAL)


def test_a_launch_is_as_large_as_the_host_has_room_for(cloud, ec2, image, launch):
    cloud.drivers.machines.room = 5
    launch()
    made = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=2, MaxCount=10)["Instances"]
    assert len(made) == 4
    with refused("InsufficientInstanceCapacity", "5 machines at once"):
        ec2.run_instances(ImageId=image, **MINIMAL)
    cloud.settle()
    ids = [one["InstanceId"] for one in made]
    ec2.stop_instances(InstanceIds=ids[:2])
    cloud.settle()
    launch()
    with refused("InsufficientInstanceCapacity"):
        ec2.start_instances(InstanceIds=ids[:2])
    ec2.start_instances(InstanceIds=ids[:1])
