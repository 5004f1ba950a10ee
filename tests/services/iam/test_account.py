"""Alias, summary, everything at once; service control policies."""

import pytest
from botocore.exceptions import ClientError

from pileus.identity.account import ControlPolicy, Controls, controls
from tests.services.iam.accounts import Account, allow, deny, document


def test_an_alias_belongs_to_one_account(account, iam):
    alias = f"a-{account.id}"
    iam.create_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == [alias]
    other = Account(account.cloud).root()
    with pytest.raises(ClientError, match=rf"EntityAlreadyExists.*The account alias {alias} already exists."):
        other.create_account_alias(AccountAlias=alias)
    iam.create_account_alias(AccountAlias=alias + "-b")
    other.create_account_alias(AccountAlias=alias)
    iam.delete_account_alias(AccountAlias=alias + "-b")
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_the_summary_counts_what_is_there(account, iam):
    account.user("bob")
    iam.create_group(GroupName="g")
    account.role("r", {"AWS": account.id})
    iam.create_policy(PolicyName="p", PolicyDocument=document(allow("sqs:*")))
    iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")
    summary = iam.get_account_summary()["SummaryMap"]
    wanted = {"Users": 1, "Groups": 1, "Roles": 1, "Policies": 1, "PolicyVersionsInUse": 1, "MFADevices": 1}
    assert {name: summary[name] for name in wanted} == wanted
    assert summary["MFADevicesInUse"] == 0
    assert summary["AccessKeysPerUserQuota"] == 2


def test_all_identities_in_one_answer(account, iam):
    account.user("bob", allow("sqs:*"))
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="bob")
    iam.attach_group_policy(GroupName="g", PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    account.role("r", {"AWS": account.id})
    own = iam.create_policy(PolicyName="p", PolicyDocument=document(allow("sqs:*")))["Policy"]["Arn"]
    every = iam.get_account_authorization_details()
    (bob,) = every["UserDetailList"]
    assert (bob["GroupList"], bob["UserPolicyList"][0]["PolicyName"]) == (["g"], "own")
    assert every["GroupDetailList"][0]["AttachedManagedPolicies"][0]["PolicyName"] == "AmazonSQSFullAccess"
    assert every["RoleDetailList"][0]["RoleName"] == "r"
    assert {one["Arn"] for one in every["Policies"]} == {own, "arn:aws:iam::aws:policy/AmazonSQSFullAccess"}
    only = iam.get_account_authorization_details(Filter=["Role"])
    assert (only["UserDetailList"], len(only["RoleDetailList"])) == ([], 1)
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 2}))
    assert [sum(len(page[kind]) for kind in page if isinstance(page[kind], list)) for page in pages] == [2, 2, 1]


def set_controls(account, *levels):
    named = tuple(
        tuple(ControlPolicy(f"level{number}", document(one)) for one in level) for number, level in enumerate(levels)
    )

    def work(tx):
        controls.put(tx, account.id, record=Controls(named))

    account.cloud.run(account.cloud.app.store.transact(work))


def test_a_service_control_policy_binds_even_the_root(account):
    account.root("sqs").list_queues()
    set_controls(account, [allow("*")], [allow("*"), deny("sqs:*")])
    with pytest.raises(ClientError, match=r"with an explicit deny in a service control policy"):
        account.root("sqs").list_queues()
    account.root().list_users()


def test_every_level_of_control_policies_must_allow(account):
    key = account.user("bob", allow("*"))
    set_controls(account, [allow("*")], [allow("iam:*")])
    account.cloud.client("iam", **key).list_users()
    with pytest.raises(ClientError, match=r"because no service control policy allows the sqs:ListQueues action"):
        account.cloud.client("sqs", **key).list_queues()
