"""Who may use a key: its policy first, then what the policy leaves to IAM; other accounts; grants."""

from typing import Any

import pytest

from tests.conftest import TestCloud
from tests.services.kms.kms_asking import ACCOUNT, OTHER, OWNERS, ROOT, allow, make, may, policy, refused, signing, user

DENIED = "AccessDeniedException"


@pytest.fixture
def kms(cloud: TestCloud) -> Any:
    return cloud.client("kms")


def test_the_default_policy_leaves_it_to_iam(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)
    ann, _ = user(cloud, "ann", may("kms:Encrypt", made["Arn"]))
    bob, _ = user(cloud, "bob")
    assert ann.encrypt(KeyId=made["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    code, message = refused(bob.encrypt, KeyId=made["KeyId"], Plaintext=b"x")
    assert code == DENIED
    assert "kms:Encrypt" in message
    assert ROOT in kms.get_key_policy(KeyId=made["KeyId"], PolicyName="default")["Policy"]
    assert kms.list_key_policies(KeyId=made["KeyId"])["PolicyNames"] == ["default"]


def test_without_the_account_in_the_policy_iam_alone_is_not_enough(kms: Any, cloud: TestCloud) -> None:
    ann, ann_arn = user(cloud, "ann")
    bob, _ = user(cloud, "bob", may("kms:*"))
    made = make(kms, Policy=policy(allow(ann_arn)), BypassPolicyLockoutSafetyCheck=True)["KeyId"]
    assert ann.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]
    assert refused(bob.encrypt, KeyId=made, Plaintext=b"x")[0] == DENIED
    assert refused(kms.encrypt, KeyId=made, Plaintext=b"x")[0] == DENIED


def test_a_policy_that_locks_its_maker_out_is_refused(kms: Any, cloud: TestCloud) -> None:
    _, ann = user(cloud, "ann")
    locked = policy(allow(ann, "kms:Encrypt"))
    words = (
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
    )
    assert refused(kms.create_key, Policy=locked) == words
    made = make(kms)["KeyId"]
    assert refused(kms.put_key_policy, KeyId=made, Policy=locked) == words
    kms.put_key_policy(KeyId=made, Policy=locked, BypassPolicyLockoutSafetyCheck=True)
    assert refused(kms.describe_key, KeyId=made)[0] == DENIED


def test_policies_that_are_none_and_strangers_are_refused(kms: Any) -> None:
    made = make(kms)["KeyId"]
    stranger = policy(OWNERS, allow(f"arn:aws:iam::{ACCOUNT}:user/nobody"))
    assert refused(kms.put_key_policy, KeyId=made, Policy=stranger) == (
        "MalformedPolicyDocumentException",
        "Policy contains a statement with one or more invalid principals.",
    )
    assert refused(kms.put_key_policy, KeyId=made, Policy="{}")[0] == "MalformedPolicyDocumentException"
    assert refused(kms.put_key_policy, KeyId=made, Policy=policy(OWNERS), PolicyName="other")[0] == "NotFoundException"


def test_a_user_made_again_under_an_old_name_is_somebody_else(kms: Any, cloud: TestCloud) -> None:
    _, arn = user(cloud, "ann")
    made = make(kms, Policy=policy(OWNERS, allow(arn)))["KeyId"]
    iam = cloud.client("iam")
    [key] = iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]
    iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="ann")
    again, _ = user(cloud, "ann")
    assert refused(again.describe_key, KeyId=made)[0] == DENIED


def test_another_account_needs_both_sides(kms: Any, cloud: TestCloud) -> None:
    theirs = cloud.client("kms", OTHER)
    closed = make(kms)["Arn"]
    assert refused(theirs.encrypt, KeyId=closed, Plaintext=b"x")[0] == DENIED
    shared = make(kms, Policy=policy(OWNERS, allow(f"arn:aws:iam::{OTHER}:root", ["kms:Encrypt", "kms:DisableKey"])))
    assert theirs.encrypt(KeyId=shared["Arn"], Plaintext=b"x")["KeyId"] == shared["Arn"]
    assert refused(theirs.disable_key, KeyId=shared["Arn"])[0] == DENIED
    bare, _ = user(cloud, "bare", key=OTHER)
    assert refused(bare.encrypt, KeyId=shared["Arn"], Plaintext=b"x")[0] == DENIED
    granted, _ = user(cloud, "granted", may("kms:Encrypt", shared["Arn"]), key=OTHER)
    assert granted.encrypt(KeyId=shared["Arn"], Plaintext=b"x")["CiphertextBlob"]


def test_who_may_not_know_is_not_told_what_is_there(kms: Any, cloud: TestCloud) -> None:
    bob, _ = user(cloud, "bob")
    assert refused(bob.describe_key, KeyId="12345678-1234-1234-1234-123456789012")[0] == DENIED


def test_conditions_on_the_encryption_context_hold(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)["KeyId"]
    right = {"StringEquals": {"kms:EncryptionContext:Team": "red"}}
    named = {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["Team", "Purpose"]}}
    ann, _ = user(cloud, "ann", may("kms:GenerateDataKey", Condition={**right, **named}))
    asked = {"KeyId": made, "KeySpec": "AES_256"}
    assert ann.generate_data_key(EncryptionContext={"Team": "red", "Purpose": "x"}, **asked)["Plaintext"]
    assert refused(ann.generate_data_key, **asked)[0] == DENIED
    assert refused(ann.generate_data_key, EncryptionContext={"Team": "blue"}, **asked)[0] == DENIED
    assert refused(ann.generate_data_key, EncryptionContext={"Team": "red", "Else": ""}, **asked)[0] == DENIED


def test_conditions_on_alias_and_tags_hold(kms: Any, cloud: TestCloud) -> None:
    made = make(kms, Tags=[{"TagKey": "env", "TagValue": "dev"}])["KeyId"]
    kms.create_alias(AliasName="alias/app", TargetKeyId=made)
    ann, _ = user(cloud, "ann", may("kms:Encrypt", Condition={"StringEquals": {"kms:RequestAlias": "alias/app"}}))
    assert ann.encrypt(KeyId="alias/app", Plaintext=b"x")["CiphertextBlob"]
    assert refused(ann.encrypt, KeyId=made, Plaintext=b"x")[0] == DENIED
    ben, _ = user(cloud, "ben", may("kms:Encrypt", Condition={"StringEquals": {"aws:ResourceTag/env": "dev"}}))
    assert ben.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]
    assert refused(ben.encrypt, KeyId=make(kms)["KeyId"], Plaintext=b"x")[0] == DENIED
    cat, _ = user(
        cloud, "cat", may("kms:Encrypt", Condition={"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/app"}})
    )
    assert cat.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]


def test_an_alias_needs_the_permission_on_the_key_too(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)
    aliases = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/*"
    ann, _ = user(cloud, "ann", may("kms:CreateAlias", aliases))
    ben, _ = user(cloud, "ben", may("kms:CreateAlias", [aliases, made["Arn"]]))  # type: ignore[arg-type]
    assert refused(ann.create_alias, AliasName="alias/a", TargetKeyId=made["KeyId"])[0] == DENIED
    ben.create_alias(AliasName="alias/a", TargetKeyId=made["KeyId"])


def test_re_encrypting_needs_both_permissions(kms: Any, cloud: TestCloud) -> None:
    one, two = make(kms), make(kms)
    blob = kms.encrypt(KeyId=one["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    ann, _ = user(cloud, "ann", may("kms:ReEncryptFrom", one["Arn"]))
    both = may("kms:ReEncryptFrom", one["Arn"]), may("kms:ReEncryptTo", two["Arn"])
    ben, _ = user(cloud, "ben", *both)
    assert refused(ann.re_encrypt, CiphertextBlob=blob, DestinationKeyId=two["KeyId"])[0] == DENIED
    assert ben.re_encrypt(CiphertextBlob=blob, DestinationKeyId=two["KeyId"])["KeyId"] == two["Arn"]
    assert refused(ben.re_encrypt, CiphertextBlob=blob, DestinationKeyId=one["KeyId"])[0] == DENIED


def test_each_side_of_re_encrypting_is_judged_by_its_own_context(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)["KeyId"]
    red = {"StringEquals": {"kms:EncryptionContext:team": "red"}}
    to_red, _ = user(cloud, "to", may("kms:ReEncryptFrom"), may("kms:ReEncryptTo", Condition=red))
    from_red, _ = user(cloud, "from", may("kms:ReEncryptFrom", Condition=red), may("kms:ReEncryptTo"))
    team = {"team": "red"}
    blob = kms.encrypt(KeyId=made, Plaintext=b"x", EncryptionContext=team)["CiphertextBlob"]
    asked = {"CiphertextBlob": blob, "SourceEncryptionContext": team, "DestinationKeyId": made}
    assert refused(to_red.re_encrypt, **asked)[0] == DENIED
    assert to_red.re_encrypt(DestinationEncryptionContext=team, **asked)["CiphertextBlob"]
    bare = from_red.re_encrypt(**asked)["CiphertextBlob"]
    assert refused(from_red.re_encrypt, CiphertextBlob=bare, DestinationKeyId=made)[0] == DENIED
    same = {"Effect": "Deny", "Action": "kms:ReEncrypt*", "Resource": "*"}
    other, _ = user(cloud, "other", may("kms:*"), {**same, "Condition": {"Bool": {"kms:ReEncryptOnSameKey": "true"}}})
    assert refused(other.re_encrypt, **asked)[0] == DENIED
    assert other.re_encrypt(**{**asked, "DestinationKeyId": make(kms)["KeyId"]})["CiphertextBlob"]


def test_a_grant_to_an_account_leaves_it_to_that_accounts_iam(kms: Any, cloud: TestCloud) -> None:
    theirs, arn = user(cloud, "theirs", key=OTHER)
    made = make(kms, Policy=policy(OWNERS, allow(arn, "kms:Encrypt")))["Arn"]
    kms.create_grant(KeyId=made, GranteePrincipal=f"arn:aws:iam::{OTHER}:root", Operations=["Encrypt"])
    assert refused(theirs.encrypt, KeyId=made, Plaintext=b"x")[0] == DENIED
    allowed, _ = user(cloud, "allowed", may("kms:Encrypt", made), key=OTHER)
    assert allowed.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]


def test_a_grant_allows_what_no_policy_does_until_it_is_revoked(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)["KeyId"]
    ann, arn = user(cloud, "ann")
    grant = kms.create_grant(KeyId=made, GranteePrincipal=arn, Operations=["Encrypt", "Decrypt"], Name="n")
    again = kms.create_grant(KeyId=made, GranteePrincipal=arn, Operations=["Encrypt", "Decrypt"], Name="n")
    assert again["GrantId"] == grant["GrantId"]
    blob = ann.encrypt(KeyId=made, Plaintext=b"x", GrantTokens=[grant["GrantToken"]])["CiphertextBlob"]
    assert ann.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert refused(ann.generate_data_key, KeyId=made, KeySpec="AES_256")[0] == DENIED
    assert refused(ann.encrypt, KeyId=made, Plaintext=b"x", GrantTokens=["no"])[0] == "InvalidGrantTokenException"
    [listed] = kms.list_grants(KeyId=made)["Grants"]
    assert (listed["GranteePrincipal"], listed["Name"], listed["IssuingAccount"]) == (arn, "n", ROOT)
    kms.revoke_grant(KeyId=made, GrantId=grant["GrantId"])
    assert refused(ann.decrypt, CiphertextBlob=blob)[0] == DENIED
    assert refused(kms.revoke_grant, KeyId=made, GrantId=grant["GrantId"])[0] == "InvalidGrantIdException"


@pytest.mark.parametrize(
    ("constraint", "right", "wrong"),
    [
        ("EncryptionContextSubset", {"a": "1", "b": "2"}, {"b": "2"}),
        ("EncryptionContextEquals", {"a": "1"}, {"a": "1", "b": "2"}),
    ],
)
def test_a_grant_is_bound_by_its_constraints(
    kms: Any, cloud: TestCloud, constraint: str, right: dict[str, str], wrong: dict[str, str]
) -> None:
    made = make(kms)["KeyId"]
    ann, arn = user(cloud, "ann")
    kms.create_grant(KeyId=made, GranteePrincipal=arn, Operations=["Encrypt"], Constraints={constraint: {"a": "1"}})
    assert ann.encrypt(KeyId=made, Plaintext=b"x", EncryptionContext=right)["CiphertextBlob"]
    assert refused(ann.encrypt, KeyId=made, Plaintext=b"x", EncryptionContext=wrong)[0] == DENIED
    assert refused(ann.encrypt, KeyId=made, Plaintext=b"x")[0] == DENIED


def test_nobody_learns_by_a_dry_run_what_they_may_not_do(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)["KeyId"]
    ann, _ = user(cloud, "ann")
    assert refused(ann.encrypt, KeyId=made, Plaintext=b"x", DryRun=True)[0] == DENIED


def test_a_session_policy_still_binds_a_role_that_was_granted(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)["KeyId"]
    trust = policy({"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"})
    role = cloud.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    kms.create_grant(KeyId=made, GranteePrincipal=role, Operations=["Encrypt", "DescribeKey"])
    access, secret, _ = signing(cloud, "ann", may("sts:AssumeRole"))
    only = policy(may("kms:DescribeKey"))
    keys = cloud.client("sts", access, secret).assume_role(RoleArn=role, RoleSessionName="session", Policy=only)
    found = keys["Credentials"]
    session = cloud.client("kms", found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    assert session.describe_key(KeyId=made)["KeyMetadata"]
    assert refused(session.encrypt, KeyId=made, Plaintext=b"x")[0] == DENIED


def test_a_disabled_key_is_not_granted(kms: Any) -> None:
    made = make(kms)["KeyId"]
    kms.disable_key(KeyId=made)
    assert refused(kms.create_grant, KeyId=made, GranteePrincipal=ROOT, Operations=["Encrypt"])[0] == (
        "DisabledException"
    )


def test_an_explicit_deny_beats_a_grant(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)["KeyId"]
    deny = {"Effect": "Deny", "Action": "kms:Encrypt", "Resource": "*"}
    ann, arn = user(cloud, "ann", deny)
    kms.create_grant(KeyId=made, GranteePrincipal=arn, Operations=["Encrypt"])
    assert refused(ann.encrypt, KeyId=made, Plaintext=b"x")[0] == DENIED


def test_a_grant_alone_lets_another_account_in(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)["Arn"]
    theirs, arn = user(cloud, "theirs", key=OTHER)
    kms.create_grant(KeyId=made, GranteePrincipal=arn, Operations=["Encrypt"])
    assert theirs.encrypt(KeyId=made, Plaintext=b"x")["KeyId"] == made


def test_a_role_that_was_granted_uses_the_key_in_its_sessions(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)["KeyId"]
    trust = policy({"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"})
    role = cloud.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    kms.create_grant(KeyId=made, GranteePrincipal=role, Operations=["Encrypt"])
    access, secret, _ = signing(cloud, "ann", may("sts:AssumeRole"))
    keys = cloud.client("sts", access, secret).assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    session = cloud.client("kms", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    assert session.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]
    assert refused(session.describe_key, KeyId=made)[0] == DENIED


def test_who_may_grant_by_a_grant_grants_no_more_than_that(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)["KeyId"]
    ann, ann_arn = user(cloud, "ann")
    ben, ben_arn = user(cloud, "ben")
    subset = {"EncryptionContextSubset": {"a": "1"}}
    kms.create_grant(KeyId=made, GranteePrincipal=ann_arn, Operations=["CreateGrant", "Encrypt"], Constraints=subset)
    asked = {"KeyId": made, "GranteePrincipal": ben_arn}
    assert refused(ann.create_grant, Operations=["Decrypt"], Constraints=subset, **asked)[0] == DENIED
    assert refused(ann.create_grant, Operations=["Encrypt"], **asked)[0] == DENIED
    ann.create_grant(Operations=["Encrypt"], Constraints=subset, **asked)
    assert ben.encrypt(KeyId=made, Plaintext=b"x", EncryptionContext={"a": "1"})["CiphertextBlob"]


def test_a_grant_is_retired_by_those_it_names(kms: Any, cloud: TestCloud) -> None:
    made = make(kms)
    ann, ann_arn = user(cloud, "ann")
    ben, ben_arn = user(cloud, "ben")
    asked = {"KeyId": made["KeyId"], "GranteePrincipal": ann_arn}
    one = kms.create_grant(Operations=["Encrypt"], RetiringPrincipal=ben_arn, **asked)
    assert refused(ann.retire_grant, GrantToken=one["GrantToken"])[0] == DENIED
    [listed] = kms.list_retirable_grants(RetiringPrincipal=ben_arn)["Grants"]
    assert listed["GrantId"] == one["GrantId"]
    assert refused(ben.retire_grant, GrantToken=one["GrantToken"], DryRun=True)[0] == "DryRunOperationException"
    ben.retire_grant(GrantToken=one["GrantToken"])
    two = kms.create_grant(Operations=["Encrypt", "RetireGrant"], **asked)
    ann.retire_grant(KeyId=made["Arn"], GrantId=two["GrantId"])
    three = kms.create_grant(Operations=["Encrypt"], **asked)
    kms.retire_grant(KeyId=made["Arn"], GrantId=three["GrantId"])
    assert kms.list_grants(KeyId=made["KeyId"])["Grants"] == []


def test_grants_name_those_who_exist_and_what_the_key_can_do(kms: Any) -> None:
    made = make(kms)["KeyId"]
    nobody = f"arn:aws:iam::{ACCOUNT}:user/nobody"
    assert refused(kms.create_grant, KeyId=made, GranteePrincipal=nobody, Operations=["Encrypt"])[0] == (
        "InvalidArnException"
    )
    assert refused(kms.create_grant, KeyId=made, GranteePrincipal=ROOT, Operations=["Sign"])[0] == "ValidationException"
