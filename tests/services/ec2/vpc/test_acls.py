"""Network ACLs."""

import pytest

from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def acl(ec2, vpc):
    return ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]


def entry(number, **more):
    given = {"RuleNumber": number, "Protocol": "6", "RuleAction": "allow", "Egress": False, "CidrBlock": "0.0.0.0/0"}
    return {**given, "PortRange": {"From": 80, "To": 80}, **more}


def shown(ec2, acl):
    return ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"][0]


def test_the_default_list_lets_everything_pass(ec2, vpc):
    [default] = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    assert default["IsDefault"] is True
    assert [(each["RuleNumber"], each["Egress"], each["RuleAction"]) for each in default["Entries"]] == [
        (100, True, "allow"),
        (100, False, "allow"),
        (32767, True, "deny"),
        (32767, False, "deny"),
    ]
    with refused("InvalidParameterValue", "default network ACL"):
        ec2.delete_network_acl(NetworkAclId=default["NetworkAclId"])


def test_entries_are_numbered_and_told_to_the_network_in_order(ec2, vpc, acl, compiled):
    ec2.create_network_acl_entry(NetworkAclId=acl, **entry(200))
    ec2.create_network_acl_entry(NetworkAclId=acl, **entry(100, RuleAction="deny", CidrBlock="1.2.3.4/8"))
    [made] = [each for each in compiled(vpc).acls if each.id == acl]
    assert [(each.number, each.allow, each.range, each.protocol, each.first) for each in made.inward] == [
        (100, False, "1.0.0.0/8", 6, 80),
        (200, True, "0.0.0.0/0", 6, 80),
    ]
    with refused("NetworkAclEntryAlreadyExists"):
        ec2.create_network_acl_entry(NetworkAclId=acl, **entry(100))
    ec2.replace_network_acl_entry(NetworkAclId=acl, **entry(100, Protocol="-1"))
    ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=200, Egress=False)
    assert [each["Protocol"] for each in shown(ec2, acl)["Entries"]] == ["-1", "-1", "-1"]
    with refused("InvalidNetworkAclEntry.NotFound"):
        ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=200, Egress=False)


def test_a_subnet_moves_from_one_list_to_another(ec2, vpc, acl, compiled):
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")
    [default] = [
        each
        for each in ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
        if each["IsDefault"]
    ]
    association = default["Associations"][0]["NetworkAclAssociationId"]
    ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=acl)
    assert compiled(vpc).subnets[0].acl == acl
    with refused("DependencyViolation"):
        ec2.delete_network_acl(NetworkAclId=acl)
    with refused("InvalidAssociationID.NotFound"):
        ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=acl)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"RuleNumber": 40000}, "InvalidParameterValue"),
        ({"PortRange": {"From": 90, "To": 80}}, "InvalidParameterValue"),
        ({"Protocol": "tcpp"}, "InvalidParameterValue"),
        ({"Protocol": "1"}, "MissingParameter"),
        ({"CidrBlock": "x"}, "InvalidParameterValue"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(ec2, acl, change, code):
    with refused(code):
        ec2.create_network_acl_entry(NetworkAclId=acl, **{**entry(100), **change})
