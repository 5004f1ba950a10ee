"""Security groups, and the three forms of their rules."""

import pytest

from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def group(ec2, vpc):
    return ec2.create_security_group(GroupName="web", Description="web servers", VpcId=vpc)["GroupId"]


def http(*ranges, **more):
    return {
        "IpProtocol": "tcp",
        "FromPort": 80,
        "ToPort": 80,
        "IpRanges": [{"CidrIp": cidr} for cidr in ranges],
        **more,
    }


def inward(ec2, group):
    return ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]


def test_a_new_group_lets_everything_out_and_nothing_in(ec2, group, vpc, compiled):
    [found] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert found["IpPermissions"] == []
    [out] = found["IpPermissionsEgress"]
    assert (out["IpProtocol"], out["IpRanges"]) == ("-1", [{"CidrIp": "0.0.0.0/0"}])
    assert "FromPort" not in out
    [made] = [each for each in compiled(vpc).groups if each.id == group]
    assert (made.inward, [rule.ranges for rule in made.outward]) == ((), [("0.0.0.0/0",)])


def test_a_name_is_taken_once_a_vpc(ec2, group, vpc):
    with refused("InvalidGroup.Duplicate", f"The security group 'web' already exists for VPC '{vpc}'"):
        ec2.create_security_group(GroupName="web", Description="again", VpcId=vpc)
    ec2.create_security_group(GroupName="web", Description="in the default VPC")


def test_rules_have_ids_and_are_shown_together_by_ports(ec2, group, vpc, compiled):
    answer = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[http("10.0.0.0/8", "192.168.1.7/16")])
    rules = answer["SecurityGroupRules"]
    assert [rule["CidrIpv4"] for rule in rules] == ["10.0.0.0/8", "192.168.0.0/16"]
    assert all(rule["SecurityGroupRuleId"].startswith("sgr-") and not rule["IsEgress"] for rule in rules)
    [shown] = inward(ec2, group)
    assert sorted(each["CidrIp"] for each in shown["IpRanges"]) == ["10.0.0.0/8", "192.168.0.0/16"]
    [made] = [each for each in compiled(vpc).groups if each.id == group]
    assert {(rule.protocol, rule.first, rule.last) for rule in made.inward} == {(6, 80, 80)}


def test_the_same_rule_twice_is_refused_and_nothing_of_the_request_stays(ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[http("10.0.0.0/8")])
    with refused(
        "InvalidPermission.Duplicate",
        'the specified rule "peer: 10.0.0.0/8, TCP, from port: 80, to port: 80, ALLOW" already exists',
    ):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[http("11.0.0.0/8", "10.0.0.0/8")])
    assert len(inward(ec2, group)[0]["IpRanges"]) == 1
    with refused("InvalidParameterValue", "The same permission must not appear multiple times"):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[http("12.0.0.0/8"), http("12.0.0.0/8")])


def test_the_old_form_spells_one_rule_in_the_request(ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="1.2.3.4/32")
    assert inward(ec2, group)[0]["IpRanges"] == [{"CidrIp": "1.2.3.4/32"}]
    ec2.revoke_security_group_ingress(GroupId=group, IpProtocol="6", FromPort=22, ToPort=22, CidrIp="1.2.3.4/32")
    assert inward(ec2, group) == []


def test_the_oldest_form_names_a_group_and_means_everything(ec2):
    ec2.create_security_group(GroupName="door", Description="d")
    web = ec2.create_security_group(GroupName="shop", Description="s")["GroupId"]
    ec2.authorize_security_group_ingress(GroupName="shop", SourceSecurityGroupName="door")
    assert {each["IpProtocol"] for each in inward(ec2, web)} == {"tcp", "udp", "icmp"}


def test_a_rule_may_refer_to_a_group_which_is_then_kept(ec2, group, vpc, compiled):
    door = ec2.create_security_group(GroupName="door", Description="d", VpcId=vpc)["GroupId"]
    pair = {"UserIdGroupPairs": [{"GroupId": door, "Description": "from the door"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[http(**pair)])
    [shown] = inward(ec2, group)
    assert shown["UserIdGroupPairs"] == [{"UserId": "000000000000", "GroupId": door, "Description": "from the door"}]
    [made] = [each for each in compiled(vpc).groups if each.id == group]
    assert made.inward[0].groups == (door,)
    with refused("DependencyViolation", f"resource {door} has a dependent object"):
        ec2.delete_security_group(GroupId=door)
    ec2.delete_security_group(GroupId=group)
    ec2.delete_security_group(GroupId=door)


def test_a_group_of_another_network_is_refused(ec2, group):
    elsewhere = ec2.create_security_group(GroupName="far", Description="f")["GroupId"]
    with refused("InvalidGroup.NotFound", "belong to different networks"):
        ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[http(UserIdGroupPairs=[{"GroupId": elsewhere}])]
        )


def test_revoking_what_is_not_there_is_an_error_except_in_a_default_vpc(ec2, group):
    with refused("InvalidPermission.NotFound"):
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[http("10.0.0.0/8")])
    home = ec2.create_security_group(GroupName="home", Description="h")["GroupId"]
    answer = ec2.revoke_security_group_ingress(GroupId=home, IpPermissions=[http("10.0.0.0/8")])
    assert answer["UnknownIpPermissions"][0]["IpRanges"] == [{"CidrIp": "10.0.0.0/8"}]


def test_rules_are_revoked_by_id(ec2, group):
    [rule] = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[http("10.0.0.0/8")])[
        "SecurityGroupRules"
    ]
    id = rule["SecurityGroupRuleId"]
    with refused("InvalidSecurityGroupRuleId.NotFound"):
        ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[id])
    answer = ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[id])
    assert [revoked["SecurityGroupRuleId"] for revoked in answer["RevokedSecurityGroupRules"]] == [id]
    assert inward(ec2, group) == []


def test_a_rule_is_changed_in_its_place(ec2, group):
    [rule] = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[http("10.0.0.0/8")])[
        "SecurityGroupRules"
    ]
    new = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "10.0.0.0/8", "Description": "https"}
    change = {"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "SecurityGroupRule": new}
    ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[change])
    [found] = ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])[
        "SecurityGroupRules"
    ]
    assert (found["FromPort"], found["Description"]) == (443, "https")


def test_descriptions_are_changed_by_rule_or_by_permission(ec2, group):
    [rule] = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[http("10.0.0.0/8")])[
        "SecurityGroupRules"
    ]
    told = {"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "Description": "one"}
    ec2.update_security_group_rule_descriptions_ingress(GroupId=group, SecurityGroupRuleDescriptions=[told])
    assert inward(ec2, group)[0]["IpRanges"][0]["Description"] == "one"
    permission = http()
    permission["IpRanges"] = [{"CidrIp": "10.0.0.0/8", "Description": "two"}]
    ec2.update_security_group_rule_descriptions_ingress(GroupId=group, IpPermissions=[permission])
    assert inward(ec2, group)[0]["IpRanges"][0]["Description"] == "two"


def test_sixty_rules_a_direction_are_all(ec2, group):
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[http(*(f"10.{number}.0.0/16" for number in range(60)))]
    )
    with refused("RulesPerSecurityGroupLimitExceeded"):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[http("11.0.0.0/8")])


@pytest.mark.parametrize(
    ("permission", "code", "text"),
    [
        (
            {"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
            "InvalidParameterValue",
            "both from and to ports",
        ),
        (http("0.0.0.0/0", FromPort=90), "InvalidParameterValue", "Invalid TCP/UDP port range (90:80)"),
        (http("0.0.0.0/0", ToPort=70000), "InvalidParameterValue", "TCP/UDP port (70000) out of range"),
        (http("300.0.0.0/8"), "InvalidParameterValue", "not a valid CIDR block"),
        (http("0.0.0.0/0", IpProtocol="tpc"), "InvalidParameterValue", "Unknown protocol"),
        (http(Ipv6Ranges=[{"CidrIpv6": "::/0"}]), "InvalidParameterValue", "Ipv6Ranges"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(ec2, group, permission, code, text):
    with refused(code, text):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])


def test_the_default_group_cannot_be_deleted(ec2, vpc):
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    [default] = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    with refused("CannotDelete"):
        ec2.delete_security_group(GroupId=default["GroupId"])


def test_groups_are_found_by_their_rules(ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[http("10.0.0.0/8")])
    filters = [{"Name": "ip-permission.from-port", "Values": ["80"]}]
    assert [each["GroupId"] for each in ec2.describe_security_groups(Filters=filters)["SecurityGroups"]] == [group]
    with refused("InvalidParameterValue", "The filter 'ip-permission.colour' is invalid"):
        ec2.describe_security_groups(Filters=[{"Name": "ip-permission.colour", "Values": ["80"]}])


def test_a_group_there_is_not(ec2):
    with refused("InvalidGroup.NotFound", "The security group 'sg-0123456789abcdef0' does not exist"):
        ec2.describe_security_groups(GroupIds=["sg-0123456789abcdef0"])
    with refused("InvalidGroupId.Malformed"):
        ec2.describe_security_groups(GroupIds=["web"])
    with refused("InvalidGroup.NotFound", "The security group 'nobody' does not exist in default VPC"):
        ec2.describe_security_groups(GroupNames=["nobody"])


def test_whoever_is_told_which_group_it_may_change_may_change_that_one(cloud, ec2, group):
    iam = cloud.client("iam")
    iam.create_user(UserName="jo")
    key = iam.create_access_key(UserName="jo")["AccessKey"]
    document = (
        '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ec2:AuthorizeSecurityGroupIngress", '
        f'"Resource": "arn:aws:ec2:us-east-1:000000000000:security-group/{group}"}}}}'
    )
    iam.put_user_policy(UserName="jo", PolicyName="one", PolicyDocument=document)
    jo = cloud.client("ec2", key["AccessKeyId"], key["SecretAccessKey"])
    jo.authorize_security_group_ingress(GroupId=group, IpPermissions=[http("10.0.0.0/8")])
    other = ec2.create_security_group(GroupName="other", Description="o")["GroupId"]
    with refused("UnauthorizedOperation"):
        jo.authorize_security_group_ingress(GroupId=other, IpPermissions=[http("10.0.0.0/8")])
