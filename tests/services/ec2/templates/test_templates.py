"""Launch templates: kept in versions, applied to launches."""

import pytest

from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def template(ec2, image):
    """A template of that name, with a first version."""
    data = {"ImageId": image, "InstanceType": "t3.small"}
    return ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)["LaunchTemplate"]


def versions(ec2, **asked):
    found = ec2.describe_launch_template_versions(LaunchTemplateName="web", **asked)["LaunchTemplateVersions"]
    return [one["VersionNumber"] for one in found]


def test_a_template_has_versions_of_which_one_is_the_default(ec2, template):
    assert (template["DefaultVersionNumber"], template["LatestVersionNumber"]) == (1, 1)
    made = ec2.create_launch_template_version(
        LaunchTemplateName="web", SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.large"},
        VersionDescription="bigger",
    )["LaunchTemplateVersion"]  # fmt: skip
    assert (made["VersionNumber"], made["DefaultVersion"], made["VersionDescription"]) == (2, False, "bigger")
    assert made["LaunchTemplateData"]["InstanceType"] == "t3.large"
    assert made["LaunchTemplateData"]["ImageId"]  # of the source
    assert versions(ec2, Versions=["$Default"]) == [1]
    assert versions(ec2, Versions=["$Latest"]) == [2]
    ec2.modify_launch_template(LaunchTemplateName="web", DefaultVersion="2")
    assert versions(ec2, Versions=["$Default"]) == [2]
    assert versions(ec2) == [2, 1]
    assert versions(ec2, MaxVersion="1") == [1]
    for odd in ("first", "²", "9" * 5_000):
        with refused("InvalidParameterValue"):
            versions(ec2, MaxVersion=odd)
        with refused("InvalidLaunchTemplateId.VersionNotFound"):
            versions(ec2, Versions=[odd])
    every = ec2.describe_launch_template_versions(Versions=["$Latest"])["LaunchTemplateVersions"]
    assert [one["VersionNumber"] for one in every] == [2]


def test_the_latest_is_the_latest_that_is_left(ec2, template):
    for _ in range(2):
        ec2.create_launch_template_version(LaunchTemplateName="web", LaunchTemplateData={"InstanceType": "t3.large"})
    answer = ec2.delete_launch_template_versions(LaunchTemplateName="web", Versions=["3", "1", "9"])
    assert [one["VersionNumber"] for one in answer["SuccessfullyDeletedLaunchTemplateVersions"]] == [3]
    failed = answer["UnsuccessfullyDeletedLaunchTemplateVersions"]
    assert [one["VersionNumber"] for one in failed] == [1, 9]
    assert failed[1]["ResponseError"]["Code"] == "launchTemplateVersionDoesNotExist"
    assert versions(ec2, Versions=["$Latest"]) == [2]
    # A number is given once.
    made = ec2.create_launch_template_version(LaunchTemplateName="web", LaunchTemplateData={"KeyName": "k"})
    assert made["LaunchTemplateVersion"]["VersionNumber"] == 4


def test_a_launch_by_template_may_say_otherwise(cloud, ec2, template, show, image):
    made = ec2.run_instances(LaunchTemplate={"LaunchTemplateName": "web"}, MinCount=1, MaxCount=1)
    cloud.settle()
    found = show(made["Instances"][0]["InstanceId"])
    assert (found["InstanceType"], found["ImageId"], found["State"]["Name"]) == ("t3.small", image, "running")
    tags = {one["Key"]: one["Value"] for one in found["Tags"]}
    assert tags == {
        "aws:ec2launchtemplate:id": template["LaunchTemplateId"], "aws:ec2launchtemplate:version": "1",
    }  # fmt: skip
    other = ec2.run_instances(
        LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"], "Version": "$Latest"},
        InstanceType="t3.micro", MinCount=1, MaxCount=1,
    )  # fmt: skip
    assert other["Instances"][0]["InstanceType"] == "t3.micro"


def test_what_a_template_says_and_pileus_does_not_have_is_refused_at_the_launch(ec2, image):
    data = {"ImageId": image, "InstanceType": "t3.micro", "LicenseSpecifications": [{"LicenseConfigurationArn": "a"}]}
    ec2.create_launch_template(LaunchTemplateName="odd", LaunchTemplateData=data)
    with refused("NotImplemented", "LicenseSpecifications"):
        ec2.run_instances(LaunchTemplate={"LaunchTemplateName": "odd"}, MinCount=1, MaxCount=1)


def test_a_name_is_taken_once_and_free_when_it_is_deleted(ec2, template, image):
    asked = {"LaunchTemplateName": "web", "LaunchTemplateData": {"ImageId": image}}
    with refused("InvalidLaunchTemplateName.AlreadyExistsException"):
        ec2.create_launch_template(**asked)
    ec2.delete_launch_template(LaunchTemplateName="web")
    with refused("InvalidLaunchTemplateName.NotFoundException"):
        ec2.delete_launch_template(LaunchTemplateName="web")
    assert ec2.create_launch_template(**asked)["LaunchTemplate"]["LaunchTemplateId"] != template["LaunchTemplateId"]


def test_the_same_token_makes_one_template(ec2, image):
    asked = {"LaunchTemplateName": "web", "LaunchTemplateData": {"ImageId": image}, "ClientToken": "once"}
    first, second = (ec2.create_launch_template(**asked)["LaunchTemplate"]["LaunchTemplateId"] for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"LaunchTemplateName": "web", "Version": "9"}, "InvalidLaunchTemplateId.VersionNotFound"),
        ({"LaunchTemplateName": "nobody"}, "InvalidLaunchTemplateName.NotFoundException"),
        ({"LaunchTemplateId": "lt-0123456789abcdef0"}, "InvalidLaunchTemplateId.NotFound"),
    ],
)
def test_a_launch_by_what_is_not_there_is_refused(ec2, template, asked, code):
    with refused(code):
        ec2.run_instances(LaunchTemplate=asked, MinCount=1, MaxCount=1)


def test_a_machine_tells_what_would_launch_another_like_it(ec2, launch, image):
    id = launch(UserData="#!/bin/sh")["InstanceId"]
    data = ec2.get_launch_template_data(InstanceId=id)["LaunchTemplateData"]
    assert (data["ImageId"], data["InstanceType"]) == (image, "t3.micro")
    assert data["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == 8


def test_templates_are_found_by_name_and_tag(ec2, template):
    ec2.create_tags(Resources=[template["LaunchTemplateId"]], Tags=[{"Key": "team", "Value": "blue"}])
    for given in ({"LaunchTemplateNames": ["web"]}, {"Filters": [{"Name": "tag:team", "Values": ["blue"]}]}):
        assert [one["LaunchTemplateName"] for one in ec2.describe_launch_templates(**given)["LaunchTemplates"]] == [
            "web"
        ]
