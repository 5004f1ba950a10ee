"""Long lists of structures are written column by column, and read no differently."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.model import Rows, load
from pileus.wire.rest_xml import RestXmlCodec
from pileus.wire.xml_writer import ROWS_LEAST, escape, escape_all

texts = st.text(
    alphabet=st.one_of(st.sampled_from("ab|&<>\"'\r\n\t\x00\x7f\u2028é\ud800"), st.characters()), max_size=8
)


@given(st.lists(texts, max_size=12))
def test_many_texts_are_escaped_as_each_of_them_is(many: list[str]) -> None:
    assert list(escape_all(many)) == [escape(text) for text in many]


def entry(key: str, **more: Any) -> dict[str, Any]:
    return {"Key": key, "LastModified": 1_700_000_000, "ETag": '"0"', "Size": len(key), "ChecksumAlgorithm": ["CRC32"],
            "StorageClass": "STANDARD", **more}  # fmt: skip


def written(entries: Any) -> str:
    api = load("s3")
    body = RestXmlCodec(api).encode(api.operation("ListObjectsV2"), {"Contents": entries}, "id").body
    assert isinstance(body, bytes)
    return body.decode()


def one_by_one(entries: list[dict[str, Any]]) -> str:
    """Fewer than a list needs to be written by columns."""
    alone = [written([one]).partition("<Contents>")[2].rpartition("</Contents>")[0] for one in entries]
    return "".join(f"<Contents>{text}</Contents>" for text in alone)


UNIFORM = [entry(f'a&b"{number}|') for number in range(20)]


@pytest.mark.parametrize(
    "entries",
    [
        UNIFORM,
        UNIFORM[: ROWS_LEAST - 1],
        [*UNIFORM, entry("z", Owner={"ID": "x"})],
        [*UNIFORM, {**{k: v for k, v in UNIFORM[0].items() if k != "Size"}, "Owner": {"ID": "x"}}],
        [entry(f"{number}", Owner={"ID": "<x>"}, RestoreStatus={"IsRestoreInProgress": True}) for number in range(20)],
        [{} for _ in range(20)],
    ],
    ids=["uniform", "few", "one has more", "one has another", "nested", "empty"],
)
def test_a_list_is_written_as_its_entries_are(entries: list[dict[str, Any]]) -> None:
    assert one_by_one(entries) in written(entries)


def test_rows_are_written_as_the_structures_they_stand_for() -> None:
    for count in (1, ROWS_LEAST, 20):
        columns = {name: [one[name] for one in UNIFORM[:count]] for name in UNIFORM[0]}
        assert written(Rows(columns)) == written(UNIFORM[:count])


def test_rows_read_like_a_list_of_structures() -> None:
    rows = Rows({"Key": ["a", "b", "c"], "Size": [1, 2, 3]})
    assert list(rows) == [{"Key": "a", "Size": 1}, {"Key": "b", "Size": 2}, {"Key": "c", "Size": 3}]
    assert rows[-1] == {"Key": "c", "Size": 3}
    assert rows[1:] == [{"Key": "b", "Size": 2}, {"Key": "c", "Size": 3}]
    with pytest.raises(ValueError, match="one height"):
        Rows({"Key": ["a"], "Size": []})
