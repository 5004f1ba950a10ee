"""Sealed authorization messages."""

import json

import pytest
from botocore.exceptions import ClientError

from pileus.identity.sealed import seal
from pileus.policy import Grants, Principal, Request, compile_policy, explain
from tests.services.iam.accounts import Account, deny, document


def sealed(account):
    who = Principal("user", account.id, f"arn:aws:iam::{account.id}:user/bob", "AIDABOB")
    asked = Request(who, "ec2:RunInstances", "arn:aws:ec2:x", account.id, {"aws:RequestedRegion": "x"})
    conditional = deny("ec2:*", Condition={"StringEquals": {"aws:RequestedRegion": "x"}})
    explained = explain(asked, Grants([compile_policy(document({**conditional, "Sid": "No"}), "identity", "own")]))
    return account.cloud.run(account.cloud.app.store.transact(lambda tx: seal(tx, account.id, explained)))


def test_a_sealed_denial_is_opened_by_its_account(account):
    message = sealed(account)
    opened = json.loads(account.root("sts").decode_authorization_message(EncodedMessage=message)["DecodedMessage"])
    assert (opened["allowed"], opened["explicitDeny"]) == (False, True)
    assert opened["matchedStatements"]["items"][0]["statementId"] == "No"
    assert opened["context"]["action"] == "ec2:RunInstances"
    assert opened["context"]["conditions"]["items"][0]["values"]["items"] == [{"value": "x"}]


def test_another_account_or_a_changed_message_opens_nothing(account):
    message = sealed(account)
    for client, text in (
        (Account(account.cloud).root("sts"), message),
        (account.root("sts"), message[:-8] + "AAAAAAA="),
    ):
        with pytest.raises(ClientError, match=r"InvalidAuthorizationMessage"):
            client.decode_authorization_message(EncodedMessage=text)


def test_opening_needs_permission(account):
    key = account.user("bob")
    with pytest.raises(ClientError, match=r"AccessDenied"):
        account.cloud.client("sts", **key).decode_authorization_message(EncodedMessage="x")
