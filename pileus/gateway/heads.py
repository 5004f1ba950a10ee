"""Heads of HTTP/1.1 messages: the names of headers, targets, and an answer's head as bytes."""

from pileus.wire import HttpResponse

REASONS = {
    100: "Continue", 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
    301: "Moved Permanently", 302: "Found", 304: "Not Modified", 307: "Temporary Redirect", 400: "Bad Request",
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
    409: "Conflict", 411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large",
    416: "Range Not Satisfiable", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    501: "Not Implemented", 503: "Service Unavailable",
}  # fmt: skip
STATUS_LINES = {code: f"HTTP/1.1 {code} {reason}\r\n" for code, reason in REASONS.items()}
BODILESS = frozenset({204, 304})
LENGTH_CHARACTERS = len("content-length")


HEADER_NAMES: dict[bytes, str] = {}


def header_name(name: bytes) -> str:
    """Clients send the same few names again and again: their lower-case text is kept, a bounded number of them."""
    text = name.decode("latin-1").lower()
    if len(HEADER_NAMES) < 1_000 and len(name) <= 64:
        HEADER_NAMES[name] = text
    return text


def path_of(target: str) -> str:
    """The path of a target in absolute form (`http://host/path`); `*` and the like become `/`."""
    _, scheme, rest = target.partition("://")
    slash = rest.find("/")
    return rest[slash:] if scheme and slash >= 0 else "/"


def without_upgrade(method: bytes, target: bytes, headers: dict[str, str]) -> bytes:
    """A request's head again, without its wish to speak another protocol."""
    kept = {name: value for name, value in headers.items() if name not in ("upgrade", "connection")}
    if "close" in [word.strip() for word in headers.get("connection", "").lower().split(",")]:
        kept["connection"] = "close"
    lines = [f"{name}: {value}\r\n" for name, value in kept.items()]
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (method, target, "".join(lines).encode("latin-1"))


def declared_length(response: HttpResponse) -> int | None:
    """The length an answer gives itself."""
    for name, value in response.headers:
        if len(name) == LENGTH_CHARACTERS and name.lower() == "content-length":
            return int(value)
    return None


def head_of(response: HttpResponse, length: int | None, keep_alive: bool) -> bytes:
    line = STATUS_LINES.get(response.status) or f"HTTP/1.1 {response.status} Status\r\n"
    parts = [line]
    declared = False
    for name, value in response.headers:
        parts.append(f"{name}: {value}\r\n")
        declared = declared or (len(name) == LENGTH_CHARACTERS and name.lower() == "content-length")
    if response.status not in BODILESS and not declared:
        parts.append("transfer-encoding: chunked\r\n" if length is None else f"content-length: {length}\r\n")
    if not keep_alive:
        parts.append("connection: close\r\n")
    parts.append("\r\n")
    text = "".join(parts)
    if text.count("\n") != len(parts):
        raise ValueError("a header's value would break out of its line")
    return text.encode("latin-1", "replace")
