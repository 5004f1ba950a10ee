"""Aliases: friendly names that can be moved from key to key.

Source: AWS KMS Developer Guide, "Aliases in AWS KMS" and "Controlling access to aliases" (each change needs the
permission on the alias and on every key it touches).
"""

import re
from typing import Any

import msgspec

from pileus.service import Call, must_allow

from . import conditions, granting
from .errors import AlreadyExists, Invalid, LimitExceeded, NotAuthorized, NotFound, no_such_key
from .identify import Subject, alias_arn, changeable, find_alias, find_key, identify
from .pages import page
from .service import kms
from .tables import AWS, Alias, Key, aliases, keys

PER_KEY_MAX = 50
_PREFIX = (
    'Alias must start with the prefix "alias/". '
    "Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
)
_NAME = re.compile(r"alias/[a-zA-Z0-9/_-]+")


def _alias_named(call: Call, request: dict[str, Any]) -> str:
    return alias_arn(call, call.account, request["AliasName"])


def _context(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return conditions.keys_of(call, {}, None, request["AliasName"])


def _check_name(name: str) -> None:
    if not name.startswith("alias/"):
        raise Invalid(_PREFIX)
    if name.startswith("alias/aws/"):
        raise NotAuthorized()
    if not _NAME.fullmatch(name):
        raise Invalid(f"{name} contains invalid characters for an alias")


def _target(call: Call, request: dict[str, Any], action: str) -> Key:
    """The key an alias shall lead to: of this account and region, and the caller may do this to it."""
    found: Subject = identify(call, request["TargetKeyId"], by_alias=False)
    if found.key is not None and found.key.account != call.account:
        raise NotFound(f"Key '{found.arn}' does not exist")
    if found.key is None:
        must_allow(call, f"kms:{action}", found.arn, context=_context(call, request))
        raise no_such_key(found.arn)
    _must_allow(call, action, found.key, request)
    if found.key.manager == AWS:
        raise NotAuthorized()
    return changeable(call, found.key)


def _must_allow(call: Call, action: str, key: Key, request: dict[str, Any]) -> None:
    own = granting.carried(call, key, action, request)
    found = {**_context(call, request), **conditions.of_key(key)}
    must_allow(call, f"kms:{action}", key.arn, context=found, own=own)


def _add(call: Call, key: Key, alias: Alias) -> None:
    """Has the alias lead to the key: its row, and its name in the key's record."""
    if len(key.aliases) >= PER_KEY_MAX:
        raise LimitExceeded(f"A KMS key can have at most {PER_KEY_MAX} aliases")
    changed = msgspec.structs.replace(key, aliases=sorted([*key.aliases, alias.name]))
    keys.put(call.tx, key.account, key.region, key.id, record=changed)
    aliases.put(call.tx, key.account, key.region, alias.name, record=alias)


def _take_off(call: Call, key: Key, name: str) -> None:
    left = [one for one in key.aliases if one != name]
    keys.put(call.tx, key.account, key.region, key.id, record=msgspec.structs.replace(key, aliases=left))


@kms.operation("CreateAlias", resource=_alias_named, context=_context)
def create_alias(call: Call, request: dict[str, Any]) -> None:
    name = request["AliasName"]
    _check_name(name)
    key = _target(call, request, "CreateAlias")
    if find_alias(call, call.account, name) is not None:
        raise AlreadyExists(f"An alias with the name {_alias_named(call, request)} already exists")
    _add(call, key, Alias(name, key.id, call.now, call.now))


@kms.operation("UpdateAlias", resource=_alias_named, context=_context)
def update_alias(call: Call, request: dict[str, Any]) -> None:
    name = request["AliasName"]
    _check_name(name)
    alias, old = _there(call, request)
    key = _target(call, request, "UpdateAlias")
    _must_allow(call, "UpdateAlias", old, request)
    if (old.usage, old.symmetric, old.spec.startswith("HMAC")) != (
        key.usage,
        key.symmetric,
        key.spec.startswith("HMAC"),
    ):
        raise Invalid(
            f"Alias {_alias_named(call, request)} cannot be changed from key usage {old.usage} to {key.usage}: "
            "both keys must be of the same type and usage."
        )
    if key.id != old.id:
        _take_off(call, old, name)
        _add(call, key, msgspec.structs.replace(alias, target=key.id, updated=call.now))


@kms.operation("DeleteAlias", resource=_alias_named, context=_context)
def delete_alias(call: Call, request: dict[str, Any]) -> None:
    _check_name(request["AliasName"])
    _, key = _there(call, request)
    _must_allow(call, "DeleteAlias", key, request)
    _take_off(call, key, request["AliasName"])
    aliases.delete(call.tx, call.account, call.region, request["AliasName"])


def _there(call: Call, request: dict[str, Any]) -> tuple[Alias, Key]:
    alias = find_alias(call, call.account, request["AliasName"])
    key = find_key(call, call.account, alias.target) if alias is not None else None
    if alias is None or key is None:
        raise NotFound(f"Alias {_alias_named(call, request)} is not found.")
    return alias, key


@kms.operation("ListAliases", resource=lambda call, request: "*")
def list_aliases(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Aliases of AWS managed keys are listed once there is such a key."""
    if request.get("KeyId"):
        found = identify(call, request["KeyId"], by_alias=False)
        if found.key is None or found.key.account != call.account:
            raise no_such_key(found.arn)
        own = [(name, aliases.get(call.tx, call.account, call.region, name)) for name in found.key.aliases]
        return _page(call, request, found.key.id, [((name,), alias) for name, alias in own if alias is not None])

    def rows(after: tuple[Any, ...] | None, limit: int) -> Any:
        return aliases.scan(call.tx, call.account, call.region, after=after, limit=limit)

    return _page(call, request, "", rows)


def _page(call: Call, request: dict[str, Any], target: str, rows: Any) -> dict[str, Any]:
    def keep(alias: Alias) -> bool:
        return find_key(call, call.account, alias.target) is not None

    purpose = f"kms.aliases/{call.account}/{call.region}/{target}"
    return page(request, purpose, "Aliases", rows, lambda alias: _shown(call, alias), 100, usual=50, keep=keep)


def _shown(call: Call, alias: Alias) -> dict[str, Any]:
    return {
        "AliasName": alias.name,
        "AliasArn": alias_arn(call, call.account, alias.name),
        "TargetKeyId": alias.target,
        "CreationDate": alias.created,
        "LastUpdatedDate": alias.updated,
    }
