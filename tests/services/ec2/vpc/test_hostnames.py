"""What machines are called, and which of their names resolve."""

import pytest

from tests.services.ec2.metadata.test_answers import ask as ask  # a fixture
from tests.services.ec2.metadata.test_answers import text as text  # a fixture
from tests.services.ec2.vpc.refusing import refused
from tests.services.ec2.vpc.test_machines import image as image  # a fixture
from tests.services.ec2.vpc.test_machines import launch as launch  # a fixture

BY_ID = {"HostnameType": "resource-name", "EnableResourceNameDnsARecord": True}


@pytest.fixture
def stop(cloud, ec2):
    def one(id):
        ec2.stop_instances(InstanceIds=[id])
        cloud.settle()

    return one


@pytest.fixture
def show(ec2):
    def one(id):
        return ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]

    return one


def guest(cloud, machine):
    return cloud.drivers.machines._guests[machine["InstanceId"]].machine


def test_a_machine_is_called_by_its_address_unless_it_asks_otherwise(cloud, launch, compiled):
    machine = launch()
    name = f"ip-{machine['PrivateIpAddress'].replace('.', '-')}"
    assert machine["PrivateDnsName"] == f"{name}.ec2.internal"
    assert guest(cloud, machine).hostname == name
    assert f"{machine['InstanceId']}.ec2.internal" not in compiled(machine["VpcId"]).names


def test_a_machine_that_is_called_by_its_id_is_found_by_both_names(cloud, launch, compiled, ec2, text):
    machine = launch(PrivateDnsNameOptions=BY_ID)
    name = f"{machine['InstanceId']}.ec2.internal"
    assert machine["PrivateDnsName"] == name
    assert machine["PrivateDnsNameOptions"]["HostnameType"] == "resource-name"
    assert guest(cloud, machine).hostname == machine["InstanceId"]
    assert text(machine, "/latest/meta-data/local-hostname") == name
    address = machine["PrivateIpAddress"]
    names = compiled(machine["VpcId"]).names
    assert names[name] == names[f"ip-{address.replace('.', '-')}.ec2.internal"] == (address,)
    found = ec2.describe_instances(Filters=[{"Name": "private-dns-name", "Values": [name]}])["Reservations"]
    assert len(found) == 1
    ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])
    cloud.settle()
    assert name not in compiled(machine["VpcId"]).names


def test_the_record_is_switched_while_it_runs_and_the_type_when_it_is_stopped(
    cloud, ec2, launch, show, stop, compiled, realized
):
    machine = launch()
    id, name = machine["InstanceId"], f"{machine['InstanceId']}.ec2.internal"
    ec2.modify_private_dns_name_options(InstanceId=id, EnableResourceNameDnsARecord=True)
    assert realized()[machine["VpcId"]].names[name] == (machine["PrivateIpAddress"],)
    with refused("IncorrectInstanceState"):
        ec2.modify_private_dns_name_options(InstanceId=id, PrivateDnsHostnameType="resource-name")
    stop(id)
    ec2.modify_private_dns_name_options(InstanceId=id, PrivateDnsHostnameType="resource-name")
    ec2.start_instances(InstanceIds=[id])
    cloud.settle()
    assert (show(id)["PrivateDnsName"], guest(cloud, machine).hostname) == (name, id)
    ec2.modify_private_dns_name_options(InstanceId=id, EnableResourceNameDnsARecord=False)
    assert name not in compiled(machine["VpcId"]).names
    with refused("Unsupported"):
        ec2.modify_private_dns_name_options(InstanceId=id, EnableResourceNameDnsAAAARecord=True)


def test_a_subnet_says_what_its_machines_are_called(ec2, launch, compiled):
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, PrivateDnsHostnameTypeOnLaunch="resource-name")
    ec2.modify_subnet_attribute(SubnetId=subnet, EnableResourceNameDnsARecordOnLaunch={"Value": True})
    (told,) = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    assert told["PrivateDnsNameOptionsOnLaunch"] == {
        "HostnameType": "resource-name",
        "EnableResourceNameDnsARecord": True,
        "EnableResourceNameDnsAAAARecord": False,
    }
    machine = launch(SubnetId=subnet)
    assert machine["PrivateDnsName"] == f"{machine['InstanceId']}.ec2.internal"
    assert machine["PrivateDnsName"] in compiled(machine["VpcId"]).names
    other = launch(SubnetId=subnet, PrivateDnsNameOptions={"HostnameType": "ip-name"})
    assert other["PrivateDnsName"].startswith("ip-")
