"""The decision, case by case as the IAM User Guide's evaluation pages tell it."""

import json
from typing import Any

import pytest

from pileus.policy import Grants, Policy, PolicyKind, Principal, Request, compile_policy, decide, denial_message

ME, OTHER = "111122223333", "444455556666"
QUEUE = f"arn:aws:sqs:us-east-1:{ME}:orders"
FAR = f"arn:aws:sqs:us-east-1:{OTHER}:orders"
SEND = "sqs:SendMessage"

BOB = Principal("user", ME, f"arn:aws:iam::{ME}:user/bob", "AIDABOB1234567890ABCD")
ROOT = Principal("root", ME, f"arn:aws:iam::{ME}:root", ME)
ROLE = f"arn:aws:iam::{ME}:role/path/reader"
SESSION = Principal(
    "assumed-role",
    ME,
    f"arn:aws:sts::{ME}:assumed-role/reader/today",
    "AROAREADER34567890ABC:today",
    role_arn=ROLE,
    session_name="today",
)
FEDERATED = Principal(
    "federated-user", ME, f"arn:aws:sts::{ME}:federated-user/fay", f"{ME}:fay", user_arn=BOB.arn, session_name="fay"
)
SNS = Principal("service", arn="sns.amazonaws.com")
NOBODY = Principal("anonymous")


def statement(effect: str = "Allow", action: Any = SEND, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def policy(*statements: dict[str, Any], kind: PolicyKind = "identity", version: str = "2012-10-17") -> Policy:
    return compile_policy(json.dumps({"Version": version, "Statement": list(statements)}), kind, "p", "someone")


def open_to(principal: Any, effect: str = "Allow", **more: Any) -> Policy:
    return policy(statement(effect, Principal=principal, **more), kind="resource")


def ask(who: Principal = BOB, action: str = SEND, resource: str = QUEUE, **context: Any) -> Request:
    owner = resource.split(":")[4]
    return Request(who, action, resource, owner, {key.replace("_", ":", 1): value for key, value in context.items()})


ALLOW, DENY, OTHERWISE = policy(statement()), policy(statement("Deny")), policy(statement(action="s3:*"))
ID, RES, BND = "identity-based policy", "resource-based policy", "permissions boundary"
SES, SCP, TRUST = "session policy", "service control policy", "role trust policy"

SAME_ACCOUNT = [
    ("nothing allows", BOB, Grants(), "implicitDeny", ID),
    ("identity allows", BOB, Grants((ALLOW,)), "allowed", ID),
    ("identity denies and allows", BOB, Grants((ALLOW, DENY)), "explicitDeny", ID),
    ("the deny may come first", BOB, Grants((DENY, ALLOW)), "explicitDeny", ID),
    ("identity allows something else", BOB, Grants((OTHERWISE,)), "implicitDeny", ID),
    ("resource names the user", BOB, Grants(resource=open_to({"AWS": BOB.arn})), "allowed", RES),
    ("resource names the user's id", BOB, Grants(resource=open_to({"AWS": BOB.unique_id})), "allowed", RES),
    ("resource names everyone", BOB, Grants(resource=open_to("*")), "allowed", RES),
    ("resource names the account only", BOB, Grants(resource=open_to({"AWS": ME})), "implicitDeny", ID),
    ("account and identity", BOB, Grants((ALLOW,), resource=open_to({"AWS": ME})), "allowed", ID),
    ("resource denies", BOB, Grants((ALLOW,), resource=open_to("*", "Deny")), "explicitDeny", RES),
    ("resource denies others", BOB, Grants((ALLOW,), resource=open_to({"AWS": OTHER}, "Deny")), "allowed", ID),
    ("boundary allows too", BOB, Grants((ALLOW,), ALLOW), "allowed", ID),
    ("boundary does not allow", BOB, Grants((ALLOW,), OTHERWISE), "implicitDeny", BND),
    ("boundary alone grants nothing", BOB, Grants(boundary=ALLOW), "implicitDeny", ID),
    ("boundary denies", BOB, Grants((ALLOW,), DENY), "explicitDeny", BND),
    ("user named past boundary", BOB, Grants((), OTHERWISE, resource=open_to({"AWS": BOB.arn})), "allowed", RES),
    ("everyone past boundary", BOB, Grants((), OTHERWISE, resource=open_to("*")), "allowed", RES),
    ("named user, boundary denies", BOB, Grants((), DENY, resource=open_to("*")), "explicitDeny", BND),
    ("session allows too", SESSION, Grants((ALLOW,), session=(ALLOW,)), "allowed", ID),
    ("session does not allow", SESSION, Grants((ALLOW,), session=(OTHERWISE,)), "implicitDeny", SES),
    ("empty session policies", SESSION, Grants((ALLOW,), session=()), "implicitDeny", SES),
    ("one session policy of two", SESSION, Grants((ALLOW,), session=(OTHERWISE, ALLOW)), "allowed", ID),
    ("session denies", SESSION, Grants((ALLOW,), session=(ALLOW, DENY)), "explicitDeny", SES),
    ("resource names the role", SESSION, Grants(resource=open_to({"AWS": ROLE})), "allowed", RES),
    ("role, boundary", SESSION, Grants((), OTHERWISE, resource=open_to({"AWS": ROLE})), "implicitDeny", BND),
    (
        "role, session policy",
        SESSION,
        Grants(session=(OTHERWISE,), resource=open_to({"AWS": ROLE})),
        "implicitDeny",
        SES,
    ),
    (
        "resource names the session past boundary and session policy",
        SESSION,
        Grants((), OTHERWISE, (OTHERWISE,), open_to({"AWS": SESSION.arn})),
        "allowed",
        RES,
    ),
    (
        "resource names the role's id",
        SESSION,
        Grants(resource=open_to({"AWS": "AROAREADER34567890ABC"})),
        "allowed",
        RES,
    ),
    (
        "resource denies the role",
        SESSION,
        Grants((ALLOW,), resource=open_to({"AWS": ROLE}, "Deny")),
        "explicitDeny",
        RES,
    ),
    (
        "federated user named",
        FEDERATED,
        Grants((), session=(), resource=open_to({"AWS": FEDERATED.arn})),
        "allowed",
        RES,
    ),
    ("the user behind", FEDERATED, Grants((), session=(), resource=open_to({"AWS": BOB.arn})), "implicitDeny", SES),
    (
        "user behind, session",
        FEDERATED,
        Grants((), session=(ALLOW,), resource=open_to({"AWS": BOB.arn})),
        "allowed",
        RES,
    ),
    ("federated user", FEDERATED, Grants((ALLOW,), session=(ALLOW,)), "allowed", ID),
    ("root may", ROOT, Grants(), "allowed", "account root user"),
    ("root, resource denies", ROOT, Grants(resource=open_to("*", "Deny")), "explicitDeny", RES),
    ("root, controls", ROOT, Grants(controls=((OTHERWISE,),)), "implicitDeny", SCP),
    ("root, controls deny", ROOT, Grants(controls=((ALLOW, DENY),)), "explicitDeny", SCP),
    ("controls allow", BOB, Grants((ALLOW,), controls=((ALLOW,), (ALLOW,))), "allowed", ID),
    ("controls alone grant nothing", BOB, Grants(controls=((ALLOW,),)), "implicitDeny", ID),
    ("one level does not allow", BOB, Grants((ALLOW,), controls=((ALLOW,), (OTHERWISE,))), "implicitDeny", SCP),
    ("a level denies", BOB, Grants((ALLOW,), controls=((ALLOW, DENY), (ALLOW,))), "explicitDeny", SCP),
    ("controls hold a named user", BOB, Grants(controls=((OTHERWISE,),), resource=open_to("*")), "implicitDeny", SCP),
    ("required and missing", BOB, Grants((ALLOW,), resource_required=True), "implicitDeny", RES),
    ("required, delegated", BOB, Grants((ALLOW,), None, None, open_to({"AWS": ME}), (), True), "allowed", ID),
    ("required, root", ROOT, Grants((), None, None, open_to({"AWS": BOB.arn}), (), True), "implicitDeny", RES),
    ("required, root's account", ROOT, Grants((), None, None, open_to({"AWS": ME}), (), True), "allowed", RES),
]


@pytest.mark.parametrize(("case", "who", "grants", "effect", "by"), SAME_ACCOUNT, ids=[row[0] for row in SAME_ACCOUNT])
def test_within_an_account(case: str, who: Principal, grants: Grants, effect: str, by: str) -> None:
    decision = decide(ask(who), grants)
    assert (decision.effect, decision.by) == (effect, by)
    assert decision.allowed is (effect == "allowed")


CROSS_ACCOUNT = [
    ("only mine", BOB, Grants((ALLOW,)), "implicitDeny", RES),
    ("only theirs", BOB, Grants(resource=open_to({"AWS": BOB.arn})), "implicitDeny", ID),
    ("both, by account", BOB, Grants((ALLOW,), resource=open_to({"AWS": ME})), "allowed", ID),
    ("both, by account root", BOB, Grants((ALLOW,), resource=open_to({"AWS": ROOT.arn})), "allowed", ID),
    ("both, by everyone", BOB, Grants((ALLOW,), resource=open_to("*")), "allowed", ID),
    ("neither", BOB, Grants(), "implicitDeny", ID),
    ("their deny", BOB, Grants((ALLOW,), resource=open_to({"AWS": ME}, "Deny")), "explicitDeny", RES),
    ("my boundary", BOB, Grants((ALLOW,), OTHERWISE, None, open_to({"AWS": BOB.arn})), "implicitDeny", BND),
    ("the session named", SESSION, Grants(resource=open_to({"AWS": SESSION.arn})), "implicitDeny", ID),
    ("the role named", SESSION, Grants(resource=open_to({"AWS": ROLE})), "implicitDeny", ID),
    ("my session policy", SESSION, Grants((ALLOW,), None, (OTHERWISE,), open_to({"AWS": ROLE})), "implicitDeny", SES),
    ("role and identity", SESSION, Grants((ALLOW,), resource=open_to({"AWS": ROLE})), "allowed", ID),
    ("my controls", BOB, Grants((ALLOW,), resource=open_to("*"), controls=((OTHERWISE,),)), "implicitDeny", SCP),
    ("root needs them", ROOT, Grants(), "implicitDeny", RES),
    ("root, named", ROOT, Grants(resource=open_to({"AWS": ME})), "allowed", "account root user"),
    ("a service named", SNS, Grants(resource=open_to({"Service": SNS.arn})), "allowed", RES),
    ("another service", SNS, Grants(resource=open_to({"Service": "s3.amazonaws.com"})), "implicitDeny", RES),
    ("everyone is a service too", SNS, Grants(resource=open_to("*")), "allowed", RES),
    ("nobody", NOBODY, Grants(resource=open_to({"AWS": ME})), "implicitDeny", RES),
    ("nobody, no policy", NOBODY, Grants(), "implicitDeny", RES),
    ("nobody, everyone", NOBODY, Grants(resource=open_to({"AWS": "*"})), "allowed", RES),
    ("nobody is denied", NOBODY, Grants(resource=open_to("*", "Deny")), "explicitDeny", RES),
]


@pytest.mark.parametrize(
    ("case", "who", "grants", "effect", "by"), CROSS_ACCOUNT, ids=[row[0] for row in CROSS_ACCOUNT]
)
def test_across_accounts(case: str, who: Principal, grants: Grants, effect: str, by: str) -> None:
    decision = decide(ask(who, resource=FAR), grants)
    assert (decision.effect, decision.by) == (effect, by)


def trusting(principal: Any, action: str = "sts:AssumeRole", **more: Any) -> Policy:
    return policy({"Effect": "Allow", "Action": action, "Principal": principal, **more}, kind="trust")


def assume(who: Principal, grants: Grants, account: str = ME, action: str = "sts:AssumeRole") -> str:
    role = f"arn:aws:iam::{account}:role/target"
    return decide(Request(who, action, role, account, {}), grants._replace(resource_required=True)).effect


ASSUME = policy(statement(action="sts:*"))


def test_a_trust_policy_that_names_the_user_is_enough_inside_the_account() -> None:
    assert assume(BOB, Grants(resource=trusting({"AWS": BOB.arn}))) == "allowed"


def test_a_trust_policy_that_names_the_account_needs_the_users_own_permission() -> None:
    assert assume(BOB, Grants(resource=trusting({"AWS": ROOT.arn}))) == "implicitDeny"
    assert assume(BOB, Grants((ASSUME,), resource=trusting({"AWS": ROOT.arn}))) == "allowed"


def test_a_users_own_permission_is_no_trust() -> None:
    grants = Grants((ASSUME,), resource=trusting({"Service": "ec2.amazonaws.com"}))
    assert assume(BOB, grants) == "implicitDeny"
    decision = decide(ask(BOB, "sts:AssumeRole"), grants._replace(resource_required=True))
    assert decision.by == TRUST


def test_trust_across_accounts_needs_both_sides() -> None:
    assert assume(BOB, Grants(resource=trusting({"AWS": BOB.arn})), OTHER) == "implicitDeny"
    assert assume(BOB, Grants((ASSUME,), resource=trusting({"AWS": BOB.arn})), OTHER) == "allowed"


def test_a_web_identity_is_trusted_by_its_provider() -> None:
    provider = f"arn:aws:iam::{ME}:oidc-provider/id.example.com"
    who = Principal("web-identity", provider=provider)
    action = "sts:AssumeRoleWithWebIdentity"
    assert assume(who, Grants(resource=trusting({"Federated": provider}, action)), action=action) == "allowed"
    assert assume(who, Grants(resource=trusting({"Federated": "x.example.com"}, action)), action=action) != "allowed"


@pytest.mark.parametrize(
    ("listed", "who", "spared"),
    [
        ([BOB.arn, ROOT.arn], BOB, True),
        ([BOB.arn], BOB, False),
        ([ROOT.arn], BOB, False),
        ([SESSION.arn, ROLE, ROOT.arn], SESSION, True),
        ([ROLE, ROOT.arn], SESSION, False),
        ([ROOT.arn], ROOT, True),
    ],
)
def test_a_denying_not_principal_spares_whom_it_names_in_full(listed: list[str], who: Principal, spared: bool) -> None:
    element = {"Effect": "Deny", "Action": "*", "Resource": "*", "NotPrincipal": {"AWS": listed}}
    decision = decide(ask(who), Grants((ALLOW,), resource=policy(element, kind="resource")))
    assert decision.allowed is spared


def test_a_not_principal_denies_whoever_has_a_boundary_named_or_not() -> None:
    element = {"Effect": "Deny", "Action": "*", "Resource": "*", "NotPrincipal": {"AWS": [BOB.arn, ROOT.arn]}}
    resource = policy(element, kind="resource")
    assert decide(ask(BOB), Grants((ALLOW,), resource=resource)).allowed
    assert decide(ask(BOB), Grants((ALLOW,), boundary=ALLOW, resource=resource)).effect == "explicitDeny"


def test_not_action_means_everything_else() -> None:
    element = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    assert decide(ask(), Grants((policy(element),))).allowed
    assert not decide(ask(action="IAM:CreateUser"), Grants((policy(element),))).allowed


def test_not_resource_means_everything_else() -> None:
    element = {"Effect": "Deny", "Action": "*", "NotResource": [QUEUE, "arn:aws:s3:::*"]}
    assert decide(ask(), Grants((ALLOW, policy(element)))).allowed
    assert decide(ask(resource=QUEUE + "2"), Grants((ALLOW, policy(element)))).effect == "explicitDeny"


def test_actions_are_compared_without_case_and_resources_with() -> None:
    assert decide(ask(action="SQS:sendmessage"), Grants((policy(statement(resource=QUEUE)),))).allowed
    assert not decide(ask(resource=QUEUE.upper()), Grants((policy(statement(resource=QUEUE)),))).allowed


def test_a_variable_in_a_resource_is_the_callers_value() -> None:
    own = policy(statement(resource=f"arn:aws:sqs:*:{ME}:${{aws:username}}-*"))
    mine = f"arn:aws:sqs:us-east-1:{ME}:bob-1"
    assert decide(ask(resource=mine, aws_username="bob"), Grants((own,))).allowed
    assert not decide(ask(resource=mine, aws_username="*"), Grants((own,))).allowed
    unknown = decide(ask(resource=mine), Grants((own,)))
    assert (unknown.allowed, unknown.missing) == (False, ("aws:username",))


def test_a_variable_in_not_resource_without_a_value_matches_nothing() -> None:
    others = policy({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::${aws:username}"})
    assert not decide(ask(), Grants((others,))).allowed
    assert decide(ask(aws_username="bob"), Grants((others,))).allowed


def test_a_deny_of_all_but_ones_own_holds_for_those_who_have_no_own() -> None:
    element = {"Effect": "Deny", "Action": "*", "NotResource": f"arn:aws:sqs:*:{ME}:${{aws:username}}-*"}
    mine = f"arn:aws:sqs:us-east-1:{ME}:bob-1"
    assert decide(ask(resource=mine, aws_username="bob"), Grants((ALLOW, policy(element)))).allowed
    assert decide(ask(resource=mine), Grants((ALLOW, policy(element)))).effect == "explicitDeny"


def test_an_old_policy_takes_variables_literally() -> None:
    old = policy(statement(resource="arn:aws:s3:::${aws:username}"), version="2008-10-17")
    request = ask(resource="arn:aws:s3:::x", aws_username="x")._replace(resource_account=ME)
    assert not decide(request, Grants((old,))).allowed


def test_all_conditions_of_a_statement_must_hold() -> None:
    both = policy(
        statement(Condition={"Bool": {"aws:SecureTransport": True}, "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})
    )
    assert decide(ask(aws_SecureTransport="true", aws_SourceIp="203.0.113.9"), Grants((both,))).allowed
    assert not decide(ask(aws_SecureTransport="true", aws_SourceIp="198.51.100.9"), Grants((both,))).allowed
    assert decide(ask(aws_SecureTransport="true"), Grants((both,))).missing == ("aws:SourceIp",)


def test_the_decision_names_the_statement_that_decided() -> None:
    decision = decide(ask(), Grants((OTHERWISE, policy(statement(action="s3:*"), statement(Sid="Send")))))
    (match,) = decision.matched
    assert (match.policy.origin, match.statement.sid, match.statement.index) == ("someone", "Send", 1)


MESSAGES = [
    (Grants(), QUEUE, f"because no identity-based policy allows the {SEND} action"),
    (Grants((DENY,)), QUEUE, "with an explicit deny in an identity-based policy"),
    (Grants((ALLOW,)), FAR, f"because no resource-based policy allows the {SEND} action"),
    (Grants(resource=open_to("*", "Deny")), QUEUE, "with an explicit deny in a resource-based policy"),
    (Grants((ALLOW,), OTHERWISE), QUEUE, f"because no permissions boundary allows the {SEND} action"),
    (Grants((ALLOW,), DENY), QUEUE, "with an explicit deny in a permissions boundary"),
    (Grants((ALLOW,), session=()), QUEUE, f"because no session policy allows the {SEND} action"),
    (Grants((ALLOW,), session=(DENY,)), QUEUE, "with an explicit deny in a session policy"),
    (Grants((ALLOW,), controls=((),)), QUEUE, f"because no service control policy allows the {SEND} action"),
    (Grants((ALLOW,), controls=((DENY,),)), QUEUE, "with an explicit deny in a service control policy"),
]


@pytest.mark.parametrize(("grants", "resource", "tail"), MESSAGES)
def test_a_denial_speaks_as_aws_does(grants: Grants, resource: str, tail: str) -> None:
    request = ask(resource=resource)
    head = f"User: {BOB.arn} is not authorized to perform: {SEND} on resource: {resource}"
    assert denial_message(request, decide(request, grants)) == f"{head} {tail}"
    assert denial_message(request, decide(request, grants), reason=False) == head


def test_a_managed_policy_that_denies_is_named() -> None:
    named = DENY.named(f"arn:aws:iam::{ME}:policy/No")
    text = denial_message(ask(), decide(ask(), Grants((named,))))
    assert text.endswith(f"with an explicit deny in an identity-based policy: arn:aws:iam::{ME}:policy/No")


def test_a_policy_stays_small_whatever_its_callers_ask() -> None:
    own = policy(statement(action="sqs:*", resource="arn:aws:sqs:*:*:${aws:username}-?*"))
    for number in range(3000):
        name = f"user{number}"
        request = ask(action=f"sqs:Action{number}", resource=f"arn:aws:sqs:r:{ME}:{name}-q", aws_username=name)
        assert decide(request, Grants((own,))).allowed
    assert len(own._by_action) <= 1024


def test_an_allowing_not_principal_grants_nothing_to_anybody_it_names() -> None:
    element = {"Effect": "Allow", "Action": "*", "Resource": "*", "NotPrincipal": {"AWS": BOB.arn}}
    grants = Grants(resource=policy(element, kind="resource"))
    assert not decide(ask(BOB), grants).allowed
    assert decide(ask(SESSION), grants).allowed


def test_a_resource_policys_statement_without_a_principal_allows_nobody() -> None:
    assert not decide(ask(BOB), Grants(resource=policy(statement(), kind="resource"))).allowed
    assert not decide(ask(NOBODY, resource=FAR), Grants(resource=policy(statement(), kind="resource"))).allowed


def test_a_service_that_is_not_the_principal_can_be_denied() -> None:
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "NotPrincipal": {"Service": "sns.amazonaws.com"}}
    both = policy(statement(Principal="*"), deny, kind="resource")
    assert decide(ask(SNS, resource=FAR), Grants(resource=both)).allowed
    other = Principal("service", arn="s3.amazonaws.com")
    assert decide(ask(other, resource=FAR), Grants(resource=both)).effect == "explicitDeny"


@pytest.mark.parametrize("who", [SNS, NOBODY])
def test_service_control_policies_hold_neither_services_nor_strangers(who: Principal) -> None:
    grants = Grants(resource=open_to("*"), controls=((DENY,),))
    assert decide(ask(who, resource=FAR), grants).allowed
