"""Public parameters: the names of the cloud's own images."""

import pytest
from botocore.exceptions import ClientError

NAME = "/aws/service/debian/release/12/latest/amd64"


@pytest.fixture(params=["us-east-1", "eu-west-1"])
def region(request):
    return request.param


def test_a_parameter_is_the_id_of_an_image_of_its_region(cloud, region):
    found = cloud.client("ssm", region_name=region).get_parameter(Name=NAME)["Parameter"]
    [image] = cloud.client("ec2", region_name=region).describe_images(ImageIds=[found["Value"]])["Images"]
    assert image["ImageOwnerAlias"] == "amazon"
    assert found["ARN"] == f"arn:aws:ssm:{region}::parameter{NAME}"
    assert (found["Type"], found["Version"]) == ("String", 1)


def test_every_account_sees_the_same_and_every_region_its_own(cloud):
    def value(account, region):
        return cloud.client("ssm", account, region_name=region).get_parameter(Name=NAME)["Parameter"]["Value"]

    assert value("test", "us-east-1") == value("111111111111", "us-east-1") != value("test", "eu-west-1")


def test_parameters_are_found_by_path_and_by_several_names(cloud):
    ssm = cloud.client("ssm")
    below = ssm.get_parameters_by_path(Path="/aws/service/debian", Recursive=True)["Parameters"]
    assert NAME in [one["Name"] for one in below]
    assert ssm.get_parameters_by_path(Path="/aws/service/debian")["Parameters"] == []
    found = ssm.get_parameters(Names=[NAME, "/aws/service/nothing"])
    assert [one["Name"] for one in found["Parameters"]] == [NAME]
    assert found["InvalidParameters"] == ["/aws/service/nothing"]


@pytest.mark.parametrize(("name", "code"), [("/aws/service/nothing", "ParameterNotFound"), ("/mine", "NotImplemented")])
def test_what_is_not_there_is_said_so(cloud, name, code):
    with pytest.raises(ClientError) as caught:
        cloud.client("ssm").get_parameter(Name=name)
    assert code in caught.value.response["Error"]["Code"]
