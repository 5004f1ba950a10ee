"""What a machine is told at 169.254.169.254, and what it must show for it."""

import json
from datetime import UTC, datetime

import pytest

from pileus.services.ec2.metadata import answer
from tests.conftest import REGION
from tests.services.ec2.instances.test_permissions import profile as profile  # a fixture

ACCOUNT = "000000000000"
TTL, TOKEN = "x-aws-ec2-metadata-token-ttl-seconds", "x-aws-ec2-metadata-token"


@pytest.fixture
def ask(cloud):
    """A function that asks as a machine does: (status, text)."""

    def asked(machine, path, method="GET", peer=None, **headers):
        network = (ACCOUNT, REGION, machine["VpcId"])
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        work = lambda tx: answer(  # noqa: E731
            cloud.app.cloud, tx, network, peer or machine["PrivateIpAddress"], method, path, given
        )
        return cloud.run(cloud.app.store.transact(work))

    return asked


@pytest.fixture
def text(ask):
    """A function that gives the text at a path."""

    def read(machine, path, **headers):
        found = ask(machine, path, **headers)
        assert found.status == 200, (path, found)
        return found.body.decode()

    return read


def token(ask, machine, seconds="60"):
    found = ask(machine, "/latest/api/token", "PUT", **{TTL: seconds})
    assert found.status == 200
    return found.body.decode()


def test_the_tree_lists_its_folders_and_says_what_is_in_them(launch, text):
    machine = launch()
    assert "latest" in text(machine, "/").split()
    assert text(machine, "/latest/").split() == ["dynamic", "meta-data"]
    names = text(machine, "/latest/meta-data/").split()
    assert {"instance-id", "placement/", "network/", "mac", "public-ipv4"} <= set(names)
    assert text(machine, "/latest/meta-data/instance-id") == machine["InstanceId"]
    assert text(machine, "/latest/meta-data/local-ipv4") == machine["PrivateIpAddress"]
    assert text(machine, "/latest/meta-data/public-ipv4") == machine["PublicIpAddress"]
    assert text(machine, "/latest/meta-data/ami-id") == machine["ImageId"]
    assert text(machine, "/latest/meta-data/placement/region") == REGION
    assert text(machine, "/2021-03-23/meta-data/instance-type/") == "t3.micro"
    mac = text(machine, "/latest/meta-data/network/interfaces/macs/").strip("/\n")
    assert mac == machine["NetworkInterfaces"][0]["MacAddress"]
    folder = f"/latest/meta-data/network/interfaces/macs/{mac}"
    assert text(machine, f"{folder}/interface-id") == machine["NetworkInterfaces"][0]["NetworkInterfaceId"]
    assert text(machine, f"{folder}/ipv4-associations/{machine['PublicIpAddress']}") == machine["PrivateIpAddress"]
    document = json.loads(text(machine, "/latest/dynamic/instance-identity/document"))
    assert (document["accountId"], document["instanceId"]) == (ACCOUNT, machine["InstanceId"])


@pytest.mark.parametrize(
    "path",
    ["/latest/meta-data/nonsense", "/1999-01-01/meta-data/", "/latest/user-data", "/latest/meta-data/iam/info",
     "/latest/meta-data/instance-id/below", "/latest/meta-data/public-keys/", "/latest/meta-data/tags/instance/"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(launch, ask, path):
    assert ask(launch(), path).status == 404


def test_nobody_else_is_answered(launch, ask):
    assert ask(launch(), "/latest/meta-data/", peer="172.31.200.200").status == 404


def test_user_data_and_keys_are_told(ec2, launch, text):
    ec2.create_key_pair(KeyName="door")
    [pair] = ec2.describe_key_pairs(IncludePublicKey=True)["KeyPairs"]
    machine = launch(UserData="#!/bin/sh\n", KeyName="door")
    assert text(machine, "/latest/user-data") == "#!/bin/sh\n"
    assert text(machine, "/latest/").split() == ["dynamic", "meta-data", "user-data"]
    assert text(machine, "/latest/meta-data/public-keys/") == "0=door"
    assert text(machine, "/latest/meta-data/public-keys/0/openssh-key") == pair["PublicKey"]


def test_a_token_is_good_for_its_time_and_for_its_machine(cloud, launch, ask):
    one, other = launch(MetadataOptions={"HttpTokens": "required"}), launch()
    assert ask(one, "/latest/meta-data/").status == 401
    mark = token(ask, one)
    assert ask(one, "/latest/meta-data/", **{TOKEN: mark}).status == 200
    assert ask(other, "/latest/meta-data/", **{TOKEN: mark}).status == 401
    assert ask(one, "/latest/meta-data/", **{TOKEN: mark[:-4] + "AAA="}).status == 401
    assert ask(other, "/latest/meta-data/").status == 200
    cloud.advance(61)
    assert ask(one, "/latest/meta-data/", **{TOKEN: mark}).status == 401


def test_a_token_outlives_a_restart_of_the_cloud(cloud, launch, ask):
    machine = launch(MetadataOptions={"HttpTokens": "required"})
    mark = token(ask, machine, "21600")
    cloud.restart()
    assert ask(machine, "/latest/meta-data/", **{TOKEN: mark}).status == 200


@pytest.mark.parametrize(("seconds", "status"), [("0", 400), ("21601", 400), ("x", 400), ("", 400), ("1", 200)])
def test_a_token_lives_one_second_to_six_hours(launch, ask, seconds, status):
    assert ask(launch(), "/latest/api/token", "PUT", **({TTL: seconds} if seconds else {})).status == status


def test_tokens_travel_as_far_as_the_options_say_and_through_no_proxy(launch, ask):
    machine = launch(MetadataOptions={"HttpPutResponseHopLimit": 2})
    assert ask(machine, "/latest/api/token", "PUT", **{TTL: "60"}).hops == 2
    assert ask(machine, "/latest/api/token", "PUT", **{TTL: "60", "x-forwarded-for": "10.0.0.1"}).status == 403
    assert ask(machine, "/latest/meta-data/", "POST").status == 405


def test_a_service_that_is_switched_off_answers_403(ec2, launch, ask):
    machine = launch(MetadataOptions={"HttpEndpoint": "disabled"})
    assert ask(machine, "/latest/meta-data/").status == 403
    assert ask(machine, "/latest/api/token", "PUT", **{TTL: "60"}).status == 403
    ec2.modify_instance_metadata_options(InstanceId=machine["InstanceId"], HttpEndpoint="enabled")
    assert ask(machine, "/latest/meta-data/").status == 200


def test_tags_are_told_when_that_is_wanted(ec2, launch, text):
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}]
    machine = launch(TagSpecifications=tags, MetadataOptions={"InstanceMetadataTags": "enabled"})
    assert text(machine, "/latest/meta-data/tags/instance/Name") == "web"


def credentials(text, machine, role):
    return json.loads(text(machine, f"/latest/meta-data/iam/security-credentials/{role}"))


def test_the_role_of_a_machine_works_and_its_credentials_rotate(cloud, launch, text, profile):
    machine = launch(IamInstanceProfile={"Name": profile("web")})
    assert text(machine, "/latest/meta-data/iam/security-credentials/") == "web"
    info = json.loads(text(machine, "/latest/meta-data/iam/info"))
    assert info["InstanceProfileArn"].endswith("instance-profile/web")
    first = credentials(text, machine, "web")
    assert first["Code"] == "Success"
    used = cloud.client("sts", first["AccessKeyId"], first["SecretAccessKey"], first["Token"])
    assert used.get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/web/{machine['InstanceId']}"
    assert credentials(text, machine, "web") == first
    cloud.advance(5 * 3_600 + 60)
    second = credentials(text, machine, "web")
    assert second["AccessKeyId"] != first["AccessKeyId"]
    # The old ones are still good for a while.
    until = datetime.fromisoformat(first["Expiration"].replace("Z", "+00:00"))
    assert until > datetime.fromtimestamp(cloud.app.clock.now(), UTC)
    used.get_caller_identity()


def test_a_role_that_ec2_may_not_have_is_not_given(cloud, launch, text, profile):
    machine = launch(IamInstanceProfile={"Name": profile("web")})
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
    )
    cloud.client("iam").update_assume_role_policy(RoleName="web", PolicyDocument=trust)
    assert credentials(text, machine, "web")["Code"] == "AssumeRoleUnauthorizedAccess"


def test_a_profile_that_is_replaced_changes_what_the_machine_may(ec2, launch, text, profile):
    machine = launch(IamInstanceProfile={"Name": profile("one")})
    [association] = ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]
    ec2.replace_iam_instance_profile_association(
        AssociationId=association["AssociationId"], IamInstanceProfile={"Name": profile("two")}
    )
    assert text(machine, "/latest/meta-data/iam/security-credentials/") == "two"
    assert credentials(text, machine, "two")["Code"] == "Success"
