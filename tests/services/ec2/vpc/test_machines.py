"""Networks and machines together."""

import json

import pytest
from click.testing import CliRunner

from pileus.cli import running
from pileus.cli.why import why
from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def image(ec2):
    return ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]


@pytest.fixture
def launch(cloud, ec2, image):
    def run(**more):
        made = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, **more)
        cloud.settle()
        id = made["Instances"][0]["InstanceId"]
        return ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]

    return run


def test_a_machine_is_in_the_default_subnet_with_both_addresses(launch, ec2, realized):
    machine = launch()
    [interface] = machine["NetworkInterfaces"]
    assert interface["PrivateIpAddress"] == machine["PrivateIpAddress"]
    assert machine["PublicIpAddress"] == interface["Association"]["PublicIp"]
    assert interface["Association"]["IpOwnerId"] == "amazon"
    [found] = realized()[machine["VpcId"]].interfaces
    assert found.addresses[0].public == machine["PublicIpAddress"]


def test_an_elastic_address_is_associated_with_a_machine(launch, ec2, realized):
    machine = launch()
    address = ec2.allocate_address()
    made = ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=machine["InstanceId"])
    [shown] = ec2.describe_instances(InstanceIds=[machine["InstanceId"]])["Reservations"][0]["Instances"]
    assert shown["PublicIpAddress"] == address["PublicIp"]
    assert realized()[machine["VpcId"]].interfaces[0].addresses[0].public == address["PublicIp"]
    ec2.disassociate_address(AssociationId=made["AssociationId"])
    [shown] = ec2.describe_instances(InstanceIds=[machine["InstanceId"]])["Reservations"][0]["Instances"]
    assert shown["PublicIpAddress"] != address["PublicIp"]
    with refused("InvalidInstanceID.NotFound"):
        ec2.associate_address(AllocationId=address["AllocationId"], InstanceId="i-0123456789abcdef0")


def test_a_second_interface_is_attached_and_detached(cloud, launch, ec2, realized):
    machine = launch()
    more = ec2.create_network_interface(SubnetId=machine["SubnetId"])["NetworkInterface"]["NetworkInterfaceId"]
    given = {"NetworkInterfaceId": more, "InstanceId": machine["InstanceId"]}
    with refused("InvalidParameterValue", "already has an interface attached at device index '0'"):
        ec2.attach_network_interface(**given, DeviceIndex=0)
    attachment = ec2.attach_network_interface(**given, DeviceIndex=1)["AttachmentId"]
    with refused("InvalidNetworkInterface.InUse"):
        ec2.attach_network_interface(**given, DeviceIndex=2)
    assert {each.id for each in realized()[machine["VpcId"]].interfaces} >= {more}
    address = ec2.allocate_address()["AllocationId"]
    with refused("InvalidInstanceID", "multiple interfaces"):
        ec2.associate_address(AllocationId=address, InstanceId=machine["InstanceId"])
    ec2.detach_network_interface(AttachmentId=attachment)
    assert more not in {each.id for each in realized()[machine["VpcId"]].interfaces}


def test_an_interface_of_another_zone_is_not_attached(launch, ec2):
    machine = launch()
    zone = machine["Placement"]["AvailabilityZone"]
    other = next(each for each in ec2.describe_subnets()["Subnets"] if each["AvailabilityZone"] != zone)
    more = ec2.create_network_interface(SubnetId=other["SubnetId"])["NetworkInterface"]["NetworkInterfaceId"]
    with refused("InvalidParameterValue", "same availability zone"):
        ec2.attach_network_interface(NetworkInterfaceId=more, InstanceId=machine["InstanceId"], DeviceIndex=1)


def test_the_last_machine_takes_the_network_along(cloud, launch, ec2, realized):
    machine = launch()
    ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])
    cloud.settle()
    assert machine["VpcId"] not in realized()
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    free = {subnet["AvailableIpAddressCount"] for subnet in ec2.describe_subnets()["Subnets"]}
    assert free == {4091}


def test_why_names_the_group_that_blocks_and_is_silent_when_none_does(cloud, launch, ec2, monkeypatch):
    named = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}]
    web = launch(TagSpecifications=named)
    page = cloud.app.admin.pages["POST", "/_pileus/why"]
    monkeypatch.setattr(running, "need", lambda folder: None)
    monkeypatch.setattr(
        running, "ask", lambda found, path, body: cloud.run(cloud.app.store.transact(lambda tx: page(tx, body)))
    )
    told = CliRunner().invoke(why, ["internet", "web", "22"])
    assert told.exit_code == 1
    group = web["SecurityGroups"][0]["GroupId"]
    assert f"blocked (ENI_SG_RULES_MISMATCH): no ingress rule of {group} lets TCP 22 from anywhere pass" in told.output
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0")
    told = CliRunner().invoke(why, ["internet", web["PublicIpAddress"], "22", "--json"])
    assert told.exit_code == 0
    assert json.loads(told.output)["reachable"] is True
