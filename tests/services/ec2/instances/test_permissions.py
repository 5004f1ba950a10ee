"""Who may launch what, change whose instance, and give it which role."""

import json

import pytest

from tests.services.ec2.conftest import allow
from tests.services.ec2.vpc.refusing import refused

HERE = "arn:aws:ec2:us-east-1:000000000000:"
MINIMAL = {"InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)


@pytest.fixture
def profile(cloud):
    """A function that makes an instance profile with a role, both of that name."""
    iam = cloud.client("iam")

    def made(name):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        return name

    return made


PARTS = ["network-interface/*", "security-group/*", "volume/*", "subnet/*"]
REST = [*(HERE + part for part in PARTS), "arn:aws:ec2:us-east-1::image/*"]


def test_only_small_machines_may_be_launched(jo, image):
    client = jo(
        allow("ec2:RunInstances", REST),
        allow("ec2:RunInstances", HERE + "instance/*", ec2__InstanceType="t3.micro"),
    )
    with refused("DryRunOperation"):
        client.run_instances(ImageId=image, **MINIMAL, DryRun=True)
    with refused("UnauthorizedOperation"):
        client.run_instances(ImageId=image, **{**MINIMAL, "InstanceType": "t3.small"}, DryRun=True)


def test_a_launch_must_be_allowed_on_all_it_uses(jo, image, ec2):
    ec2.create_key_pair(KeyName="door")
    everything = ["instance/*", "network-interface/*", "security-group/*", "volume/*", "key-pair/door", "subnet/*"]
    client = jo(
        allow("ec2:RunInstances", [HERE + one for one in everything]),
        allow("ec2:RunInstances", f"arn:aws:ec2:us-east-1::image/{image}"),
    )
    with refused("DryRunOperation"):
        client.run_instances(ImageId=image, KeyName="door", **MINIMAL, DryRun=True)
    ec2.create_key_pair(KeyName="window")
    with refused("UnauthorizedOperation"):
        client.run_instances(ImageId=image, KeyName="window", **MINIMAL, DryRun=True)


def test_only_images_of_amazon_may_be_launched(jo, image):
    rest = [HERE + one for one in ("instance/*", "network-interface/*", "security-group/*", "volume/*", "subnet/*")]
    client = jo(
        allow("ec2:RunInstances", rest),
        allow("ec2:RunInstances", "arn:aws:ec2:us-east-1::image/*", ec2__Owner="amazon"),
    )
    with refused("DryRunOperation"):
        client.run_instances(ImageId=image, **MINIMAL, DryRun=True)


def test_every_disk_of_a_launch_is_looked_at(jo, image):
    parts = [HERE + part for part in ("instance/*", "network-interface/*", "security-group/*", "subnet/*")]
    client = jo(
        allow("ec2:RunInstances", [*parts, "arn:aws:ec2:us-east-1::image/*"]),
        allow("ec2:RunInstances", HERE + "volume/*", ec2__VolumeType="gp2"),
    )
    small = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}
    with refused("DryRunOperation"):
        client.run_instances(ImageId=image, **MINIMAL, BlockDeviceMappings=[small], DryRun=True)
    fast = {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 4, "VolumeType": "gp3"}}
    with refused("UnauthorizedOperation", "volume/*"):
        client.run_instances(ImageId=image, **MINIMAL, BlockDeviceMappings=[small, fast], DryRun=True)


def test_a_template_may_be_all_that_is_allowed(jo, ec2, image):
    data = {"ImageId": image, "InstanceType": "t3.micro"}
    made = ec2.create_launch_template(LaunchTemplateName="small", LaunchTemplateData=data)["LaunchTemplate"]
    arn = f"{HERE}launch-template/{made['LaunchTemplateId']}"
    client = jo(
        {
            "Effect": "Allow",
            "Action": "ec2:RunInstances",
            "Resource": "*",
            "Condition": {"ArnLike": {"ec2:LaunchTemplate": arn}, "Bool": {"ec2:IsLaunchTemplateResource": "true"}},
        }
    )
    template = {"LaunchTemplate": {"LaunchTemplateName": "small"}, "MinCount": 1, "MaxCount": 1, "DryRun": True}
    with refused("DryRunOperation"):
        client.run_instances(**template)
    with refused("UnauthorizedOperation"):
        client.run_instances(**template, InstanceType="t3.large")
    with refused("UnauthorizedOperation"):
        client.run_instances(ImageId=image, **MINIMAL, DryRun=True)


def test_key_pairs_are_allowed_by_their_tags(jo, ec2):
    tags = [{"ResourceType": "key-pair", "Tags": [{"Key": "team", "Value": "blue"}]}]
    ec2.create_key_pair(KeyName="ours", TagSpecifications=tags)
    ec2.create_key_pair(KeyName="theirs")
    client = jo(allow("ec2:DeleteKeyPair", **{"ec2__ResourceTag/team": "blue"}))
    client.delete_key_pair(KeyName="ours")
    with refused("UnauthorizedOperation"):
        client.delete_key_pair(KeyName="theirs")


def test_instances_are_changed_by_those_whose_tag_they_bear(cloud, jo, launch, show):
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "blue"}]}]
    ours, theirs = launch(TagSpecifications=tags)["InstanceId"], launch()["InstanceId"]
    client = jo(allow(["ec2:StopInstances", "ec2:TerminateInstances"], **{"ec2__ResourceTag/team": "blue"}))
    client.stop_instances(InstanceIds=[ours])
    with refused("UnauthorizedOperation"):
        client.stop_instances(InstanceIds=[theirs])
    with refused("UnauthorizedOperation"):
        client.terminate_instances(InstanceIds=[ours, theirs])
    with refused("UnauthorizedOperation"):
        client.describe_instances()
    cloud.settle()
    assert show(theirs)["State"]["Name"] == "running"


def test_tags_at_launch_need_permission_to_tag(jo, image):
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "blue"}]}]
    client = jo(allow("ec2:RunInstances"))
    with refused("UnauthorizedOperation"):
        client.run_instances(ImageId=image, **MINIMAL, TagSpecifications=tags, DryRun=True)


def test_a_tag_may_be_required_at_launch(jo, image):
    others = [HERE + one for one in ("network-interface/*", "security-group/*", "volume/*", "subnet/*")]
    client = jo(
        allow("ec2:RunInstances", [*others, "arn:aws:ec2:us-east-1::image/*"]),
        allow("ec2:RunInstances", HERE + "instance/*", **{"aws__RequestTag/team": "blue"}),
        allow("ec2:CreateTags", ec2__CreateAction="RunInstances"),
    )
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "blue"}]}]
    with refused("DryRunOperation"):
        client.run_instances(ImageId=image, **MINIMAL, TagSpecifications=tags, DryRun=True)
    with refused("UnauthorizedOperation"):
        client.run_instances(ImageId=image, **MINIMAL, DryRun=True)


def test_a_role_is_given_only_by_who_may_pass_it(jo, image, profile):
    profile("small"), profile("great")
    client = jo(allow("ec2:*"), allow("iam:PassRole", "arn:aws:iam::000000000000:role/small"))
    with refused("DryRunOperation"):
        client.run_instances(ImageId=image, **MINIMAL, IamInstanceProfile={"Name": "small"}, DryRun=True)
    with refused("UnauthorizedOperation"):
        client.run_instances(ImageId=image, **MINIMAL, IamInstanceProfile={"Name": "great"}, DryRun=True)


def test_a_profile_is_associated_replaced_and_taken_away(ec2, launch, show, profile):
    profile("one"), profile("two")
    id = launch()["InstanceId"]
    made = ec2.associate_iam_instance_profile(InstanceId=id, IamInstanceProfile={"Name": "one"})
    association = made["IamInstanceProfileAssociation"]
    assert association["State"] == "associating"
    assert show(id)["IamInstanceProfile"]["Arn"].endswith("instance-profile/one")
    with refused("IncorrectState"):
        ec2.associate_iam_instance_profile(InstanceId=id, IamInstanceProfile={"Name": "two"})
    changed = ec2.replace_iam_instance_profile_association(
        AssociationId=association["AssociationId"], IamInstanceProfile={"Name": "two"}
    )["IamInstanceProfileAssociation"]
    assert changed["AssociationId"] != association["AssociationId"]
    [found] = ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]
    assert (found["AssociationId"], found["State"]) == (changed["AssociationId"], "associated")
    ec2.disassociate_iam_instance_profile(AssociationId=changed["AssociationId"])
    assert "IamInstanceProfile" not in show(id)
    with refused("InvalidAssociationID.NotFound"):
        ec2.disassociate_iam_instance_profile(AssociationId=changed["AssociationId"])
