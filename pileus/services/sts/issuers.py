"""The keys of OpenID Connect issuers: fetched from where the issuer's discovery document says, and kept a few minutes.

Source: OpenID Connect Discovery 1.0; IAM User Guide, "Obtain the thumbprint for an OpenID Connect identity provider".
A server whose certificate no authority vouches for is believed when its thumbprint is registered. The world is met on
a thread, outside any transaction, with a timeout and a size limit.
"""

import asyncio
import hashlib
import http.client
import ssl
from typing import Any
from urllib.parse import urlsplit

import orjson

from pileus.base.clock import Clock
from pileus.identity.providers import OidcProvider

TIMEOUT_S = 5.0
BODY_MAX = 1_000_000
KEPT_S = 300.0
KEPT_MAX = 256


class Unreachable(Exception):
    """The issuer did not answer as an issuer does; the message says how."""


class Issuers:
    """What has been fetched, by issuer."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, list[dict[str, Any]]]] = {}

    async def keys(self, provider: OidcProvider, clock: Clock, *, fresh: bool = False) -> list[dict[str, Any]]:
        """The issuer's public keys. Raises Unreachable."""
        issuer = f"{provider.scheme}://{provider.url}"
        kept = self._kept.get(issuer)
        if kept is not None and not fresh and clock.machine() < kept[0] + KEPT_S:
            return kept[1]
        keys = await asyncio.to_thread(_fetch_keys, issuer, provider.thumbprints)
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        self._kept[issuer] = (clock.machine(), keys)
        return keys


def _fetch_keys(issuer: str, thumbprints: tuple[str, ...]) -> list[dict[str, Any]]:
    described = _fetch(f"{issuer}/.well-known/openid-configuration", thumbprints)
    if str(described.get("issuer", "")).rstrip("/") != issuer:
        raise Unreachable("the discovery document names another issuer")
    where = described.get("jwks_uri")
    if not isinstance(where, str) or urlsplit(where).scheme not in ("https", urlsplit(issuer).scheme):
        raise Unreachable("the discovery document names no place for the keys")
    keys = _fetch(where, thumbprints).get("keys")
    if not isinstance(keys, list):
        raise Unreachable("the key set holds no keys")
    return [key for key in keys if isinstance(key, dict)]


def _fetch(url: str, thumbprints: tuple[str, ...]) -> dict[str, Any]:
    try:
        try:
            status, body = _get(url, None)
        except ssl.SSLCertVerificationError:
            if not thumbprints:
                raise
            status, body = _get(url, thumbprints)
        found = orjson.loads(body) if status == 200 else None
    except (OSError, http.client.HTTPException, ValueError) as wrong:
        raise Unreachable(f"{url}: {wrong}") from wrong
    if not isinstance(found, dict):
        raise Unreachable(f"{url} answered {status}")
    return found


def _get(url: str, thumbprints: tuple[str, ...] | None) -> tuple[int, bytes]:
    """`thumbprints` given: the server's certificate must have one of these, whoever signed it. Redirects are not
    followed."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        if thumbprints is not None:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(parts.netloc, timeout=TIMEOUT_S, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_S)
    try:
        connection.connect()
        if thumbprints is not None and _thumbprint(connection) not in thumbprints:
            raise ssl.SSLCertVerificationError("the certificate's thumbprint is not registered")
        connection.request("GET", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}")
        answer = connection.getresponse()
        body = answer.read(BODY_MAX + 1)
    finally:
        connection.close()
    if len(body) > BODY_MAX:
        raise ValueError("the answer is too large")
    return answer.status, body


def _thumbprint(connection: http.client.HTTPConnection) -> str:
    certificate = connection.sock.getpeercert(True) if isinstance(connection.sock, ssl.SSLSocket) else None
    return hashlib.sha1(certificate or b"").hexdigest()
