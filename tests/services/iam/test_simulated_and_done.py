"""What the simulator says of a user is what the gateway then does."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.iam.accounts import Account, document

ACTIONS = ["sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "iam:GetUser", "iam:ListGroupsForUser"]
PATTERNS = [*ACTIONS, "sqs:*", "sqs:Get*", "iam:?etUser", "*", "SQS:sendmessage", "iam:*ForUser"]


class Scene:
    """A user and what it may call: two queues of its own account, one of another, itself and another user."""

    def __init__(self, cloud: Any):
        self.account, other = Account(cloud), Account(cloud)
        self.root = self.account.root()
        key = self.account.user("bob")
        self.root.tag_user(UserName="bob", Tags=[{"Key": "team", "Value": "red"}])
        self.account.user("red-1")
        self.root.create_group(GroupName="g")
        self.root.add_user_to_group(GroupName="g", UserName="bob")
        self.sqs, self.iam = cloud.client("sqs", **key), cloud.client("iam", **key)
        self.urls: dict[str, str] = {}
        for owner, name in ((self.account, "red-q"), (self.account, "blue"), (other, "red-q")):
            url = owner.root("sqs").create_queue(QueueName=name)["QueueUrl"]
            self.urls[f"arn:aws:sqs:us-east-1:{owner.id}:{name}"] = url
        self.users = [f"arn:aws:iam::{self.account.id}:user/{name}" for name in ("bob", "red-1")]
        self.arn = self.users[0]
        own = self.account.id
        self.resources = [
            "*",
            "arn:aws:sqs:*:*:*",
            f"arn:aws:sqs:us-east-1:{own}:red-q",
            f"arn:aws:sqs:*:{own}:${{aws:PrincipalTag/team}}-*",
            f"arn:aws:sqs:us-east-?:{own}:bl*",
            f"arn:aws:iam::{own}:user/${{aws:username}}",
            "arn:aws:iam::*:user/${aws:PrincipalTag/nothing, 'red-1'}",
            "arn:aws:sqs:*:*:${aws:PrincipalTag/nothing}",
            *self.users,
            *self.urls,
        ]
        self.boundaries = [
            self.root.create_policy(
                PolicyName=f"b{number}",
                PolicyDocument=document({"Effect": "Allow", "Action": actions, "Resource": "*"}),
            )["Policy"]["Arn"]
            for number, actions in enumerate((["sqs:*"], ["iam:*", "sqs:SendMessage"]))
        ]

    def given(self, own: str, groups: str, boundary: str | None) -> None:
        self.root.put_user_policy(UserName="bob", PolicyName="own", PolicyDocument=own)
        self.root.put_group_policy(GroupName="g", PolicyName="groups", PolicyDocument=groups)
        if boundary is not None:
            self.root.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=boundary)
        elif "PermissionsBoundary" in self.root.get_user(UserName="bob")["User"]:
            self.root.delete_user_permissions_boundary(UserName="bob")

    def simulated(self, action: str, resource: str) -> bool:
        known = {"aws:RequestedRegion": "us-east-1", "aws:SecureTransport": "false", "aws:SourceIp": "127.0.0.1"}
        if resource.startswith("arn:aws:iam"):
            del known["aws:RequestedRegion"]  # IAM is asked for in one region; the policies below do not look
        entries = [
            {"ContextKeyName": name, "ContextKeyType": "string", "ContextKeyValues": [value]}
            for name, value in known.items()
        ]
        answer = self.root.simulate_principal_policy(
            PolicySourceArn=self.arn, ActionNames=[action], ResourceArns=[resource], ContextEntries=entries
        )
        return answer["EvaluationResults"][0]["EvalDecision"] == "allowed"

    def done(self, action: str, resource: str) -> bool:
        name = resource.rpartition("/")[2]
        url = self.urls.get(resource)
        calls: dict[str, Any] = {
            "sqs:SendMessage": lambda: self.sqs.send_message(QueueUrl=url, MessageBody="x"),
            "sqs:GetQueueAttributes": lambda: self.sqs.get_queue_attributes(QueueUrl=url),
            "sqs:ReceiveMessage": lambda: self.sqs.receive_message(QueueUrl=url, VisibilityTimeout=0),
            "iam:GetUser": lambda: self.iam.get_user(UserName=name),
            "iam:ListGroupsForUser": lambda: self.iam.list_groups_for_user(UserName=name),
        }
        try:
            calls[action]()
        except ClientError as error:
            if "not authorized to perform" not in error.response["Error"]["Message"]:
                raise
            return False
        return True


@pytest.fixture(scope="module")
def scene(shared_cloud: Any) -> Scene:
    return Scene(shared_cloud)


CONDITIONS: list[dict[str, Any]] = [
    {"StringEquals": {"aws:username": "bob"}}, {"StringLike": {"AWS:PrincipalTag/Team": "r*"}},
    {"StringEquals": {"aws:PrincipalTag/team": ["Red", "blue"]}}, {"Bool": {"aws:SecureTransport": "true"}},
    {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}, {"Bool": {"aws:MultiFactorAuthPresent": "false"}},
    {"Null": {"aws:TokenIssueTime": "true"}}, {"ForAllValues:StringEquals": {"aws:TagKeys": "x"}},
    {"ForAnyValue:StringEquals": {"aws:TagKeys": "x"}}, {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}},
    {"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8"]}}, {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/b?b"}},
    {"StringNotEquals": {"aws:PrincipalAccount": "1"}}, {"DateLessThan": {"aws:TokenIssueTime": "2100-01-01"}},
    {"StringEquals": {"aws:PrincipalType": "User"}, "StringNotLike": {"aws:userid": "AIDA*"}},
]  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_simulator_says_what_the_gateway_then_does(scene: Scene, data: Any) -> None:
    action_names = st.sampled_from(["Action", "Action", "Action", "NotAction"])
    resource_names = st.sampled_from(["Resource", "Resource", "Resource", "NotResource"])

    def statement() -> dict[str, Any]:
        drawn: dict[str, Any] = {"Effect": data.draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
        drawn[data.draw(action_names)] = data.draw(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2))
        drawn[data.draw(resource_names)] = data.draw(st.lists(st.sampled_from(scene.resources), min_size=1, max_size=2))
        if data.draw(st.booleans()):
            drawn["Condition"] = data.draw(st.sampled_from(CONDITIONS))
        return drawn

    own, groups = (document(*[statement() for _ in range(data.draw(st.integers(1, 3)))]) for _ in range(2))
    boundary = data.draw(st.sampled_from([None, *scene.boundaries]))
    scene.given(own, groups, boundary)
    for action in ACTIONS:
        for resource in scene.urls if action.startswith("sqs:") else scene.users:
            said, happened = scene.simulated(action, resource), scene.done(action, resource)
            assert said == happened, (action, resource)
