"""Tags on vaults.

Source: Amazon Glacier Developer Guide, "Tagging Amazon Glacier Resources"; Service Quotas, "S3 Glacier" (50 tags).
"""

import re
from typing import Any

from msgspec.structs import replace

from pileus.service import Call

from .address import vault_operation
from .errors import invalid, limit_exceeded, missing
from .tables import Vault, vaults

TAGS_MAX = 50
_ALLOWED = re.compile(r"[\w\s.:/=+\-@]*")


@vault_operation("AddTagsToVault")
def add_tags_to_vault(call: Call, vault: Vault, request: dict[str, Any]) -> None:
    new = request.get("Tags")
    if not new:
        raise missing("Tags")
    for key, value in new.items():
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise invalid("Tag keys have 1 to 128 characters, tag values at most 256.")
        if key.lower().startswith("aws:"):
            raise invalid("Tag keys that begin with aws: are reserved.")
        if not _ALLOWED.fullmatch(key) or not _ALLOWED.fullmatch(value):
            raise invalid(f"Invalid tag: {key}={value}")
    tags = {**vault.tags, **new}
    if len(tags) > TAGS_MAX:
        raise limit_exceeded(f"A vault has at most {TAGS_MAX} tags.")
    vaults.put(call.tx, *vault.key, record=replace(vault, tags=tags))


@vault_operation("RemoveTagsFromVault")
def remove_tags_from_vault(call: Call, vault: Vault, request: dict[str, Any]) -> None:
    """Keys that are not there are no error."""
    gone = request.get("TagKeys")
    if not gone:
        raise missing("TagKeys")
    left = {key: value for key, value in vault.tags.items() if key not in gone}
    vaults.put(call.tx, *vault.key, record=replace(vault, tags=left))


@vault_operation("ListTagsForVault")
def list_tags_for_vault(call: Call, vault: Vault, request: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": vault.tags}
