"""What a key's policy and its grants allow: both meet the caller as one resource policy.

A grant that fits the request is a statement beside the policy's own. So an explicit deny anywhere still wins, and a
session policy or a boundary still binds a role that was granted. A grant is enough by itself, in another account too.
Source: AWS KMS Developer Guide, "Grants in AWS KMS", "Determining access to AWS KMS keys".
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pileus.identity.trust import bound
from pileus.policy import Principal
from pileus.service import Call, ResourcePolicy

from .tables import Grant, Key, grants, grants_by_grantee

# What a grant calls an operation, for the actions that it can allow.
OPERATIONS = frozenset(
    {
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "ReEncryptFrom",
        "ReEncryptTo",
        "Sign",
        "Verify",
        "GetPublicKey",
        "CreateGrant",
        "RetireGrant",
        "DescribeKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateMac",
        "VerifyMac",
        "DeriveSharedSecret",
    }
)
WITH_CONTEXT = frozenset(
    {
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "ReEncryptFrom",
        "ReEncryptTo",
    }
)
_CONTEXT_MEMBER = {"ReEncryptFrom": "SourceEncryptionContext", "ReEncryptTo": "DestinationEncryptionContext"}


def carried(call: Call, key: Key, action: str, request: dict[str, Any]) -> ResourcePolicy:
    """The policy the caller meets. A key's policy must allow, even inside its account."""
    document = bound(key.policy, key.trusted)
    grant = _fitting(call, key, action, request) if key.grants and action in OPERATIONS else None
    if grant is None:
        return ResourcePolicy(document, key.arn, key.account, required=True)
    # With a grant the caller needs no policy of its own account: the key is as good as its own.
    document = with_statement(document, _who(grant), f"kms:{action}", key.account != call.account)
    return ResourcePolicy(document, key.arn, call.account or key.account, required=True)


@lru_cache(maxsize=1_024)
def with_statement(document: str, principal: str, action: str, alone: bool = False) -> str:
    """`alone`: nothing else in the policy allows anything. To another account it would say less than it seems to."""
    raw = json.loads(document)
    statements = raw["Statement"] if isinstance(raw["Statement"], list) else [raw["Statement"]]
    if alone:
        statements = [one for one in statements if one["Effect"] == "Deny"]
    kind = "Service" if principal.endswith(".amazonaws.com") else "AWS"
    added = {"Effect": "Allow", "Principal": {kind: principal}, "Action": action, "Resource": "*"}
    return json.dumps({**raw, "Statement": [*statements, added]})


def _who(grant: Grant) -> str:
    return grant.grantee_id or grant.grantee


def names_of(principal: Principal, partition: str) -> list[str]:
    """The ARNs by which a grant may mean this caller."""
    names = [principal.arn, principal.role_arn, principal.user_arn]
    if principal.account:
        names.append(f"arn:{partition}:iam::{principal.account}:root")
    return list(dict.fromkeys(name for name in names if name))


def _fitting(call: Call, key: Key, action: str, request: dict[str, Any]) -> Grant | None:
    for grant in _of_caller(call, key):
        if action not in grant.operations:
            continue
        if action == "CreateGrant":
            if _passes_on(grant, request):
                return grant
        elif action not in WITH_CONTEXT or fits(grant, request.get(_CONTEXT_MEMBER.get(action, "EncryptionContext"))):
            return grant
    return None


def _of_caller(call: Call, key: Key) -> Iterator[Grant]:
    for name in names_of(call.caller.principal, call.partition):
        for _, grant in grants.find(call.tx, grants_by_grantee, key.account, key.region, key.id, name, limit=50_000):
            yield grant


def fits(grant: Grant, context: dict[str, str] | None) -> bool:
    """Whether an encryption context keeps to the grant's constraints."""
    given = context or {}
    if grant.equals and given != grant.equals:
        return False
    return grant.subset.items() <= given.items()


def _passes_on(grant: Grant, request: dict[str, Any]) -> bool:
    """A grant made by way of a grant allows no more than that one, under constraints at least as strict (AWS KMS
    Developer Guide, "Granting CreateGrant permission")."""
    if not set(request["Operations"]) <= set(grant.operations):
        return False
    constraints = request.get("Constraints") or {}
    subset, equals = constraints.get("EncryptionContextSubset") or {}, constraints.get("EncryptionContextEquals") or {}
    if grant.equals:
        return bool(equals == grant.equals)
    return grant.subset.items() <= (equals or subset).items()
