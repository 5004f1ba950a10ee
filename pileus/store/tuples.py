"""Keys are tuples; packed, they sort as the tuples do (after FoundationDB's tuple layer).

Parts are `bytes`, `str` and `int` (64 bits, signed), and sort in that order of kinds.
"""

_BYTES, _STRING, _INTEGER = 0x01, 0x02, 0x15
_OFFSET = 1 << 63

Part = str | int | bytes


def pack(parts: tuple[Part, ...]) -> bytes:
    out = b""
    for part in parts:
        kind = type(part)
        if kind is str:
            text = part.encode()  # type: ignore[union-attr]
            if b"\0" in text:
                text = text.replace(b"\0", b"\0\xff")
            out += b"\x02" + text + b"\0"
        elif kind is int:
            out += b"\x15" + (part + _OFFSET).to_bytes(8, "big")  # type: ignore[operator]
        elif kind is bytes:
            out += b"\x01" + part.replace(b"\0", b"\0\xff") + b"\0"  # type: ignore[union-attr,arg-type,operator]
        else:
            raise TypeError(f"a key part is a str, an int or bytes, not {part!r}")
    return out


def unpack(key: bytes) -> tuple[Part, ...]:
    parts: list[Part] = []
    at, size = 0, len(key)
    while at < size:
        kind = key[at]
        if kind == _INTEGER:
            parts.append(int.from_bytes(key[at + 1 : at + 9], "big") - _OFFSET)
            at += 9
            continue
        end = key.index(b"\0", at + 1)
        while key[end + 1 : end + 2] == b"\xff":
            end = key.index(b"\0", end + 2)
        raw = key[at + 1 : end]
        if b"\0" in raw:
            raw = raw.replace(b"\0\xff", b"\0")
        parts.append(raw.decode() if kind == _STRING else raw)
        at = end + 1
    return tuple(parts)


def prefix_range(parts: tuple[Part, ...]) -> tuple[bytes, bytes]:
    """The half-open range of all longer tuples that begin with `parts`."""
    start = pack(parts)
    return start, start + b"\xff"
