"""Placement groups: made, used by launches, kept to their rules."""

import pytest
from botocore.exceptions import ClientError

from tests.services.ec2.conftest import allow
from tests.services.ec2.metadata.test_answers import ask as ask  # a fixture
from tests.services.ec2.metadata.test_answers import text as text  # a fixture


def code(call, **members):
    with pytest.raises(ClientError) as error:
        call(**members)
    return error.value.response["Error"]["Code"]


@pytest.fixture
def group(ec2):
    """A function that makes a group and gives it."""

    def make(strategy, name="g", **more):
        return ec2.create_placement_group(GroupName=name, Strategy=strategy, **more)["PlacementGroup"]

    return make


def test_a_group_is_made_described_and_deleted(ec2, group):
    made = group("partition", PartitionCount=3)
    assert (made["State"], made["PartitionCount"]) == ("available", 3)
    assert made["GroupArn"].endswith(":placement-group/g")
    other = group("spread", name="h")
    assert other["SpreadLevel"] == "rack"
    assert ec2.describe_placement_groups(GroupNames=["g"])["PlacementGroups"] == [made]
    assert ec2.describe_placement_groups(GroupIds=[other["GroupId"]])["PlacementGroups"] == [other]
    filters = [{"Name": "strategy", "Values": ["spread"]}]
    assert ec2.describe_placement_groups(Filters=filters)["PlacementGroups"] == [other]
    filters = [{"Name": "group-arn", "Values": [made["GroupArn"]]}]
    assert ec2.describe_placement_groups(Filters=filters)["PlacementGroups"] == [made]
    ec2.delete_placement_group(GroupName="g")
    assert code(ec2.describe_placement_groups, GroupNames=["g"]) == "InvalidPlacementGroup.Unknown"
    assert code(ec2.delete_placement_group, GroupName="g") == "InvalidPlacementGroup.Unknown"


def test_names_are_unique_and_partitions_are_one_to_seven(ec2, group):
    assert group("partition")["PartitionCount"] == 2
    assert code(ec2.create_placement_group, GroupName="g") == "InvalidPlacementGroup.Duplicate"
    partition = {"GroupName": "p", "Strategy": "partition"}
    assert code(ec2.create_placement_group, **partition, PartitionCount=8) == "InvalidParameterValue"
    cluster = {"GroupName": "c", "Strategy": "cluster"}
    assert code(ec2.create_placement_group, **cluster, PartitionCount=2) == "InvalidParameterCombination"
    assert code(ec2.create_placement_group, GroupName="x", Strategy="precision-time") == "Unsupported"


def test_groups_have_tags(ec2, group):
    tags = [{"ResourceType": "placement-group", "Tags": [{"Key": "a", "Value": "1"}]}]
    made = group("cluster", TagSpecifications=tags)
    assert made["Tags"] == [{"Key": "a", "Value": "1"}]
    ec2.create_tags(Resources=[made["GroupId"]], Tags=[{"Key": "b", "Value": "2"}])
    (found,) = ec2.describe_placement_groups(Filters=[{"Name": "tag:b", "Values": ["2"]}])["PlacementGroups"]
    assert len(found["Tags"]) == 2


def test_an_instance_is_in_its_group_until_it_is_terminated(cloud, ec2, group, launch, show):
    made = group("cluster")
    one = launch(InstanceType="m5.large", Placement={"GroupName": "g"})
    assert (one["Placement"]["GroupName"], one["Placement"]["GroupId"]) == ("g", made["GroupId"])
    found = ec2.describe_instances(Filters=[{"Name": "placement-group-name", "Values": ["g"]}])["Reservations"]
    assert found[0]["Instances"][0]["InstanceId"] == one["InstanceId"]
    assert code(ec2.delete_placement_group, GroupName="g") == "InvalidPlacementGroup.InUse"
    ec2.terminate_instances(InstanceIds=[one["InstanceId"]])
    cloud.settle()
    ec2.delete_placement_group(GroupName="g")


def test_a_cluster_takes_no_burstable_types_and_stays_in_one_zone(ec2, group, launch, image):
    group("cluster")
    one = launch(InstanceType="m5.large", Placement={"GroupName": "g", "AvailabilityZone": "us-east-1a"})
    wanted = {"ImageId": image, "MinCount": 1, "MaxCount": 1}
    burstable = {**wanted, "InstanceType": "t3.micro", "Placement": {"GroupName": "g"}}
    assert code(ec2.run_instances, **burstable) == "InvalidParameterCombination"
    elsewhere = {"GroupName": "g", "AvailabilityZone": "us-east-1b"}
    assert code(ec2.run_instances, **wanted, InstanceType="m5.large", Placement=elsewhere) == (
        "InvalidPlacementGroup.InUse"
    )
    assert one["Placement"]["AvailabilityZone"] == "us-east-1a"
    (kind,) = ec2.describe_instance_types(InstanceTypes=["t3.micro"])["InstanceTypes"]
    assert kind["PlacementGroupInfo"]["SupportedStrategies"] == ["partition", "spread"]


def test_a_spread_has_seven_running_instances_in_a_zone(cloud, ec2, group, image):
    group("spread")
    zone = {"GroupName": "g", "AvailabilityZone": "us-east-1a"}
    wanted = {"ImageId": image, "InstanceType": "t3.micro", "Placement": zone}
    made = ec2.run_instances(**wanted, MinCount=5, MaxCount=10)["Instances"]
    assert len(made) == 7
    cloud.settle()
    assert code(ec2.run_instances, **wanted, MinCount=1, MaxCount=1) == "InsufficientInstanceCapacity"
    other = {**wanted, "Placement": {"GroupName": "g", "AvailabilityZone": "us-east-1b"}}
    ec2.run_instances(**other, MinCount=1, MaxCount=1)
    stopped = made[0]["InstanceId"]
    ec2.stop_instances(InstanceIds=[stopped])
    cloud.settle()
    ec2.run_instances(**wanted, MinCount=1, MaxCount=1)
    assert code(ec2.start_instances, InstanceIds=[stopped]) == "InsufficientInstanceCapacity"


def test_partitions_are_filled_evenly_or_as_asked_and_machines_know_theirs(ec2, group, image, launch, text):
    group_id = group("partition", PartitionCount=3)["GroupId"]
    numbers = [launch(Placement={"GroupName": "g"})["Placement"]["PartitionNumber"] for _ in range(4)]
    assert numbers == [1, 2, 3, 1]
    several = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 3, "MaxCount": 3}
    made = ec2.run_instances(**several, Placement={"GroupName": "g"})["Instances"]
    assert sorted(one["Placement"]["PartitionNumber"] for one in made) == [1, 2, 3]
    asked = launch(Placement={"GroupId": group_id, "PartitionNumber": 3})
    assert asked["Placement"]["PartitionNumber"] == 3
    assert text(asked, "/latest/meta-data/placement/group-name") == "g"
    assert text(asked, "/latest/meta-data/placement/partition-number") == "3"
    filters = [{"Name": "placement-partition-number", "Values": ["3"]}]
    found = ec2.describe_instances(Filters=filters)["Reservations"]
    assert asked["InstanceId"] in [each["InstanceId"] for one in found for each in one["Instances"]]
    assert len(found) == 3


def test_what_a_launch_cannot_ask_of_a_group(ec2, group, image):
    group("partition", PartitionCount=3)
    group("spread", name="s")
    wanted = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}

    def refusal(**placement):
        return code(ec2.run_instances, **wanted, Placement=placement)

    assert refusal(GroupName="nothing") == "InvalidPlacementGroup.Unknown"
    assert refusal(GroupName="g", PartitionNumber=4) == "InvalidParameterValue"
    assert refusal(GroupName="s", PartitionNumber=1) == "InvalidParameterCombination"
    assert refusal(PartitionNumber=1) == "InvalidParameterCombination"


def test_a_launch_template_may_name_a_group(ec2, group, image, launch):
    group("partition")
    data = {"ImageId": image, "InstanceType": "t3.micro", "Placement": {"GroupName": "g", "PartitionNumber": 2}}
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)
    (one,) = ec2.run_instances(LaunchTemplate={"LaunchTemplateName": "web"}, MinCount=1, MaxCount=1)["Instances"]
    assert one["Placement"]["PartitionNumber"] == 2
    again = ec2.get_launch_template_data(InstanceId=one["InstanceId"])["LaunchTemplateData"]
    assert (again["Placement"]["GroupName"], again["Placement"]["PartitionNumber"]) == ("g", 2)


def test_a_stopped_instance_moves_between_groups(cloud, ec2, group, launch, show):
    group("partition", PartitionCount=3)
    group("cluster", name="c")
    id = launch(Placement={"GroupName": "g"})["InstanceId"]
    move = {"InstanceId": id}
    assert code(ec2.modify_instance_placement, **move, GroupName="") == "IncorrectInstanceState"
    ec2.stop_instances(InstanceIds=[id])
    cloud.settle()
    ec2.modify_instance_placement(**move, PartitionNumber=3)
    assert show(id)["Placement"]["PartitionNumber"] == 3
    assert code(ec2.modify_instance_placement, **move, GroupName="c") == "InvalidParameterCombination"
    assert code(ec2.modify_instance_placement, **move) == "MissingParameter"
    ec2.modify_instance_placement(**move, GroupName="")
    assert show(id)["Placement"]["GroupName"] == ""
    ec2.delete_placement_group(GroupName="g")


def test_a_cluster_member_of_another_type_by_now_does_not_start(cloud, ec2, group, launch):
    group("cluster")
    id = launch(InstanceType="m5.large", Placement={"GroupName": "g"})["InstanceId"]
    ec2.stop_instances(InstanceIds=[id])
    cloud.settle()
    ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "t3.micro"})
    assert code(ec2.start_instances, InstanceIds=[id]) == "InvalidParameterCombination"


def test_a_policy_may_name_the_groups_that_are_launched_into(ec2, group, image, jo):
    group("partition", name="web")
    group("partition", name="data")
    user = jo(
        allow("ec2:RunInstances", "*", **{"ec2:PlacementGroupStrategy": "nothing"}),
        allow(
            "ec2:RunInstances",
            [
                f"arn:aws:ec2:*:*:{type}/*"
                for type in ("instance", "subnet", "security-group", "network-interface", "volume")
            ],
        ),
        allow("ec2:RunInstances", ["arn:aws:ec2:*::image/*", "arn:aws:ec2:*:*:placement-group/web"]),
    )
    wanted = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "DryRun": True}
    assert code(user.run_instances, **wanted, Placement={"GroupName": "web"}) == "DryRunOperation"
    assert code(user.run_instances, **wanted, Placement={"GroupName": "data"}) == "UnauthorizedOperation"
