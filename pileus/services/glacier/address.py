"""Which vault a request means, and how an operation on it is registered and authorised.

Sources: Amazon Glacier Developer Guide, "Access Control with Vault Access Policies", "Access Control with Vault Lock
Policies"; Service Authorization Reference, "Amazon S3 Glacier". An account id is that of the vault's owner, or `-`.
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from pileus.base.arns import arn
from pileus.identity.trust import bound
from pileus.service import Call, ResourcePolicy
from pileus.store import Transaction

from .errors import denied, invalid, missing, no_such_vault
from .names import serial_of
from .service import glacier
from .tables import Lock, Vault, archives, vaults

_ACCOUNT = re.compile(r"\d{12}")
_DAY_S = 86_400
Work = Callable[[Call, Vault, dict[str, Any]], Any]
Plain = Callable[[Call, dict[str, Any]], Any]


class Subject(NamedTuple):
    """What a request is about, looked up while it is authorised."""

    arn: str
    vault: Vault | None
    tx: Transaction


def account_of(call: Call, request: dict[str, Any]) -> str:
    given: str = request.get("accountId", "-")
    if given == "-":
        return call.account
    if not _ACCOUNT.fullmatch(given):
        raise invalid(f"Invalid account ID: {given}")
    return given


def vault_arn(call: Call, request: dict[str, Any]) -> str:
    return subject(call, request).arn


def subject(call: Call, request: dict[str, Any]) -> Subject:
    _check_version(call)
    account, name = account_of(call, request), request["vaultName"]
    named = arn("glacier", call.region, account, f"vaults/{name}")
    known = call.subject = Subject(named, vaults.get(call.tx, account, call.region, name), call.tx)
    return known


def _check_version(call: Call) -> None:
    """Every request names the version of the API (Developer Guide, "Common Request Headers")."""
    if not call.via and "x-amz-glacier-version" not in call.headers:
        raise missing("API version")


def vault_of(call: Call, request: dict[str, Any]) -> Vault:
    """The vault of the request. Raises ResourceNotFoundException."""
    known: Subject | None = call.subject
    if known is None or known.tx is not call.tx:
        known = subject(call, request)
    if known.vault is None:
        raise no_such_vault(known.arn)
    return known.vault


def still_there(call: Call, request: dict[str, Any], before: Vault) -> Vault:
    """The vault as it is now: it may have gone while bytes came in."""
    found = vaults.get(call.tx, *before.key)
    if found is None or found.uid != before.uid:
        raise no_such_vault(before.arn)
    return found


def standing_lock(vault: Vault, now: float) -> Lock | None:
    """The vault's lock, unless its 24 hours ended before it was complete."""
    lock = vault.lock
    return lock if lock is not None and (lock.locked or now < lock.expires) else None


def policy_of(call: Call, request: dict[str, Any]) -> ResourcePolicy | None:
    """Both of the vault's policies as one: what either denies is denied."""
    vault: Vault | None = call.subject.vault
    if vault is None:
        return None
    lock = standing_lock(vault, call.now)
    documents = [bound(vault.policy, vault.trusted)] if vault.policy else []
    if lock is not None:
        documents.append(bound(lock.policy, lock.trusted))
    if not documents:
        return None
    document = documents[0] if len(documents) == 1 else _merged(documents[0], documents[1])
    return ResourcePolicy(document, vault.arn, vault.account)


@lru_cache(maxsize=256)
def _merged(first: str, second: str) -> str:
    """The statements of both. In documents of the older version `${` begins no variable, so it is written as a plain
    sign there."""
    statements: list[Any] = []
    for text in (first, second):
        document = json.loads(text)
        if document.get("Version") != "2012-10-17":
            document = json.loads(text.replace("${", "${$}{"))
        found = document["Statement"]
        statements.extend(found if isinstance(found, list) else [found])
    for statement in statements:
        statement.pop("Sid", None)  # the two may use the same
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def context_of(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Glacier's own condition keys."""
    vault: Vault | None = call.subject.vault
    if vault is None:
        return {}
    found: dict[str, Any] = {}
    for key, value in vault.tags.items():
        found[f"glacier:ResourceTag/{key}"] = found[f"aws:ResourceTag/{key}"] = value
    archive_id = request.get("archiveId") or (request.get("jobParameters") or {}).get("ArchiveId")
    serial = serial_of(archive_id) if archive_id else None
    archive = archives.get(call.tx, vault.uid, serial) if serial is not None else None
    if archive is not None:
        found["glacier:ArchiveAgeInDays"] = str(int((call.now - archive.created) // _DAY_S))
    return found


def vault_operation(name: str, *, partial: str | None = None) -> Callable[[Work], Work]:
    """Registers an operation on a vault that must be there."""

    def declare(work: Work) -> Work:
        def handler(call: Call, request: dict[str, Any]) -> Any:
            return work(call, vault_of(call, request), request)

        glacier.operation(name, resource=vault_arn, context=context_of, resource_policy=policy_of, partial=partial)(
            handler
        )
        return work

    return declare


def own_account(call: Call, request: dict[str, Any]) -> str:
    """For what belongs to an account, not to a vault: the id must be the caller's."""
    _check_version(call)
    if account_of(call, request) != call.account:
        raise denied("Account ID in the request does not match the credentials that signed it.")
    return "*"


def account_operation(name: str, *, partial: str | None = None) -> Callable[[Plain], Plain]:
    return glacier.operation(name, resource=own_account, partial=partial)
