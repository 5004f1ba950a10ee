"""Which key a request means, and how its permissions are found: key ids, key ARNs, aliases and alias ARNs.

Source: AWS KMS Developer Guide, "Key identifiers (KeyId)", "Determining access to AWS KMS keys" and "Allowing users in
other accounts to use a KMS key".
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from pileus.base.arns import arn, parse
from pileus.service import Call, ResourcePolicy
from pileus.service.kit import ContextOf, Handler
from pileus.store import Transaction

from . import ciphertext, conditions, granting, managed
from .errors import (
    Disabled,
    DryRunOperation,
    InvalidArn,
    InvalidState,
    NotFound,
    no_such_key,
    unknown_key_of_ciphertext,
)
from .service import kms
from .tables import Alias, Key, aliases, keys

_KEY_ID = re.compile(r"(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


class Subject(NamedTuple):
    """What a request is about: an ARN, the key that is there, the alias it was named by, and, without a key, why."""

    arn: str
    key: Key | None
    alias: str
    missing: Exception | None
    tx: Transaction


def find_key(call: Call, account: str, key_id: str) -> Key | None:
    """A key whose waiting period is over is gone, whether or not the background has removed it."""
    key = keys.get(call.tx, account, call.region, key_id)
    return None if key is None or (key.deletion and key.deletion <= call.now) else key


def alias_arn(call: Call, account: str, name: str) -> str:
    return arn("kms", call.region, account, name)


def find_alias(call: Call, account: str, name: str) -> Alias | None:
    """An alias, by its whole name (`alias/…`); the key behind it is alive."""
    found = aliases.get(call.tx, account, call.region, name)
    if found is None or find_key(call, account, found.target) is None:
        return None
    return found


def identify(call: Call, text: str, *, by_alias: bool) -> Subject:
    """Raises what the text itself is refused with; a key that is not there is told of later, to those who may know."""
    account, resource = call.account, text
    if text.startswith("arn:"):
        account, resource = _read_arn(call, text)
    elif not text.startswith("alias/"):
        resource = f"key/{text}"
    if resource.startswith("alias/"):
        if not by_alias:
            raise NotFound(f"Invalid keyId '{text}'")
        return _by_alias(call, account, resource)
    kind, _, key_id = resource.partition("/")
    if kind != "key" or not _KEY_ID.fullmatch(key_id):
        raise NotFound(f"Invalid keyId '{text}'")
    name = arn("kms", call.region, account, resource)
    key = find_key(call, account, key_id)
    return Subject(name, key, "", no_such_key(name) if key is None else None, call.tx)


def _read_arn(call: Call, text: str) -> tuple[str, str]:
    try:
        parts = parse(text)
    except ValueError:
        raise InvalidArn(f"Invalid arn {text}") from None
    if parts.service != "kms" or not re.fullmatch(r"\d{12}", parts.account) or parts.partition != call.partition:
        raise InvalidArn(f"Invalid arn {text}")
    if parts.region != call.region:
        raise NotFound(f"Invalid arn {parts.region}")
    return parts.account, parts.resource


def _by_alias(call: Call, account: str, name: str) -> Subject:
    alias = find_alias(call, account, name)
    if alias is not None:
        key = find_key(call, account, alias.target)
    else:
        key = managed.on_first_use(call, account, name)
    full = alias_arn(call, account, name)
    if key is None:
        return Subject(full, None, name, NotFound(f"Alias {full} is not found."), call.tx)
    return Subject(key.arn, key, name, None, call.tx)


def of_ciphertext(call: Call, blob: bytes) -> Subject:
    """The key that made a blob."""
    named = ciphertext.read(blob)
    key = find_key(call, named.account, named.key_id)
    name = arn("kms", call.region, named.account, f"key/{named.key_id}")
    return Subject(name, key, "", unknown_key_of_ciphertext() if key is None else None, call.tx)


Identified = Callable[[Call, dict[str, Any]], Subject]


def key_operation(
    name: str,
    *,
    member: str = "KeyId",
    identified: Identified | None = None,
    by_alias: bool = False,
    shared: bool = False,
    action: str | None = None,
    more_context: ContextOf | None = None,
) -> Callable[[Handler], Handler]:
    """Registers an operation on one key. `by_alias`: it takes aliases too. `shared`: it may be allowed to other
    accounts, by the key's policy or a grant. `more_context`: condition keys of the operation alone."""

    def resource(call: Call, request: dict[str, Any]) -> str:
        found = identified(call, request) if identified else identify(call, request[member], by_alias=by_alias)
        call.subject = found
        return found.arn

    def policy(call: Call, request: dict[str, Any]) -> ResourcePolicy | None:
        key: Key | None = call.subject.key
        if key is None or (key.account != call.account and not shared):
            return None
        return granting.carried(call, key, (action or name), request)

    def context(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        found = conditions.keys_of(call, request, call.subject.key, call.subject.alias)
        return {**found, **more_context(call, request)} if more_context else found

    return kms.operation(name, action=action, resource=resource, context=context, resource_policy=policy)


def key_of(call: Call) -> Key:
    """The key the request was authorised on. Raises NotFoundException."""
    known: Subject = call.subject
    if known.key is None:
        raise known.missing or no_such_key(known.arn)
    return known.key


def usable(call: Call, key: Key | None = None) -> Key:
    """The key, enabled (AWS KMS Developer Guide, "Key states of AWS KMS keys")."""
    key = changeable(call, key)
    if not key.enabled:
        raise Disabled(f"{key.arn} is disabled.")
    return key


def changeable(call: Call, key: Key | None = None) -> Key:
    """The key, not waiting for its deletion."""
    key = key or key_of(call)
    if key.deletion:
        raise InvalidState(f"{key.arn} is pending deletion.")
    return key


def stop_if_dry(request: dict[str, Any]) -> None:
    """Last of all checks (AWS KMS Developer Guide, "Testing your permissions")."""
    if request.get("DryRun"):
        raise DryRunOperation("The request would have succeeded, but the DryRun option is set.")
