"""IAM policy documents: parsed, validated, compiled, evaluated and explained. Pure: no store, no clock."""

from pileus.policy.evaluate import Decision, Grants, Request, decide, denial_message
from pileus.policy.explain import explain
from pileus.policy.malformed import MalformedPolicy
from pileus.policy.parse import Match, Policy, PolicyKind, Statement, compile_policy
from pileus.policy.principals import Principal, principal_keys
from pileus.policy.validate import validate

__all__ = [
    "Decision",
    "Grants",
    "MalformedPolicy",
    "Match",
    "Policy",
    "PolicyKind",
    "Principal",
    "Request",
    "Statement",
    "compile_policy",
    "decide",
    "denial_message",
    "explain",
    "principal_keys",
    "validate",
]
