"""A decision taken apart: what matched, what did not, and why."""

import json
from typing import Any

from pileus.policy import Grants, Policy, Principal, Request, compile_policy, explain, principal_keys

ME = "111122223333"
BOB = Principal("user", ME, f"arn:aws:iam::{ME}:user/team/bob", "AIDABOB")
QUEUE = f"arn:aws:sqs:us-east-1:{ME}:orders"


def policy(name: str, *statements: dict[str, Any], kind: Any = "identity") -> Policy:
    return compile_policy(json.dumps({"Version": "2012-10-17", "Statement": statements}), kind, name, "user bob")


def ask(**context: str) -> Request:
    return Request(BOB, "sqs:SendMessage", QUEUE, ME, {k.replace("_", ":"): v for k, v in context.items()})


ALLOW = policy("may", {"Sid": "Send", "Effect": "Allow", "Action": "sqs:Send*", "Resource": QUEUE})
TLS = policy(
    "tls",
    {
        "Sid": "OnlyTls",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    },
)


def test_the_deciding_statement_comes_first() -> None:
    told = explain(ask(aws_SecureTransport="false"), Grants((ALLOW, TLS)))
    assert (told["effect"], told["by"]) == ("explicitDeny", "identity-based policy")
    assert [(one["sid"], one["decided"]) for one in told["matched"]] == [("OnlyTls", True), ("Send", False)]


def test_a_condition_shows_what_it_asked_for_and_what_it_was_given() -> None:
    told = explain(ask(aws_SecureTransport="true"), Grants((ALLOW, TLS)))
    (condition,) = told["layers"][0]["policies"][1]["statements"][0]["conditions"]
    assert condition == {
        "operator": "Bool",
        "key": "aws:SecureTransport",
        "values": ["false"],
        "given": ["true"],
        "matched": False,
    }
    assert told["context"] == {"aws:securetransport": ["true"]}


def test_a_key_nobody_knew_is_listed() -> None:
    assert explain(ask(), Grants((ALLOW, TLS)))["missing"] == ["aws:SecureTransport"]


def test_each_layer_tells_its_own_effect() -> None:
    nothing = policy("nothing", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, kind="boundary")
    told = explain(ask(), Grants((ALLOW,), nothing))
    assert {layer["type"]: layer["effect"] for layer in told["layers"]} == {
        "identity-based policy": "allowed",
        "permissions boundary": "implicitDeny",
    }
    assert told["by"] == "permissions boundary"
    assert told["layers"][1]["policies"][0]["statements"][0]["action"]["matched"] is False


def test_an_explanation_is_json() -> None:
    open_to_all = {"Effect": "Allow", "Principal": {"AWS": ME}, "Action": "*", "Resource": "*"}
    told = explain(ask(), Grants((ALLOW, TLS), resource=policy("queue", open_to_all, kind="resource")))
    assert json.loads(json.dumps(told)) == told
    assert told["layers"][0]["policies"][0]["statements"][0]["principal"]["named"] == "account"


def test_a_callers_own_condition_keys() -> None:
    assert principal_keys(BOB) == {
        "aws:principalarn": BOB.arn,
        "aws:principalaccount": ME,
        "aws:principaltype": "User",
        "aws:userid": "AIDABOB",
        "aws:username": "bob",
        "aws:principalisawsservice": "false",
    }
    role = f"arn:aws:iam::{ME}:role/r"
    session = Principal("assumed-role", ME, f"arn:aws:sts::{ME}:assumed-role/r/s", "AROAR:s", role_arn=role)
    assert principal_keys(session)["aws:principalarn"] == role
    assert "aws:username" not in principal_keys(session)
