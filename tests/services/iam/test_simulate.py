"""The simulator answers from the same engine as every request."""

import pytest
from botocore.exceptions import ClientError

from tests.services.iam.accounts import allow, deny, document

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"


def decisions(answer):
    return [
        (one["EvalActionName"], one["EvalResourceName"], one["EvalDecision"]) for one in answer["EvaluationResults"]
    ]


def test_given_policies_decide_and_are_pointed_at(iam):
    statement = '{"Effect": "Allow", "Action": "sqs:Get*", "Resource": "*"}'
    text = f'{{\n  "Version": "2012-10-17",\n  "Statement": [\n    {statement}\n  ]\n}}'
    answer = iam.simulate_custom_policy(PolicyInputList=[text], ActionNames=["sqs:GetQueueUrl", "sqs:SendMessage"])
    assert decisions(answer) == [("sqs:GetQueueUrl", "*", "allowed"), ("sqs:SendMessage", "*", "implicitDeny")]
    (matched,) = answer["EvaluationResults"][0]["MatchedStatements"]
    assert matched["SourcePolicyId"] == "PolicyInputList.1"
    assert matched["StartPosition"] == {"Line": 4, "Column": 5}
    assert matched["EndPosition"]["Line"] == 4


def test_a_deny_wins_and_each_resource_is_answered(iam):
    policies = [document(allow("sqs:*"), deny("sqs:*", QUEUE))]
    answer = iam.simulate_custom_policy(
        PolicyInputList=policies, ActionNames=["sqs:SendMessage"], ResourceArns=[QUEUE, QUEUE + "2"]
    )
    assert decisions(answer) == [
        ("sqs:SendMessage", QUEUE, "explicitDeny"),
        ("sqs:SendMessage", QUEUE + "2", "allowed"),
    ]
    specific = answer["EvaluationResults"][0]["ResourceSpecificResults"][0]
    assert (specific["EvalResourceName"], specific["EvalResourceDecision"]) == (QUEUE, "explicitDeny")


def test_missing_keys_are_named_and_given_ones_decide(iam):
    policies = [document(allow("sqs:*", Condition={"StringEquals": {"aws:RequestTag/team": "red"}}))]
    ask = {"PolicyInputList": policies, "ActionNames": ["sqs:CreateQueue"]}
    answer = iam.simulate_custom_policy(**ask)["EvaluationResults"][0]
    assert (answer["EvalDecision"], answer["MissingContextValues"]) == ("implicitDeny", ["aws:RequestTag/team"])
    entry = {"ContextKeyName": "aws:RequestTag/team", "ContextKeyValues": ["red"], "ContextKeyType": "string"}
    assert decisions(iam.simulate_custom_policy(**ask, ContextEntries=[entry]))[0][2] == "allowed"
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=policies)["ContextKeyNames"] == [
        "aws:RequestTag/team"
    ]


def test_a_users_own_policies_groups_and_boundary_are_simulated(account, iam):
    account.user("bob", allow("sqs:SendMessage"))
    iam.create_group(GroupName="g")
    iam.attach_group_policy(GroupName="g", PolicyArn="arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess")
    iam.add_user_to_group(GroupName="g", UserName="bob")
    arn = f"arn:aws:iam::{account.id}:user/bob"
    actions = ["sqs:SendMessage", "sqs:ListQueues", "sqs:DeleteQueue"]
    answer = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=actions)
    assert [decision for _, _, decision in decisions(answer)] == ["allowed", "allowed", "implicitDeny"]
    sources = [one["MatchedStatements"][0] for one in answer["EvaluationResults"][:2]]
    assert [(one["SourcePolicyId"], one["SourcePolicyType"]) for one in sources] == [
        ("user_bob_own", "user"),
        ("AmazonSQSReadOnlyAccess", "aws-managed"),
    ]
    iam.put_user_permissions_boundary(
        UserName="bob", PermissionsBoundary="arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"
    )
    first = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=actions)["EvaluationResults"][0]
    assert first["EvalDecision"] == "implicitDeny"
    assert first["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_policies_can_be_left_out(account, iam):
    account.user("bob", allow("sqs:SendMessage"))
    sqs = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"
    iam.attach_user_policy(UserName="bob", PolicyArn=sqs)
    ask = {
        "PolicySourceArn": f"arn:aws:iam::{account.id}:user/bob",
        "ActionNames": ["sqs:SendMessage", "sqs:ListQueues"],
    }

    def without(**left_out):
        answer = iam.simulate_principal_policy(**ask, PolicyExclusionList=[left_out])
        return [decision for _, _, decision in decisions(answer)]

    assert without(PolicyType="inline") == ["implicitDeny", "allowed"]
    assert without(PolicyArn=sqs) == ["allowed", "implicitDeny"]
    bobs_own = {"PolicyName": "own", "AttachmentType": "user", "AttachmentName": "bob"}
    assert without(InlinePolicyIdentifier=bobs_own) == ["implicitDeny", "allowed"]


def test_a_resource_policy_takes_part(account, iam):
    account.user("bob")
    queue = f"arn:aws:sqs:us-east-1:{account.id}:q"
    arn = f"arn:aws:iam::{account.id}:user/bob"
    policy = document({**allow("sqs:SendMessage", queue), "Principal": {"AWS": arn}})
    answer = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["sqs:SendMessage"], ResourceArns=[queue], ResourcePolicy=policy
    )
    assert decisions(answer)[0][2] == "allowed"
    assert answer["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyType"] == "resource"


def test_results_come_in_pages(iam):
    actions = [
        f"sqs:{name}" for name in ("SendMessage", "ReceiveMessage", "DeleteMessage", "ListQueues", "GetQueueUrl")
    ]
    pages = iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[document(allow("sqs:*"))], ActionNames=actions, PaginationConfig={"PageSize": 2}
    )
    assert [one["EvalActionName"] for page in pages for one in page["EvaluationResults"]] == actions


def test_what_is_no_identity_or_no_policy_is_refused(account, iam):
    with pytest.raises(ClientError, match=r"InvalidInput"):
        iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:sqs:us-east-1:{account.id}:q", ActionNames=["a:B"])
    with pytest.raises(ClientError, match=r"NoSuchEntity"):
        iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{account.id}:user/no", ActionNames=["a:B"])
    with pytest.raises(ClientError, match=r"InvalidInput"):
        iam.simulate_custom_policy(PolicyInputList=["{}"], ActionNames=["sqs:SendMessage"])
    with pytest.raises(ClientError, match=r"InvalidInput"):
        iam.simulate_custom_policy(PolicyInputList=[document(allow("*"))], ActionNames=["sqs:*"])


def test_a_simulation_and_a_call_agree(account, iam):
    key = account.user("bob", allow("sqs:ListQueues", Condition={"StringEquals": {"aws:username": "bob"}}))
    account.cloud.client("sqs", **key).list_queues()
    arn = f"arn:aws:iam::{account.id}:user/bob"
    assert (
        decisions(iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["sqs:ListQueues"]))[0][2] == "allowed"
    )


def test_a_resource_of_another_account_needs_its_own_policys_word(account, iam):
    account.user("bob", allow("sqs:*"))
    ask = {"PolicySourceArn": f"arn:aws:iam::{account.id}:user/bob", "ActionNames": ["sqs:SendMessage"]}
    (answer,) = iam.simulate_principal_policy(**ask, ResourceArns=[QUEUE])["EvaluationResults"]
    assert answer["EvalDecision"] == "implicitDeny"
    details = answer["ResourceSpecificResults"][0]["EvalDecisionDetails"]
    assert details["identity-based policy"] == "allowed"
    (answer,) = iam.simulate_principal_policy(**ask, ResourceArns=["arn:aws:s3:::b"], ResourceOwner="123456789012")[
        "EvaluationResults"
    ]
    assert answer["EvalDecision"] == "implicitDeny"


def test_context_values_are_of_the_type_they_claim(iam):
    ask = {"PolicyInputList": [document(allow("sqs:*"))], "ActionNames": ["sqs:SendMessage"]}
    for kind, values in (
        ("numeric", ["ten"]),
        ("boolean", ["maybe"]),
        ("ip", ["1.2.3"]),
        ("date", ["yesterday"]),
        ("string", ["a", "b"]),
    ):
        entry = {"ContextKeyName": "aws:x", "ContextKeyType": kind, "ContextKeyValues": values}
        with pytest.raises(ClientError, match="Invalid Context Entry"):
            iam.simulate_custom_policy(**ask, ContextEntries=[entry])


def test_a_resource_policy_needs_a_user_as_the_caller(account, iam):
    role = account.role("r", {"Service": "ec2.amazonaws.com"})
    policy = document({"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"})
    with pytest.raises(ClientError, match="CallerArn is required"):
        iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=["sqs:SendMessage"], ResourcePolicy=policy)
