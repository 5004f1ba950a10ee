"""Forms as browsers send them, however they are cut on their way."""

import asyncio
from collections.abc import AsyncIterator

from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.wire import HttpRequest
from pileus.wire.multipart import FormRequest, read_form

BOUNDARY = "xYzZy"
TYPE = {"content-type": f'multipart/form-data; boundary="{BOUNDARY}"'}
names = st.text("abc-_", min_size=1, max_size=8).filter(lambda name: name != "file")
values = st.text(max_size=40).filter(lambda text: "\ud800" not in text and BOUNDARY not in text)
files = st.binary(max_size=300) | st.lists(st.sampled_from([b"\r\n", b"--", b"xYz", b"\r\n--xYzZ", b"a"])).map(b"".join)


def body_of(fields: dict[str, str], file: bytes) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = 'Content-Disposition: form-data; name="file"; filename="C:\\dir\\f.txt"'
    return b"".join([*parts, f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode(), file, f"\r\n--{BOUNDARY}--".encode()])


async def cut(body: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


def read(body: bytes, size: int | None) -> tuple[FormRequest, bytes]:
    async def work() -> tuple[FormRequest, bytes]:
        source = body if size is None else cut(body, size)
        form = await read_form(HttpRequest("POST", "/b", "", TYPE, source))
        if form.fault is not None:
            raise form.fault
        if isinstance(form.body, bytes):
            return form, form.body
        return form, b"".join([piece async for piece in form.body])

    return asyncio.run(work())


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(names, values, max_size=4), files, st.none() | st.integers(1, 90))
def test_fields_and_file_come_out_as_they_went_in(fields: dict[str, str], file: bytes, size: int | None) -> None:
    form, found = read(body_of(fields, file), size)
    assert form.fields == fields
    assert found == file


def test_the_first_of_two_fields_counts_and_names_have_no_case() -> None:
    body = body_of({"Key": "a", "KEY": "b"}, b"x")
    form, _ = read(body, 7)
    assert form.fields == {"key": "a"}
    assert form.filename == "f.txt"
