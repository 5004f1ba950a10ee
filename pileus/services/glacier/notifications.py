"""Vault notifications: none can be set while this cloud has no SNS to send them through, and so none is ever there.

Source: Amazon Glacier Developer Guide, "Get Vault Notifications", "Delete Vault Notifications".
SetVaultNotifications is refused: a topic that hears nothing would be pretended.
"""

from typing import Any

from pileus.service import Call

from .address import vault_operation
from .errors import not_found
from .tables import Vault

PARTIAL = "SetVaultNotifications is refused until there is SNS, so there never is a configuration"


@vault_operation("GetVaultNotifications", partial=PARTIAL)
def get_vault_notifications(call: Call, vault: Vault, request: dict[str, Any]) -> dict[str, Any]:
    raise not_found(f"No notification configuration is set for vault: {vault.name}")


@vault_operation("DeleteVaultNotifications", partial=PARTIAL)
def delete_vault_notifications(call: Call, vault: Vault, request: dict[str, Any]) -> None:
    """Idempotent."""
