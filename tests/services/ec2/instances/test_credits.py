"""The credit option of burstable instances: changed, and the default of an account."""

import pytest

from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def option(ec2):
    def one(id):
        found = ec2.describe_instance_credit_specifications(InstanceIds=[id])["InstanceCreditSpecifications"]
        return found[0]["CpuCredits"]

    return one


def test_the_option_is_changed_and_what_cannot_be_is_told(ec2, launch, option):
    burstable, fixed = launch()["InstanceId"], launch(InstanceType="m5.large")["InstanceId"]
    lost = "i-00000000000000000"
    wanted = [{"InstanceId": id, "CpuCredits": "standard"} for id in (burstable, fixed, lost)]
    answer = ec2.modify_instance_credit_specification(InstanceCreditSpecifications=wanted)
    assert answer["SuccessfulInstanceCreditSpecifications"] == [{"InstanceId": burstable}]
    failed = {one["InstanceId"]: one["Error"]["Code"] for one in answer["UnsuccessfulInstanceCreditSpecifications"]}
    assert failed == {fixed: "InstanceCreditSpecification.NotSupported", lost: "InvalidInstanceID.NotFound"}
    assert option(burstable) == "standard"
    with refused("InvalidParameterValue"):
        ec2.modify_instance_credit_specification(
            InstanceCreditSpecifications=[{"InstanceId": burstable, "CpuCredits": "free"}]
        )


def test_the_default_of_a_family_is_what_launches_get(cloud, ec2, launch, option):
    def default():
        told = ec2.get_default_credit_specification(InstanceFamily="t3")
        return told["InstanceFamilyCreditSpecification"]["CpuCredits"]

    assert default() == "unlimited"
    ec2.modify_default_credit_specification(InstanceFamily="t3", CpuCredits="standard")
    assert default() == "standard"
    assert option(launch()["InstanceId"]) == "standard"
    asked = {"CpuCredits": "unlimited"}
    assert option(launch(CreditSpecification=asked)["InstanceId"]) == "unlimited"
    far = cloud.client("ec2", region_name="eu-west-1")
    told = far.get_default_credit_specification(InstanceFamily="t3")["InstanceFamilyCreditSpecification"]
    assert told["CpuCredits"] == "unlimited"


def test_an_instance_keeps_its_option_when_it_gets_another_type(cloud, ec2, launch, option):
    id = launch(CreditSpecification={"CpuCredits": "standard"})["InstanceId"]
    ec2.stop_instances(InstanceIds=[id])
    cloud.settle()
    ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "t3.small"})
    assert option(id) == "standard"


def test_a_family_without_facts_is_refused(ec2):
    with refused("Unsupported"):
        ec2.get_default_credit_specification(InstanceFamily="t9g")
