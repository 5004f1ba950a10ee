"""Filters by tag, where there are tags and where there are none."""

import pytest
from botocore.exceptions import ClientError

TEAM = [{"Name": "tag:team", "Values": ["blue"]}]


def test_tags_are_found_by_tag(shared_cloud):
    ec2 = shared_cloud.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "team", "Value": "blue"}, {"Key": "Name", "Value": "main"}])
    expected = [{"Key": "team", "Value": "blue", "ResourceId": vpc, "ResourceType": "vpc"}]
    assert ec2.describe_tags(Filters=TEAM)["Tags"] == expected
    assert ec2.describe_tags(Filters=[{"Name": "tag:team", "Values": ["red"]}])["Tags"] == []
    assert [vpc] == [each["VpcId"] for each in ec2.describe_vpcs(Filters=TEAM)["Vpcs"]]


@pytest.mark.parametrize(
    "operation",
    [
        "describe_regions",
        "describe_availability_zones",
        "describe_instance_types",
        "describe_instance_type_offerings",
        "describe_iam_instance_profile_associations",
        "describe_launch_template_versions",
    ],
)
def test_what_has_no_tags_has_no_filter_by_them(shared_cloud, operation):
    given = {"Versions": ["$Latest"]} if operation == "describe_launch_template_versions" else {}
    with pytest.raises(ClientError) as caught:
        getattr(shared_cloud.client("ec2"), operation)(Filters=TEAM, **given)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValue"
