import pytest

from pileus.identity.managed import aws_policies
from pileus.model import iam
from pileus.policy import validate


@pytest.mark.parametrize("policy", aws_policies("aws"), ids=lambda policy: policy.name)
def test_an_aws_policy_is_valid_and_names_services_that_exist(policy):
    compiled = validate(policy.document, "identity", managed=True)
    known = iam.service_prefixes()
    retired = {"codestar", "deepcomposer", "elastic-inference", "gamesparks", "iot1click", "iotevents"}
    retired |= {"iotroborunner", "macie", "mobilehub", "deepracer"}
    for statement in compiled.statements:
        for pattern in statement.patterns:
            assert pattern == "*" or pattern.partition(":")[0] in known | retired, pattern


def test_names_and_ids_are_unique():
    every = list(aws_policies("aws"))
    assert len({policy.arn for policy in every}) == len({policy.id for policy in every}) == len(every)
    assert {policy.arn.split(":")[1] for policy in aws_policies("aws-cn")} == {"aws-cn"}
