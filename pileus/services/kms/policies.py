"""Key policies: the default one, changes, and the check that nobody locks themselves out.

Source: AWS KMS Developer Guide, "Default key policy" and "Changing a key policy"; AWS KMS API Reference,
"PutKeyPolicy".
"""

import json
from typing import Any

import msgspec

from pileus.identity.keys import root_arn
from pileus.identity.trust import bound, resolve, shown
from pileus.policy import Grants, MalformedPolicy, Principal, Request, compile_policy, decide
from pileus.policy.validate import validate
from pileus.service import AccessDenied, Call, ResourcePolicy, must_allow

from . import conditions
from .errors import LimitExceeded, MalformedPolicyDocument, NotFound
from .identify import key_of, key_operation
from .pages import page
from .tables import Key, keys

POLICY_BYTES_MAX = 32 * 1024
_LOCKED_OUT = "The new key policy will not allow you to update the key policy in the future."
_STRANGERS = "Policy contains a statement with one or more invalid principals."


def default_policy(account: str, partition: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Id": "key-default-1",
            "Statement": [
                {
                    "Sid": "Enable IAM User Permissions",
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
                    "Action": "kms:*",
                    "Resource": "*",
                }
            ],
        },
        indent=2,
    )


def with_policy(call: Call, key: Key, document: str, bypass: bool) -> Key:
    """The key with another policy. Raises what KMS refuses it with."""
    if len(document.encode()) > POLICY_BYTES_MAX:
        raise LimitExceeded("The key policy exceeds the maximum length of 32768 bytes.")
    try:
        validate(document, "resource")
    except MalformedPolicy as error:
        raise MalformedPolicyDocument(error.message) from None
    try:
        trusted = resolve(call.tx, document)
    except MalformedPolicy:
        raise MalformedPolicyDocument(_STRANGERS) from None
    changed = msgspec.structs.replace(key, policy=document, trusted=trusted)
    if not bypass and not _may_change_it_again(call, changed):
        raise MalformedPolicyDocument(_LOCKED_OUT)
    return changed


def _may_change_it_again(call: Call, key: Key) -> bool:
    """The caller, by the policy or by what the policy leaves to the account's own."""
    document = bound(key.policy, key.trusted)
    own = ResourcePolicy(document, key.arn, key.account, required=True)
    found = {**conditions.keys_of(call, {}, key), "kms:BypassPolicyLockoutSafetyCheck": False}
    try:
        must_allow(call, "kms:PutKeyPolicy", key.arn, context=found, own=own)
    except AccessDenied:
        # An account that may is locked out by nobody: its administrator can give the permission.
        root = Principal("root", key.account, root_arn(key.account), key.account)
        asked = Request(root, "kms:PutKeyPolicy", key.arn, key.account, found)
        return decide(asked, Grants(resource=compile_policy(document, "resource"), resource_required=True)).allowed
    return True


@key_operation("PutKeyPolicy")
def put_key_policy(call: Call, request: dict[str, Any]) -> None:
    key = key_of(call)
    _check_name(request)
    changed = with_policy(call, key, request["Policy"], bool(request.get("BypassPolicyLockoutSafetyCheck")))
    keys.put(call.tx, key.account, key.region, key.id, record=changed)


@key_operation("GetKeyPolicy")
def get_key_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = key_of(call)
    _check_name(request)
    return {"Policy": shown(call.tx, key.policy, key.trusted, call.partition), "PolicyName": "default"}


@key_operation("ListKeyPolicies")
def list_key_policies(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = key_of(call)
    return page(request, f"kms.policies/{key.arn}", "PolicyNames", [(("default",), "default")], str, 1_000)


def _check_name(request: dict[str, Any]) -> None:
    """There is one policy, and its name is `default`."""
    name = request.get("PolicyName", "default")
    if name != "default":
        raise NotFound(f"No such policy exists: {name}")
