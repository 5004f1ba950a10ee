"""Documents on the way in: AWS's words for each fault, and one error whatever the bytes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.policy import Grants, MalformedPolicy, Principal, Request, compile_policy, decide, explain, validate

GOOD: dict[str, Any] = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
TRUST: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}}
OPEN: dict[str, Any] = {**GOOD, "Principal": "*"}
COLON = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
SYNTAX, LEGACY = "Syntax errors in policy.", "The policy failed legacy parsing"


def document(*statements: dict[str, Any], **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


def refusal(text: str, kind: Any = "identity", **more: Any) -> str:
    with pytest.raises(MalformedPolicy) as raised:
        validate(text, kind, **more)
    assert raised.value.code == "MalformedPolicyDocument"
    return raised.value.message


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '"x"', "{}", '{"Statement": []}', '{"Statement": [1]}'])
def test_what_is_no_policy_is_a_syntax_error(text: str) -> None:
    assert refusal(text) == SYNTAX


FAULTS = [
    ({**GOOD, "Sid": "no spaces"}, "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the"),
    ({**GOOD, "Effect": "allow"}, LEGACY),
    ({**GOOD, "Extra": 1}, SYNTAX),
    ({**GOOD, "NotAction": "x:y"}, SYNTAX),
    ({**GOOD, "NotResource": "*"}, SYNTAX),
    ({**GOOD, "Action": []}, "Policy statement must contain actions."),
    ({**GOOD, "Action": "SendMessage"}, COLON),
    ({**GOOD, "Action": "sqs:Send:Message"}, "Actions/Condition can contain only one colon."),
    ({**GOOD, "Action": "s q s:Send"}, "Vendor s q s is not valid"),
    ({**GOOD, "Action": 1}, SYNTAX),
    ({**GOOD, "Resource": []}, "Policy statement must contain resources."),
    ({**GOOD, "Resource": "orders"}, 'Resource orders must be in ARN format or "*".'),
    ({**GOOD, "Resource": ""}, 'Resource  must be in ARN format or "*".'),
    ({**GOOD, "Resource": "arn::sqs:x:1:y"}, 'Partition "" is not valid for resource "arn::sqs:x:1:y".'),
    ({**GOOD, "Resource": "arn:my:sqs"}, 'Partition "my" is not valid for resource "arn:my:sqs:*:*:*".'),
    ({**GOOD, "Resource": "arn:aws:s*s:::y"}, "Resource vendor must be fully qualified and cannot contain regexes."),
    ({**GOOD, "Resource": "arn:aws:sqs:us-east-1:1234:q"}, LEGACY),
    ({**GOOD, "Resource": "arn:aws:iam::xxx:role/bastion"}, LEGACY),
    ({**GOOD, "Resource": "arn:aws:sqs"}, LEGACY),
    ({**GOOD, "Principal": "*"}, "Policy document should not specify a principal."),
    ({**GOOD, "Condition": {"StringEqual": {"aws:x": "y"}}}, SYNTAX),
    ({**GOOD, "Condition": {"servicecatalog:accountLevel": "self"}}, SYNTAX),
    ({**GOOD, "Condition": {"StringEquals": {"x": "y"}}}, COLON),
    ({**GOOD, "Condition": {"DateEquals": {"aws:CurrentTime": "soon"}}}, LEGACY),
    ({**GOOD, "Condition": {"IpAddress": {"aws:SourceIp": "everywhere"}}}, LEGACY),
    ({**GOOD, "Condition": {"NumericEquals": {"aws:x": "many"}}}, LEGACY),
]


@pytest.mark.parametrize(("statement", "message"), FAULTS)
def test_a_fault_is_named_in_awss_words(statement: dict[str, Any], message: str) -> None:
    assert refusal(document(statement)).startswith(message)


def test_missing_parts_are_named() -> None:
    for part, message in (
        ("Effect", "Missing required field Effect cannot be empty!"),
        ("Action", "Policy statement must contain actions."),
        ("Resource", "Policy statement must contain resources."),
    ):
        assert refusal(document({name: GOOD[name] for name in GOOD if name != part})) == message


def test_a_sid_is_given_once() -> None:
    twice = document({**GOOD, "Sid": "A"}, {**GOOD, "Sid": "A"})
    assert refusal(twice) == "Statement IDs (SID) in a single policy must be unique."
    validate(document({**GOOD, "Sid": ""}, {**GOOD, "Sid": ""}), "identity")


def test_a_name_given_twice_is_a_syntax_error() -> None:
    assert refusal('{"Version": "2012-10-17", "Statement": [], "Statement": []}') == SYNTAX


def test_versions() -> None:
    old = json.dumps({"Version": "2008-10-17", "Statement": GOOD})
    validate(old, "identity")
    assert refusal(old, managed=True) == "Policy document must be version 2012-10-17 or greater."
    assert refusal(json.dumps({"Statement": GOOD}), managed=True).startswith("Policy document must be version")
    assert refusal(json.dumps({"Version": "2020-01-01", "Statement": GOOD})) == SYNTAX


TRUST_FAULTS = [
    ({**TRUST, "Resource": "*"}, "Has prohibited field Resource"),
    ({"Effect": "Allow", "Action": "sts:AssumeRole"}, "Missing required field Principal"),
    ({**TRUST, "Action": "s3:GetObject"}, "AssumeRole policy may only specify STS AssumeRole actions."),
    ({**TRUST, "Action": "*"}, "AssumeRole policy may only specify STS AssumeRole actions."),
    ({**TRUST, "Principal": {"AWS": "bob"}}, 'Invalid principal in policy: "AWS":"bob"'),
    (
        {**TRUST, "Principal": {"AWS": "arn:aws:iam::111122223333:user/b*"}},
        'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/b*"',
    ),
    ({**TRUST, "Principal": {"Service": "sqs"}}, 'Invalid principal in policy: "SERVICE":"sqs"'),
    ({**TRUST, "Principal": {"Federated": "a b"}}, "Federated principals must be valid domain names or SAML metadata"),
    ({**TRUST, "Principal": {"AWS": []}}, "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicy"),
    ({**TRUST, "Principal": {"Robot": "r2"}}, "Invalid principal in policy"),
    ({**TRUST, "Principal": "bob"}, SYNTAX),
]


@pytest.mark.parametrize(("statement", "message"), TRUST_FAULTS)
def test_a_trust_policys_fault_is_named(statement: dict[str, Any], message: str) -> None:
    assert refusal(document(statement), "trust").startswith(message)


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        (
            "identity",
            {**GOOD, "Resource": ["arn:aws:s3:::b/*", "arn:aws:sqs:*:*:q", "arn:aws:iam::*:role/${aws:username}"]},
        ),
        ("identity", {"Effect": "Deny", "NotAction": "iam:*", "NotResource": "arn:*:s3:::b"}),
        ("identity", {**GOOD, "Condition": {"Bool": {"aws:SecureTransport": True}}}),
        ("identity", {**GOOD, "Condition": {"ForAllValues:StringLikeIfExists": {"aws:TagKeys": ["a", "b*"]}}}),
        ("identity", {**GOOD, "Action": "*:*"}),
        ("identity", {**GOOD, "Resource": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
        ("boundary", GOOD),
        ("session", GOOD),
        ("scp", {**GOOD, "Effect": "Deny", "Condition": {"StringEquals": {"aws:RequestedRegion": "x"}}}),
        ("resource", {**OPEN, "Sid": "with spaces"}),
        (
            "resource",
            {
                **GOOD,
                "Effect": "Deny",
                "NotPrincipal": {"AWS": ["111122223333", "arn:aws:iam::1" + "1" * 11 + ":user/a/b"]},
            },
        ),
        ("resource", {**GOOD, "Principal": {"Service": ["sns.amazonaws.com"], "CanonicalUser": "79a5"}}),
        ("trust", TRUST),
        ("trust", {**TRUST, "Principal": {"Federated": "cognito-identity.amazonaws.com"}}),
        ("trust", {**TRUST, "Principal": {"AWS": "AIDAJQABLZS4A3QDU576Q"}, "Action": ["sts:AssumeRole*"]}),
    ],
)
def test_a_good_policy_is_taken(kind: Any, statement: dict[str, Any]) -> None:
    assert validate(document(statement, Id="x"), kind).kind == kind


def test_a_policy_of_a_service_speaks_of_that_service_only() -> None:
    assert refusal(document({**OPEN, "Action": "s3:GetObject"}), "resource", service="sqs") == "Vendor s3 is not valid"
    validate(document({**OPEN, "Action": "SQS:*"}), "resource", service="sqs")


def test_a_policy_knows_the_keys_it_may_ask_for() -> None:
    one = {
        **GOOD,
        "Resource": "arn:aws:s3:::${aws:username}",
        "Condition": {"StringLike": {"s3:prefix": "${aws:userid}"}},
    }
    assert validate(document(one), "identity").keys() == {"aws:username", "aws:userid", "s3:prefix"}


SCALARS = st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["*", "Allow", "a:b", "${a}"])
ELEMENTS = "Version Id Statement Sid Effect Action NotAction Resource NotResource Principal NotPrincipal Condition"
INNER = "AWS Service Federated StringEquals Bool DateEquals NumericLessThan IpAddress ArnLike Null aws:x 2012-10-17"
NAMES = st.sampled_from([*ELEMENTS.split(" "), *INNER.split(" ")])
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=5),
    max_leaves=12,
)
NEAR = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]) | SCALARS},
    optional={
        "Action": TREES | st.just("*"),
        "NotAction": TREES,
        "Resource": TREES | st.just("*"),
        "Principal": TREES,
        "Condition": st.dictionaries(NAMES, st.dictionaries(NAMES, TREES, max_size=2), max_size=2) | TREES,
        "Sid": SCALARS,
    },
)
KINDS = st.sampled_from(["identity", "boundary", "session", "resource", "trust", "scp"])


@given(st.one_of(TREES, NEAR.map(lambda one: {"Version": "2012-10-17", "Statement": [one]})), KINDS)
def test_whatever_the_json_it_is_a_policy_or_malformed(tree: Any, kind: Any) -> None:
    text = json.dumps(tree)
    try:
        checked = validate(text, kind)
    except MalformedPolicy:
        checked = None
    try:
        compiled = compile_policy(text, kind)
    except MalformedPolicy:
        compiled = None
    assert checked is None or compiled is not None
    if compiled is not None:
        who = Principal("user", "1", "arn:aws:iam::1:user/b")
        request = Request(who, "sqs:SendMessage", "arn:aws:sqs:us-east-1:1:q", "1", {"aws:x": "1"})
        grants = Grants((compiled,), resource=compiled)
        assert explain(request, grants)["effect"] == decide(request, grants).effect


@given(st.text() | st.binary().map(lambda octets: octets.decode("latin-1")))
def test_whatever_the_text_it_is_malformed_or_a_policy(text: str) -> None:
    for read in (lambda: validate(text, "identity"), lambda: compile_policy(text, "identity")):
        with pytest.raises(MalformedPolicy):
            read()


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"Statement":' * 50_000, '{"a": 1e400}', "\ud800", '"\\ud800"', "9" * 5000]
)
def test_hostile_text_is_malformed_too(text: str) -> None:
    assert refusal(text) == SYNTAX
    with pytest.raises(MalformedPolicy):
        compile_policy(text, "identity")


def test_not_principal_goes_with_deny_alone_and_stands_in_no_trust_policy() -> None:
    spared = {"AWS": "111122223333"}
    assert (
        refusal(document({**GOOD, "NotPrincipal": spared}), "resource") == "Allow with a Non Principal is not allowed."
    )
    trust = {name: value for name, value in TRUST.items() if name != "Principal"} | {"NotPrincipal": spared}
    assert refusal(document(trust), "trust") == "Has prohibited field NotPrincipal"
