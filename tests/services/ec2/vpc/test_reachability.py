"""Why packets pass or not, over real records."""

import pytest

from pileus.services.ec2.vpc.questions import explain


class Lab:
    """A VPC with two subnets, a machine in each, and what lies around."""

    def __init__(self, ec2, plugged):
        self.ec2, self.plugged, self.machines = ec2, plugged, 0
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.one = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        self.two = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.2.0/24")["Subnet"]["SubnetId"]
        filters = [{"Name": "vpc-id", "Values": [self.vpc]}]
        self.table = ec2.describe_route_tables(Filters=filters)["RouteTables"][0]["RouteTableId"]

    def group(self, name, vpc=None):
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc or self.vpc)
        return made["GroupId"]

    def let_in(self, group, port, cidr="0.0.0.0/0"):
        answer = self.ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp=cidr
        )
        return answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    def machine(self, subnet, *groups):
        made = self.ec2.create_network_interface(SubnetId=subnet, Groups=list(groups))["NetworkInterface"]
        self.machines += 1
        self.plugged(made["NetworkInterfaceId"], f"i-{self.machines:017x}")
        return made["NetworkInterfaceId"]

    def gateway(self):
        id = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=id, VpcId=self.vpc)
        return id

    def public(self, interface):
        address = self.ec2.allocate_address()
        self.ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interface)
        return address["PublicIp"]


@pytest.fixture
def lab(ec2, plugged):
    return Lab(ec2, plugged)


@pytest.fixture
def why(cloud):
    def ask(source, target, port, protocol="tcp"):
        networks = cloud.drivers.networks
        return cloud.run(cloud.app.store.transact(lambda tx: explain(tx, networks, source, target, protocol, port)))

    return ask


def test_the_rule_that_lets_it_in_is_named(lab, why):
    web = lab.group("web")
    rule = lab.let_in(web, 80)
    a, b = lab.machine(lab.one, lab.group("client")), lab.machine(lab.two, web)
    answer = why(a, b, 80)
    assert answer["reachable"] is True
    kinds = [step["kind"] for step in answer["steps"]]
    assert kinds == ["interface", "group", "acl", "table", "acl", "group", "interface"]
    assert answer["steps"][5]["by"] == rule
    assert [step["direction"] for step in answer["answer"]] == ["egress", "ingress"]


def test_a_group_without_a_rule_blocks_and_is_named(lab, why):
    web = lab.group("web")
    lab.let_in(web, 80)
    a, b = lab.machine(lab.one, lab.group("client")), lab.machine(lab.two, web)
    blocked = why(a, b, 22)["blocked"]
    assert (blocked["code"], blocked["id"], blocked["direction"]) == ("ENI_SG_RULES_MISMATCH", web, "ingress")


def test_a_rule_by_group_lets_only_its_members_in(lab, ec2, why):
    web, door = lab.group("web"), lab.group("door")
    pair = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": door}]}
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[pair])
    target = lab.machine(lab.two, web)
    assert why(lab.machine(lab.one, door), target, 22)["reachable"] is True
    assert why(lab.machine(lab.one, lab.group("other")), target, 22)["reachable"] is False


def test_an_entry_that_denies_is_named_also_when_it_meets_only_the_answer(lab, ec2, why):
    web = lab.group("web")
    lab.let_in(web, 80)
    a, b = lab.machine(lab.one, lab.group("client")), lab.machine(lab.two, web)
    acl = ec2.create_network_acl(VpcId=lab.vpc)["NetworkAcl"]["NetworkAclId"]
    lists = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [lab.two]}])["NetworkAcls"]
    association = next(each for each in lists[0]["Associations"] if each["SubnetId"] == lab.two)
    ec2.replace_network_acl_association(AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl)
    blocked = why(a, b, 80)["blocked"]
    assert (blocked["code"], blocked["id"], blocked["by"]) == ("SUBNET_ACL_RESTRICTION", acl, "*")
    http = {"Protocol": "6", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 80, "To": 80}}
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=100, Egress=False, **http)
    blocked = why(a, b, 80)["blocked"]
    assert (blocked["code"], blocked["direction"]) == ("SUBNET_ACL_RESTRICTION", "egress")
    assert "the answer" in blocked["says"]
    http["PortRange"] = {"From": 1024, "To": 50000}
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=100, Egress=True, **http)
    assert "50001" in why(a, b, 80)["blocked"]["says"]
    http["PortRange"] = {"From": 50001, "To": 65535}
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=110, Egress=True, **http)
    assert why(a, b, 80)["reachable"] is True


def test_neighbours_in_a_subnet_meet_no_list(lab, ec2, why):
    web = lab.group("web")
    lab.let_in(web, 80)
    a, b = lab.machine(lab.one, web), lab.machine(lab.one, web)
    assert [step["kind"] for step in why(a, b, 80)["steps"]] == ["interface", "group", "table", "group", "interface"]


@pytest.fixture
def outward(cloud):
    """Networks lead to the world, as with PILEUS_INTERNET=host."""
    cloud.drivers.networks.outward = True


def test_the_way_out_needs_a_route_and_a_public_address(lab, ec2, why, outward):
    a = lab.machine(lab.one, lab.group("client"))
    assert why(a, "internet", 443)["blocked"]["code"] == "NO_ROUTE_TO_DESTINATION"
    gateway = lab.gateway()
    ec2.create_route(RouteTableId=lab.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert why(a, "8.8.8.8", 443)["blocked"]["code"] == "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"
    lab.public(a)
    assert why(a, "internet", 443)["reachable"] is True
    answer = why(a, "8.8.8.8", 443)
    assert answer["reachable"] is True
    assert "PILEUS_INTERNET is host" in answer["steps"][-1]["says"]
    blocked = why(a, "192.168.1.1", 443)["blocked"]
    assert (blocked["code"], "not routed all over the world" in blocked["says"]) == ("NO_ROUTE_TO_DESTINATION", True)


def test_without_a_way_to_the_world_the_setting_is_named_and_the_cloud_itself_is_reached(lab, ec2, why, cloud):
    a = lab.machine(lab.one, lab.group("client"))
    gateway = lab.gateway()
    ec2.create_route(RouteTableId=lab.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    lab.public(a)
    for target in ("8.8.8.8", "internet"):
        answer = why(a, target, 443)
        assert (answer["reachable"], answer["blocked"]["code"]) == (False, "NO_ROUTE_TO_DESTINATION")
        assert "PILEUS_INTERNET is off" in answer["blocked"]["says"]
        assert answer["steps"][-2]["says"].startswith("leaves the VPC as ")
    assert why(a, cloud.drivers.networks.edge_address(2), 443)["reachable"] is True
    assert why(a, gateway, 443)["reachable"] is True, "as far as the gateway"
    assert "nobody opens connections to this host" in why(a, "host", 22)["blocked"]["says"]


def test_a_black_hole_is_told(lab, ec2, why):
    a = lab.machine(lab.one, lab.group("client"))
    gateway = lab.gateway()
    ec2.create_route(RouteTableId=lab.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=lab.vpc)
    blocked = why(a, "8.8.8.8", 443)["blocked"]
    assert (blocked["code"], blocked["by"]) == ("BAD_STATE_ROUTE", "0.0.0.0/0")


def test_the_way_in_needs_a_public_address_a_rule_and_a_route_back(lab, ec2, why):
    web = lab.group("web")
    b = lab.machine(lab.two, web)
    gateway = lab.gateway()
    assert why("internet", b, 80)["blocked"]["code"] == "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"
    public = lab.public(b)
    assert why("internet", b, 80)["blocked"]["code"] == "ENI_SG_RULES_MISMATCH"
    lab.let_in(web, 80, "203.0.113.0/24")
    assert why("internet", public, 80)["blocked"]["code"] == "ENI_SG_RULES_MISMATCH"
    assert why("203.0.113.9", public, 80)["blocked"]["code"] == "NO_ROUTE_TO_DESTINATION"
    ec2.create_route(RouteTableId=lab.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert why("203.0.113.9", public, 80)["reachable"] is True


def test_a_private_subnet_goes_out_by_its_nat_gateway(lab, ec2, why, cloud, outward):
    a = lab.machine(lab.two, lab.group("client"))
    gateway = lab.gateway()
    ec2.create_route(RouteTableId=lab.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    allocation = ec2.allocate_address()["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=lab.one, AllocationId=allocation)["NatGateway"]["NatGatewayId"]
    private = ec2.create_route_table(VpcId=lab.vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=private, SubnetId=lab.two)
    ec2.create_route(RouteTableId=private, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    answer = why(a, "8.8.8.8", 443)
    assert answer["reachable"] is True
    assert [step["kind"] for step in answer["steps"]] == [
        "interface", "group", "acl", "table", "acl", "nat", "acl", "table", "internet",
    ]  # fmt: skip
    assert len(answer["answer"]) == 3


def test_a_peering_needs_routes_on_both_sides(lab, ec2, why):
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    far = ec2.create_subnet(VpcId=other, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    web = lab.group("web", other)
    lab.let_in(web, 80, "10.0.0.0/16")
    a, b = lab.machine(lab.one, lab.group("client")), lab.machine(far, web)
    peering = ec2.create_vpc_peering_connection(VpcId=lab.vpc, PeerVpcId=other)["VpcPeeringConnection"]
    id = peering["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=id)
    assert why(a, b, 80)["blocked"]["code"] == "NO_ROUTE_TO_DESTINATION"
    ec2.create_route(RouteTableId=lab.table, DestinationCidrBlock="10.1.0.0/16", VpcPeeringConnectionId=id)
    blocked = why(a, b, 80)["blocked"]
    assert (blocked["code"], blocked["network"]) == ("NO_ROUTE_TO_DESTINATION", other)
    filters = [{"Name": "vpc-id", "Values": [other]}]
    table = ec2.describe_route_tables(Filters=filters)["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.0.0.0/16", VpcPeeringConnectionId=id)
    assert why(a, b, 80)["reachable"] is True


def test_a_middlebox_must_not_check_addresses(lab, ec2, why):
    box = lab.machine(lab.two, lab.group("box"))
    a = lab.machine(lab.one, lab.group("client"))
    ec2.create_route(RouteTableId=lab.table, DestinationCidrBlock="192.0.2.0/24", NetworkInterfaceId=box)
    assert why(a, "192.0.2.1", 80)["blocked"]["code"] == "ENI_SOURCE_DEST_CHECK_RESTRICTION"


def test_an_analysis_tells_what_decides(lab, ec2):
    web = lab.group("web")
    a, b = lab.machine(lab.one, lab.group("client")), lab.machine(lab.two, web)
    path = ec2.create_network_insights_path(
        Source=a, Destination=b, Protocol="tcp", DestinationPort=80, ClientToken="one"
    )["NetworkInsightsPath"]["NetworkInsightsPathId"]

    def analysed(token):
        begun = ec2.start_network_insights_analysis(NetworkInsightsPathId=path, ClientToken=token)
        id = begun["NetworkInsightsAnalysis"]["NetworkInsightsAnalysisId"]
        return ec2.describe_network_insights_analyses(NetworkInsightsAnalysisIds=[id])["NetworkInsightsAnalyses"][0]

    first = analysed("a")
    assert (first["Status"], first["NetworkPathFound"]) == ("succeeded", False)
    [told] = first["Explanations"]
    assert (told["ExplanationCode"], told["Direction"]) == ("ENI_SG_RULES_MISMATCH", "ingress")
    assert [group["Id"] for group in told["SecurityGroups"]] == [web]
    lab.let_in(web, 80)
    second = analysed("b")
    assert second["NetworkPathFound"] is True
    rules = [each["SecurityGroupRule"] for each in second["ForwardPathComponents"] if "SecurityGroupRule" in each]
    assert rules[-1] == {
        "Cidr": "0.0.0.0/0",
        "Direction": "ingress",
        "PortRange": {"From": 80, "To": 80},
        "Protocol": "tcp",
        "SecurityGroupId": web,
    }
    assert second["ForwardPathComponents"][0]["Component"]["Id"] == a
