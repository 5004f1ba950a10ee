"""Grants: given, listed, retired, revoked.

Source: AWS KMS Developer Guide, "Grants in AWS KMS" and "Retiring and revoking grants"; AWS KMS API Reference, the
pages of these actions.
"""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.base.arns import parse
from pileus.identity.trust import bound, resolve
from pileus.policy import MalformedPolicy
from pileus.service import Call, ResourcePolicy

from . import conditions, grant_tokens, granting
from .errors import Invalid, InvalidArn, InvalidGrantId, LimitExceeded, not_yet
from .granting import OPERATIONS, WITH_CONTEXT, with_statement
from .identify import Subject, find_key, identify, key_of, key_operation, stop_if_dry, usable
from .pages import page
from .service import kms
from .specs import AGREE, ENCRYPT, MAC, SIGN
from .tables import Grant, Key, grants, grants_by_grantee, grants_by_retiring, keys

PER_KEY_MAX = 50_000
_ALWAYS = frozenset({"CreateGrant", "RetireGrant", "DescribeKey"})
_OF_USAGE = {
    SIGN: frozenset({"Sign", "Verify", "GetPublicKey"}),
    MAC: frozenset({"GenerateMac", "VerifyMac"}),
    AGREE: frozenset({"DeriveSharedSecret", "GetPublicKey"}),
}
_OF_RSA = frozenset({"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GetPublicKey"})


@key_operation("CreateGrant", shared=True)
def create_grant(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """With a Name, the same request again answers with the grant that is there."""
    grant_tokens.check(call, request)
    key = usable(call)
    _refuse_what_is_not_here(request)
    _check_operations(key, request["Operations"])
    grantee, retiring = request.get("GranteePrincipal", ""), request.get("RetiringPrincipal", "")
    if not grantee:
        raise Invalid("A GranteePrincipal is required.")
    constraints = request.get("Constraints") or {}
    subset, equals = constraints.get("EncryptionContextSubset") or {}, constraints.get("EncryptionContextEquals") or {}
    if (subset or equals) and not (key.symmetric and set(request["Operations"]) & WITH_CONTEXT):
        raise Invalid("Encryption context constraints need an operation of a symmetric encryption key.")
    grant = Grant(
        ids.unique_hex(64),
        ids.token(96),
        request.get("Name", ""),
        call.now,
        f"arn:{call.partition}:iam::{call.account}:root",
        key.region,
        key.arn,
        grantee,
        request["Operations"],
        _id_of(call, grantee),
        retiring,
        _id_of(call, retiring) if retiring else "",
        subset,
        equals,
    )
    there = _same(call, key, grant)
    stop_if_dry(request)
    if there is None:
        grants.put(call.tx, key.account, key.region, key.id, grant.id, record=grant)
        _count(call, key, 1)
    return {"GrantToken": (there or grant).token, "GrantId": (there or grant).id}


def _refuse_what_is_not_here(request: dict[str, Any]) -> None:
    for member in ("GranteeServicePrincipal", "RetiringServicePrincipal"):
        if request.get(member):
            raise not_yet("grants to service principals", f"leave {member} out, and name it in the key policy")
    if (request.get("Constraints") or {}).get("SourceArn"):
        raise not_yet("grants constrained by SourceArn", "leave it out")


def _check_operations(key: Key, operations: list[str]) -> None:
    allowed = _ALWAYS | _OF_USAGE.get(key.usage, frozenset())
    if key.usage == ENCRYPT:
        allowed |= WITH_CONTEXT if key.symmetric else _OF_RSA
    for operation in operations:
        if operation not in OPERATIONS:
            raise Invalid(f"Operation {operation} is not a grant operation Pileus knows.")
        if operation not in allowed:
            raise Invalid(f"Grant operation {operation} is not supported by keys with usage {key.usage}.")


def _id_of(call: Call, arn: str) -> str:
    """The unique id of the user or role an ARN names; empty for others (an account, a session). A service of the cloud
    that makes a grant for itself is named by its host."""
    if call.via and arn == f"{call.via[-1]}.amazonaws.com":
        return ""
    try:
        name = parse(arn)
    except ValueError:
        raise InvalidArn(f"Invalid principal {arn}") from None
    if name.service not in ("iam", "sts") or name.partition != call.partition:
        raise InvalidArn(f"Invalid principal {arn}")
    statement = f'{{"Statement":{{"Principal":{{"AWS":"{arn}"}}}}}}'
    try:
        return resolve(call.tx, statement).get(arn, "")
    except (MalformedPolicy, ValueError):
        raise InvalidArn(f"Invalid principal {arn}") from None


def _same(call: Call, key: Key, grant: Grant) -> Grant | None:
    """The grant of an earlier request with the same name and parameters; else there must be room for one more."""
    to_them = (key.account, key.region, key.id, grant.grantee)
    for _, one in grants.find(call.tx, grants_by_grantee, *to_them, limit=PER_KEY_MAX) if grant.name else ():
        if _told(one) == _told(grant):
            return one
    if key.grants >= PER_KEY_MAX:
        raise LimitExceeded(f"A KMS key can have at most {PER_KEY_MAX} grants")
    return None


def _told(grant: Grant) -> tuple[Any, ...]:
    who = (grant.grantee, grant.grantee_id, grant.retiring, grant.retiring_id)
    return (grant.name, grant.issuer, *who, sorted(grant.operations), grant.subset, grant.equals)


def _shown(grant: Grant) -> dict[str, Any]:
    found: dict[str, Any] = {
        "KeyId": grant.key_arn,
        "GrantId": grant.id,
        "Name": grant.name,
        "CreationDate": grant.created,
        "GranteePrincipal": grant.grantee,
        "IssuingAccount": grant.issuer,
        "Operations": grant.operations,
    }
    if grant.retiring:
        found["RetiringPrincipal"] = grant.retiring
    constraints = {"EncryptionContextSubset": grant.subset, "EncryptionContextEquals": grant.equals}
    found["Constraints"] = {name: value for name, value in constraints.items() if value}
    return found if found["Constraints"] else {name: value for name, value in found.items() if name != "Constraints"}


@key_operation("ListGrants", shared=True)
def list_grants(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = key_of(call)
    wanted, grantee = request.get("GrantId"), request.get("GranteePrincipal")
    if request.get("GranteeServicePrincipal"):
        raise not_yet("grants to service principals", "leave GranteeServicePrincipal out")

    def rows(after: tuple[Any, ...] | None, limit: int) -> Any:
        return grants.scan(call.tx, key.account, key.region, key.id, after=after, limit=limit)

    def keep(grant: Grant) -> bool:
        return (not wanted or grant.id == wanted) and (not grantee or grant.grantee == grantee)

    purpose = f"kms.grants/{key.arn}/{wanted}/{grantee}"
    return page(request, purpose, "Grants", rows, _shown, 100, usual=50, keep=keep)


@kms.operation("ListRetirableGrants", resource=lambda call, request: "*")
def list_retirable_grants(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Of keys of any account, for a principal of the caller's own."""
    if request.get("RetiringServicePrincipal"):
        raise not_yet("grants to service principals", "leave RetiringServicePrincipal out")
    who = request.get("RetiringPrincipal", "")
    try:
        account = parse(who).account
    except ValueError:
        raise InvalidArn(f"Invalid principal {who}") from None
    if account != call.account:
        raise Invalid("The retiring principal must be of the caller's own account.")
    found = grants.find(call.tx, grants_by_retiring, call.region, who, limit=PER_KEY_MAX)
    rows = [((str(key[0]), str(key[2]), str(key[3])), grant) for key, grant in found]
    return page(request, f"kms.retirable/{call.region}/{who}", "Grants", rows, _shown, 100, usual=50)


@key_operation("RevokeGrant", shared=True)
def revoke_grant(call: Call, request: dict[str, Any]) -> None:
    key = key_of(call)
    if grants.get(call.tx, key.account, key.region, key.id, request["GrantId"]) is None:
        raise _no_such_grant(request["GrantId"])
    stop_if_dry(request)
    grants.delete(call.tx, key.account, key.region, key.id, request["GrantId"])
    _count(call, key, -1)


def _count(call: Call, key: Key, more: int) -> None:
    changed = msgspec.structs.replace(key, grants=key.grants + more)
    keys.put(call.tx, key.account, key.region, key.id, record=changed)


def _no_such_grant(grant_id: str) -> Exception:
    return InvalidGrantId(f"Grant ID {grant_id} not found")


def _grant_of(call: Call, request: dict[str, Any]) -> tuple[Subject, Grant | None]:
    """The grant that is to be retired, by its token or by its key and id."""
    if request.get("GrantToken"):
        grant = grant_tokens.of_token(call, request["GrantToken"])
        return identify(call, grant.key_arn, by_alias=False), grant
    if not request.get("KeyId") or not request.get("GrantId"):
        raise Invalid("Either a GrantToken, or a KeyId and a GrantId are required.")
    if not request["KeyId"].startswith("arn:"):
        raise InvalidArn("RetireGrant takes the ARN of a key.")
    found = identify(call, request["KeyId"], by_alias=False)
    if found.key is None:
        return found, None
    return found, grants.get(call.tx, found.key.account, found.key.region, found.key.id, request["GrantId"])


def _retired_arn(call: Call, request: dict[str, Any]) -> str:
    call.subject, _ = _grant_of(call, request)
    return str(call.subject.arn)


def _who_retires(call: Call, request: dict[str, Any]) -> ResourcePolicy | None:
    """The grant itself says who may: its retiring principal, its grantee if RetireGrant is among its operations, and
    the account that gave it, which may leave it to its own."""
    found, grant = _grant_of(call, request)
    if found.key is None or grant is None:
        return None
    document = with_statement(bound(found.key.policy, found.key.trusted), grant.issuer, "kms:RetireGrant")
    names = granting.names_of(call.caller.principal, call.partition)
    own = {"retiring": grant.retiring_id or grant.retiring}
    if "RetireGrant" in grant.operations:
        own["grantee"] = grant.grantee_id or grant.grantee
    for principal in filter(None, own.values()):
        document = with_statement(document, principal, "kms:RetireGrant")
    named = {grant.retiring, grant.grantee if "RetireGrant" in grant.operations else grant.retiring} & set(names)
    return ResourcePolicy(document, found.arn, call.account if named else found.key.account, required=True)


def _retiring_context(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return conditions.keys_of(call, {}, call.subject.key)


@kms.operation("RetireGrant", resource=_retired_arn, resource_policy=_who_retires, context=_retiring_context)
def retire_grant(call: Call, request: dict[str, Any]) -> None:
    found, grant = _grant_of(call, request)
    if found.key is None or find_key(call, found.key.account, found.key.id) is None:
        raise found.missing or LookupError(found.arn)
    if grant is None:
        raise _no_such_grant(request["GrantId"])
    key = found.key
    stop_if_dry(request)
    grants.delete(call.tx, key.account, key.region, key.id, grant.id)
    _count(call, key, -1)
