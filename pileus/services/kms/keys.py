"""KMS keys: made, described, listed, enabled, disabled.

Source: AWS KMS API Reference, the pages of these actions; AWS KMS Developer Guide, "Creating keys" and "Key states of
AWS KMS keys".
"""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.base.arns import arn
from pileus.service import Call, must_allow

from . import conditions, grant_tokens, policies
from .errors import Invalid, UnsupportedOperation, not_yet
from .identify import changeable, key_of, key_operation
from .material import new_material
from .pages import page
from .service import kms
from .specs import AGREE, ENCRYPT, MAC, NOT_YET, SIGN, SPECS
from .tables import CUSTOMER, Key, keys
from .tags import checked_tags

_ALGORITHMS = {
    ENCRYPT: "EncryptionAlgorithms",
    SIGN: "SigningAlgorithms",
    MAC: "MacAlgorithms",
    AGREE: "KeyAgreementAlgorithms",
}


def algorithms_of(key: Key) -> dict[str, list[str]]:
    return {_ALGORITHMS[key.usage]: list(SPECS[key.spec].algorithms[key.usage])}


def metadata(key: Key) -> dict[str, Any]:
    found: dict[str, Any] = {
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": key.created,
        "Enabled": key.state == "Enabled",
        "Description": key.description,
        "KeyUsage": key.usage,
        "KeyState": key.state,
        "Origin": "AWS_KMS",
        "KeyManager": key.manager,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "MultiRegion": False,
        **algorithms_of(key),
    }
    if key.deletion:
        found["DeletionDate"] = key.deletion
    if key.symmetric:
        found["CurrentKeyMaterialId"] = key.materials[-1].id
    return found


def _spec_of(request: dict[str, Any]) -> tuple[str, str]:
    """The key spec and usage that are asked for."""
    spec, old = request.get("KeySpec"), request.get("CustomerMasterKeySpec")
    if spec and old:
        raise Invalid(
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec "
            "is deprecated."
        )
    spec = spec or old or "SYMMETRIC_DEFAULT"
    if spec in NOT_YET:
        raise not_yet(f"keys of spec {spec}", "choose an RSA, ECC, HMAC or symmetric one")
    if spec not in SPECS:
        raise Invalid(f"Invalid KeySpec: {spec}")
    usage = request.get("KeyUsage")
    if usage is None and spec != "SYMMETRIC_DEFAULT":
        raise Invalid("You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
    usage = usage or ENCRYPT
    if usage not in SPECS[spec].algorithms:
        raise Invalid(f"KeyUsage {usage} is not compatible with KeySpec {spec}")
    return spec, usage


def _refuse_what_is_not_here(request: dict[str, Any]) -> None:
    origin = request.get("Origin", "AWS_KMS")
    if origin == "EXTERNAL":
        raise not_yet("imported key material", "leave Origin out")
    if origin != "AWS_KMS" or request.get("CustomKeyStoreId") or request.get("XksKeyId"):
        raise UnsupportedOperation(
            "Pileus's KMS has no custom key stores: leave Origin, CustomKeyStoreId and XksKeyId out."
        )
    if request.get("MultiRegion"):
        raise not_yet("multi-Region keys", "leave MultiRegion out")


def _asked_context(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    spec, usage = request.get("KeySpec") or request.get("CustomerMasterKeySpec"), request.get("KeyUsage")
    wanted = {
        "kms:KeySpec": spec or "SYMMETRIC_DEFAULT",
        "kms:CustomerMasterKeySpec": spec or "SYMMETRIC_DEFAULT",
        "kms:KeyUsage": usage or ENCRYPT,
        "kms:CustomerMasterKeyUsage": usage or ENCRYPT,
        "kms:KeyOrigin": request.get("Origin", "AWS_KMS"),
        "kms:MultiRegion": bool(request.get("MultiRegion")),
    }
    return {**conditions.keys_of(call, request, None), **wanted}


@kms.operation("CreateKey", resource=lambda call, request: "*", context=_asked_context)
def create_key(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    spec, usage = _spec_of(request)
    _refuse_what_is_not_here(request)
    tags = checked_tags({}, request.get("Tags", []))
    if tags:
        must_allow(call, "kms:TagResource", "*", context=_asked_context(call, request))
    unique = ids.secret_uuid()
    own = arn("kms", call.region, call.account, f"key/{unique}")
    material, public = new_material(call.cloud.keyring, own, spec, call.now)
    key = Key(
        call.account,
        call.region,
        unique,
        own,
        call.now,
        [material],
        policies.default_policy(call.account, call.partition),
        spec,
        usage,
        request.get("Description", ""),
        CUSTOMER,
        public=public,
        tags=tags,
    )
    if request.get("Policy"):
        key = policies.with_policy(call, key, request["Policy"], bool(request.get("BypassPolicyLockoutSafetyCheck")))
    keys.put(call.tx, key.account, key.region, key.id, record=key)
    return {"KeyMetadata": metadata(key)}


@key_operation("DescribeKey", by_alias=True, shared=True)
def describe_key(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = key_of(call)
    grant_tokens.check(call, request)
    return {"KeyMetadata": metadata(key)}


@kms.operation("ListKeys", resource=lambda call, request: "*")
def list_keys(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    if set(request.get("ResourceOwners", ["SELF"])) - {"SELF"}:
        raise not_yet("keys shared by Resource Access Manager", "leave ResourceOwners out")

    def rows(after: tuple[Any, ...] | None, limit: int) -> Any:
        return keys.scan(call.tx, call.account, call.region, after=after, limit=limit)

    return page(
        request,
        f"kms.keys/{call.account}/{call.region}",
        "Keys",
        rows,
        lambda key: {"KeyId": key.id, "KeyArn": key.arn},
        1_000,
        keep=lambda key: not key.deletion or key.deletion > call.now,
    )


@key_operation("EnableKey")
def enable_key(call: Call, request: dict[str, Any]) -> None:
    _switch(call, True)


@key_operation("DisableKey")
def disable_key(call: Call, request: dict[str, Any]) -> None:
    _switch(call, False)


def _switch(call: Call, enabled: bool) -> None:
    key = changeable(call)
    keys.put(call.tx, key.account, key.region, key.id, record=msgspec.structs.replace(key, enabled=enabled))


@key_operation("UpdateKeyDescription")
def update_key_description(call: Call, request: dict[str, Any]) -> None:
    key = changeable(call)
    changed = msgspec.structs.replace(key, description=request["Description"])
    keys.put(call.tx, key.account, key.region, key.id, record=changed)
