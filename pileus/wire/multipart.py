"""multipart/form-data as browsers send it: the fields first, then the file, which stays a stream.

Source: RFC 7578, "Returning Values from Forms: multipart/form-data"; RFC 2046, "Multipart media type". Memory is
bounded by the fields' limit and the pieces that arrive.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from pileus.base.errors import ApiError
from pileus.wire.http import HttpRequest

FIELDS_BYTES_MAX = 20 * 1024
PART_HEAD_BYTES_MAX = 8 * 1024
FILE = "file"
_PARAMETER = re.compile(r';\s*([\w*]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')


@dataclass(slots=True)
class FormRequest(HttpRequest):
    """A form that was sent. `fields` by lower-case name, the first of each; `body` is the file's."""

    fields: dict[str, str] = field(default_factory=dict)
    filename: str = ""
    fault: ApiError | None = None
    """Why it could not be read."""


def is_form(content_type: str) -> bool:
    return content_type[:19].lower() == "multipart/form-data"


async def read_form(request: HttpRequest) -> FormRequest:
    """Reads up to the file. Never raises: what is wrong is the form's `fault`."""
    form = FormRequest(request.method, request.path, request.query, request.headers)
    try:
        boundary = _parameters(request.headers.get("content-type", "")).get("boundary", "")
        if not 1 <= len(boundary) <= 70:
            raise malformed()
        reader = _Reader(request.body, boundary.encode("latin-1"))
        await _read_fields(reader, form)
        if isinstance(request.body, bytes):
            form.body = b"".join([piece async for piece in reader.content()])
        else:
            form.body = reader.content()
    except ApiError as error:
        form.fault = error
    return form


async def _read_fields(reader: _Reader, form: FormRequest) -> None:
    room = FIELDS_BYTES_MAX
    while True:
        head = await reader.head()
        # Boundaries and names count, too: a field may be nothing but its name.
        room -= reader.head_bytes
        if room < 0:
            raise _too_much()
        if head is None:
            raise ApiError(
                "POST requires exactly one file upload per request.",
                code="IncorrectNumberOfFilesInPostRequest",
                status=400,
            )
        parameters = _parameters(head.get("content-disposition", ""))
        name = parameters.get("name", "").lower()
        if name == FILE:
            # Browsers of old send a whole path.
            form.filename = parameters.get("filename", "").replace("\\", "/").rpartition("/")[2]
            return
        pieces = []
        async for piece in reader.content():
            room -= len(piece)
            if room < 0:
                raise _too_much()
            pieces.append(piece)
        try:
            form.fields.setdefault(name, b"".join(pieces).decode())
        except UnicodeDecodeError:
            raise malformed() from None


class _Reader:
    """Parts of a body, one after another."""

    def __init__(self, body: bytes | AsyncIterator[bytes], boundary: bytes):
        self._buffer = b"\r\n"  # so that the first boundary is found like the others
        self._source = _once(body) if isinstance(body, bytes) else body
        self._mark = b"\r\n--" + boundary
        self._begun = False
        self.head_bytes = 0
        """How long the last part's head was, with its boundary."""

    async def head(self) -> dict[str, str] | None:
        """The next part's headers; None at the end. The part before it must have been read."""
        if not self._begun:
            self._begun = True
            async for piece in self.content():
                if piece.strip():
                    raise malformed()
        while len(self._buffer) < 2:
            if not await self._more():
                raise malformed()
        if self._buffer.startswith(b"--"):
            return None
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > PART_HEAD_BYTES_MAX:
                raise malformed()
            if not await self._more():
                raise malformed()
        text, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        self.head_bytes = len(self._mark) + end + 4
        head = {}
        try:
            lines = text.decode().split("\r\n")
        except UnicodeDecodeError:
            raise malformed() from None
        for line in lines:
            name, _, value = line.partition(":")
            head[name.strip().lower()] = value.strip()
        return head

    async def content(self) -> AsyncIterator[bytes]:
        """The part's bytes up to its boundary."""
        mark, keep = self._mark, len(self._mark) - 1
        while (end := self._buffer.find(mark)) < 0:
            if len(self._buffer) > keep:
                piece, self._buffer = self._buffer[:-keep], self._buffer[-keep:]
                yield piece
            if not await self._more():
                raise malformed()
        piece, self._buffer = self._buffer[:end], self._buffer[end + len(mark) :]
        if piece:
            yield piece

    async def _more(self) -> bool:
        try:
            self._buffer += await anext(self._source)
        except StopAsyncIteration:
            return False
        return True


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _parameters(value: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(value):
        text = re.sub(r"\\([\"\\])", r"\1", quoted) if quoted else plain
        found.setdefault(name.lower(), text.replace("%22", '"'))
    return found


def malformed() -> ApiError:
    return ApiError(
        "The body of your POST request is not well-formed multipart/form-data.", code="MalformedPOSTRequest", status=400
    )


def _too_much() -> ApiError:
    return ApiError(
        "Your POST request fields preceding the upload file were too large.",
        code="MaxPostPreDataLengthExceededError",
        status=400,
    )
