"""AssumeRole: who may, for how long, with what passed along."""

import pytest
from botocore.exceptions import ClientError

from tests.services.iam.accounts import Account, allow, deny, document, trusts


def assume(account, key, role, name="me", **more):
    return account.cloud.client("sts", **key).assume_role(RoleArn=role, RoleSessionName=name, **more)


def test_the_trust_policy_must_allow_even_inside_the_account(account):
    role = account.role("r", {"Service": "ec2.amazonaws.com"})
    key = account.user("bob", allow("*"))
    with pytest.raises(ClientError, match=r"AccessDenied"):
        assume(account, key, role)


def test_a_trust_that_names_the_user_needs_no_policy_of_the_user(account):
    key = account.user("bob")
    role = account.role("r", {"AWS": f"arn:aws:iam::{account.id}:user/bob"})
    assert assume(account, key, role)["Credentials"]["AccessKeyId"].startswith("ASIA")


def test_a_trust_in_the_account_leaves_it_to_the_users_policies(account):
    role = account.role("r", {"AWS": account.id})
    with pytest.raises(ClientError, match=r"AccessDenied"):
        assume(account, account.user("bob"), role)
    assume(account, account.user("eve", allow("sts:AssumeRole", role)), role)


def test_across_accounts_both_sides_must_allow(account):
    other = Account(account.cloud)
    role = other.role("r", {"AWS": f"arn:aws:iam::{account.id}:root"})
    with pytest.raises(ClientError, match=r"AccessDenied"):
        assume(account, account.user("bob"), role)
    key = account.user("eve", allow("sts:AssumeRole"))
    made = assume(account, key, role)
    assert made["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{other.id}:assumed-role/r/me"
    with pytest.raises(ClientError, match=r"AccessDenied"):
        assume(account, key, other.role("closed", {"Service": "ec2.amazonaws.com"}))


def test_a_role_that_does_not_exist_is_denied_like_one_that_does(account):
    key = account.user("bob", allow("*"))
    with pytest.raises(ClientError, match=r"AccessDenied.*is not authorized to perform: sts:AssumeRole on resource"):
        assume(account, key, f"arn:aws:iam::{account.id}:role/none")
    with pytest.raises(ClientError, match=r"ValidationError.*arn:aws:sqs:us-east-1:1:queue is invalid"):
        assume(account, key, "arn:aws:sqs:us-east-1:1:queue")


def test_the_root_assumes_no_role(account):
    role = account.role("r", {"AWS": account.id})
    with pytest.raises(ClientError, match=r"Roles may not be assumed by root accounts."):
        account.root("sts").assume_role(RoleArn=role, RoleSessionName="me")


def test_the_duration_is_bounded_by_the_role(account):
    role = account.role("r", {"AWS": account.id}, MaxSessionDuration=7200)
    key = account.user("bob", allow("sts:AssumeRole"))
    assume(account, key, role, DurationSeconds=7200)
    with pytest.raises(ClientError, match=r"exceeds the MaxSessionDuration set for this role"):
        assume(account, key, role, DurationSeconds=7201)


def test_a_chained_role_lasts_an_hour_at_most(account):
    first = account.role("first", {"AWS": account.id}, allow("sts:AssumeRole"))
    second = account.role("second", {"AWS": first}, MaxSessionDuration=43200)
    key = account.user("bob", allow("sts:AssumeRole"))
    made = assume(account, key, first)["Credentials"]
    chained = account.session(made, "sts")
    assert chained.assume_role(RoleArn=second, RoleSessionName="me", DurationSeconds=3600)
    with pytest.raises(ClientError, match=r"exceeds the 1 hour session limit for roles assumed by role chaining"):
        chained.assume_role(RoleArn=second, RoleSessionName="me", DurationSeconds=3601)


def test_the_external_id_decides(account):
    trust = trusts({"AWS": account.id}, Condition={"StringEquals": {"sts:ExternalId": "s3cret"}})
    role = account.role("r", trust)
    key = account.user("bob", allow("sts:AssumeRole"))
    assume(account, key, role, ExternalId="s3cret")
    for given in ({}, {"ExternalId": "guess"}):
        with pytest.raises(ClientError, match=r"AccessDenied"):
            assume(account, key, role, **given)


def test_session_policies_only_take_away(account):
    role = account.role("r", {"AWS": account.id}, allow(["sqs:ListQueues", "sqs:CreateQueue"]))
    key = account.user("bob", allow("sts:AssumeRole"))
    made = assume(account, key, role, Policy=document(allow(["sqs:ListQueues", "sns:*"])))
    assert 0 < made["PackedPolicySize"] < 100
    session = account.session(made["Credentials"], "sqs")
    session.list_queues()
    with pytest.raises(ClientError, match=r"because no session policy allows the sqs:CreateQueue action"):
        session.create_queue(QueueName="q")
    managed = [{"arn": "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"}]
    session = account.session(assume(account, key, role, PolicyArns=managed)["Credentials"], "sqs")
    session.list_queues()
    with pytest.raises(ClientError, match=r"no session policy allows"):
        session.create_queue(QueueName="q")


def test_too_much_to_pass_is_refused(account):
    role = account.role("r", {"AWS": account.id})
    key = account.user("bob", allow("sts:AssumeRole"))
    large = document(allow([f"sqs:Action{number:04}" for number in range(140)]))
    with pytest.raises(ClientError, match=r"PackedPolicyTooLarge"):
        assume(account, key, role, Policy=large)
    with pytest.raises(ClientError, match=r"MalformedPolicyDocument"):
        assume(account, key, role, Policy="{}")


def test_session_tags_need_permission_and_then_decide(account):
    mine = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    granted = trusts({"AWS": account.id}, ["sts:AssumeRole", "sts:TagSession"])
    role = account.role("r", granted, allow("sqs:ListQueues", Condition=mine), Tags=[{"Key": "Team", "Value": "blue"}])
    key = account.user("bob", allow(["sts:AssumeRole", "sts:TagSession"]))
    plain = account.session(assume(account, key, role)["Credentials"], "sqs")
    with pytest.raises(ClientError, match=r"AccessDenied"):
        plain.list_queues()
    tagged = assume(account, key, role, Tags=[{"Key": "team", "Value": "red"}])
    account.session(tagged["Credentials"], "sqs").list_queues()
    closed = account.role("closed", {"AWS": account.id})
    with pytest.raises(ClientError, match=r"sts:TagSession"):
        assume(account, key, closed, Tags=[{"Key": "team", "Value": "red"}])


def test_transitive_tags_go_along_a_chain_and_cannot_be_replaced(account):
    both = ["sts:AssumeRole", "sts:TagSession"]
    first = account.role("first", trusts({"AWS": account.id}, both), allow(both))
    red = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    second = account.role("second", trusts({"AWS": first}, both), allow("sqs:ListQueues", Condition=red))
    key = account.user("bob", allow(both))
    tags = [{"Key": "team", "Value": "red"}, {"Key": "once", "Value": "1"}]
    made = assume(account, key, first, Tags=tags, TransitiveTagKeys=["team"])["Credentials"]
    chained = account.session(made, "sts")
    account.session(chained.assume_role(RoleArn=second, RoleSessionName="me")["Credentials"], "sqs").list_queues()
    with pytest.raises(ClientError, match=r"conflicts with a transitive tag key from the calling session"):
        chained.assume_role(RoleArn=second, RoleSessionName="me", Tags=[{"Key": "Team", "Value": "blue"}])


def test_the_source_identity_stays_for_the_chain(account):
    both = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    first = account.role("first", trusts({"AWS": account.id}, both), allow(both))
    second = account.role("second", trusts({"AWS": first}, both))
    key = account.user("bob", allow(both))
    made = assume(account, key, first, SourceIdentity="bob")
    assert made["SourceIdentity"] == "bob"
    chained = account.session(made["Credentials"], "sts")
    assert chained.assume_role(RoleArn=second, RoleSessionName="me")["SourceIdentity"] == "bob"
    with pytest.raises(ClientError, match=r"source identity"):
        chained.assume_role(RoleArn=second, RoleSessionName="me", SourceIdentity="eve")
    with pytest.raises(ClientError, match=r"sts:SetSourceIdentity"):
        assume(account, key, account.role("closed", {"AWS": account.id}), SourceIdentity="bob")


def test_an_explicit_deny_for_old_tokens_revokes_sessions(account):
    role = account.role("r", {"AWS": account.id}, allow("sqs:*"))
    key = account.user("bob", allow("sts:AssumeRole"))
    session = account.session(assume(account, key, role)["Credentials"], "sqs")
    session.list_queues()
    old = deny("*", Condition={"DateLessThan": {"aws:TokenIssueTime": "2099-01-01T00:00:00Z"}})
    account.root().put_role_policy(RoleName="r", PolicyName="revoke", PolicyDocument=document(old))
    with pytest.raises(ClientError, match=r"with an explicit deny in an identity-based policy"):
        session.list_queues()


def test_credentials_expire_by_the_clouds_clock(cloud):
    account = Account(cloud)
    role = account.role("r", {"AWS": account.id}, allow("sqs:*"))
    key = account.user("bob", allow("sts:AssumeRole"))
    made = assume(account, key, role, DurationSeconds=900)["Credentials"]
    session = account.session(made, "sqs")
    cloud.advance(890)
    session.list_queues()
    cloud.advance(20)
    with pytest.raises(ClientError, match=r"ExpiredToken.*The security token included in the request is expired"):
        session.list_queues()
    cloud.advance(2 * 24 * 3600)
    with pytest.raises(ClientError, match=r"InvalidClientTokenId"):
        session.list_queues()


def test_a_wrong_session_token_is_refused(account):
    role = account.role("r", {"AWS": account.id})
    key = account.user("bob", allow("sts:AssumeRole"))
    made = assume(account, key, role)["Credentials"]
    with pytest.raises(ClientError, match=r"InvalidClientTokenId"):
        account.session({**made, "SessionToken": made["SessionToken"][:-1] + "!"}, "sts").get_caller_identity()


def test_sessions_outlive_a_restart(cloud):
    account = Account(cloud)
    role = account.role("r", {"AWS": account.id})
    key = account.user("bob", allow("sts:AssumeRole"))
    made = assume(account, key, role)["Credentials"]
    cloud.restart()
    assert account.session(made, "sts").get_caller_identity()["Arn"].endswith("assumed-role/r/me")


def test_the_partition_follows_the_region(account):
    china = account.root("iam", region_name="cn-north-1")
    made = china.create_user(UserName="bob")["User"]
    assert made["Arn"] == f"arn:aws-cn:iam::{account.id}:user/bob"
