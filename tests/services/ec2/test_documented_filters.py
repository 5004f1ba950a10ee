"""Every filter that AWS documents is known, but for those that are refused by name.

The names are read from the model's own documentation, so that a new model brings new ones here.
"""

import re
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

_NAME = re.compile(r"<code>([a-z][A-Za-z0-9.\-]*)</code>\s*(?:&lt;key&gt;)?\s*-")
# What nothing here can answer truthfully.
REFUSED = {
    "DescribeImages": {
        *(
            "critical",
            "free-tier-eligible",
            "high",
            "image-allowed",
            "informational",
            "low",
            "manifest-location",
            "medium",
        ),
        "public-ssm-parameter-name",
    },
    "DescribeInstanceStatus": {"attached-ebs-status.status", "application-status.status"},
    "DescribeNetworkInterfaces": {"association.public-dns-name"},
}
OPERATIONS = [
    *("DescribeAddresses", "DescribeDhcpOptions", "DescribeFlowLogs", "DescribeImages", "DescribeInstanceStatus"),
    *("DescribeInternetGateways", "DescribeKeyPairs", "DescribeLaunchTemplates", "DescribeNatGateways"),
    *("DescribeNetworkAcls", "DescribeNetworkInterfaces", "DescribeRouteTables", "DescribeSecurityGroupRules"),
    *("DescribeSecurityGroups", "DescribeSubnets", "DescribeTags", "DescribeVolumes", "DescribeVpcs"),
]


@pytest.mark.parametrize("name", OPERATIONS)
def test_documented_filters_are_known(shared_cloud: Any, name: str) -> None:
    ec2 = shared_cloud.client("ec2")
    members = botocore.session.get_session().get_service_model("ec2").operation_model(name).input_shape.members
    member = "Filters" if "Filters" in members else "Filter"
    documented = dict.fromkeys(_NAME.findall(members[member].documentation))
    assert documented
    unknown: dict[str, str] = {}
    for each in documented:
        given = "tag:x" if each == "tag" else each
        try:
            getattr(ec2, xform_name(name))(**{member: [{"Name": given, "Values": ["*"]}]})
        except ClientError as error:
            unknown[each] = error.response["Error"]["Code"]
    assert set(unknown.values()) <= {"InvalidParameterValue"}
    left = {each for each in unknown if not each.startswith(("image-watermark.", "scan-result."))}
    assert left == REFUSED.get(name, set())


def test_what_nothing_has_is_found_nowhere(shared_cloud: Any) -> None:
    ec2 = shared_cloud.client("ec2")
    assert ec2.describe_subnets()["Subnets"]
    for name, value, found in (
        ("ipv6-native", "false", True),
        ("ipv6-native", "true", False),
        ("outpost-arn", "*", False),
    ):
        shown = ec2.describe_subnets(Filters=[{"Name": name, "Values": [value]}])["Subnets"]
        assert bool(shown) is found
