"""Access keys: two a user at most, active or not, and when they were last used."""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.identity.keys import AccessKey, access_keys, keys_of, root_arn
from pileus.identity.usage import uses
from pileus.identity.version import bump
from pileus.service import Call

from . import targets
from .entities import becomes_active, own_name, user_named
from .listing import page_of
from .service import LimitExceeded, NoSuchEntity, Request, iam

KEYS_MAX = 2


def _holder(call: Call, request: Request) -> tuple[str, str]:
    """(name, unique id) of the user a request is about; the root has no name."""
    name = own_name(call, request)
    if not name:
        return "", call.account
    user = user_named(call, name)
    return user.name, user.id


def _key_of(call: Call, request: Request) -> AccessKey:
    name, _ = _holder(call, request)
    key = access_keys.get(call.tx, request["AccessKeyId"])
    if key is None or (key.account, key.user.lower()) != (call.account, name.lower()):
        raise NoSuchEntity(f"The Access Key with id {request['AccessKeyId']} cannot be found.")
    return key


def _status(key: AccessKey) -> str:
    return "Active" if key.active else "Inactive"


@iam.operation("CreateAccessKey", resource=targets.the_user, context=targets.of_user)
def create_access_key(call: Call, request: Request) -> dict[str, Any]:
    name, unique = _holder(call, request)
    if len(keys_of(call.tx, call.account, name)) >= KEYS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for AccessKeysPerUser: {KEYS_MAX}")
    key = AccessKey(ids.access_key_id(), ids.secret_key(), call.account, name, unique, float(int(call.now)))
    access_keys.put(call.tx, key.id, record=key)
    return {
        "AccessKey": {
            "UserName": name,
            "AccessKeyId": key.id,
            "Status": "Active",
            "SecretAccessKey": key.secret,
            "CreateDate": key.created,
        }
    }


@iam.operation("ListAccessKeys", resource=targets.the_user, context=targets.of_user)
def list_access_keys(call: Call, request: Request) -> dict[str, Any]:
    name, _ = _holder(call, request)

    def show(key: AccessKey) -> dict[str, Any]:
        return {"UserName": key.user, "AccessKeyId": key.id, "Status": _status(key), "CreateDate": key.created}

    named = [(f"{key.created:020.3f} {key.id}", key) for key in keys_of(call.tx, call.account, name)]
    return page_of(call, request, "AccessKeyMetadata", named, show)


@iam.operation("UpdateAccessKey", resource=targets.the_user, context=targets.of_user)
def update_access_key(call: Call, request: Request) -> None:
    key = _key_of(call, request)
    changed = msgspec.structs.replace(key, active=becomes_active(request))
    access_keys.put(call.tx, key.id, record=changed)
    bump(call.tx, call.account)


@iam.operation("DeleteAccessKey", resource=targets.the_user, context=targets.of_user)
def delete_access_key(call: Call, request: Request) -> None:
    key = _key_of(call, request)
    access_keys.delete(call.tx, key.id)
    uses.delete(call.tx, key.id)


def _user_of_key(call: Call, request: Request) -> str:
    key = access_keys.get(call.tx, request["AccessKeyId"])
    if key is None or key.account != call.account:
        return "*"
    return targets.the_user(call, {"UserName": key.user}) if key.user else root_arn(call.account)


def _of_user_of_key(call: Call, request: Request) -> dict[str, Any]:
    key = access_keys.get(call.tx, request["AccessKeyId"])
    if key is None or key.account != call.account or not key.user:
        return {}
    return targets.of_user(call, {"UserName": key.user})


@iam.operation("GetAccessKeyLastUsed", resource=_user_of_key, context=_of_user_of_key)
def get_access_key_last_used(call: Call, request: Request) -> dict[str, Any]:
    key = access_keys.get(call.tx, request["AccessKeyId"])
    if key is None or key.account != call.account:
        raise NoSuchEntity(f"The Access Key with id {request['AccessKeyId']} cannot be found.")
    use = uses.get(call.tx, key.id)
    last: dict[str, Any] = {"ServiceName": "N/A", "Region": "N/A"}
    if use is not None:
        last = {"LastUsedDate": float(int(use.at)), "ServiceName": use.service, "Region": use.region}
    return {"UserName": key.user, "AccessKeyLastUsed": last}
