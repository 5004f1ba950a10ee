"""What opens a table's rows: a key of the cloud's own, or one that a KMS key wraps.

Under a KMS key whoever reads or writes needs `kms:Decrypt` on it, and is asked for it again after five minutes, as in
AWS; what DynamoDB does by itself it does by a grant that the table's maker gave it. A KMS key that is disabled closes
the table. Source: DynamoDB Developer Guide, "How DynamoDB uses AWS KMS", "DynamoDB encryption at rest: usage notes".
"""

from functools import lru_cache
from typing import Any

from pileus.base.errors import ApiError
from pileus.keyring import Keyring, plain_cipher
from pileus.service import Actor, Call, service_caller
from pileus.store import Transaction

from ..errors import KeyInaccessible
from ..records import Lock, TableRecord
from .rows import Sealer

DYNAMODB = "dynamodb.amazonaws.com"
REMEMBERED_S = 300.0
_OPENED_MAX = 1_024

_opened: dict[tuple[str, bytes], tuple[Sealer, float]] = {}
"""By caller and wrapped key: the sealer, and until when the caller is not asked again (the cloud's clock)."""


def purpose_of(table_id: str) -> str:
    return f"dynamodb/{table_id}"


def sealer(call: Call, table: TableRecord) -> Sealer:
    """Raises KeyInaccessible."""
    if not table.kms_key:
        return _own(call.cloud.keyring, table.data_key, table.id)
    return unlocked(call, table.lock)


def unlocked(call: Call, lock: Lock) -> Sealer:
    """For what is left of a table that may be gone. Raises KeyInaccessible."""
    if not lock.kms_key:
        return _own(call.cloud.keyring, lock.data_key, lock.table_id)
    who = (call.caller.arn, lock.data_key)
    known = _opened.get(who)
    if known is not None and known[1] - REMEMBERED_S <= call.now < known[1]:
        return known[0]
    found = Sealer(plain_cipher(opened_key(call, lock)))
    if len(_opened) >= _OPENED_MAX:
        _opened.clear()
    _opened[who] = found, call.now + REMEMBERED_S
    return found


@lru_cache(maxsize=1_024)
def _own(keyring: Keyring, data_key: bytes, table_id: str) -> Sealer:
    return Sealer(keyring.cipher(data_key, purpose_of(table_id)))


def opened_key(call: Call, lock: Lock) -> bytes:
    """The key itself. Raises KeyInaccessible."""
    if not lock.kms_key:
        return call.cloud.keyring.opened(lock.data_key, purpose_of(lock.table_id))
    request = {"CiphertextBlob": lock.data_key, "KeyId": lock.kms_key, "EncryptionContext": context_of(lock)}
    return bytes(ask_kms(call, "Decrypt", request)["Plaintext"])


def context_of(lock: Lock) -> dict[str, str]:
    return {"aws:dynamodb:tableName": lock.table, "aws:dynamodb:subscriberId": lock.account}


def ask_kms(call: Call, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """As the caller, through DynamoDB."""
    try:
        answer: dict[str, Any] = call.invoke("kms", operation, request)
        return answer
    except ApiError as error:
        raise KeyInaccessible(f"KMS key access denied error: {error.message}") from error


def as_service(world: Any, tx: Transaction, region: str) -> Call:
    """A call of DynamoDB itself, for what it does in the background."""
    return Actor(world, service_caller(DYNAMODB), region).call(tx, "dynamodb", "GetItem")
