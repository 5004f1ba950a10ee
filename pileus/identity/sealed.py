"""Authorization messages: why a call was denied, sealed so that only this cloud opens it, for those who may.

Source: STS API Reference, "DecodeAuthorizationMessage": its decoded form is a JSON document with allowed, explicitDeny,
matchedStatements, failures and context.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import orjson

from pileus.base import ids
from pileus.store import Transaction, pack

_KEY = pack(("identity.seal",))
_NONCE_BYTES = 12


class NotSealedHere(ValueError):
    """The message was not made by this cloud, or was changed."""


def _key(tx: Transaction) -> bytes:
    """The cloud's own, made on first use and kept in its store."""
    key = tx.get(_KEY, True)
    if key is None:
        key = ids.secret_int(256).to_bytes(32, "big")
        tx.put(_KEY, key)
    return key


def seal(tx: Transaction, account: str, explanation: dict[str, Any]) -> str:
    """`explanation` is what `pileus.policy.explain` says of a decision. Only the same account opens it again."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = ids.secret_int(_NONCE_BYTES * 8).to_bytes(_NONCE_BYTES, "big")
    text = orjson.dumps({"account": account, "message": as_message(explanation)})
    return urlsafe_b64encode(nonce + AESGCM(_key(tx)).encrypt(nonce, text, None)).decode()


def unseal(tx: Transaction, account: str, sealed: str) -> str:
    """The JSON document. Raises NotSealedHere."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        raw = urlsafe_b64decode(sealed)
        text = AESGCM(_key(tx)).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None)
    except (ValueError, InvalidTag) as wrong:
        raise NotSealedHere(sealed[:64]) from wrong
    opened = orjson.loads(text)
    if opened["account"] != account:
        raise NotSealedHere(sealed[:64])
    return orjson.dumps(opened["message"]).decode()


def _items(values: list[Any]) -> dict[str, list[Any]]:
    return {"items": values}


def as_message(explanation: dict[str, Any]) -> dict[str, Any]:
    request, principal = explanation["request"], explanation["request"]["principal"]
    matched = [
        {"statementId": one["sid"] or "", "effect": one["effect"].upper(), "policy": one["policy"], "type": one["type"]}
        for one in explanation["matched"]
    ]
    keys = [
        {"key": key, "values": _items([{"value": value} for value in values])}
        for key, values in explanation["context"].items()
    ]
    who = {"id": principal.get("unique_id", ""), "arn": principal.get("arn", "")}
    return {
        "allowed": explanation["allowed"],
        "explicitDeny": explanation["effect"] == "explicitDeny",
        "matchedStatements": _items(matched),
        "failures": _items([]),
        "context": {
            "principal": who,
            "action": request["action"],
            "resource": request["resource"],
            "conditions": _items(keys),
        },
    }
