"""Vaults come and go: CreateVault, DescribeVault, ListVaults, DeleteVault.

Source: Amazon Glacier Developer Guide, the pages of these actions; "Deleting a Vault": only one that was empty at its
last inventory, and was not written to since.
"""

import re
from typing import Any

from pileus.base import ids
from pileus.service import Call
from pileus.store import Table

from .address import account_operation, context_of, policy_of, subject, vault_arn, vault_operation
from .errors import invalid, limit_exceeded
from .names import stamp
from .pages import limit_of
from .pieces import purpose_of
from .service import glacier
from .tables import Vault, archives, jobs, uploads, vaults, writes

VAULTS_MAX = 1_000
LIST_DEFAULT, LIST_MAX = 10, 1_000
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}")


@glacier.operation("CreateVault", resource=vault_arn, context=context_of, resource_policy=policy_of)
def create_vault(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Idempotent."""
    name = request["vaultName"]
    if not _NAME.fullmatch(name):
        raise invalid(f"Invalid vault name: {name}")
    known = subject(call, request)
    account = known.arn.split(":")[4]
    if known.vault is None:
        if account != call.account:
            raise invalid(f"Invalid account ID: {account}")
        if sum(1 for _ in vaults.scan(call.tx, account, call.region, limit=VAULTS_MAX)) >= VAULTS_MAX:
            raise limit_exceeded("Account vault limit exceeded. You have reached the limit of 1000 vaults.")
        uid = ids.secret_int()
        key = call.cloud.keyring.new_key(purpose_of(uid))
        made = Vault(account, call.region, name, known.arn, uid, call.now, key)
        vaults.put(call.tx, *made.key, record=made)
    return {"location": f"/{account}/vaults/{name}"}


@vault_operation("DescribeVault")
def describe_vault(call: Call, vault: Vault, request: dict[str, Any]) -> dict[str, Any]:
    return shown(vault)


def shown(vault: Vault) -> dict[str, Any]:
    """Numbers and sizes are those of the last inventory: 0 before the first."""
    found: dict[str, Any] = {
        "VaultARN": vault.arn,
        "VaultName": vault.name,
        "CreationDate": stamp(vault.created),
        "NumberOfArchives": vault.archives,
        "SizeInBytes": vault.bytes,
    }
    if vault.inventoried:
        found["LastInventoryDate"] = stamp(vault.inventoried)
    return found


@account_operation("ListVaults")
def list_vaults(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """By name. The marker is the ARN of the vault at which the next page begins."""
    limit, marker = limit_of(request, LIST_DEFAULT, LIST_MAX), request.get("marker")
    scope = (call.account, call.region)
    found: list[Vault] = []
    after: tuple[Any, ...] | None = None
    if marker:
        head, _, name = marker.partition(":vaults/")
        if not name or head != call.arn("glacier", "vaults/").partition(":vaults/")[0]:
            raise invalid(f"Invalid marker: {marker}")
        first = vaults.get(call.tx, *scope, name)
        found, after = [first] if first is not None else [], (name,)
    found += [vault for _, vault in vaults.scan(call.tx, *scope, after=after, limit=limit + 1 - len(found))]
    answer: dict[str, Any] = {"VaultList": [shown(vault) for vault in found[:limit]]}
    if len(found) > limit:
        answer["Marker"] = found[limit].arn
    return answer


@glacier.operation("DeleteVault", resource=vault_arn, context=context_of, resource_policy=policy_of)
def delete_vault(call: Call, request: dict[str, Any]) -> None:
    """Idempotent. Jobs and unfinished uploads go with the vault, in the background."""
    vault = subject(call, request).vault
    if vault is None:
        return
    if vault.archives or writes.get(call.tx, *vault.key) is not None:
        raise invalid(f"Vault not empty or recently written to: {vault.arn}")
    if next(archives.scan(call.tx, vault.uid, limit=1), None) is not None:
        raise RuntimeError(f"{vault.arn} has archives that its inventory does not know")
    vaults.delete(call.tx, *vault.key)
    for table in (jobs, uploads):
        _look_at_all(call, table, vault.uid)


def _look_at_all(call: Call, table: Table[Any], vault: int) -> None:
    """Wakes the reconcilers of a vault's rows."""
    after: tuple[Any, ...] | None = None
    while found := [key for key, _ in table.scan(call.tx, vault, after=after)]:
        for key in found:
            call.wake(table.name, vault, int(str(key[0])))
        after = found[-1]
