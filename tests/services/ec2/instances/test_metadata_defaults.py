"""An account's own defaults for metadata options: what new instances get."""

import pytest

from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def options(launch):
    def one(**more):
        return launch(**more)["MetadataOptions"]

    return one


def test_launches_get_the_accounts_defaults_for_what_they_leave_out(cloud, ec2, options):
    assert ec2.get_instance_metadata_defaults()["AccountLevel"] == {}
    assert options()["HttpTokens"] == "optional"
    ec2.modify_instance_metadata_defaults(
        HttpTokens="required", HttpPutResponseHopLimit=3, InstanceMetadataTags="enabled"
    )
    told = ec2.get_instance_metadata_defaults()["AccountLevel"]
    assert (told["HttpTokens"], told["HttpPutResponseHopLimit"], told["ManagedBy"]) == ("required", 3, "account")
    found = options()
    assert (found["HttpTokens"], found["HttpPutResponseHopLimit"]) == ("required", 3)
    assert found["InstanceMetadataTags"] == "enabled"
    assert options(MetadataOptions={"HttpTokens": "optional"})["HttpTokens"] == "optional"
    far = cloud.client("ec2", region_name="eu-west-1")
    assert far.get_instance_metadata_defaults()["AccountLevel"] == {}


def test_a_default_is_taken_away_again(ec2, options):
    ec2.modify_instance_metadata_defaults(HttpTokens="required", HttpPutResponseHopLimit=3)
    ec2.modify_instance_metadata_defaults(HttpTokens="no-preference", HttpPutResponseHopLimit=-1)
    assert ec2.get_instance_metadata_defaults()["AccountLevel"] == {}
    assert options()["HttpTokens"] == "optional"
    with refused("InvalidParameterValue"):
        ec2.modify_instance_metadata_defaults(HttpPutResponseHopLimit=65)


def test_version_two_can_be_enforced(ec2, image, launch):
    id = launch(MetadataOptions={"HttpTokens": "required"})["InstanceId"]
    ec2.modify_instance_metadata_defaults(HttpTokensEnforced="enabled")
    wanted = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    with refused("UnsupportedOperation"):
        ec2.run_instances(**wanted)
    with refused("UnsupportedOperation"):
        ec2.modify_instance_metadata_options(InstanceId=id, HttpTokens="optional")
    ec2.run_instances(**wanted, MetadataOptions={"HttpTokens": "required"})
