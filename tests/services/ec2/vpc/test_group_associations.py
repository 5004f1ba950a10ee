"""A security group that is used in further VPCs."""

import pytest

from tests.services.ec2.conftest import OTHER
from tests.services.ec2.vpc.refusing import refused

HTTP = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}


@pytest.fixture
def vpcs(ec2):
    return [ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"] for number in (0, 1)]


@pytest.fixture
def group(ec2, vpcs):
    return ec2.create_security_group(GroupName="web", Description="web", VpcId=vpcs[0])["GroupId"]


@pytest.fixture
def interface(ec2, vpcs):
    """A function that makes an interface in the second VPC with the group."""
    subnet = ec2.create_subnet(VpcId=vpcs[1], CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]

    def make(group):
        made = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]
        return made["NetworkInterfaceId"]

    return make


def inward(compiled, vpc, group):
    return [rule.first for each in compiled(vpc).groups if each.id == group for rule in each.inward]


def test_the_rules_hold_wherever_the_group_is_used(ec2, vpcs, group, interface, plugged, compiled):
    with refused("InvalidGroup.NotFound"):
        interface(group)
    assert ec2.associate_security_group_vpc(GroupId=group, VpcId=vpcs[1])["State"] == "associated"
    id = interface(group)
    plugged(id)
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[HTTP])
    assert inward(compiled, vpcs[0], group) == inward(compiled, vpcs[1], group) == [80]
    [made] = compiled(vpcs[1]).interfaces
    assert made.groups == (group,)
    found = ec2.get_security_groups_for_vpc(VpcId=vpcs[1])["SecurityGroupForVpcs"]
    assert group in [each["GroupId"] for each in found]


def test_a_change_of_rules_reaches_the_drivers_network_of_each_vpc(ec2, vpcs, group, interface, plugged, realized):
    ec2.associate_security_group_vpc(GroupId=group, VpcId=vpcs[1])
    plugged(interface(group))
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[HTTP])
    [there] = [each for each in realized()[vpcs[1]].groups if each.id == group]
    assert [rule.first for rule in there.inward] == [80]
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[HTTP])
    [there] = [each for each in realized()[vpcs[1]].groups if each.id == group]
    assert there.inward == ()


def test_associations_are_told_and_end(ec2, vpcs, group, interface, compiled):
    ec2.associate_security_group_vpc(GroupId=group, VpcId=vpcs[1])
    (told,) = ec2.describe_security_group_vpc_associations()["SecurityGroupVpcAssociations"]
    assert (told["GroupId"], told["VpcId"], told["State"]) == (group, vpcs[1], "associated")
    filters = [{"Name": "vpc-id", "Values": [vpcs[0]]}]
    assert ec2.describe_security_group_vpc_associations(Filters=filters)["SecurityGroupVpcAssociations"] == []
    id = interface(group)
    with refused("DependencyViolation"):
        ec2.disassociate_security_group_vpc(GroupId=group, VpcId=vpcs[1])
    ec2.delete_network_interface(NetworkInterfaceId=id)
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=group)
    assert ec2.disassociate_security_group_vpc(GroupId=group, VpcId=vpcs[1])["State"] == "disassociated"
    assert group not in [each.id for each in compiled(vpcs[1]).groups]
    ec2.delete_security_group(GroupId=group)


def test_defaults_and_others_vpcs_are_not_associated(cloud, ec2, vpcs, group):
    (home,) = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if vpc["IsDefault"]]
    filters = [{"Name": "vpc-id", "Values": [vpcs[0]]}, {"Name": "group-name", "Values": ["default"]}]
    (default,) = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    for wanted in ((group, home), (default["GroupId"], vpcs[1]), (group, vpcs[0])):
        with refused("InvalidParameterValue"):
            ec2.associate_security_group_vpc(GroupId=wanted[0], VpcId=wanted[1])
    theirs = cloud.client("ec2", OTHER).create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    with refused("InvalidVpcID.NotFound"):
        ec2.associate_security_group_vpc(GroupId=group, VpcId=theirs)


def test_an_association_goes_with_its_vpc(ec2, vpcs, group):
    ec2.associate_security_group_vpc(GroupId=group, VpcId=vpcs[1])
    ec2.delete_vpc(VpcId=vpcs[1])
    assert ec2.describe_security_group_vpc_associations()["SecurityGroupVpcAssociations"] == []
    ec2.delete_security_group(GroupId=group)


def test_a_rule_may_refer_to_a_group_that_is_used_there(ec2, vpcs, group, compiled):
    ec2.associate_security_group_vpc(GroupId=group, VpcId=vpcs[1])
    other = ec2.create_security_group(GroupName="db", Description="db", VpcId=vpcs[1])["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[permission])
    [made] = [each for each in compiled(vpcs[1]).groups if each.id == other]
    assert [rule.groups for rule in made.inward] == [(group,)]
    ec2.disassociate_security_group_vpc(GroupId=group, VpcId=vpcs[1])
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=group)
    ec2.delete_security_group(GroupId=other)
    ec2.delete_security_group(GroupId=group)


def test_the_entries_of_a_prefix_list_reach_each_vpc(ec2, vpcs, group, interface, plugged, realized):
    ec2.associate_security_group_vpc(GroupId=group, VpcId=vpcs[1])
    plugged(interface(group))
    made = ec2.create_managed_prefix_list(PrefixListName="l", MaxEntries=2, AddressFamily="IPv4")["PrefixList"]
    permission = {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": made["PrefixListId"]}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    realized()
    ec2.modify_managed_prefix_list(
        PrefixListId=made["PrefixListId"], CurrentVersion=1, AddEntries=[{"Cidr": "10.9.0.0/16"}]
    )
    [there] = [each for each in realized()[vpcs[1]].groups if each.id == group]
    assert [rule.ranges for rule in there.inward] == [("10.9.0.0/16",)]
    uses = ec2.get_managed_prefix_list_associations(PrefixListId=made["PrefixListId"])["PrefixListAssociations"]
    assert [use["ResourceId"] for use in uses] == [group]
