"""Which images of others an account lets itself use; and what the images of its instances are like."""

import pytest

from tests.services.ec2.conftest import OTHER
from tests.services.ec2.vpc.refusing import refused

MINE = "000000000000"
WANTED = {"InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}


@pytest.fixture
def criteria(ec2):
    """A function that sets the criteria and puts them in force."""

    def put(*given, state="enabled"):
        ec2.replace_image_criteria_in_allowed_images_settings(ImageCriteria=list(given))
        ec2.enable_allowed_images_settings(AllowedImagesSettingsState=state)

    return put


def test_settings_are_told_as_they_were_given(ec2, criteria):
    assert ec2.get_allowed_images_settings()["State"] == "disabled"
    given = {"ImageProviders": ["amazon", OTHER], "CreationDateCondition": {"MaximumDaysSinceCreated": 300}}
    criteria(given, {"ImageNames": ["al2023-*"], "DeprecationTimeCondition": {"MaximumDaysSinceDeprecated": 0}})
    told = ec2.get_allowed_images_settings()
    assert (told["State"], told["ManagedBy"], told["ImageCriteria"][0]) == ("enabled", "account", given)
    assert told["ImageCriteria"][1]["DeprecationTimeCondition"] == {"MaximumDaysSinceDeprecated": 0}
    assert ec2.disable_allowed_images_settings()["AllowedImagesSettingsState"] == "disabled"
    assert len(ec2.get_allowed_images_settings()["ImageCriteria"]) == 2


def test_others_images_are_neither_seen_nor_launched_but_ones_own_are(cloud, ec2, image, launch, criteria):
    id = launch()["InstanceId"]
    own = ec2.create_image(InstanceId=id, Name="own", NoReboot=True)["ImageId"]
    cloud.settle()
    criteria({"ImageProviders": ["none"]})
    assert [one["ImageId"] for one in ec2.describe_images()["Images"]] == [own]
    with refused("InvalidAMIID.NotFound"):
        ec2.describe_images(ImageIds=[image])
    with refused("InvalidAMIID.NotFound"):
        ec2.run_instances(ImageId=image, **WANTED)
    ec2.run_instances(ImageId=own, **WANTED)
    criteria({"ImageProviders": ["amazon"]})
    ec2.run_instances(ImageId=image, **WANTED)
    far = cloud.client("ec2", region_name="eu-west-1")
    assert far.describe_images(Owners=["amazon"])["Images"]


def test_audit_tells_and_restricts_nothing(ec2, image, criteria):
    (before,) = ec2.describe_images(ImageIds=[image])["Images"]
    assert "ImageAllowed" not in before
    criteria({"ImageProviders": [OTHER]}, state="audit-mode")
    (audited,) = ec2.describe_images(ImageIds=[image])["Images"]
    assert audited["ImageAllowed"] is False
    criteria({"ImageNames": [before["Name"][:4] + "*"]}, state="audit-mode")
    (passing,) = ec2.describe_images(ImageIds=[image])["Images"]
    assert passing["ImageAllowed"] is True
    ec2.run_instances(ImageId=image, **WANTED)


def test_age_and_deprecation_are_conditions(cloud, ec2, image, launch, criteria):
    """Of another account's image, that is public."""
    other = cloud.client("ec2", OTHER)
    made = other.run_instances(ImageId=image, **WANTED)["Instances"][0]["InstanceId"]
    cloud.settle()
    shared = other.create_image(InstanceId=made, Name="shared", NoReboot=True)["ImageId"]
    cloud.settle()
    permission = {"Add": [{"UserId": MINE}]}
    other.modify_image_attribute(ImageId=shared, LaunchPermission=permission)

    def seen():
        return shared in [one["ImageId"] for one in ec2.describe_images(IncludeDeprecated=True)["Images"]]

    criteria({"ImageProviders": [OTHER], "CreationDateCondition": {"MaximumDaysSinceCreated": 10}})
    assert seen()
    cloud.advance(11 * 86_400)
    assert not seen()
    criteria({"ImageProviders": [OTHER], "DeprecationTimeCondition": {"MaximumDaysSinceDeprecated": 0}})
    assert seen()
    soon = cloud.app.cloud.clock.now() + 120
    other.enable_image_deprecation(ImageId=shared, DeprecateAt=soon)
    cloud.advance(300)
    assert not seen()


def test_what_criteria_cannot_be(ec2):
    for given, code in (
        ({"ImageProviders": ["none", "amazon"]}, "InvalidParameterCombination"),
        ({"ImageProviders": ["nobody"]}, "InvalidParameterValue"),
        ({"MarketplaceProductCodes": ["abc"]}, "NotImplemented"),
    ):
        with refused(code):
            ec2.replace_image_criteria_in_allowed_images_settings(ImageCriteria=[given])


def test_the_image_of_an_instance_is_told_even_when_it_is_gone(cloud, ec2, image, launch, criteria):
    first = launch()["InstanceId"]
    own = ec2.create_image(InstanceId=first, Name="own", NoReboot=True)["ImageId"]
    cloud.settle()
    second = launch(ImageId=own)["InstanceId"]
    ec2.deregister_image(ImageId=own)
    criteria({"ImageProviders": ["none"]})
    told = ec2.describe_instance_image_metadata(InstanceIds=[first, second])["InstanceImageMetadata"]
    about = {one["InstanceId"]: one["ImageMetadata"] for one in told}
    assert (about[first]["ImageOwnerAlias"], about[first]["ImageAllowed"]) == ("amazon", False)
    assert about[second] == {"ImageId": own, "State": "deregistered"}
    filters = [{"Name": "owner-alias", "Values": ["amazon"]}]
    found = ec2.describe_instance_image_metadata(Filters=filters)["InstanceImageMetadata"]
    assert [one["InstanceId"] for one in found] == [first]
