"""What AWS's service authorization reference says, as we read it."""

from __future__ import annotations

from pileus.model import iam


def test_an_action_is_found_in_any_case() -> None:
    found = iam.action("SQS:sendmessage")
    assert found is not None
    assert (found.full_name, found.access_level) == ("sqs:SendMessage", "Write")
    assert iam.action_exists("iam:CreateUser")


def test_an_action_or_service_aws_does_not_have_is_not_found() -> None:
    for name in ("sqs:Nothing", "nothing:At", "sqs", "", "../sqs:SendMessage"):
        assert iam.action(name) is None
        assert iam.condition_keys_of(name) == ()
        assert iam.arn_templates(name) == ()


def test_an_action_knows_the_arns_of_its_resources() -> None:
    (template,) = iam.arn_templates("sqs:SendMessage")
    values = {"Partition": "aws", "Region": "eu-west-1", "Account": "123456789012", "QueueName": "q"}
    assert iam.fill(template, values) == "arn:aws:sqs:eu-west-1:123456789012:q"
    assert iam.fill(template, {}) == "arn:*:sqs:*:*:*"


def test_an_action_knows_its_condition_keys_and_their_types() -> None:
    assert "iam:PassedToService" in iam.condition_keys_of("iam:PassRole")
    assert iam.condition_keys("iam")["iam:passedtoservice"].type == "String"


def test_every_service_prefix_is_known() -> None:
    assert {"iam", "sts", "sqs", "s3", "ec2"} <= iam.service_prefixes()
