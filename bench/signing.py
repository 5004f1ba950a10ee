"""Signed requests as raw bytes, made before the clock starts, and a lean client to send them."""

import hashlib
import json
import socket
import time
import zlib
from base64 import b64encode
from urllib.parse import urlencode

from pileus.gateway.sigv4 import ALGORITHM, Claim, signing_key, string_to_sign
from pileus.wire import HttpRequest

REGION = "us-east-1"


def signed(
    port: int,
    service: str,
    headers: dict[str, str],
    body: bytes,
    method: str = "POST",
    path: str = "/",
    query: str = "",
) -> bytes:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {"host": f"127.0.0.1:{port}", "x-amz-date": stamp, **headers}
    claim = Claim("test", stamp[:8], REGION, service, sorted(headers), "", stamp, None)
    text = string_to_sign(HttpRequest(method, path, query, headers, body), claim, hashlib.sha256(body).hexdigest())
    signature = signing_key("test", claim.date, REGION, service).sign(text)
    headers["authorization"] = (
        f"{ALGORITHM} Credential=test/{claim.scope}, SignedHeaders={';'.join(claim.signed)}, Signature={signature}"
    )
    headers["content-length"] = str(len(body))
    target = f"{path}?{query}" if query else path
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return head.encode() + b"\r\n" + body


def form(port: int, service: str, action: str, version: str, **fields: str) -> bytes:
    body = urlencode({"Action": action, "Version": version, **fields}).encode()
    return signed(port, service, {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}, body)


def target(port: int, service: str, operation: str, request: dict[str, object]) -> bytes:
    """The json protocol: `operation` is what X-Amz-Target says."""
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": operation}
    return signed(port, service, headers, json.dumps(request).encode())


def sqs(port: int, action: str, **request: object) -> bytes:
    return target(port, "sqs", f"AmazonSQS.{action}", request)


def s3(port: int, method: str, path: str, query: str = "", body: bytes = b"") -> bytes:
    """As SDKs send it: an upload carries its SHA-256 and its CRC32."""
    headers = {"x-amz-content-sha256": hashlib.sha256(body).hexdigest()}
    if method == "PUT" and path.count("/") > 1:
        headers["x-amz-checksum-crc32"] = b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    return signed(port, "s3", headers, body, method, path, query)


class Client:
    """A blocking keep-alive client: raw request in, body out. Raises RuntimeError unless the answer is 200."""

    def __init__(self, port: int):
        self._socket = socket.create_connection(("127.0.0.1", port), 60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, raw: bytes) -> bytes:
        self._socket.sendall(raw)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        lower = head.lower()
        at = lower.index(b"content-length:") + 15
        length = int(lower[at:].split(b"\r\n")[0])
        while len(body) < length:
            body += self._more()
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{head[:60]!r} {body[:200]!r}")
        return body

    def _more(self) -> bytes:
        piece = self._socket.recv(1 << 18)
        if not piece:
            raise RuntimeError("the server closed the connection")
        return piece

    def close(self) -> None:
        self._socket.close()
