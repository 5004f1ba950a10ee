"""The condition keys of KMS.

Source: AWS KMS Developer Guide, "AWS KMS condition keys"; Service Authorization Reference, "AWS Key Management
Service".
"""

from typing import Any

from pileus.service import Call

from .tables import Key

_FROM_REQUEST = {
    "kms:BypassPolicyLockoutSafetyCheck": "BypassPolicyLockoutSafetyCheck",
    "kms:DataKeyPairSpec": "KeyPairSpec",
    "kms:GrantOperations": "Operations",
    "kms:GranteePrincipal": "GranteePrincipal",
    "kms:KeyAgreementAlgorithm": "KeyAgreementAlgorithm",
    "kms:MacAlgorithm": "MacAlgorithm",
    "kms:RetiringPrincipal": "RetiringPrincipal",
    "kms:RotationPeriodInDays": "RotationPeriodInDays",
    "kms:ScheduleKeyDeletionPendingWindowInDays": "PendingWindowInDays",
    "kms:SigningAlgorithm": "SigningAlgorithm",
}
_WITH_ALGORITHM = frozenset({"Encrypt", "Decrypt", "ReEncrypt"})


def keys_of(call: Call, request: dict[str, Any], key: Key | None, alias: str = "") -> dict[str, Any]:
    """What the request and the key say; absent members give no key."""
    found: dict[str, Any] = {name: request[member] for name, member in _FROM_REQUEST.items() if member in request}
    found.update(_caller(call))
    if "MessageType" in request or call.operation.name in ("Sign", "Verify"):
        found["kms:MessageType"] = request.get("MessageType", "RAW")
    if call.operation.name in _WITH_ALGORITHM:
        found["kms:EncryptionAlgorithm"] = request.get("EncryptionAlgorithm", "SYMMETRIC_DEFAULT")
    if "Constraints" in request:
        found["kms:GrantConstraintType"] = next(iter(request["Constraints"]), None)
    if call.operation.name in ("CreateGrant", "ListGrants", "RevokeGrant"):
        found["kms:GrantIsForAWSResource"] = bool(call.via)
    if alias:
        found["kms:RequestAlias"] = alias
    found.update(of_context(request.get("EncryptionContext") or {}))
    if key is not None:
        found.update(of_key(key))
    return found


def _caller(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = {"kms:CallerAccount": call.account or None}
    if call.via and call.caller.principal.kind != "service":
        # The service as its host is named, which is how it signs (`elasticfilesystem`, not `efs`).
        service = call.cloud.service(call.via[-1]).api.signing_name
        found["kms:ViaService"] = f"{service}.{call.region}.amazonaws.com"
    return found


def of_context(context: dict[str, str]) -> dict[str, Any]:
    if not context:
        return {}
    pairs = {f"kms:EncryptionContext:{name}": value for name, value in context.items()}
    return {**pairs, "kms:EncryptionContextKeys": list(context)}


def of_key(key: Key) -> dict[str, Any]:
    return {
        "kms:KeySpec": key.spec,
        "kms:CustomerMasterKeySpec": key.spec,
        "kms:KeyUsage": key.usage,
        "kms:CustomerMasterKeyUsage": key.usage,
        "kms:KeyOrigin": "AWS_KMS",
        "kms:MultiRegion": False,
        "kms:ResourceAliases": key.aliases or None,
        **{f"aws:ResourceTag/{name}": value for name, value in key.tags.items()},
    }
